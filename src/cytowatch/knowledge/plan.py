"""What the tables of monitoring and work-up become in memory: frozen dataclasses, nothing computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from cytowatch.knowledge.advice import Cited

PlanTopic = Literal[
    "vital_signs", "laboratory", "neurology", "heart", "imaging", "culture", "access", "stay", "home", "follow_up",
    "vaccine", "late_effect",
]  # fmt: skip
Setting = Literal["inpatient", "outpatient", "any"]
Watched = Literal["crs", "icans"]
# the scale by whose grade a row goes
SCALES: dict[Watched, str] = {"crs": "crs.astct-2019", "icans": "icans.astct-2019"}
# what shows that a thing was done: of each group one concept must be there
Shows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Anchor:
    """From what an item counts its hours: the exposure, a stretch of a grade or of a fact, or a fall of a score.

    With none of the fields set it is the exposure.
    """

    toxicity: Watched | None = None
    grade: int = 0
    fact: str = ""
    # a concept whose reading is lower than the one before
    fall_of: str = ""


@dataclass(frozen=True)
class MonitoringItem:
    """One thing to measure or to do: for whom, from when to when, how often, and what shows that it was done."""

    id: str
    label: str
    action: str
    topic: PlanTopic
    shows: Shows
    # hours of one window, and how often within it; no hours: once in the whole time
    every_hours: float | None
    times: int
    # hours after the anchor; no end: until the anchor's own end, or for good
    from_hours: float
    to_hours: float | None
    anchor: Anchor
    products: tuple[str, ...]
    classes: tuple[str, ...]
    # numbers of the doses of one product in the record, from 1; none named: every dose
    doses: tuple[int, ...]
    setting: Setting
    # a fact of age
    for_whom: str
    # something that no concept can tell, such as the disease: the item is then only possible
    only_if: str
    # a fact that ends the item for good once it is certain
    ends_with: str
    # dates of the exposure, the first included, the second not: an edition that replaced another
    holds_from: date | None
    holds_to: date | None
    cited: Cited


@dataclass(frozen=True)
class WorkUpTest:
    """One test to send, with its trigger, what shows that it was sent, and the look-alikes that it helps to tell."""

    id: str
    label: str
    action: str
    topic: PlanTopic
    strength: Literal["do", "consider"]
    shows: Shows
    # either a grade of at least so much, or facts alone
    toxicity: Watched | None
    grade: int
    needs: tuple[str, ...]
    products: tuple[str, ...]
    classes: tuple[str, ...]
    only_if: str
    look_alikes: tuple[str, ...]
    cited: Cited


@dataclass(frozen=True)
class PlanHead:
    """What stands at the head of a file: which text it is, in which edition, and for which exposures."""

    key: str
    title: str
    edition: str
    effective_from: date
    triggers: tuple[str, ...]
    not_encoded: tuple[tuple[str, str], ...]
    note: str
    cited: Cited


@dataclass(frozen=True)
class MonitoringPlan:
    """One edition of one text on monitoring."""

    head: PlanHead
    items: tuple[MonitoringItem, ...]


@dataclass(frozen=True)
class WorkUpPlan:
    """One edition of one text on what to send when a toxicity is suspected."""

    head: PlanHead
    tests: tuple[WorkUpTest, ...]


@dataclass(frozen=True)
class Plans:
    """All tables of monitoring and of work-up, by the id of their file."""

    monitoring: dict[str, MonitoringPlan]
    work_up: dict[str, WorkUpPlan]
