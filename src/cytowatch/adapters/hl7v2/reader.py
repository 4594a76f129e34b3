"""Walks through messages segment by segment, and hands each to what can read it."""

from __future__ import annotations

from hashlib import blake2b

from cytowatch.adapters.hl7v2.administrations import Administrations
from cytowatch.adapters.hl7v2.context import Context
from cytowatch.adapters.hl7v2.facts import Fact, Silent
from cytowatch.adapters.hl7v2.people import People
from cytowatch.adapters.hl7v2.results import Results
from cytowatch.adapters.hl7v2.stamps import clock_of
from cytowatch.adapters.hl7v2.syntax import Segment, Separators, component, read_segment
from cytowatch.adapters.hl7v2.tables import Tables
from cytowatch.adapters.hl7v2.wire import NO_MESSAGE, Raw
from cytowatch.adapters.vocabulary import Vocabulary
from cytowatch.errors import InputError
from cytowatch.knowledge.model import Knowledge

_REPEATED = "the same message again (MSH-10 and every segment)"


class Reader:
    """Reads messages one after another; facts, statements and silent rows pile up, rows are numbered through files."""

    def __init__(self, knowledge: Knowledge, vocabulary: Vocabulary, zone: str | None) -> None:
        self.tables = Tables(knowledge)
        self.results = Results(knowledge, vocabulary, self.tables)
        self.administrations = Administrations(knowledge, vocabulary, self.tables)
        self.people = People(self.tables)
        self.silent = Silent()
        self.facts: list[Fact] = []
        # microseconds of MSH-7 of each message, where it can be read
        self.sent: list[int | None] = []
        # label, number of the first row, how many rows
        self.spans: list[tuple[str, int, int]] = []
        self.row = 0
        self._zone = zone
        self._seen: set[bytes] = set()
        self._batch: list[int] = []
        self._label, self._headers, self._before = "", 0, (0, (0, 0))

    def begin_file(self, label: str) -> None:
        """From here on rows belong to this file."""
        self._label = label
        self._batch = [0, 0]
        self._headers = 0
        self._before = (self.row, self.silent.mark())
        self.spans.append((label, self.row, 0))

    @property
    def has_message(self) -> bool:
        """Whether the file that is being read has had a header so far."""
        return self._headers > 0

    def parts(self) -> set[str]:
        """The parts of the manifest that record a therapy and are in the input."""
        found = {"RXA"} if self.administrations.recorded else set()
        named = {"device": "OBX (oxygen device)", "infusion": "OBX (pump)"}
        return found | {part for kind, part in named.items() if kind in self.results.kinds}

    def facts_of_death(self, deaths: list[tuple[Fact, str]]) -> None:
        """Deaths that cannot be placed, among the rejects."""
        for fact, patient in deaths:
            if fact.rule:
                self.silent.refuse(fact, patient)

    def refuse_file(self, label: str, fault: InputError) -> None:
        """A file that cannot be read, or not to its end: one row of the ledger."""
        rule = "no_message" if fault.what.startswith(NO_MESSAGE) else "broken_file"
        if not self.has_message:
            # its lines are no segments; that it is no such file is said once
            self.row = self._before[0]
            self.silent.back_to(self._before[1])
            self.spans[-1] = (label, self.row, 0)
        self.silent.reject(self._next(), label, rule, f"{fault.what}; {fault.why}", fault.hint)

    def read(self, raw: Raw) -> list[str]:
        """Read one message, or one header or trailer of a batch; what the ledger should tell of it."""
        if raw.kind != "MSH":
            self._read_envelope(raw)
            return []
        self._batch[1] += 1
        self._headers += 1
        if raw.separators is None:
            self._refuse_all(raw, "bad_encoding_characters", "MSH-1 and MSH-2 do not say how the message is separated")
            return []
        rows = [(self._next(), line, text) for line, text in raw.lines]
        digest = blake2b("\r".join(text for _, text in raw.lines).encode("utf-8", "replace"), digest_size=16).digest()
        segments = [read_segment(line, text, raw.separators, clean=raw.clean) for _, line, text in rows]
        header = segments[0]
        if header is not None and header[10] and digest in self._seen:
            for row, _, _ in rows:
                self.silent.leave(row, _REPEATED, "superseded")
            return []
        self._seen.add(digest)
        return self._read_message(raw, [row for row, _, _ in rows], segments)

    def _read_message(self, raw: Raw, rows: list[int], segments: list[Segment | None]) -> list[str]:
        header, separators = segments[0], raw.separators
        assert header is not None  # noqa: S101 - separators were read from it
        assert separators is not None  # noqa: S101
        context = self._context(header, separators)
        self._mark_broken(segments)
        routes: dict[int, list[Segment]] | None = None
        for place, (row, segment) in enumerate(zip(rows, segments, strict=True)):
            if segment is None:
                self._stray(row, raw.lines[place], context)
            else:
                cut = raw.cut and place == len(rows) - 1
                if segment.name == "RXA" and routes is None:
                    routes = _routes(segments[:-1] if raw.cut else segments)
                self._read_segment(segment, row, context, (routes or {}).get(place, []), cut=cut)
        return self._told(header, segments, raw, context)

    def _context(self, header: Segment, separators: Separators) -> Context:
        sent = component(header[7], 1, separators)
        context = Context(len(self.sent), self._label, separators, clock_of(sent, self._zone))
        context.kind = (component(header[9], 1, separators).upper(), component(header[9], 2, separators).upper())
        context.sent = context.stamp(header[7])
        self.sent.append(context.sent.moment)
        return context

    @staticmethod
    def _mark_broken(segments: list[Segment | None]) -> None:
        """A line that is no segment is the rest of the one before it: what that one says is not whole."""
        last: Segment | None = None
        for segment in segments:
            if segment is not None:
                last = segment
            elif last is not None and not last.damage:
                last.damage = "broken_segment"

    def _stray(self, row: int, line: tuple[int, str], context: Context) -> None:
        number, text = line
        source = f"{self._label}:{number}"
        if context.separators.field not in text:
            self.silent.leave(row, "the rest of a text with a raw line break in it")
            return
        self.silent.reject(
            row, source, "not_a_segment", "the line begins with no name of a segment", "send it again",
            value=text[:200],
        )  # fmt: skip

    def _read_segment(self, segment: Segment, row: int, context: Context, routes: list[Segment], *, cut: bool) -> None:
        fact = None
        if cut and segment.name in ("RXA", "PID", "MRG"):
            # an amount or an id may go on where the file stops
            segment.damage = segment.damage or "cut_segment"
        if segment.name == "OBX":
            fact = self.results.read(segment, row, context, self.silent, cut=cut)
        elif segment.name == "RXA":
            fact = self.administrations.read(segment, row, context, self.silent, routes)
        elif segment.name == "PID":
            self.people.read_pid(segment, row, context, self.silent)
        elif segment.name == "MRG":
            self.people.read_mrg(segment, row, context, self.silent)
        else:
            if segment.name == "ORC":
                context.begin_order(segment)
            elif segment.name == "OBR":
                context.begin_report(segment)
            self.silent.leave(row, self.tables.reason(segment.name))
        if fact is not None:
            self.facts.append(fact)

    def _told(self, header: Segment, segments: list[Segment | None], raw: Raw, context: Context) -> list[str]:
        told = []
        if component(header[11], 1, context.separators).upper() in ("T", "D"):
            told.append("a message for training or testing (MSH-11): read like any other")
        if context.clock.disagrees:
            told.append("MSH-7 states another offset than --zone: its own holds, as the standard says")
        if any(one is not None and text[:3] != one.name for one, (_, text) in zip(segments, raw.lines, strict=True)):
            told.append("names of segments in small letters: read as capitals")
        return told

    def _read_envelope(self, raw: Raw) -> None:
        """FHS, BHS, BTS, FTS, and what stands before any header or behind a trailer."""
        for place, (line, text) in enumerate(raw.lines):
            row, name = self._next(), text[:3].upper()
            source = f"{self._label}:{line}"
            if place or not raw.kind:
                why = "no message has begun, so nobody knows of whom it speaks"
                self.silent.reject(row, source, "no_header", why, "begin each message with MSH", value=text[:200])
            elif name in ("BTS", "FTS"):
                self._trailer(row, source, name, text)
            else:
                self._batch = [self._batch[0], 0] if name == "BHS" else self._batch
                self.silent.leave(row, self.tables.reason(name))

    def _trailer(self, row: int, source: str, name: str, text: str) -> None:
        """The count of a batch or a file, held against what is there."""
        said = text[4:].split(text[3:4] or "|", 1)[0].strip()
        there = self._batch[1] if name == "BTS" else self._batch[0]
        what = "messages" if name == "BTS" else "batches"
        if name == "BTS":
            self._batch = [self._batch[0] + 1, 0]
        if said and said != str(there):
            self.silent.reject(
                row, source, "batch_count", f"{said[:20]} {what} are announced, {there} are here",
                "something is missing or double; fetch the batch again", value=said[:200],
            )  # fmt: skip
        else:
            self.silent.leave(row, self.tables.reason(name))

    def _refuse_all(self, raw: Raw, rule: str, why: str) -> None:
        hint = "MSH is followed by the separator and by four more, such as MSH|^~\\&|"
        self.sent.append(None)
        for line, text in raw.lines:
            self.silent.reject(self._next(), f"{self._label}:{line}", rule, why, hint, value=text[:200])

    def _next(self) -> int:
        label, first, rows = self.spans[-1]
        self.spans[-1] = (label, first, rows + 1)
        self.row += 1
        return self.row - 1


def _routes(segments: list[Segment | None]) -> dict[int, list[Segment]]:
    """The RXR of each RXA, by its place: those that follow it, with nothing between but the same drug and notes.

    Those of an order stand before it, and those of another drug are not its own.
    """
    found: dict[int, list[Segment]] = {}
    following: list[Segment] = []
    drug: str | None = None
    for place in range(len(segments) - 1, -1, -1):
        segment = segments[place]
        if segment is not None and not segment.damage and segment.name == "RXR":
            following, drug = [segment, *(following if drug is None else [])], None
        elif segment is not None and not segment.damage and segment.name == "RXA":
            following = following if drug in (None, segment[5]) else []
            found[place], drug = following, segment[5]
        elif segment is None or segment.damage or (segment.name != "NTE" and not segment.name.startswith("Z")):
            following, drug = [], None
    return found
