"""What becomes of a resource that states no fact: one number for each fate, so that millions of rows stay small."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Fate = Literal["ignored", "rejected", "superseded"]


@dataclass(frozen=True)
class Said:
    """A fate, and in words why; ``rule`` and ``hint`` are for rejected ones.

    ``group``: reasons of one group name codes or types, of which hospitals have thousands; the ledger tells the most
    frequent ones by name and the others together.
    """

    fate: Fate
    reason: str
    rule: str = ""
    hint: str = ""
    group: str = ""


def ignored(reason: str) -> Said:
    """Understood, and not needed."""
    return Said("ignored", reason)


def unlisted(group: str, name: str) -> Said:
    """A code or type that no table has."""
    return Said("ignored", f"{group}: {name}", group=group)


def rejected(rule: str, reason: str, hint: str = "") -> Said:
    """It cannot be used."""
    return Said("rejected", reason, rule, hint)


def speaks_of(concept: str, name: str) -> Said:
    """An observation under a code of no table, by name, whose words speak of a therapy."""
    why = f"no table knows its code ({name}), and its words speak of {concept}"
    return rejected("unknown_code", why, LIKE_A_NEEDED_ONE.hint)


@dataclass
class Register:
    """Each distinct fate once, with its number."""

    each: list[Said] = field(default_factory=list)
    _numbers: dict[Said, int] = field(default_factory=dict)
    # by identity, because comparing words costs; the object is kept so that its identity stays its own
    _known: dict[int, tuple[Said, int]] = field(default_factory=dict)

    def number(self, said: Said) -> int:
        """The number of a fate."""
        known = self._known.get(id(said))
        if known is None:
            number = self._numbers.setdefault(said, len(self.each))
            if number == len(self.each):
                self.each.append(said)
            known = self._known[id(said)] = (said, number)
        return known[1]


_CHECK = "correct it in the source, and export it again"
BROKEN_LINE = rejected(
    "broken_line", "the line is not JSON", "write one whole resource a line; the other lines are read"
)
CUT_OFF = rejected("cut_off", "the file ends before its end: what follows is lost", "fetch the file again")
TOO_LONG = rejected("line_too_long", "the line is longer than any resource", "look what it holds; a scanned document?")
NO_TYPE = rejected("no_resource_type", "it does not say which type of resource it is", _CHECK)
WRONG_TYPE = rejected("wrong_type", "an element is not of the type that FHIR gives it", _CHECK)
TOO_DEEP = rejected("bundles_too_deep", "bundles within bundles within bundles", "export the resources themselves")
IMPLICIT_RULES = rejected(
    "implicit_rules",
    "it was written under special rules (`implicitRules`), which may change what it means",
    "export it without, or ask its writer for plain resources",
)
MODIFIER = rejected(
    "modifier_extension",
    "an extension that may turn its meaning around (`modifierExtension`) is not known here",
    "FHIR forbids reading such a resource; export the fact without it",
)
NO_PATIENT = rejected(
    "missing_patient",
    "it does not say by a reference which patient it is about",
    "fill `subject.reference` with `Patient/ID`",
)
TWO_SERVERS = rejected(
    "patient_of_two_servers",
    "the same patient id comes from two servers: two persons may share it",
    "read the servers one by one, or give the patients ids of their own",
)
NO_TIME = rejected("missing_time", "it does not say when", "without a moment nothing can be graded; fill the element")
PARTIAL = rejected(
    "partial_date",
    "a date without a time of day cannot be placed among other moments",
    "export the time of day and its zone (2025-01-05T14:30:00+01:00)",
)
MANY_TIMES = rejected("no_single_time", "it speaks of several moments, or of a schedule", "state each by itself")
DANGLING = rejected(
    "dangling_reference",
    "what it refers to is not in the input, so nobody can tell what it is",
    "give the file that holds it too (Medication, Device)",
)
LIKE_A_NEEDED_ONE = rejected(
    "unknown_code",
    "no table knows its code, and its words are like those of a drug or device that is graded",
    "map the code with a site's own list (`--codes`), or give it the fate `ignore` there; until then it is in doubt",
)
NAMELESS = rejected(
    "nameless_thing",
    "no table knows its code, and it has no words: nobody can tell which drug or device it is",
    "export it with its display, or map the code (of RxNorm too) with a list (`--codes`; fate `ignore` if not needed)",
)
THING_UNREAD = rejected(
    "unread_thing",
    "the Medication or Device that it refers to cannot be used, so nobody can tell what it is",
    "correct that resource (its own reject says why)",
)
MIXTURE = rejected(
    "mixture_without_rate",
    "one of several active ingredients, and no rate: it may be a local anesthetic with a vasopressor",
    "state the rate, or map the product's code with a site's own list (`--codes`); until then it is in doubt",
)
CONTRADICTORY = rejected(
    "contradictory_codes",
    "its codes mean different things in the tables",
    "correct the codes in the source, or decide with a site's own list (`--codes`)",
)
UNIT_CONTRADICTION = rejected(
    "unit_contradiction",
    "its unit contradicts what its code, or its other unit, says",
    "one of the two is mistyped: correct it in the source",
)
NOT_A_VALUE = rejected(
    "value_of_other_kind",
    "a range, ratio, period, series or attachment is no single value",
    "state one number with its unit, or one code",
)
NO_VALUE = rejected(
    "no_value",
    "its code names a therapy or finding, and no value says whether it was there",
    "state it (`valueBoolean` or a code), or why it is absent (`dataAbsentReason`)",
)
UNKNOWN_STATUS = rejected(
    "unknown_status", "it has no status", "fill `status`; what is not known to be valid is not used"
)
NO_RATE = rejected(
    "no_rate_and_no_end",
    "an infusion without a rate and without an end: it is not known whether and how long it ran",
    "export the rate (`dosage.rateQuantity`) or the period; until then it is unknown from then on whether it ran",
)
HALTED = rejected(
    "halted_without_end",
    "it was halted or stopped, and nobody says when",
    "fill `effectivePeriod.end`; until then it is unknown from its start on whether it went on",
)
IN_ERROR = ignored("entered in error: the resource takes itself back")
