"""What the tables of products become in memory: facts with their dates and editions; frozen, nothing computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from cytowatch.knowledge.advice import Cited

ProductTopic = Literal[
    "window", "rate", "onset", "duration", "course", "dosing", "premedication", "stay", "monitoring", "proximity",
    "driving", "tocilizumab_stock", "rems", "prevention", "defer", "treatment", "after_crs", "after_icans",
    "rechallenge", "restart", "oxygen_boundary",
]  # fmt: skip
# what was seen in a trial: it does not begin or end on a date, as a rule does
OBSERVED: tuple[ProductTopic, ...] = ("rate", "onset", "duration", "course")
Spread = Literal["", "range", "quartiles", "not_said"]
Sign = Literal["", "about", "below"]
Occurrence = Literal["any", "first", "recurrent", "persistent", "persistent_or_recurrent"]
Action = Literal["continue", "hold", "postpone", "next_dose", "slower", "stop"]
Then = Literal["restart", "repeat", "continue", "step_back", "supervised_restart", "new_cycle"]


@dataclass(frozen=True)
class ProductEvent:
    """Something that is counted or timed after a product; ``graded`` where its number hangs on a grading scale."""

    key: str
    label: str
    graded: bool


@dataclass(frozen=True)
class Share:
    """So many in a hundred, as printed (two numbers where the source gives a range), or a count; with its scale."""

    event: str
    percent: tuple[float, float] | None
    n: int | None
    of: int | None
    sign: Sign
    grading: str


@dataclass(frozen=True)
class Span:
    """How long until, or for how long: median with the spread that the source gives, in ``unit``."""

    event: str
    median: float | None
    low: float | None
    high: float | None
    spread: Spread
    unit: Literal["min", "h", "d", "wk"]
    sign: Sign
    since: str
    grading: str


@dataclass(frozen=True)
class Amount:
    """At least ``low``, at most ``high`` (or below it), in ``unit``."""

    low: float | None
    high: float | None
    below: bool
    unit: str


@dataclass(frozen=True)
class GivenDose:
    """One dose of a schedule or of a premedication; two numbers where the source gives a range."""

    drug: str
    at: str
    low: float | None
    high: float | None
    unit: str
    route: str
    # hours before the product, fewest and most; None where it is at its own time
    before_hours: tuple[float, float] | None
    note: str


@dataclass(frozen=True)
class AfterToxicity:
    """What happens to the product after a toxicity of some grades (none: no grade was said), and its next dose."""

    toxicity: Literal["crs", "icans", "neurotoxicity"]
    grades: tuple[int, ...]
    occurrence: Occurrence
    action: Action
    # the next dose only once the toxicity is at most of this grade, for so many hours
    resolved_to: int | None
    resolved_hours: float | None
    # hours that the patient stays at the next dose, fewest and most
    stay_hours: tuple[float, float] | None
    # rate of the next infusion, in per cent of the usual one, and its length
    rate_percent: float | None
    infusion_hours: float | None
    # stopped for good if it takes longer than this
    stop_after_hours: float | None
    doses: tuple[GivenDose, ...]


@dataclass(frozen=True)
class Delay:
    """How the product goes on after an interval: ``over`` is not included, ``least`` and ``up_to`` are."""

    after: str
    over: float | None
    least: float | None
    up_to: float | None
    unit: Literal["h", "d", "wk"]
    then: Then
    dose: str


@dataclass(frozen=True)
class ProductFact:
    """One fact about a product: what it is, for whom, in which edition, from when until when, and where it stands.

    ``effective_from`` is the day on which it came into force, None where that was not read; ``as_of`` is the date of
    the edition that was read, a year, a month or a day. ``effective_to`` is the first day on which it holds no more.
    """

    id: str
    topic: ProductTopic
    setting: str
    region: str
    edition: str
    text: str
    share: Share | None
    span: Span | None
    amount: Amount | None
    doses: tuple[GivenDose, ...]
    after: AfterToxicity | None
    delay: Delay | None
    # other facts of the same product that say otherwise: edition.fact
    differs_from: tuple[str, ...]
    effective_from: date | None
    effective_to: date | None
    as_of: str
    cited: Cited
    # the row of `shared` that gives it to several products, or ""
    shared: str = ""


@dataclass(frozen=True)
class Product:
    """A trigger product: its key, class, watched window, and what is known of it."""

    key: str
    label: str
    product_class: str
    concept: str
    window_days: float
    brands: tuple[str, ...] = ()
    source: str = ""
    locator: str = ""
    evidence: Literal["primary", "secondary", "recalled", "house"] = "house"
    note: str = ""
    facts: tuple[ProductFact, ...] = ()
    not_encoded: tuple[tuple[str, str], ...] = field(default=())
