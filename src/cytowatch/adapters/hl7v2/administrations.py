"""RXA: one administration of a drug. Orders (RXO, RXE), dispensed (RXD) and due (RXG) drugs are no doses."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cytowatch.adapters.hl7v2.context import Context
from cytowatch.adapters.hl7v2.facts import Fact, Key, Silent
from cytowatch.adapters.hl7v2.results import refuse_nameless
from cytowatch.adapters.hl7v2.stamps import utc_text
from cytowatch.adapters.hl7v2.syntax import NULL, Segment, component, components, plain
from cytowatch.adapters.hl7v2.tables import Meaning, Tables
from cytowatch.adapters.hl7v2.values import codings, read_unit
from cytowatch.adapters.likeness import Likeness
from cytowatch.adapters.vocabulary import Code, Vocabulary
from cytowatch.knowledge.model import Concept, Knowledge

_VACCINATIONS = "VXU"
IN_NO_TABLE = "drug in no table: "
_LONGEST_NAME = 80
_A_VACCINE = "a vaccine"
# the code system of vaccines, by its two names in HL7's table 0396
_VACCINES = ("CVX", "HL70292")
# where the name of a drug is written as its code: letters next to digits are an abbreviation that may mean any drug
_HAS_WORD = re.compile(r"(?<![^\W_])[^\W\d_]{4,}(?![^\W_])")
_THERAPIES = ("infusion", "dose", "trigger")
# how vaccine registries write that nobody recorded the amount
_AMOUNT_UNKNOWN = "999"
_PER = re.compile(r"([SMHDW])(\d*)")
_PER_UNIT = {"S": "s", "M": "min", "H": "h", "D": "d", "W": "wk"}
_IS_RATE = re.compile(r"/\s*(?:s|min|minute|h|hr|hour|d|day)$", re.IGNORECASE)


class Administrations:
    """Reads RXA segments; a drug is known by its code, or by its whole name."""

    def __init__(self, knowledge: Knowledge, vocabulary: Vocabulary, tables: Tables) -> None:
        self._knowledge, self._vocabulary, self._tables = knowledge, vocabulary, tables
        self._likeness = Likeness(knowledge)
        self._drugs: dict[tuple[str, str], tuple[Code | None, str, str]] = {}
        # whether anything but vaccinations is recorded, as given or not
        self.recorded = False
        # administrations that were done (vaccinations apart), and how many of them are of a drug that nobody can tell
        self.given = 0
        self.untold = 0

    def read(
        self, segment: Segment, row: int, context: Context, silent: Silent, routes: Sequence[Segment] = ()
    ) -> Fact | None:
        """The dose or rate that an RXA states or tried to; None if it states none. ``routes``: the RXR that follow."""
        # what breaks off inside the name of the drug may name any
        code, near, words = (None, "", "") if _is_torn(segment) else self._drug(segment[5], context)
        done = self._meaning(segment, 20, "0322", "CP", context)
        action = self._meaning(segment, 21, "0323", "A", context)
        reason = self._left(code, near, words, done if not segment.damage else None)
        if context.kind[0] == _VACCINATIONS and (code is None or code.system == "name"):
            # by its name alone, a vaccine against an infection would be that infection
            reason = _A_VACCINE
        local = "" if reason else self._local(routes, context)
        if context.kind[0] != _VACCINATIONS and reason != _A_VACCINE:
            self.recorded = True
            if _is_done(done, action):
                self.given += 1
                self.untold += not (code or near or words or local)
        if reason:
            silent.leave(row, reason)
            return None
        concept = self._knowledge.concepts[code.concept if code else near] if code or near else None
        fact = self._fact(segment, row, context, concept)
        if local and (concept is None or concept.kind != "trigger"):
            return _applied(fact, local, action, silent)
        if code is None or concept is None:
            return _unknown(fact, segment, action)
        if concept.kind not in _THERAPIES:
            return fact.refuse("code_of_no_drug", f"the code is of {concept.key}", "correct RXA-5", segment[5])
        return self._given(fact, segment, context, concept, code, done, action)

    @staticmethod
    def _left(code: Code | None, near: str, words: str, done: Meaning | None) -> str:
        """Why an RXA states nothing; empty if it may state something."""
        if code is None and not near and words:
            return f"{IN_NO_TABLE}{words[:_LONGEST_NAME]}"
        if code is not None and code.fate == "ignore":
            return code.reason
        return done.reason if done is not None else ""

    def _local(self, routes: Sequence[Segment], context: Context) -> str:
        """Why a drug acts only where it is applied; empty if any of its ways is another one, or none is said."""
        ways = [[component(route[1], part, context.separators) for part in (1, 2, 3)] for route in routes]
        reasons = [self._tables.local_route(*way) for way in ways]
        return reasons[0] if reasons and all(reasons) else ""

    def _meaning(self, segment: Segment, number: int, table: str, default: str, context: Context) -> Meaning | None:
        return self._tables.code(table, component(segment[number], 1, context.separators) or default)

    def _drug(self, raw: str, context: Context) -> tuple[Code | None, str, str]:
        """The drug; else the needed concept whose name stands among its words; and the first words there are."""
        written = raw, context.separators.written
        if written not in self._drugs:
            parts = [plain(part, context.separators) for part in components(raw, context.separators)]
            words = [parts[place] for place in (1, 4, 8) if place < len(parts) and parts[place]]
            code = self._vocabulary.best(codings(parts)) or _vaccine(parts)
            code = code or next((found for word in words if (found := self._vocabulary.by_name(word))), None)
            words += [parts[place] for place in (0, 3) if place < len(parts) and _HAS_WORD.search(parts[place])]
            near = "" if code else self._likeness.drug(*words)
            self._drugs[written] = code, near, next(iter(words), "")
        return self._drugs[written]

    def _fact(self, segment: Segment, row: int, context: Context, concept: Concept | None) -> Fact:
        start, end = context.stamp(segment[3]), context.stamp(segment[4])
        name = concept.key if concept else ""
        key = Key(context.order, f"RXA|{name or segment[5]}", component(segment[2], 1, context.separators))
        fact = Fact(row, context.source(segment), context.number, context.patient, name, key)
        fact.given = f"{segment[5]} {segment[6]}"
        fact.time, fact.moment = (None, None) if start.rule else (start.text, start.moment)
        if (concept is None or concept.kind == "infusion") and end.text != start.text:
            # an end at the start says, by the standard, only that none was given
            fact.until = None if end.rule else end.text
        entered = context.stamp(segment[22])
        later = entered.moment is not None and start.moment is not None and entered.moment >= start.moment
        known = utc_text(entered.moment) if later and entered.moment is not None else None
        fact.available = known or context.known_at(start.moment)
        for stamp, field in ((start, "RXA-3"), (end, "RXA-4")):
            if stamp.rule and (field == "RXA-3" or (concept is not None and concept.kind == "infusion")):
                why = f"{field} is no time to the minute, and nothing is padded"
                fact.refuse(stamp.rule, why, "write it as 202410060830 or finer", segment[3] or segment[4])
        return fact

    def _given(
        self, fact: Fact, segment: Segment, context: Context, concept: Concept, code: Code,
        done: Meaning | None, action: Meaning | None,
    ) -> Fact:  # fmt: skip
        if segment.damage:
            fact.key, fact.rule = None, ""
            return fact.refuse(segment.damage, "the segment is broken", "send it again")
        if fact.patient is None:
            refuse_nameless(fact)
        if action is not None and action.meaning == "retract":
            fact.effect, fact.rule = "retract", ""
            return fact
        fact.effect = "amended" if action is not None and action.meaning == "amended" else "final"
        if action is None or done is None:
            table, number = ("0323", 21) if action is None else ("0322", 20)
            return fact.refuse(
                "unknown_status", f"{segment[number][:20]!r} is in no row of HL7 table {table}",
                "whether it was given is not certain; correct the code", segment[number],
            )  # fmt: skip
        if fact.time is None and not fact.rule:
            fact.refuse("missing_time", "RXA-3 does not say when it was given", "fill RXA-3")
        fact.text = code.category
        return self._with_amount(fact, segment, context, concept, partly=done.meaning == "partly")

    def _with_amount(self, fact: Fact, segment: Segment, context: Context, concept: Concept, *, partly: bool) -> Fact:
        amount = component(segment[6], 1, context.separators)
        unit = read_unit(segment[7], concept, context.separators) if segment[7] else None
        is_rate = concept.kind == "infusion"
        if is_rate:
            fact.order = context.order or None
            per = component(segment[12], 1, context.separators)
            if per and not (unit and _IS_RATE.search(unit)):
                unit = _per_time(unit, per)
                if unit is None:
                    return fact.refuse(
                        "rate_unit", "the unit and the time of the rate (RXA-7, RXA-12) make no rate",
                        "send the unit of the whole rate in RXA-7, such as ug/kg/min", f"{segment[7]} {segment[12]}",
                    )  # fmt: skip
        unknown = partly and not is_rate
        if amount not in ("", NULL, _AMOUNT_UNKNOWN) and not unknown:
            fact.value, fact.unit = amount, unit
        return fact


def _vaccine(parts: list[str]) -> Code | None:
    """A code of vaccines, whatever it says: no therapy that is graded here is one."""
    coded = ((system, code) for system, code in codings(parts) if system.upper() in _VACCINES)
    return next((Code(system, code, "", fate="ignore", reason=_A_VACCINE) for system, code in coded), None)


def _is_torn(segment: Segment) -> bool:
    """Whether the name of the drug itself may not be whole."""
    return segment.damage == "control_character" or (bool(segment.damage) and len(segment.fields) <= 6)


def _is_done(done: Meaning | None, action: Meaning | None) -> bool:
    """Whether something was given, as far as is known: neither refused nor taken back."""
    taken_back = action is not None and action.meaning == "retract"
    return not taken_back and (done is None or not done.is_ignored)


def _applied(fact: Fact, reason: str, action: Meaning | None, silent: Silent) -> Fact | None:
    """A drug that acts where it is applied: no dose; as a change it takes back what was no dose either."""
    if action is not None and action.meaning in ("amended", "retract"):
        fact.effect, fact.rule, fact.is_quiet = "retract", "", True
        return fact
    silent.leave(fact.row, reason)
    return None


def _unknown(fact: Fact, segment: Segment, action: Meaning | None) -> Fact:
    """An administration of a drug that no table knows, or that takes one back."""
    if segment.damage:
        # nothing that follows may speak of it, and its end may not be its own
        fact.key, fact.until = None, None
    elif action is not None and action.meaning == "retract":
        fact.effect = "retract"
        return fact
    return fact.refuse(
        "unknown_code", "no table knows the code of the drug",
        "map the code of RXA-5 with --codes, or give it the fate `ignore` there", segment[5],
    )  # fmt: skip


def _per_time(unit: str | None, per: str) -> str | None:
    """The unit of a rate: mcg/kg and M1 make mcg/kg/min; None for eight hours and the like."""
    found = _PER.fullmatch(per.upper())
    if unit is None or found is None or found[2] not in ("", "1"):
        return None
    return f"{unit}/{_PER_UNIT[found[1]]}"
