"""What the tables of prevention become in memory: risk factors, interventions, and where they contradict each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cytowatch.knowledge.advice import Cited

# what a factor or an intervention is about; `efficacy` is the response to the cancer
Outcome = Literal["crs", "icans", "crs_or_icans", "infection", "organ", "efficacy", "survival", "care"]
Measure = Literal["HR", "OR", "AUC", "percent", "p_only", "none_given", "none_found"]
Direction = Literal["raises", "lowers", "no_effect", "unclear", "not_studied"]
Status = Literal["label", "guideline", "expert", "selected_centers", "investigational", "not_recommended", "practice"]
Favors = Literal["for", "against", "neither"]


@dataclass(frozen=True)
class Effect:
    """What one study says of a factor and one outcome: the number as printed, whom it was seen in, and its direction.

    ``no_effect`` is a study that looked and found none; ``unclear`` a number that does not settle it; ``not_studied``
    a gap: nothing was found, which is not the same as no effect.
    """

    id: str
    outcome: Outcome
    label: str
    measure: Measure
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    # of a percentage: what it is compared with
    versus: float | None
    per: str
    direction: Direction
    population: str
    n: int | None
    products: tuple[str, ...]
    classes: tuple[str, ...]
    grading: str
    note: str
    cited: Cited


@dataclass(frozen=True)
class RiskFactor:
    """Something that was looked at as a reason for more or less toxicity, with every effect that was read."""

    key: str
    label: str
    kind: Literal["disease", "patient", "treatment", "laboratory", "course"]
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class StudyResult:
    """One number of one arm: in per cent, as printed, and what it is compared with."""

    id: str
    outcome: Outcome
    label: str
    percent: tuple[float, float] | None
    low: float | None
    high: float | None
    versus: tuple[float, float] | None
    versus_what: str
    favors: Favors
    grading: str
    note: str
    cited: Cited


@dataclass(frozen=True)
class Recommendation:
    """Who recommends it, or warns of it."""

    id: str
    status: Status
    text: str
    cited: Cited


@dataclass(frozen=True)
class Intervention:
    """Something done before or early against toxicity: for whom, the numbers for and against, and its standing."""

    key: str
    label: str
    what: str
    population: str
    n: int | None
    products: tuple[str, ...]
    classes: tuple[str, ...]
    status: Status
    results: tuple[StudyResult, ...]
    recommendations: tuple[Recommendation, ...]
    not_encoded: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PreventionConflict:
    """Two interventions that look alike and must not be read as one."""

    key: str
    topic: str
    one: tuple[str, ...]
    other: tuple[str, ...]
    says_one: str
    says_other: str
    proposal: str
    cited: Cited


@dataclass(frozen=True)
class Prevention:
    """All tables of prevention."""

    factors: dict[str, RiskFactor]
    interventions: dict[str, Intervention]
    conflicts: dict[str, PreventionConflict]
