"""Each charted dose of a steroid as mg of dexamethasone: at least, at most, and how it was worked out."""

from __future__ import annotations

import polars as pl

from cytowatch.engine.charted import Charted
from cytowatch.engine.settle import in_doubt
from cytowatch.knowledge.drug_rows import REFERENCE_MG
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import DAY_US

_WEIGHT_LASTS = 7 * DAY_US
_DIGITS = 2


def doses_in_strength(charted: Charted, patients: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Doses that were given or may have been, in order.

    Columns: patient, time, at_least, at_most (mg of dexamethasone; ``at_most`` empty where there is no upper bound),
    arithmetic, note, doubtful, recalled, source.
    """
    strengths = _strengths(knowledge)
    rows = charted.of_any(strengths["concept"].to_list()).with_columns(pl.col("patient").cast(pl.String))
    doubt = in_doubt("dose")
    given = rows.filter(pl.col("value").is_null() | (pl.col("value") > 0) | doubt).with_columns(doubt.alias("doubtful"))
    weighed = _weighed(given.sort("patient", "time"), charted.of("weight"), patients)
    return _strong(weighed.join(strengths, on="concept", how="left", maintain_order="left")).sort("patient", "time")


def _strengths(knowledge: Knowledge) -> pl.DataFrame:
    """Concept, label, how many mg are as strong as the reference (``least``, ``most``), whether that was recalled."""
    return pl.DataFrame(
        [
            (part.concept, part.label, *map(float, part.equal), part.cited.evidence == "recalled")
            for part in knowledge.formulary.steroids.values()
        ],
        schema={
            "concept": pl.String, "label": pl.String, "least": pl.Float64, "most": pl.Float64, "recalled": pl.Boolean
        },
        orient="row",
    )  # fmt: skip


def _weighed(doses: pl.DataFrame, weights: pl.DataFrame, patients: pl.DataFrame) -> pl.DataFrame:
    """Add ``kg``: the last weight of 7 days, else that of the patients table."""
    exact = weights.filter(pl.col("value").is_not_null() & pl.col("comparator").is_null())
    measured = exact.select(
        pl.col("patient").cast(pl.String), pl.col("time").alias("weighed"), pl.col("value").alias("measured")
    )
    joined = doses.join_asof(
        measured.sort("patient", "weighed"), left_on="time", right_on="weighed", by="patient", check_sortedness=False
    )
    stated = patients.select(pl.col("patient").cast(pl.String), pl.col("weight_kg").alias("stated"))
    joined = joined.join(stated, on="patient", how="left", maintain_order="left")
    fresh = pl.when(pl.col("time") - pl.col("weighed") < _WEIGHT_LASTS).then("measured")
    return joined.with_columns(pl.coalesce(fresh, "stated").alias("kg"))


def _strong(doses: pl.DataFrame) -> pl.DataFrame:
    """The bounds of each dose in mg, then in mg of dexamethasone."""
    value, bound = pl.col("value"), pl.col("comparator").cast(pl.String)
    times = pl.when(pl.col("unit") == "mg").then(1.0).when(pl.col("unit") == "mg/kg").then("kg")
    # an amount that cannot be made mg was given all the same: at least nothing, and no upper bound
    known = value.is_not_null() & times.is_not_null() & ~pl.col("doubtful")
    below = bound.is_in(["<", "<="]).fill_null(value=False)
    above = bound.is_in([">", ">="]).fill_null(value=False)
    mg = value * times
    bounded = doses.with_columns(
        pl.when(known & ~below).then(mg).otherwise(0.0).alias("mg_low"),
        pl.when(known & ~above).then(mg).alias("mg_high"),
        known.alias("known"),
    )
    reference = float(REFERENCE_MG)
    worked = bounded.with_columns(
        (pl.col("mg_low") * reference / pl.col("most")).alias("at_least"),
        (pl.col("mg_high") * reference / pl.col("least")).alias("at_most"),
    )
    return worked.select(
        "patient", "time", "at_least", "at_most", _arithmetic().alias("arithmetic"), _note().alias("note"),
        "doubtful", "recalled", "source",
    )  # fmt: skip


def _note() -> pl.Expr:
    lacks = pl.col("value").is_not_null() & ~pl.col("known")
    return (
        pl.when(pl.col("doubtful"))
        .then(pl.lit("dose_in_doubt"))
        .when(pl.col("value").is_null())
        .then(pl.lit("amount_not_known"))
        .when(lacks & (pl.col("unit") == "mg/kg"))
        .then(pl.lit("no_weight"))
        .when(lacks)
        .then(pl.lit("no_body_surface"))
    )


def _arithmetic() -> pl.Expr:
    """``Methylprednisolone 1 mg/kg × 50 kg = 50 mg; × 10 / 53.33 to 10 / 50 = 9.38 to 10 mg of dexamethasone``."""
    compared = pl.col("comparator").cast(pl.String).fill_null("")
    charted = pl.format("{} {}{} {}", "label", compared, _text("value"), "unit")
    by_weight = pl.format("{} × {} kg = {} mg", charted, _text("kg"), _number(pl.col("value") * pl.col("kg")))
    said = pl.when(pl.col("unit") == "mg/kg").then(by_weight).otherwise(charted)
    one = pl.col("least") == pl.col("most")
    both = pl.format("10 / {} to 10 / {}", _text("most"), _text("least"))
    factor = pl.when(one).then(pl.format("10 / {}", _text("most"))).otherwise(both)
    strength = (
        pl.when(pl.col("at_least") == pl.col("at_most"))
        .then(_text("at_least"))
        .when(pl.col("at_most").is_null())
        .then(pl.format("at least {}", _text("at_least")))
        .otherwise(pl.format("{} to {}", _text("at_least"), _text("at_most")))
    )
    own = pl.col("least") == float(REFERENCE_MG)
    converted = pl.format("{}; × {} = {} mg of dexamethasone", said, factor, strength)
    return (
        pl.when(pl.col("doubtful"))
        .then(pl.format("{}: a dose that could not be read", "label"))
        .when(pl.col("value").is_null())
        .then(pl.format("{}: given, amount not known", "label"))
        .when(~pl.col("known"))
        .then(pl.format("{}: mg not known", charted))
        .when(own & one)
        .then(said)
        .otherwise(converted)
    )


def _text(name: str) -> pl.Expr:
    return _number(pl.col(name))


def _number(value: pl.Expr) -> pl.Expr:
    """A number with at most two decimals, without needless zeros."""
    return value.round(_DIGITS).cast(pl.String).str.strip_suffix(".0")
