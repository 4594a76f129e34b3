"""Wrong tables that say the same as the right ones at every moment of every patient, each with the reason why.

An entry names a scale, a part of it, the kind of error, and the words of the wrong condition (of a list: of the entry
that is forgotten), where ``*`` stands for anything. An entry that fits no mutation any more, or that a case notices, is
an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.mutations.table_mutations import TableMutation

from cytowatch.knowledge import load
from cytowatch.knowledge.view_words import Words

FORGOTTEN = "one of a list is forgotten"


@dataclass(frozen=True)
class Equivalent:
    """Errors of one kind that nobody can notice, and why."""

    scale: str
    part: str
    kind: str
    which: str
    why: str

    def is_meant_by(self, mutation: TableMutation) -> bool:
        """Whether this is about a mutation."""
        if (self.scale, self.part, self.kind) != (mutation.scale, mutation.part, mutation.kind):
            return False
        if not mutation.of:
            return True
        words = mutation.forgotten if self.kind == FORGOTTEN else Words(load()).condition(mutation.of)
        return fnmatchcase(words, self.which)


_HALF = "a low value and a normal one together are any value: the two may overlap, as long as nothing lies between them"
_LATE = (
    "a break of 2.4 to 3 days is by itself longer than the 2.0125 days of the other alternative, which bridges it and"
    " leaves the grade as open"
)
_DAY = (
    "a break of 2.4 to 3 days is by itself longer than a day: where it counts, the criterion of the whole day holds, or"
    " is as open, for want of the same counts"
)
_PROMPT = (
    "the course is either charted, and then known, or not, and then grade 3 of the course is open too, by the same"
    " signs and under the same name"
)
EQUIVALENT = [
    Equivalent(
        "aki.kdigo", "urine_not_charted", "the edge belongs to the other side", "Urine output by weight and hour <*",
        _HALF,
    ),
    Equivalent("aki.kdigo", "urine_not_charted", "a higher cut-off", "Urine output by weight and hour <*", _HALF),
    Equivalent("aki.kdigo", "urine_not_charted", "a lower cut-off", "Urine output by weight and hour ≥*", _HALF),
    Equivalent("sofa", "urine_not_charted", "a lower cut-off", "Urine volume of the last 24 hours ≥*", _HALF),
    Equivalent(
        "cres.cartox-2018", "obtunded", FORGOTTEN, "unless it is known that CARTOX-10 score*",
        "consciousness that nobody charted is open in the second alternative as well, under the same condition",
    ),
    Equivalent(
        "crs.ctcae-4.03", "prompt_response", FORGOTTEN, "Body temperature*", _PROMPT
    ),
    Equivalent("crs.ctcae-4.03", "prompt_response", FORGOTTEN, "Symptom*", _PROMPT),
    Equivalent("crs.ctcae-4.03", "prompt_response", FORGOTTEN, "of those measured*", _PROMPT),
    Equivalent("crs.ctcae-4.03", "prompt_response", FORGOTTEN, "Fraction of inspired oxygen*", _PROMPT),
    Equivalent(
        "crs.mskcc-2018", "refractory_hypotension", "a shorter time, or once less", "running: at least 2*",
        "one drug whose equivalent is 20 is by itself a high dose of its own row",
    ),
    Equivalent(
        "crs.mskcc-2018", "refractory_hypotension", FORGOTTEN, "angiotensin_ii",
        "angiotensin II leaves the grade open by itself, at any dose and beside any drug",
    ),
    Equivalent(
        "crs.china-bnhl-2023", "hypotension", "a longer time, or once more", "age below 18 years",
        "at 18 years the other alternative holds, and what is certain is no longer open",
    ),
    Equivalent(
        "icaht.early-2023", "neutrophils_never_above_500", "a longer time, or once more", "*for 24 h without a break",
        "day 30 lasts 24 h, and before it the condition holds by the day alone, for far longer than that",
    ),
    Equivalent("icaht.platelet", "scoring", "sum", "", "the early and the late part never hold at the same time"),
    Equivalent("icaht.platelet", "early_under_50_for_perhaps_1_day", "looks back less long", "*for 0.5 days*", _DAY),
    Equivalent("icaht.platelet", "early_under_20_for_perhaps_1_day", "looks back less long", "*for 0.5 days*", _DAY),
    Equivalent("icaht.platelet", "late_under_100", "looks back less long", "*for 1 days*", _LATE),
    Equivalent("icaht.platelet", "late_under_50", "looks back less long", "*for 1 days*", _LATE),
    Equivalent("icaht.platelet", "late_under_20", "looks back less long", "*for 1 days*", _LATE),
    Equivalent(
        "news2", "not_alert", "what may be is taken as what is", "possibly (Level of consciousness*",
        "confusion that is charted makes the criterion true by itself; one that is not is open either way",
    ),
]  # fmt: skip

_VENTILATOR = "a ventilator and ECMO leave grade 4 open, under the name of no concept, and with it every milder one"
_DEVICES = "organ.ctcae-5.0.hypoxia"
TERMS = [
    Equivalent(_DEVICES, "grade_2", FORGOTTEN, "ecmo", _VENTILATOR),
    Equivalent(_DEVICES, "grade_2", FORGOTTEN, "invasive_ventilation", _VENTILATOR),
    Equivalent(_DEVICES, "grade_3", FORGOTTEN, "possibly (Oxygen device*", _VENTILATOR),
    Equivalent(_DEVICES, "grade_3", FORGOTTEN, "invasive_ventilation", _VENTILATOR),
    Equivalent(_DEVICES, "grade_3", FORGOTTEN, "ecmo", _VENTILATOR),
    Equivalent(
        "organ.ctcae-6.0.left_ventricular_dysfunction", "grade_1", "a lower cut-off",
        "Left ventricular ejection fraction ≥ 50 %",
        "below 50 % the same finding counts in the second row, which grade 1 contains",
    ),
]  # fmt: skip
