"""What observations under codes of no table speak of: doubts, unless what is known explains the words (decision 0034).

`PEEP 5` beside a charted ventilator says nothing new; where nothing was charted, it says that one may have been on.
"""

from __future__ import annotations

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import HOUR_US

_ON = ["patient", "concept"]
# they run, and raise no pressure by themselves
_NO_PRESSORS = ("dobutamine", "milrinone")


def unexplained(spoken: pl.DataFrame, observed: pl.DataFrame, knowledge: Knowledge, mild: pl.DataFrame) -> pl.DataFrame:
    """The rows in doubt that nothing known explains, but for repeats; and those that are taken back later.

    Explained: a device, by the gravest of its kind still charted; a rate, by one that runs; a dose, by one that was
    given within the hour. What is ``mild`` (``row, concept``: some oxygen, some pressor), by any device but room air,
    or by any pressor. A repeat says the same within the hour, with nothing charted in between. Both tables in the
    form of `OBSERVATIONS`.
    """
    if spoken.is_empty():
        return spoken
    # what is taken back, now or later, explains nothing
    wrong = pl.col("status").eq_missing("entered-in-error")
    back = observed.filter(wrong).select(*_ON, "source").unique()
    stated = observed.filter(~wrong).join(back, on=[*_ON, "source"], how="anti")
    known = stated.join(spoken.select(_ON).unique(), on=_ON, how="semi").sort("time")
    known = known.select(*_ON, "time", since="time", rate="value", device="text", end="until")
    rows = spoken.sort("time", maintain_order=True).with_row_index("at")
    rows = rows.join(mild.unique().with_columns(mild=True), on=["row", "concept"], how="left", maintain_order="left")
    beside = rows.join_asof(known, on="time", by=_ON, strategy="backward", check_sortedness=False)
    some = pl.concat([_given(rows, known, knowledge), _any_rate(rows, stated, knowledge)])
    left = beside.filter(~_lasts(knowledge).fill_null(value=False)).join(
        some, on="at", how="anti", maintain_order="left"
    )
    # one that is taken back must not stand for another of its hour
    stands = left.join(back, on=[*_ON, "source"], how="anti", maintain_order="left")
    same = pl.struct(*_ON, pl.col("time") // HOUR_US, "since", "until")
    gone = left.join(back, on=[*_ON, "source"], how="semi", maintain_order="left")
    return pl.concat([stands.filter(same.is_first_distinct()), gone]).select(spoken.columns)


def at_any_time(undated: pl.DataFrame, observed: pl.DataFrame) -> pl.DataFrame:
    """Raw rows without a time, from the first moment at which their patient is seen to the last, and on after it."""
    seen = observed.group_by("patient").agg(first=pl.col("time").min(), last=pl.col("time").max())
    beside = undated.drop("time", "until", strict=False).join(seen, on="patient")
    spans = [
        beside.filter(pl.col("first") < pl.col("last")).with_columns(time="first", until="last"),
        beside.with_columns(time="last", until=pl.lit(None, pl.Int64)),
    ]
    moments = [pl.from_epoch(name, "us").dt.replace_time_zone("UTC").alias(name) for name in ("time", "until")]
    return pl.concat(spans).with_columns(moments).drop("first", "last")


def _lasts(knowledge: Knowledge) -> pl.Expr:
    """Whether the fact last known is of a device of the gravest kind, or of a rate, that is still on."""
    concepts = knowledge.concepts
    least, gravest = (
        {key: one.categories[place] for key, one in concepts.items() if one.kind == "device"} for place in (0, -1)
    )
    rates = [key for key, one in concepts.items() if one.kind == "infusion"]
    valid = {key: one.valid_for_us for key, one in concepts.items() if one.valid_for_us}
    still = pl.col("time") - pl.col("since") <= pl.col("concept").replace_strict(valid, default=0)
    goes_on = pl.col("end").is_null() | (pl.col("end") > pl.col("time"))
    none, most = (
        pl.col("concept").replace_strict(each, default=None, return_dtype=pl.String) for each in (least, gravest)
    )
    is_gravest = (pl.col("device") == most) | (pl.col("mild").fill_null(value=False) & (pl.col("device") != none))
    runs = pl.col("concept").is_in(rates) & pl.col("rate").ne_missing(0.0)
    return still & goes_on & (is_gravest.fill_null(value=False) | runs)


def _any_rate(rows: pl.DataFrame, stated: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """The rows that speak of some pressor while any runs."""
    pressors = [key for key, one in knowledge.concepts.items() if one.kind == "infusion" and key not in _NO_PRESSORS]
    each = rows.filter("mild", pl.col("concept").is_in(pressors)).drop("concept")
    each = each.join(pl.DataFrame({"concept": pressors}), how="cross").sort("time")
    known = stated.filter(pl.col("concept").is_in(pressors)).sort("time")
    known = known.select(*_ON, "time", since="time", rate="value", device="text", end="until")
    beside = each.join_asof(known, on="time", by=_ON, strategy="backward", check_sortedness=False)
    return beside.filter(_lasts(knowledge).fill_null(value=False), pl.col("since").is_not_null()).select("at").unique()


def _given(rows: pl.DataFrame, known: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """The rows that speak of a dose which was given within the hour."""
    doses = [key for key, one in knowledge.concepts.items() if one.kind == "dose"]
    beside = rows.filter(pl.col("concept").is_in(doses)).join_asof(
        known, on="time", by=_ON, strategy="nearest", tolerance=HOUR_US, check_sortedness=False
    )
    return beside.filter(pl.col("since").is_not_null()).select("at")
