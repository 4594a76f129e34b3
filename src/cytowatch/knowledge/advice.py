"""What the tables of drugs and guidelines become in memory: frozen dataclasses, nothing computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from cytowatch.knowledge.conditions import Node

Toxicity = Literal["crs", "icans", "iec_hs"]
Strength = Literal["do", "consider", "avoid"]
Population = Literal["adult", "child", "any"]
Topic = Literal[
    "supportive", "infection", "fluids", "vasopressor", "oxygen", "anti_il6", "steroid", "other_drug", "seizure",
    "level_of_care", "monitoring", "work_up", "next_dose", "approach", "gap",
]  # fmt: skip
LimitKind = Literal["interval", "in_hours", "in_all"]
# of which grade a rule speaks: that of the moment; the worst since the latest exposure, once the reaction is over, or
# while it lasts; the worst that ever came after this product
When = Literal["during", "after", "reached", "ever"]
# what advice itself may say is missing, besides what facts and grades ask for
MISSING = ("product", "which_exposure", "onset", "course_of_grade")


@dataclass(frozen=True)
class Cited:
    """Where a row stands, and how it was read."""

    source: str
    locator: str
    evidence: Literal["primary", "secondary", "recalled", "house"]


@dataclass(frozen=True)
class WeightBand:
    """So much for each kg of a body weight from ``low`` (included) to ``high`` (excluded)."""

    low: float
    high: float
    per_kg: float


@dataclass(frozen=True)
class Regimen:
    """How one dose is worked out from the weight; ``cap`` is the most, in the unit of the drug."""

    id: str
    bands: tuple[WeightBand, ...]
    cap: float | None
    cited: Cited


@dataclass(frozen=True)
class DoseLimit:
    """What may not be exceeded: an interval in hours, so many in some hours, or so many in a course."""

    id: str
    kind: LimitKind
    hours: float
    times: int
    cited: Cited


@dataclass(frozen=True)
class Caution:
    """What to think of before a drug is given; with a ``fact`` only where that is not excluded.

    With ``ask`` it is shown always, as a question where the fact is not certain: an illness that nobody charted may be
    there all the same.
    """

    id: str
    text: str
    fact: str
    cited: Cited
    ask: bool = False


@dataclass(frozen=True)
class Drug:
    """A drug that guidelines name: its concept, doses, limits and cautions."""

    key: str
    label: str
    concept: str
    unit: str
    route: str
    regimens: tuple[Regimen, ...]
    limits: tuple[DoseLimit, ...]
    cautions: tuple[Caution, ...]
    not_encoded: tuple[tuple[str, str], ...]
    cited: Cited


@dataclass(frozen=True)
class AdviceFact:
    """Something about the patient that a rule asks for, in the vocabulary of the rule scales."""

    key: str
    label: str
    when: Node
    cited: Cited


@dataclass(frozen=True)
class AdvisedDose:
    """What a rule gives: a regimen of the drug's table, a fixed amount, or an amount for each kg."""

    drug: str
    regimen: str = ""
    amount: float | None = None
    # the most of an amount that is given as a range
    amount_most: float | None = None
    per_kg: float | None = None
    # hours between doses, shortest and longest; none for a single dose
    every: tuple[float, float] | None = None
    schedule: str = ""
    # where it differs from that of the drug
    route: str = ""
    # the most doses in a course that the rule gives, where it is stricter than the drug's own limits; 0 = none
    most_doses: int = 0


@dataclass(frozen=True)
class NoBetter:
    """The grade was never lower since one of the drugs was given, so many hours ago or more, in the same reaction.

    With ``worse`` it is higher than it was then.
    """

    drugs: tuple[str, ...]
    hours: float
    worse: bool = False
    # a dose that was given before this reaction, in the same course, counts as well
    before: bool = False


@dataclass(frozen=True)
class MeasuredSince:
    """A sign that must have been measured after the latest dose of the drugs; ``missing`` names it where it was not."""

    concepts: tuple[str, ...]
    drugs: tuple[str, ...]
    missing: str


@dataclass(frozen=True)
class AdviceRule:
    """One recommendation: for which grades and circumstances, what, how strongly, and where it stands.

    ``grades`` is empty where it holds at every grade. ``choice`` names rules of which one is to be taken. A rule of the
    topic ``gap`` recommends nothing: it says what of the guideline was not read.
    """

    id: str
    toxicity: Toxicity
    grades: tuple[int, ...]
    topic: Topic
    strength: Strength
    action: str
    dose: AdvisedDose | None
    needs: tuple[str, ...]
    unless: tuple[str, ...]
    products: tuple[str, ...]
    not_products: tuple[str, ...]
    classes: tuple[str, ...]
    when: When
    # hours from the exposure to the onset of the reaction: from (included), to (excluded)
    onset: tuple[float, float] | None
    no_better: NoBetter | None
    measured_since: MeasuredSince | None
    # hours that the reaction has lasted, or more
    lasting_hours: float | None
    # the worst grade since the latest exposure must be below it
    worst_below: int | None
    # hours that the reaction must be over before the next dose of the product
    wait_hours: float | None
    choice: str
    # grades of other toxicities at the same moment: at least, and below
    alongside: dict[str, int]
    without: dict[str, int]
    then: str
    alert: bool
    cited: Cited


@dataclass(frozen=True)
class Guideline:
    """One edition of one guideline or label."""

    key: str
    title: str
    kind: Literal["guideline", "label", "institution"]
    edition: str
    effective_from: date
    effective_to: date | None
    # newer guidelines that took its place: it speaks only when it is asked for by name
    superseded_by: tuple[str, ...]
    population: Population
    triggers: tuple[str, ...]
    products: tuple[str, ...]
    scales: dict[str, str]
    rules: tuple[AdviceRule, ...]
    not_encoded: tuple[tuple[str, str], ...]
    note: str
    cited: Cited


@dataclass(frozen=True)
class GuidelineConflict:
    """Two sides that say different things of one matter; both are shown, neither is merged.

    Either rules of two guidelines meet (``one``, ``other``), or the matter stands as soon as an exposure of the kinds
    ``triggers`` is there, with the facts ``needs`` and a grade of CRS among ``grades`` where it names them; the sides
    are then called ``between``.
    """

    key: str
    topic: Topic
    one: tuple[str, ...]
    other: tuple[str, ...]
    between: tuple[str, ...]
    triggers: tuple[str, ...]
    products: tuple[str, ...]
    classes: tuple[str, ...]
    needs: tuple[str, ...]
    grades: tuple[int, ...]
    says_one: str
    says_other: str
    proposal: str
    cited: Cited


@dataclass(frozen=True)
class Advice:
    """All tables of advice."""

    drugs: dict[str, Drug]
    facts: dict[str, AdviceFact]
    guidelines: dict[str, Guideline]
    conflicts: dict[str, GuidelineConflict]
