"""What the clinical tables become in memory: frozen dataclasses, nothing computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

Evidence = Literal["primary", "secondary", "recalled", "house"]
Kind = Literal[
    "reading", "infusion", "device", "dose", "attribution", "switch", "exception", "trigger", "death", "statement"
]


@dataclass(frozen=True)
class Source:
    """One paper, label, standard or house decision."""

    key: str
    title: str
    citation: str = ""
    doi: str = ""
    url: str = ""
    year: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Unit:
    """An accepted unit: canonical value = (value + shift) x factor, in the canonical unit ``to``."""

    name: str
    to: str
    factor: Fraction = Fraction(1)
    shift: Fraction = Fraction(0)


@dataclass(frozen=True)
class Concept:
    """One thing that can be observed."""

    key: str
    label: str
    kind: Kind
    group: str
    # canonical unit first; more than one where families cannot be converted (ug/kg/min and ug/min)
    units: tuple[str, ...] = ()
    accepted: tuple[Unit, ...] = ()
    # plausible range per canonical unit, inclusive
    plausible: dict[str, tuple[float, float]] = field(default_factory=dict)
    valid_for_us: int | None = None
    # least bad first, so that later is worse
    categories: tuple[str, ...] = ()
    category_aliases: dict[str, str] = field(default_factory=dict)
    free_text: bool = False
    value_needed: bool = True
    whole: bool = False  # a fraction of it does not exist
    text_needed: bool = False
    worse: Literal["high", "low"] = "high"
    aliases: tuple[str, ...] = ()
    source: str = "house"
    locator: str = ""
    evidence: Evidence = "house"


@dataclass(frozen=True)
class Policy:
    """One choice of meaning, with its options and where it comes from."""

    key: str
    question: str
    value: object
    options: tuple[object, ...]  # answers that can be carried out; empty = any of the same type
    unit: str
    source: str
    locator: str
    evidence: Evidence
    considered: tuple[object, ...] = ()  # known answers that are not carried out
    applied_by: str = ""  # the rule that carries the answer


@dataclass(frozen=True)
class ThresholdBand:
    """One row of a threshold by age in days or completed years, from included, to excluded.

    Its value is base + per_year x completed years.
    """

    base: float
    per_year: float = 0.0
    from_years: float | None = None
    to_years: float | None = None
    from_days: int | None = None
    to_days: int | None = None
    locator: str = ""
    evidence: Evidence = "house"


@dataclass(frozen=True)
class Threshold:
    """A cut-off that depends on age; ages outside every band do not use the concept at all."""

    key: str
    concept: str
    unit: str
    bands: tuple[ThresholdBand, ...]
    own: str  # patients column that replaces the table, or ""
    unless: str  # patients column beside which this table is not used, or ""
    source: str
    locator: str
    evidence: Evidence


@dataclass(frozen=True)
class Fact:
    """Something observed after a product, as read; not used for grading."""

    fact: str
    setting: str
    value: str
    source: str
    locator: str
    evidence: Evidence


@dataclass(frozen=True)
class Product:
    """A trigger product: its key, class and watched window."""

    key: str
    label: str
    product_class: str
    concept: str
    window_days: float
    brands: tuple[str, ...] = ()
    source: str = ""
    locator: str = ""
    evidence: Evidence = "house"
    note: str = ""
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Compare:
    """A reading compared with a number, or with a threshold by age."""

    concept: str
    op: Literal["<", "<=", ">", ">=", "=="]
    value: float | None = None
    unit: str = ""
    threshold: str = ""
    without: str = ""  # holds only while no interval of this concept is on


@dataclass(frozen=True)
class In:
    """A coded concept whose category in force is one of these."""

    concept: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Running:
    """At least ``at_least`` different drugs of the list on at the same moment."""

    concepts: tuple[str, ...]
    at_least: int = 1


@dataclass(frozen=True)
class AnyMeasured:
    """True if any reading is true; unknown only if none is in force (or one is gray)."""

    of: tuple[Compare, ...]


@dataclass(frozen=True)
class All:
    """Every part."""

    of: tuple[Node, ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one part."""

    of: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """The contrary."""

    of: Node


@dataclass(frozen=True)
class Possible:
    """Never certain; possible where the part is possible."""

    of: Node


@dataclass(frozen=True)
class ExceptKnown:
    """Takes away what is certain, and nothing that is only possible."""

    of: Node


Node = Compare | In | Running | AnyMeasured | All | AnyOf | Not | Possible | ExceptKnown


@dataclass(frozen=True)
class Criterion:
    """One named sign: when it is met and the grade it makes."""

    id: str
    label: str
    domain: str
    grade: int
    when: Node
    source: str
    locator: str
    evidence: Evidence


@dataclass(frozen=True)
class Band:
    """One row of a banded score: from and to included, and the grade it makes."""

    low: float
    high: float
    grade: int
    locator: str = ""


@dataclass(frozen=True)
class Domain:
    """One axis of a scale; the grade is the worst over the axes."""

    id: str
    label: str
    attribution: str = ""  # concept that takes this axis away
    attributed_at: Literal["moment", "reading"] = "moment"
    excluded_by: str = ""  # concept whose reason takes this axis away (oxygen_reason)
    excluding: tuple[str, ...] = ()
    beyond_home: tuple[str, ...] = ()  # categories that are more than any other of the highest grade
    chronic: tuple[str, ...] = ()  # of these reasons only what the patient has anyway is taken away
    # a score in bands
    concept: str = ""
    bands: tuple[Band, ...] = ()
    items: tuple[tuple[str, int], ...] = ()  # item concept and its maximum
    # a coded concept, category to grade
    categories: dict[str, int] = field(default_factory=dict)
    by_exception: bool = False
    under_sedation: Literal["graded", "unknown"] = "graded"
    instrument: Literal["", "child", "adult"] = ""
    source: str = ""
    locator: str = ""
    evidence: Evidence = "house"


@dataclass(frozen=True)
class NotEncoded:
    """Something the source says that the tables do not carry, and what is done instead."""

    text: str
    handled: str


@dataclass(frozen=True)
class EpisodeRule:
    """How episodes of a scale open, last and close."""

    opens_with: str  # criterion id, or "" = any grade of at least 1
    waived_by: tuple[str, ...]  # dose concepts
    floor: int  # grade between signs, 0 = none
    death_cause: str
    death_criterion: str


@dataclass(frozen=True)
class Scale:
    """One published grading scale, one edition."""

    id: str
    title: str
    family: Literal["crs", "icans"]
    revision: int
    status: str
    source: str
    grades: tuple[int, ...]
    grade_meaning: dict[int, str]
    domains: tuple[Domain, ...]
    criteria: tuple[Criterion, ...]
    episode: EpisodeRule
    flags: dict[str, str]
    not_encoded: tuple[NotEncoded, ...]
    file: str = ""


@dataclass(frozen=True)
class Knowledge:
    """All tables of one version, after overlays."""

    version: str
    sources: dict[str, Source]
    concepts: dict[str, Concept]
    concept_aliases: dict[str, str]
    policies: dict[str, Policy]
    thresholds: dict[str, Threshold]
    products: dict[str, Product]
    product_aliases: dict[str, str]
    scales: dict[str, Scale]
    codes: dict[str, tuple[dict[str, str], ...]]
    messages: dict[str, str]
    digest: str
    folders: tuple[str, ...] = ()

    def policy(self, key: str) -> object:
        """The value of one policy; KeyError if there is none (the loader has checked the ones the engine needs)."""
        return self.policies[key].value
