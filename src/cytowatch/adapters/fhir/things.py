"""Drugs and devices, which a resource may hold, contain, or only refer to: each distinct one has a number.

What a reference means is known only when every file has been read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cytowatch.adapters.fhir.codes import Codes, Target
from cytowatch.adapters.fhir.places import Addresses, Place, pointer, server
from cytowatch.adapters.fhir.said import DANGLING, LIKE_A_NEEDED_ONE, NAMELESS, THING_UNREAD, Said, ignored, unlisted
from cytowatch.adapters.fhir.structs import CodeableConcept, Coding, Device, Medication, Reference
from cytowatch.adapters.fhir.times import cut
from cytowatch.adapters.likeness import Likeness
from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.parse import fold

DRUG_KINDS = ("infusion", "dose", "trigger")
_DEVICE = "oxygen_device"
# in place of a concept: any drug that is given or runs, or any device (no key of a concept begins so)
EVERY_DRUG, EVERY_DEVICE = "*drug", "*device"
_LONGEST_NAME = 200
_LONGEST_TOLD = 80
# a code that is a name: `Heparin`, `HEPARIN SODIUM`; in short capitals (`LEVO`) a mnemonic that may be any drug's
_WORD = re.compile(r"(?<![^\W_])(?=[^\W\d_]*[a-z])[^\W\d_]{4,}(?![^\W_])|(?<![^\W_])[^\W\d_]{7,}(?![^\W_])")
_NO_NAME = re.compile(
    r"[0-9a-f-]{36}|.*(?<![^\W_])(?:unknown|other|drugs?|medications?|items?|codes?|local)(?![^\W_]).*", re.I
)
_CVX = ("http://hl7.org/fhir/sid/cvx", "urn:oid:2.16.840.1.113883.12.292", "2.16.840.1.113883.12.292")
_VACCINE = ignored("a vaccine (a code of CVX)")


@dataclass(frozen=True)
class Thing:
    """What is said of a drug or device: codes and names, what is in it, or where to look.

    ``unread``: the resource that should say it cannot be used.
    """

    codings: tuple[tuple[str | None, str | None], ...] = ()
    names: tuple[str, ...] = ()
    parts: tuple[Thing, ...] = ()
    reference: str = ""
    device: bool = False
    unread: bool = False


@dataclass(frozen=True)
class Meant:
    """One concept that a thing stands for; ``whole``: an amount of the thing is an amount of it.

    ``mixed``: something else acts in the thing too. A target with a concept and a ``said`` is only in doubt.
    ``every``: it may be any drug, or any device.
    """

    target: Target
    whole: bool = True
    every: str = ""
    mixed: bool = False


@dataclass
class Things:
    """Every distinct thing by number, and what stands behind references."""

    codes: Codes
    likeness: Likeness
    # words of what drugs are dissolved in
    diluents: tuple[str, ...] = ()
    each: list[Thing] = field(default_factory=list)
    _numbers: dict[Thing, int] = field(default_factory=dict)
    # ``Medication/1`` and its server to (row of the resource, what it says)
    behind: dict[str, dict[str, list[tuple[int, Thing]]]] = field(default_factory=dict)

    def number(self, thing: Thing) -> int:
        """The number of a thing."""
        known = self._numbers.get(thing)
        if known is None:
            known = self._numbers[thing] = len(self.each)
            self.each.append(thing)
        return known

    def put(self, key: str, place: Place, row: int, thing: Thing) -> None:
        """Keep what a Medication or Device says of itself."""
        self.behind.setdefault(key, {}).setdefault(place.server, []).append((row, thing))

    def _behind(self, reference: str) -> list[tuple[int, Thing]]:
        """What stands there: on the server that is named, else where no server is; without a name on the only one."""
        servers = self.behind.get(pointer(reference), {})
        named = server(reference)
        found = servers.get(named) or servers.get("")
        only = next(iter(servers.values())) if len(servers) == 1 and not named else []
        return found or only

    def meaning(self, number: int, lost: set[int], addresses: Addresses) -> list[Meant]:
        """What a thing stands for: at least one entry, which may say why nothing."""
        thing = self.each[number]
        if not thing.reference:
            return self._of(thing)
        kind, name = addresses.find(thing.reference)
        reference = f"{kind}/{name}" if name else thing.reference
        found = [one for row, one in self._behind(reference) if row not in lost]
        if found:
            return self._of(found[-1])
        named = self._named(thing)
        return [Meant(named)] if named else self._like(thing, DANGLING)

    def _of(self, thing: Thing) -> list[Meant]:
        if thing.unread:
            return [_any_of(thing, THING_UNREAD)]
        target = self.codes.target(_concept(thing))
        if target.concept or target.said is None or not target.said.group:
            return [Meant(target)]
        named = self._named(thing)
        if named is not None:
            return [Meant(named)]
        inside = [meant for part in thing.parts for meant in self._of(part) if meant.target.concept]
        if inside:
            mixed = sum(not self._dissolves(part) for part in thing.parts) > 1
            whole = len(thing.parts) == 1
            return [replace(one, whole=one.whole and whole, mixed=one.mixed or mixed) for one in inside]
        return self._like(thing, NAMELESS, target.said.reason.partition(": ")[2])

    def _like(self, thing: Thing, nameless: Said, code: str = "") -> list[Meant]:
        """What a thing in no table may be: one whose name stands among its words, any if it has none; else ignored."""
        words = [*thing.names, *(name for part in thing.parts for name in part.names)]
        codes = [code for one in (thing, *thing.parts) for _, code in one.codings]
        found = self.likeness.device(*words, *codes) if thing.device else self.likeness.drug(*words, *codes)
        target = self.codes.of_concept(found) if found else None
        if target is not None:
            return [Meant(replace(target, own=False, said=LIKE_A_NEEDED_ONE))]
        if not words and any(system in _CVX for system, _ in thing.codings):
            return [Meant(Target(said=_VACCINE))]
        words = words or ([] if thing.device else [one for one in codes if one and _is_name(one)])
        if not words:
            return [_any_of(thing, nameless)]
        group = "device in no table" if thing.device else "drug in no table"
        return [Meant(Target(said=unlisted(group, " ".join(filter(None, (code, _quoted(words)))))))]

    def _dissolves(self, part: Thing) -> bool:
        return any(f"_{word}_" in f"_{fold(name)}_" for name in part.names for word in self.diluents)

    def _named(self, thing: Thing) -> Target | None:
        if not thing.device:
            return self.codes.named(thing.names, DRUG_KINDS)
        device = self.codes.of_concept(_DEVICE)
        if device is None:
            return None
        known = {self.codes.category_named(_DEVICE, [name]) for name in thing.names}
        known &= self.codes.categories(_DEVICE)
        return replace(device, own=False, category=known.pop()) if len(known) == 1 else None


def diluents(knowledge: Knowledge) -> tuple[str, ...]:
    """Words of what drugs are dissolved in (``codes/omop_diluents.csv``)."""
    return tuple(fold(row["word"]) for row in knowledge.codes.get("omop_diluents", ()))


def _is_name(code: str) -> bool:
    return bool(_WORD.search(code)) and not _NO_NAME.fullmatch(code)


def _any_of(thing: Thing, said: Said) -> Meant:
    return Meant(Target(said=said), every=EVERY_DEVICE if thing.device else EVERY_DRUG)


def _quoted(words: list[str]) -> str:
    """The words that the ledger names, so that a missed drug can be found."""
    return f'"{cut(" ".join(words[0].split()), _LONGEST_TOLD)}"'


def thing_of(code: CodeableConcept | None, names: Iterable[str | None] = (), *, device: bool = False) -> Thing:
    """A thing by its codes; names only count as a whole."""
    codings = (code.coding or []) if code else []
    given = [code.text if code else None, *(one.display for one in codings), *names]
    short = tuple(sorted({name[:_LONGEST_NAME] for name in given if name and not name.isspace()}))
    return Thing(tuple((one.system, one.code) for one in codings), short, device=device)


def referred(reference: Reference, *, device: bool = False) -> Thing:
    """A thing that stands elsewhere, with the name that the reference carries."""
    name = (reference.display or "").strip()[:_LONGEST_NAME]
    return Thing((), (name,) if name else (), (), reference.reference or "#", device)


def medication(one: Medication) -> Thing:
    """What a Medication says: its code, and what is in it."""
    active = [part for part in one.ingredient or () if part.isActive is not False]
    # one that is only referred to is none that can be named, but it is one more
    parts = tuple(thing_of(part.itemCodeableConcept) for part in active)
    return replace(thing_of(one.code), parts=parts)


def device(one: Device) -> Thing:
    """What a Device says: its type and its names."""
    return thing_of(one.type, [name.name for name in one.deviceName or ()], device=True)


def _concept(thing: Thing) -> CodeableConcept:
    return CodeableConcept([Coding(system, code) for system, code in thing.codings])
