"""OBX: one result, by its code, its status, its time, its value and its unit."""

from __future__ import annotations

from dataclasses import replace

from cytowatch.adapters.hl7v2.context import Context
from cytowatch.adapters.hl7v2.facts import Effect, Fact, Key, Silent
from cytowatch.adapters.hl7v2.syntax import NULL, Segment, component, components, plain, repetitions
from cytowatch.adapters.hl7v2.tables import Tables
from cytowatch.adapters.hl7v2.unlisted import Unlisted
from cytowatch.adapters.hl7v2.values import Value, codings, read_range, read_unit, read_value
from cytowatch.adapters.vocabulary import Code, Vocabulary, system_key
from cytowatch.knowledge.model import Concept, Knowledge

_UNAVAILABLE = "unavailable"
_TAKES_BACK = ("retract", _UNAVAILABLE)
_EFFECTS: dict[str, Effect] = {"preliminary": "preliminary", "final": "final", "amended": "amended"}


class Results:
    """Reads OBX segments; what a code means is decided once for each OBX-3 as written."""

    def __init__(self, knowledge: Knowledge, vocabulary: Vocabulary, tables: Tables) -> None:
        self._knowledge, self._vocabulary, self._tables = knowledge, vocabulary, tables
        self._codes: dict[tuple[str, str], tuple[Code | None, frozenset[tuple[str, str]]]] = {}
        # codes of no table, by what was sent beside them; None where that means several things
        self._beside: dict[tuple[str, str], Code | None] = {}
        # corrections and retractions under codes of no table, until all is read
        self._waiting: list[tuple[Segment, int, Context, bool]] = []
        self._unlisted = Unlisted(knowledge)
        # a feed writes few different units and ranges: each is read once
        self._units: dict[tuple[str, str, str], str | None] = {}
        self._ranges: dict[tuple[str, str], tuple[str | None, str | None]] = {}
        # kinds of therapy that some OBX speaks of
        self.kinds: set[str] = set()

    def read(self, segment: Segment, row: int, context: Context, silent: Silent, *, cut: bool) -> Fact | None:
        """The fact that an OBX states or tried to; None if it states none, which then stands in ``silent``.

        ``cut``: it is the last line of a file that stops without an end.
        """
        code, given = self._code(segment[3], context)
        if code is None:
            if given and self._changes(segment, context):
                self._waiting.append((segment, row, replace(context), cut))
                return None
            return self._speaks(segment, row, context, silent)
        if code.fate == "ignore":
            silent.leave(row, code.reason)
            return None
        return self._read(segment, row, context, silent, code, cut=cut)

    def settle(self, silent: Silent) -> list[Fact]:
        """When all is read: the corrections whose code stood beside a known one in the result that they speak of."""
        facts = []
        for segment, row, context, cut in self._waiting:
            _, given = self._code(segment[3], context)
            known = [code for one in sorted(given) if (code := self._beside.get(one)) is not None]
            if len({(code.concept, code.category) for code in known}) != 1:
                fact = self._speaks(segment, row, context, silent)
            else:
                fact = self._read(segment, row, context, silent, known[0], cut=cut)
            facts += [] if fact is None else [fact]
        return facts

    def _speaks(self, segment: Segment, row: int, context: Context, silent: Silent) -> Fact | None:
        """What an OBX under a code of no table speaks of, as far as its status says that it is a result."""
        status = component(segment[11] or context.result_status, 1, context.separators)
        meaning = self._tables.code("0085", status)
        if meaning is not None and meaning.is_ignored:
            self._unlisted.leave(segment, row, context, silent)
            return None
        # without a status it may be a result like any other
        effect = "final" if meaning is None else _EFFECTS.get(meaning.meaning, "retract")
        return self._unlisted.read(segment, row, context, silent, effect)

    def _changes(self, segment: Segment, context: Context) -> bool:
        """Whether an OBX corrects a result, or takes one back."""
        meaning = self._tables.code("0085", component(segment[11] or context.result_status, 1, context.separators))
        return meaning is not None and meaning.meaning in ("amended", *_TAKES_BACK)

    def _read(
        self, segment: Segment, row: int, context: Context, silent: Silent, code: Code, *, cut: bool
    ) -> Fact | None:
        concept = self._knowledge.concepts[code.concept]
        self.kinds.add(concept.kind)
        # a short segment may have lost its status with the rest
        status = segment[11] or (context.result_status if len(segment.fields) > 11 else "")
        meaning = self._tables.code("0085", component(status, 1, context.separators)) if status else None
        if meaning is not None and meaning.is_ignored and not segment.damage:
            silent.leave(row, meaning.reason)
            return None
        fact = self._fact(segment, row, context, concept, code)
        if segment.damage:
            return _damaged(fact, segment)
        if meaning is None:
            return _without_status(fact, status)
        # many a file ends right after the status, without a line end; anywhere else it was cut
        if cut and 12 < len(segment.fields) <= 15 and not context.stamp(segment[14]).offset:
            segment.damage = "cut_segment"
            return _damaged(fact, segment)
        return self._stated(fact, segment, context, concept, code, meaning.meaning, silent)

    def _code(self, raw: str, context: Context) -> tuple[Code | None, frozenset[tuple[str, str]]]:
        """What an OBX-3 means, and all codings of it."""
        written = raw, context.separators.written
        if written not in self._codes:
            first = next(iter(repetitions(raw, context.separators)), "")
            parts = [plain(part, context.separators) for part in components(first, context.separators)]
            given = frozenset((system_key(system), code) for system, code in codings(parts))
            found = self._vocabulary.best(codings(parts))
            self._codes[written] = found, given
            if found is not None and found.fate == "map":
                for one in given:
                    known = self._beside.setdefault(one, found)
                    same = known is not None and (known.concept, known.category) == (found.concept, found.category)
                    self._beside[one] = known if same else None
        return self._codes[written]

    def _fact(self, segment: Segment, row: int, context: Context, concept: Concept, code: Code) -> Fact:
        stamp = context.stamp(segment[14] or context.observed)
        sub_id = component(segment[4], 1, context.separators)
        _, given = self._code(segment[3], context)
        key = Key(context.order, f"{code.system}|{code.code}", sub_id, given, code.category or "")
        fact = Fact(row, context.source(segment), context.number, context.patient, concept.key, key, given=segment[5])
        fact.time, fact.moment = (None, None) if stamp.rule else (stamp.text, stamp.moment)
        fact.available = context.known_at(stamp.moment)
        if stamp.rule:
            _refuse_time(fact, stamp.rule, segment[14] or context.observed, "OBX-14 or OBR-7")
        return fact

    def _stated(
        self, fact: Fact, segment: Segment, context: Context, concept: Concept, code: Code, status: str, silent: Silent
    ) -> Fact | None:
        value = read_value(segment[2], segment[5], concept, self._vocabulary, context.separators)
        if status in _TAKES_BACK or (value.absent and (status == "amended" or segment[5].strip() == NULL)):
            fact.effect, fact.rule = "retract", ""
            # that a result cannot be had is said of many a one that never was there
            fact.is_quiet = status == _UNAVAILABLE
            return fact
        if value.absent:
            silent.leave(fact.row, "no value")
            return None
        fact.effect = _EFFECTS[status]
        if fact.patient is None:
            refuse_nameless(fact)
        if fact.time is None and not fact.rule:
            why = "neither OBX-14 nor OBR-7 says when; the time of the message is not that of the result"
            fact.refuse("missing_time", why, "fill OBX-14, or OBR-7 with the time of the specimen")
        return self._filled(fact, value, segment, context, concept, code)

    def _filled(
        self, fact: Fact, value: Value, segment: Segment, context: Context, concept: Concept, code: Code
    ) -> Fact:
        if value.rule:
            return fact.refuse(value.rule, value.reason, value.hint)
        if value.value is not None:
            fact.value, fact.comparator = value.value, value.comparator
            fact.unit = self._unit(segment[6], concept, context) if segment[6] else None
            if concept.kind == "reading" and segment[7]:
                fact.range_low, fact.range_high = self._range(segment[7], context)
        fact.text = value.text if value.text is not None else code.category
        if concept.kind == "infusion":
            # the pump, so that two pumps of one drug are two courses
            fact.order = component(segment[18], 1, context.separators) or None
        return fact

    def _unit(self, raw: str, concept: Concept, context: Context) -> str | None:
        written = raw, concept.key, context.separators.written
        if written not in self._units:
            self._units[written] = read_unit(raw, concept, context.separators)
        return self._units[written]

    def _range(self, raw: str, context: Context) -> tuple[str | None, str | None]:
        written = raw, context.separators.written
        if written not in self._ranges:
            self._ranges[written] = read_range(raw, context.separators)
        return self._ranges[written]


def refuse_nameless(fact: Fact) -> Fact:
    """Nobody is named whom the fact could be of."""
    return fact.refuse("missing_patient", "no PID names the patient", "send PID-3 with a medical record number")


def _refuse_time(fact: Fact, rule: str, given: str, where: str) -> Fact:
    if rule == "partial_time":
        reason = f"{where} is given to the hour or coarser, and nothing is padded"
        return fact.refuse(rule, reason, "send hours and minutes", given)
    return fact.refuse(rule, f"{where} is no time as HL7 writes it", "write it as 202410060830 or finer", given)


def _damaged(fact: Fact, segment: Segment) -> Fact:
    fact.key = None
    why = {
        "control_character": "a control character stands in it, or another message begins in its middle",
        "broken_segment": "it is broken over several lines, so that fields may be missing",
        "cut_segment": "the file stops in it, so that its time (OBX-14) may be missing",
    }[segment.damage]
    fact.rule = ""
    hint = "send it again; a line break inside text is written \\.br\\; end the last segment with a line end"
    return fact.refuse(segment.damage, why, hint)


def _without_status(fact: Fact, status: str) -> Fact:
    fact.key = None
    fact.rule = ""
    if status:
        why = f"{status[:20]!r} is no status of HL7 table 0085"
        return fact.refuse("unknown_status", why, "correct OBX-11", status)
    why = "without OBX-11 it may be a result taken back, or a message cut off"
    return fact.refuse("missing_status", why, "fill OBX-11 (table 0085)")
