"""The closed vocabulary of conditions: what a criterion, a flag or a finding may ask, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Operator = Literal["<", "<=", ">", ">=", "=="]
Limit = Literal["uln", "lln"]


@dataclass(frozen=True)
class Compare:
    """A reading compared with a number, or with a threshold by age."""

    concept: str
    op: Operator
    value: float | None = None
    unit: str = ""
    threshold: str = ""
    without: str = ""  # holds only while no interval of this concept is on
    # the rest is for scales of the method "rules"
    times: Literal["", "uln", "lln", "baseline", "lowest"] = ""  # the cut-off is value x this
    plus: Literal["", "uln", "lln", "baseline", "lowest"] = ""  # the cut-off is this + value
    lookback_hours: float = 0.0  # how far back the lowest earlier reading is looked for
    over_hours: float = 0.0  # each reading speaks for so long, whatever comes after it: the worst of a day
    of_baseline: bool = False  # the patient's baseline is compared, not the reading


@dataclass(frozen=True)
class Relative:
    """A reading against its limit of normal, or against the baseline where that was abnormal already."""

    concept: str
    op: Operator
    limit: Limit
    normal: float  # the cut-off is normal x limit while the baseline was normal
    abnormal: float  # and abnormal x baseline where it was not
    abnormal_op: Operator


@dataclass(frozen=True)
class QuantityCompare:
    """A computed quantity (quantities.toml) compared with a number."""

    quantity: str
    op: Operator
    value: float


@dataclass(frozen=True)
class Estimated:
    """A computed quantity rests on an estimate at this moment."""

    quantity: str


@dataclass(frozen=True)
class In:
    """A coded concept whose category in force is one of these."""

    concept: str
    categories: tuple[str, ...]
    over_hours: float = 0.0  # as in Compare


@dataclass(frozen=True)
class Given:
    """At least ``times`` doses of the listed drugs in the hours up to now."""

    concepts: tuple[str, ...]
    times: int
    within_hours: float


@dataclass(frozen=True)
class DaysSinceExposure:
    """The latest exposure lies at least ``first`` and less than ``last`` days back."""

    first: float
    last: float


@dataclass(frozen=True)
class AgeYears:
    """The patient's completed years, ``first`` included, ``last`` excluded."""

    first: float
    last: float


@dataclass(frozen=True)
class Count:
    """At least ``at_least`` of the parts."""

    of: tuple[Node, ...]
    at_least: int


@dataclass(frozen=True)
class Sustained:
    """The part has held without a break for so long; across breaks shorter than ``pause_hours`` it may have."""

    of: Node
    hours: float
    pause_hours: float = 0.0


@dataclass(frozen=True)
class Cumulative:
    """The part has held for so many days in all; breaks shorter than ``bridging_days`` count as well.

    With ``one_stretch`` a longer break ends what is added up: after it the days are counted anew.
    """

    of: Node
    days: float
    bridging_days: float
    one_stretch: bool = False


@dataclass(frozen=True)
class Repeated:
    """So many readings have compared true since the watch began."""

    of: Compare
    times: int


@dataclass(frozen=True)
class Running:
    """At least ``at_least`` different drugs of the list on at the same moment."""

    concepts: tuple[str, ...]
    at_least: int = 1


@dataclass(frozen=True)
class AnyMeasured:
    """True if any reading is true; unknown only if none is in force (or one is gray)."""

    of: tuple[Compare | In, ...]


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
    judged: bool = False  # where the part is certain, somebody's judgment is what lacks


@dataclass(frozen=True)
class ExceptKnown:
    """Takes away what is certain, and nothing that is only possible."""

    of: Node


Node = (
    Compare
    | Relative
    | QuantityCompare
    | Estimated
    | In
    | Running
    | Given
    | DaysSinceExposure
    | AgeYears
    | AnyMeasured
    | All
    | AnyOf
    | Count
    | Not
    | Possible
    | ExceptKnown
    | Sustained
    | Cumulative
    | Repeated
)
