"""The short way through admission: rows of which a few sums prove that no rule can refuse any.

In a large typed table most rows are plain measurements in the canonical unit. If the extremes of a concept's values
are plausible, every value is; so one grouping of the table stands for all the rules, row by row, that would have
found nothing. Every other row takes the general way (``admit.py``), and both ways give the same rows.
"""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.frame import LIMITS
from cytowatch.adapters.intake import Clock
from cytowatch.adapters.resolve import Dictionary
from cytowatch.schema import OBSERVATIONS

# below this the general way costs little
WORTH_IT = 50_000
_EMPTY = ("until", "until_hours", "available", "comparator", "status", "text", *LIMITS)


def part_clean(numbered: pl.DataFrame, dictionary: Dictionary, clock: Clock) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that are proven clean, as observations, and the rest as given.

    ``numbered``: the long table with ``_row`` and ``source``. Of values or times in text nothing is proven.
    """
    if not _is_typed(numbered, clock):
        return OBSERVATIONS.empty(), numbered
    proven = _proven_concepts(numbered, dictionary)
    if not proven:
        return OBSERVATIONS.empty(), numbered
    other = "hours" if clock == "time" else "time"
    empty = [name for name in (*_EMPTY, other) if name in numbered.columns and numbered[name].count()]
    plain = pl.col("concept").is_in(proven) & pl.col("patient").is_not_null() & pl.col(clock).is_not_null()
    mask = numbered.select(pl.all_horizontal(plain, *(pl.col(name).is_null() for name in empty)).alias("clean"))
    return _observations(numbered.filter(mask["clean"]), clock), numbered.filter(~mask["clean"])


def _is_typed(frame: pl.DataFrame, clock: Clock) -> bool:
    if not {clock, "value", "unit"} <= set(frame.columns) or frame.schema["value"] != pl.Float64:
        return False
    moment = frame.schema[clock]
    if clock == "hours":
        return moment == pl.Float64 and bool(frame["hours"].is_finite().all())
    return isinstance(moment, pl.Datetime) and moment.time_zone is not None


def _proven_concepts(frame: pl.DataFrame, dictionary: Dictionary) -> list[str]:
    """Measured concepts, named by key, that come in one canonical unit only none implausible or missing."""
    value = pl.col("value")
    groups = frame.group_by("concept", "unit").agg(
        value.min().alias("low"),
        value.max().alias("high"),
        value.filter(value > 0).min().alias("least"),
        value.null_count().alias("empty"),
        value.is_nan().any().alias("nan"),
    )
    units = groups.group_by("concept").len()
    single = set(units.filter(pl.col("len") == 1)["concept"].drop_nulls().to_list())
    return [
        row["concept"]
        for row in groups.iter_rows(named=True)
        if row["concept"] in single and _is_clean(row, dictionary)
    ]


def _is_clean(group: dict[str, object], dictionary: Dictionary) -> bool:
    name, given = str(group["concept"]), group["unit"]
    meaning = dictionary.meaning(name, None if given is None else str(given))
    concept, unit = meaning.concept, meaning.unit
    if (
        concept is None
        or unit is None
        or concept.kind != "reading"
        or concept.categories
        or group["empty"]
        or group["nan"]
    ):
        return False
    as_given = concept.key == name and unit.factor == 1 and unit.shift == 0 and (given or "") == unit.to
    low, high, least = group["low"], group["high"], group["least"]
    if not (isinstance(low, float) and isinstance(high, float) and as_given):
        return False
    if unit.whole_below or (isinstance(least, float) and least < meaning.smallest):
        return False
    return meaning.low <= low and high <= min(meaning.high, meaning.per_cent_from)


def _observations(clean: pl.DataFrame, clock: Clock) -> pl.DataFrame:
    # time in whole microseconds; hours as the general way reads them
    moment = (
        pl.col("time").dt.epoch("us") if clock == "time" else (pl.col("hours") * 3_600_000_000).round().cast(pl.Int64)
    )
    known: dict[str, pl.Expr] = {
        "row": pl.col("_row"), "time": moment, "value": pl.col("value"), "status": pl.lit("final"),
        **{name: pl.col(name) for name in ("patient", "concept", "unit", "source")},
    }  # fmt: skip
    nothing = {name: pl.lit(None, dtype) for name, dtype in OBSERVATIONS.schema.items()}
    return clean.select({**nothing, **known}[name].alias(name) for name in OBSERVATIONS.names)
