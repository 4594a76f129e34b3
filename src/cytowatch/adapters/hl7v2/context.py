"""What a segment needs to know of those before it: the message, whose results follow, and under which order."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from cytowatch.adapters.hl7v2.facts import Identity, Listed
from cytowatch.adapters.hl7v2.stamps import Clock, Stamp, read_stamp, utc_text
from cytowatch.adapters.hl7v2.syntax import NULL, Segment, Separators, component, is_truncated, repetitions

# which identifier names the patient: the medical record number, else the hospital's own number, else one of no type
_PERSONS = {"MR": 0, "PI": 1, "MRN": 2, "PT": 2, "": 2}


@dataclass
class Context:
    """One message as far as it has been read. ``sent``: its MSH-7; ``kind``: code and event of MSH-9."""

    number: int
    label: str
    separators: Separators
    clock: Clock
    kind: tuple[str, str] = ("", "")
    sent: Stamp = field(default_factory=Stamp)
    patient: Identity | None = None
    order: str = ""
    pending: str = ""
    observed: str = ""
    reported: str = ""
    result_status: str = ""

    def source(self, segment: Segment) -> str:
        """Where a segment stands."""
        return f"{self.label}:{segment.line}"

    def stamp(self, raw: str) -> Stamp:
        """A moment in a field of this message; empty for an empty field."""
        text = component(raw, 1, self.separators)
        return read_stamp(text, self.clock, component(raw, 2, self.separators).upper()) if text else Stamp()

    def known_at(self, moment: int | None) -> str | None:
        """When a result was known: when it was reported (OBR-22), else when the message was sent.

        None (known at its own time) if neither can be read, or the earlier of the two is before the result itself.
        """
        for stamp in (self.stamp(self.reported), self.sent):
            if stamp.moment is not None:
                return utc_text(stamp.moment) if moment is None or stamp.moment >= moment else None
        return None

    def begin_patient(self, patient: Identity | None) -> None:
        """A PID begins: nothing of the order before it holds any longer."""
        self.patient = patient
        self.order = self.pending = self.observed = self.reported = self.result_status = ""

    def begin_order(self, segment: Segment) -> None:
        """An ORC: its number holds for the OBR or RXA that follows; of another order nothing holds on."""
        self.pending = order_number(segment, self.separators)
        if self.pending and self.pending != self.order:
            self.order = self.pending
            self.observed = self.reported = self.result_status = ""

    def begin_report(self, segment: Segment) -> None:
        """An OBR: its number, when the specimen was taken, when it was reported, and its status."""
        self.order = order_number(segment, self.separators) or self.pending
        self.pending = ""
        self.observed, self.reported, self.result_status = segment[7], segment[22], segment[25]


def order_number(segment: Segment, separators: Separators) -> str:
    """The filler's number of an order (field 3), else the placer's (field 2), with who gave it."""
    for number, who in ((3, "filler"), (2, "placer")):
        value = component(segment[number], 1, separators)
        if value:
            return f"{who}:{value}@{component(segment[number], 2, separators)}"
    return ""


@lru_cache(maxsize=65_536)
def read_identities(raw: str, separators: Separators) -> tuple[Listed, ...]:
    """The identifiers of a list (PID-3, MRG-1) that name the person, the best first; those that were cut off are none.

    Accounts, visits, insurances and papers only where there is nothing else, and then the first of them.
    """
    found = []
    for part in repetitions(raw, separators):
        value = component(part, 1, separators)
        if not value or value == NULL or is_truncated(part.split(separators.component)[0], separators):
            continue
        authority = component(part, 4, separators) or _second_part(part, separators)
        found.append(Listed(Identity(value, authority), component(part, 5, separators).upper()))
    persons = sorted((one for one in found if one.kind in _PERSONS), key=lambda one: _PERSONS[one.kind])
    return tuple(persons or found[:1])


def _second_part(part: str, separators: Separators) -> str:
    """The universal id of an assigning authority that has no name."""
    parts = part.split(separators.component)
    authority = parts[3].split(separators.subcomponent) if len(parts) > 3 and separators.subcomponent else []
    return authority[1].strip() if len(authority) > 1 else ""
