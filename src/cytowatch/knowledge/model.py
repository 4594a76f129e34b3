"""What the clinical tables become in memory: frozen dataclasses, nothing computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from cytowatch.knowledge.advice import Advice
from cytowatch.knowledge.conditions import (
    AgeYears,
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Count,
    Cumulative,
    DaysSinceExposure,
    Estimated,
    ExceptKnown,
    Given,
    In,
    Limit,
    Node,
    Not,
    Operator,
    Possible,
    QuantityCompare,
    Relative,
    Repeated,
    Running,
    Sustained,
)
from cytowatch.knowledge.door import Door
from cytowatch.knowledge.drug_rows import Formulary
from cytowatch.knowledge.education import Education
from cytowatch.knowledge.plan import Plans
from cytowatch.knowledge.prevention import Prevention
from cytowatch.knowledge.product import Product, ProductEvent, ProductFact

__all__ = [
    "AgeYears",
    "All",
    "AnyMeasured",
    "AnyOf",
    "Band",
    "Compare",
    "Concept",
    "Count",
    "Criterion",
    "Cumulative",
    "DaysSinceExposure",
    "Domain",
    "EpisodeRule",
    "Estimated",
    "Evidence",
    "ExceptKnown",
    "Family",
    "FlagRule",
    "Given",
    "In",
    "Kind",
    "Knowledge",
    "Limit",
    "LookAlike",
    "LookAlikeFact",
    "Node",
    "Not",
    "NotEncoded",
    "Operator",
    "Policy",
    "Possible",
    "Product",
    "ProductEvent",
    "ProductFact",
    "Quantity",
    "QuantityCompare",
    "Relative",
    "Repeated",
    "Running",
    "Scale",
    "SeverityWords",
    "Source",
    "Sustained",
    "Symptom",
    "System",
    "Term",
    "Threshold",
    "ThresholdBand",
    "Unit",
    "WorkUp",
]

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
    # below this, in the unit as written, only whole numbers exist: cells are counted
    whole_below: float = 0.0


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
    # where a laboratory's lower and upper limit of normal can lie, in the first unit; None = not said
    limit_low: tuple[float, float] | None = None
    limit_high: tuple[float, float] | None = None
    # the least that is not 0, in the first unit: anything between is a slip of the unit
    smallest: float = 0.0
    valid_for_us: int | None = None
    # least bad first, so that later is worse
    categories: tuple[str, ...] = ()
    category_aliases: dict[str, str] = field(default_factory=dict)
    free_text: bool = False
    value_needed: bool = True
    whole: bool = False  # a fraction of it does not exist
    ends_unread: bool = False  # a row of it that cannot be read ends the reading before it (decision 0036)
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
class Term:
    """One input of a quantity: a reading, or the running rate of a drug in one unit, times a factor."""

    concept: str
    unit: str
    factor: float = 1.0
    rate: bool = False


@dataclass(frozen=True)
class Quantity:
    """Something computed from several concepts at one moment.

    ``sum``: constant + the terms; ``ratio``: the first term over the second; ``inspired_oxygen``: the fraction that
    is charted, that of room air, or an estimate from the flow with its interval.
    """

    key: str
    label: str
    kind: Literal["sum", "ratio", "inspired_oxygen"]
    unit: str
    terms: tuple[Term, ...]
    constant: float
    source: str
    locator: str
    evidence: Evidence
    # of `inspired_oxygen`: fraction at no flow, per liter a minute, half width, and the devices it is made for
    room_air: float = 0.21
    at_no_flow: float = 0.0
    per_liter: float = 0.0
    half_width: float = 0.0
    flow_devices: tuple[str, ...] = ()


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
class Staged:
    """A finding that is charted as a stage: from this number on the domain has this grade."""

    concept: str
    low: float
    grade: int
    locator: str
    evidence: Evidence


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
    staged: Staged | None = None  # the same finding, charted as a stage of another concept
    under_sedation: Literal["graded", "unknown"] = "graded"
    instrument: Literal["", "child", "adult"] = ""
    # of the method "rules": an axis that is unknown does not keep an episode open
    holds_open: bool = True
    source: str = ""
    locator: str = ""
    evidence: Evidence = "house"


@dataclass(frozen=True)
class FlagRule:
    """A remark that a reader must see while a condition holds."""

    id: str
    when: Node


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


Family = Literal["crs", "icans", "hyperinflammation", "blood", "organ", "score", "lay"]


@dataclass(frozen=True)
class Scale:
    """One published grading scale, one edition."""

    id: str
    title: str
    family: Family
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
    # which engine carries the scale out: the two ASTCT scales have one each, all others are rules alone
    method: Literal["fever_led", "neuro", "rules", "view"] = "fever_led"
    scoring: Literal["worst", "sum"] = "worst"  # grade of the worst axis, or sum over the axes
    watch: Literal["exposure", "record"] = "exposure"  # after an exposure, or wherever anything is charted
    window_days: tuple[float, float] | None = None  # from and to, after each exposure; None = the product's
    has_episodes: bool = True
    flag_rules: tuple[FlagRule, ...] = ()
    probability: tuple[tuple[float, float], ...] = ()  # score and published probability in per cent
    view_of: str = ""  # the scale that a view words anew
    view: dict[int, int] = field(default_factory=dict)  # its grade to the grade here
    short: str = ""  # a name for a strip in a figure


System = Literal[
    "general", "heart_and_vessels", "lungs", "brain", "gut", "kidney_and_liver", "blood", "muscle_and_joint", "skin"
]


@dataclass(frozen=True)
class SeverityWords:
    """What a mild, a moderate and a severe form is, in plain words; empty where the source has no such step."""

    mild: str
    moderate: str
    severe: str
    source: str
    locator: str
    evidence: Evidence


@dataclass(frozen=True)
class Symptom:
    """Something that a person feels or sees, and says: its names, where it belongs, and its words."""

    key: str
    label: str
    plain: str  # for a patient
    system: System
    source: str
    locator: str
    evidence: Evidence
    aliases: tuple[str, ...] = ()
    snomed: str = ""
    snomed_evidence: Literal["secondary", "unverified"] = "unverified"
    snomed_note: str = ""  # the code's own name, and where it was read
    severity: SeverityWords | None = None


@dataclass(frozen=True)
class LookAlikeFact:
    """One finding that points to a look-alike while its condition holds; it proves nothing by itself."""

    id: str
    label: str
    when: Node
    source: str
    locator: str
    evidence: Evidence
    alone: bool = True  # False: it supports a finding that another fact makes, and makes none


@dataclass(frozen=True)
class WorkUp:
    """A test or a look that settles whether it is the look-alike."""

    name: str
    source: str
    locator: str
    evidence: Evidence


@dataclass(frozen=True)
class LookAlike:
    """Another condition that can look like the toxicity: what points to it, and what would settle it; no diagnosis."""

    key: str
    label: str
    facts: tuple[LookAlikeFact, ...]
    settles: tuple[WorkUp, ...]
    not_encoded: tuple[NotEncoded, ...]
    source: str
    locator: str
    evidence: Evidence


@dataclass(frozen=True)
class Knowledge:
    """All tables of one version, after overlays."""

    version: str
    sources: dict[str, Source]
    concepts: dict[str, Concept]
    concept_aliases: dict[str, str]
    policies: dict[str, Policy]
    thresholds: dict[str, Threshold]
    quantities: dict[str, Quantity]
    products: dict[str, Product]
    product_aliases: dict[str, str]
    scales: dict[str, Scale]
    codes: dict[str, tuple[dict[str, str], ...]]
    messages: dict[str, str]
    digest: str
    folders: tuple[str, ...] = ()
    symptoms: dict[str, Symptom] = field(default_factory=dict)
    symptom_aliases: dict[str, str] = field(default_factory=dict)
    lookalikes: dict[str, LookAlike] = field(default_factory=dict)
    advice: Advice = field(default_factory=lambda: Advice({}, {}, {}, {}))
    education: Education = field(default_factory=Education)
    formulary: Formulary = field(default_factory=Formulary)
    product_events: dict[str, ProductEvent] = field(default_factory=dict)
    prevention: Prevention = field(default_factory=lambda: Prevention({}, {}, {}))
    plans: Plans = field(default_factory=lambda: Plans({}, {}))
    doors: dict[str, Door] = field(default_factory=dict)

    def policy(self, key: str) -> object:
        """The value of one policy; KeyError if there is none (the loader has checked the ones the engine needs)."""
        return self.policies[key].value
