"""PR: ventilation, oxygen and dialysis, from start to end."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.gather import Mapped
from cytowatch.adapters.sdtm.dates import read_dates
from cytowatch.adapters.sdtm.lasting import Seen, lasting, over_its_time
from cytowatch.adapters.sdtm.lookups import NAMELESS, NEAR, Lookups
from cytowatch.adapters.sdtm.rows import (
    absent,
    cell,
    ignored,
    ignored_by_name,
    rejected,
    unknown_occurrence,
    unsure,
)
from cytowatch.adapters.vocabulary import Code

_NOT_NEEDED = "a procedure that no table needs (codes/sdtm_procedures.csv)"
_NAMELESS = "the row has no name of a procedure, so it may be of any device"
_NAME_IT = (
    "name it in a code list (`--codes`: system PRTRT, concept oxygen_device or kidney_replacement), or say there that "
    "it is ignored; until then it is in doubt for the time of the row"
)

_WRITE_IT = "write PRTRT; until then every device is in doubt for the time of the row"


def procedures(frame: pl.DataFrame, domain: str, lookups: Lookups, seen: Seen) -> Mapped:
    """What the rows of PR state, by PRDECOD, then PRTRT, whole names only.

    A name that no table has and whose words speak of oxygen, ventilation or dialysis is in doubt (decision 0034); of a
    row without a name every device is.
    """

    def find(decoded: str | None, treatment: str | None) -> Code | None:
        site = lookups.of_site((f"{domain}DECOD", decoded), (f"{domain}TRT", treatment))
        known = site or lookups.in_table("procedures", decoded) or lookups.in_table("procedures", treatment)
        return known or lookups.near_device(decoded, treatment)

    frame = lookups.join(frame, [cell(frame, f"{domain}DECOD"), cell(frame, f"{domain}TRT")], find)
    name = pl.coalesce(cell(frame, f"{domain}DECOD"), cell(frame, f"{domain}TRT"))
    frame = lookups.any_of(frame, name.is_null(), ("device",))
    frame, start = read_dates(frame, f"{domain}STDTC", f"{domain}STDY")
    frame, end = read_dates(frame, f"{domain}ENDTC", f"{domain}ENDY")
    why = (
        pl.when(pl.col("fate") == "ignore")
        .then("reason")
        .when(pl.col("fate").is_not_null() & absent(frame, domain))
        .then(pl.lit("not done"))
    )
    frame = frame.with_columns(
        why.alias("_why"), pl.lit(None, pl.String).alias("_dose"), pl.lit(None, pl.String).alias("_unit")
    )
    needed = frame.filter(pl.col("fate").is_not_null(), pl.col("_why").is_null())
    bare, near = (pl.col("fate") == fate for fate in (NAMELESS, NEAR))
    said = bare | unsure(frame, domain)
    raw, told, unread = lasting(needed.filter(~near & ~said), start, end, domain, seen)
    silent = [
        ignored(frame.filter(pl.col("_why").is_not_null()), pl.col("_why")),
        ignored_by_name(frame.filter(pl.col("fate").is_null()), _NOT_NEEDED, name),
        rejected(
            needed.filter(near),
            "unknown_code",
            pl.format("the procedure `{}` is in no table, and its words speak of {}", name, pl.col("concept")),
            _NAME_IT,
            concept=pl.col("concept"),
            value=name,
        ),
        unknown_occurrence(needed.filter(~near & ~bare & said), domain),
        rejected(needed.filter(bare).unique("row", maintain_order=True), "unknown_code", pl.lit(_NAMELESS), _WRITE_IT),
        told,
    ]
    doubtful = over_its_time(needed.filter(near | said), start, end, domain, seen)
    return Mapped(raw, pl.concat(silent), unread=pl.concat([unread, doubtful]))
