"""What the tables of drugs say besides doses that advice works out: frozen dataclasses, nothing computed.

Dosings and notes of drugs, measures that are no drug, the strength of steroids, and drugs that do not go together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from cytowatch.knowledge.advice import Cited, Population
from cytowatch.knowledge.conditions import Node

Per = Literal["dose", "day", "kg", "kg_day", "m2", "m2_day"]
About = Literal["use", "repeat", "stop", "monitor", "prevention", "evidence", "caution"]
# of dexamethasone: what the strength of the other steroids is told against
REFERENCE_MG = Fraction(10)
InteractionKind = Literal["contraindication", "interaction", "check"]


@dataclass(frozen=True)
class Dosing:
    """How much of a drug is given for one use; ``amount`` is the least and the most, equal if it is one number."""

    id: str
    use: str
    amount: tuple[float, float]
    unit: str
    per: Per
    # hours between doses, shortest and longest; none for a single dose
    every: tuple[float, float] | None
    most: float | None  # the most of one dose, in the unit
    route: str
    schedule: str
    population: Population
    cited: Cited


@dataclass(frozen=True)
class DrugNote:
    """One more thing that is known of a drug or a measure."""

    id: str
    about: About
    text: str
    cited: Cited


@dataclass(frozen=True)
class DrugRows:
    """What is known of one drug besides its doses by weight and its limits."""

    dosings: tuple[Dosing, ...]
    notes: tuple[DrugNote, ...]


@dataclass(frozen=True)
class Measure:
    """Something that is done and is no drug; ``concepts`` are those by which a record says so, if any does."""

    key: str
    label: str
    concepts: tuple[str, ...]
    rows: DrugRows
    not_encoded: tuple[tuple[str, str], ...]
    cited: Cited


@dataclass(frozen=True)
class Steroid:
    """``equal``: mg of this drug that are as strong as ``REFERENCE_MG`` of dexamethasone, the least and the most."""

    key: str
    label: str
    concept: str
    equal: tuple[Fraction, Fraction]
    cited: Cited


@dataclass(frozen=True)
class SteroidCount:
    """Days on which at least ``least_mg`` (dexamethasone equivalent) was given, of those first to last, both included.

    From ``days`` such days on ``text`` is said.
    """

    key: str
    label: str
    least_mg: float
    first_day: int
    last_day: int
    days: int
    triggers: tuple[str, ...]
    text: str
    cited: Cited


@dataclass(frozen=True)
class DrugGroup:
    """Drugs that count alike in an interaction."""

    key: str
    label: str
    concepts: tuple[str, ...]
    cited: Cited


@dataclass(frozen=True)
class Interaction:
    """Drugs that do not go together, or not with something in the patient.

    ``sides``: one drug of each (keys of groups or concepts); a single side needs ``at_least`` different drugs of it.
    ``within_hours``: how long after a dose its drug still counts. ``after``: triggers, one of which the patient must
    have had; ``never_after``: triggers after which it is never said. ``when``: what must hold of the patient besides.
    """

    key: str
    label: str
    kind: InteractionKind
    sides: tuple[tuple[str, ...], ...]
    at_least: int
    within_hours: float
    after: tuple[str, ...]
    never_after: tuple[str, ...]
    when: Node | None
    why: str
    action: str
    cited: Cited


@dataclass(frozen=True)
class Formulary:
    """All tables of drugs besides those of ``Advice``."""

    rows: dict[str, DrugRows] = field(default_factory=dict)
    measures: dict[str, Measure] = field(default_factory=dict)
    steroids: dict[str, Steroid] = field(default_factory=dict)
    steroid_counts: dict[str, SteroidCount] = field(default_factory=dict)
    groups: dict[str, DrugGroup] = field(default_factory=dict)
    interactions: dict[str, Interaction] = field(default_factory=dict)

    def drugs_of(self, interaction: Interaction) -> tuple[str, ...]:
        """Every concept that an interaction looks at, each once."""
        return tuple(dict.fromkeys(name for side in interaction.sides for name in self.concepts_of(side)))

    def concepts_of(self, side: tuple[str, ...]) -> tuple[str, ...]:
        """The concepts of one side, groups taken apart."""
        return tuple(part for name in side for part in (self.groups[name].concepts if name in self.groups else (name,)))
