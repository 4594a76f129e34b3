"""PR: ventilation, oxygen and dialysis, from start to end."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.gather import Mapped
from cytowatch.adapters.sdtm.dates import read_dates
from cytowatch.adapters.sdtm.lasting import Seen, lasting
from cytowatch.adapters.sdtm.lookups import Lookups
from cytowatch.adapters.sdtm.rows import capitals, cell, ignored
from cytowatch.adapters.vocabulary import Code


def procedures(frame: pl.DataFrame, domain: str, lookups: Lookups, seen: Seen) -> Mapped:
    """What the rows of PR state, by PRDECOD, then PRTRT, whole names only."""

    def find(decoded: str | None, treatment: str | None) -> Code | None:
        site = lookups.of_site((f"{domain}DECOD", decoded), (f"{domain}TRT", treatment))
        return site or lookups.in_table("procedures", decoded) or lookups.in_table("procedures", treatment)

    frame = lookups.join(frame, [cell(frame, f"{domain}DECOD"), cell(frame, f"{domain}TRT")], find)
    frame, start = read_dates(frame, f"{domain}STDTC", f"{domain}STDY")
    frame, end = read_dates(frame, f"{domain}ENDTC", f"{domain}ENDY")
    absent = (capitals(cell(frame, f"{domain}OCCUR")) == "N") | (capitals(cell(frame, f"{domain}STAT")) == "NOT DONE")
    why = (
        pl.when(pl.col("fate").is_null())
        .then(pl.lit("a procedure that no table needs (codes/sdtm_procedures.csv)"))
        .when(pl.col("fate") == "ignore")
        .then("reason")
        .when(absent.fill_null(value=False))
        .then(pl.lit("not done"))
    )
    frame = frame.with_columns(
        why.alias("_why"), pl.lit(None, pl.String).alias("_dose"), pl.lit(None, pl.String).alias("_unit")
    )
    live = frame.filter(pl.col("_why").is_null())
    raw, silent, unread = lasting(live, start, end, domain, seen)
    return Mapped(
        raw, pl.concat([ignored(frame.filter(pl.col("_why").is_not_null()), pl.col("_why")), silent]), unread=unread
    )
