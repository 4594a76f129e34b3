"""EC beside EX: which collected doses the exposure domain tells already, subject by subject."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.sdtm.dates import WHOLE
from cytowatch.adapters.sdtm.lookups import Lookups
from cytowatch.adapters.sdtm.rows import capitals, cell

_DAY = 10


def exposure_told(frame: pl.DataFrame, exposure: pl.DataFrame | None, lookups: Lookups) -> pl.Series:
    """Which rows of EC are told by rows of EX with a time of day.

    A row is, if all that EX has of its subject, or of its subject and treatment, is timed; and if EX has a timed row of
    its subject and treatment on its day. A dose that EX gives by date alone is not told.
    """
    nothing = pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
    if exposure is None or "EXSTDTC" not in exposure.columns or frame.is_empty():
        return nothing
    given = exposure.select(
        "USUBJID",
        _treatment(exposure, "EX", lookups).alias("_what"),
        pl.col("EXSTDTC").str.slice(0, _DAY).alias("_day"),
        pl.col("EXSTDTC").str.contains(WHOLE).fill_null(value=False).alias("_timed"),
    )
    mine = frame.select(
        "USUBJID",
        _treatment(frame, "EC", lookups).alias("_what"),
        cell(frame, "ECSTDTC").str.slice(0, _DAY).alias("_day"),
    )
    told = [
        mine.join(given.group_by(keys).agg(how.alias("_told")), on=keys, how="left", maintain_order="left")["_told"]
        for keys, how in (
            (["USUBJID"], pl.col("_timed").all()),
            (["USUBJID", "_what"], pl.col("_timed").all()),
            (["USUBJID", "_what", "_day"], pl.col("_timed").any()),
        )
    ]
    return pl.DataFrame([one.alias(str(n)) for n, one in enumerate(told)]).select(
        pl.any_horizontal(pl.all().fill_null(value=False)).alias("told")
    )["told"]


def _treatment(frame: pl.DataFrame, domain: str, lookups: Lookups) -> pl.Series:
    """What a row gives: the drug or product where its name is known, else the name."""
    names = frame.select(capitals(cell(frame, f"{domain}TRT")).alias("name"))["name"]
    known = {}
    for name in names.unique().drop_nulls():
        code = lookups.of_site((f"{domain}TRT", name)) or lookups.drug(name)
        known[name] = f"{code.concept}|{code.category}" if code else name
    return names.replace_strict(known, default=None, return_dtype=pl.String)
