"""What observations under codes of no table speak of: doubts, unless what is known explains the words (decision 0034).

`PEEP 5` beside a charted ventilator says nothing new; where nothing was charted, it says that one may have been on.
"""

from __future__ import annotations

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import HOUR_US

_ON = ["patient", "concept"]


def unexplained(spoken: pl.DataFrame, observed: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """The rows in doubt that nothing known explains: the first of each hour, and those that are taken back later.

    Explained: a device, by the gravest of its kind still charted; a rate, by one that runs; a dose, by one that was
    given within the hour. Both tables in the form of `OBSERVATIONS`.
    """
    if spoken.is_empty():
        return spoken
    # what is taken back, now or later, explains nothing
    wrong = pl.col("status").eq_missing("entered-in-error")
    back = observed.filter(wrong).select(*_ON, "source").unique()
    observed = observed.filter(~wrong).join(back, on=[*_ON, "source"], how="anti")
    # one that is taken back must not stand for another of its hour
    stands = spoken.join(back, on=[*_ON, "source"], how="anti").sort("time", maintain_order=True)
    hour = pl.struct(*_ON, pl.col("time") // HOUR_US)
    first = pl.concat([stands.filter(hour.is_first_distinct()), spoken.join(back, on=[*_ON, "source"], how="semi")])
    known = observed.join(first.select(_ON).unique(), on=_ON, how="semi").sort("time")
    concepts = {key: knowledge.concepts[key] for key in first["concept"].unique()}
    gravest = {key: one.categories[-1] for key, one in concepts.items() if one.kind == "device"}
    rates = [key for key, one in concepts.items() if one.kind == "infusion"]
    valid = {key: one.valid_for_us for key, one in concepts.items() if one.valid_for_us}
    beside = first.select("row", "time", *_ON).with_row_index("at").sort("time")
    last = beside.join_asof(
        known.select(*_ON, "time", "value", "text", "until", since=pl.col("time")), on="time", by=_ON,
        strategy="backward", check_sortedness=False,
    ).filter(pl.col("time") - pl.col("since") <= pl.col("concept").replace_strict(valid, default=0))  # fmt: skip
    goes_on = pl.col("until").is_null() | (pl.col("until") > pl.col("time"))
    is_gravest = pl.col("text") == pl.col("concept").replace_strict(gravest, default=None, return_dtype=pl.String)
    runs = pl.col("concept").is_in(rates) & pl.col("value").ne_missing(0.0)
    explained = last.filter(goes_on, is_gravest.fill_null(value=False) | runs)["at"].to_list()
    doses = [key for key, one in concepts.items() if one.kind == "dose"]
    given = beside.filter(pl.col("concept").is_in(doses)).join_asof(
        known.select(*_ON, "time", since=pl.col("time")), on="time", by=_ON, strategy="nearest",
        tolerance=HOUR_US, check_sortedness=False,
    )  # fmt: skip
    explained += given.filter(pl.col("since").is_not_null())["at"].to_list()
    return first.with_row_index("at").filter(~pl.col("at").is_in(explained)).drop("at")
