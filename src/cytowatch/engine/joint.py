"""The joint state: CRS, ICANS, IEC-HS and ICAHT at once, and what their order says (rule-scales page, section 6)."""

from __future__ import annotations

from itertools import combinations
from typing import cast

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import FINDINGS, HOUR_US, JOINT

LANES = ("crs", "icans", "iec_hs", "icaht")
# every finding that ``order_findings`` makes, in the order in which they stand in its table
ORDER_FINDINGS = (
    *(f"{first}_and_{second}" for first, second in combinations(LANES, 2)),
    "icans_without_crs",
    "iec_hs_without_crs",
    "biphasic_crs",
    "iec_hs_as_crs_settles",
)
_ENDS = ("at_least", "at_most")


def joint_state(timeline: pl.DataFrame, chosen: list[str], knowledge: Knowledge) -> pl.DataFrame:
    """One row a change of any of the four (``schema.JOINT``); empty unless scales of at least two were ``chosen``."""
    asked = [name for name in LANES if set(_scales(name, knowledge)) & set(chosen)]
    lanes = {name: _lane(timeline, _scales(name, knowledge)) for name in asked}
    if len(lanes) < 2:
        return JOINT.empty()
    edges = [frame.select("patient", pl.col(at).alias("start")) for frame in lanes.values() for at in ("start", "end")]
    table = pl.concat(edges).unique().sort("patient", "start")
    same = pl.col("patient") == pl.col("patient").shift(-1)
    table = table.with_columns(pl.when(same).then(pl.col("start").shift(-1)).alias("end"))
    table = table.filter(pl.col("end").is_not_null())
    for name, frame in lanes.items():
        table = _beside(table, frame, name)
    absent = [pl.lit(None, pl.Int16).alias(f"{name}_{end}") for name in LANES if name not in lanes for end in _ENDS]
    return _joined(table.with_columns(absent)).select(JOINT.names).cast(pl.Schema(JOINT.schema))


def _scales(lane: str, knowledge: Knowledge) -> list[str]:
    return list(cast("dict[str, list[str]]", knowledge.policy("joint_state"))[lane])


def _lane(timeline: pl.DataFrame, scales: list[str]) -> pl.DataFrame:
    """The graded rows of the scales that speak for one part."""
    rows = timeline.filter(pl.col("scale").is_in(scales) & pl.col("at_least").is_not_null())
    return rows.select("patient", "scale", "start", "end", *_ENDS)


def _beside(table: pl.DataFrame, lane: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add one part's bounds; of several scales the higher bound."""
    columns = []
    for number, (_, part) in enumerate(sorted(lane.partition_by("scale", as_dict=True).items())):
        own = part.select("patient", pl.col("start").alias("began"), pl.col("end").alias("stops"), *_ENDS).sort("began")
        found = table.select("patient", "start").join_asof(
            own, left_on="start", right_on="began", by="patient", check_sortedness=False
        )
        here = (pl.col("stops") > pl.col("start")).fill_null(value=False)
        columns.append(found.select(pl.when(here).then(end).alias(f"{end} {number}") for end in _ENDS))
    if not columns:
        return table.with_columns(pl.lit(None, pl.Int16).alias(f"{name}_{end}") for end in _ENDS)
    wide = pl.concat(columns, how="horizontal")
    best = wide.select(
        pl.max_horizontal(column for column in wide.columns if column.startswith(end)).alias(f"{name}_{end}")
        for end in _ENDS
    )
    return table.hstack(best)


def _joined(table: pl.DataFrame) -> pl.DataFrame:
    """Neighbors that say the same joined; stretches in which nothing is graded left out."""
    said = [f"{name}_{end}" for name in LANES for end in _ENDS]
    same = (pl.col("patient") == pl.col("patient").shift(1)) & (pl.col("start") == pl.col("end").shift(1))
    same &= pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in said)
    firsts = table.select((~same.fill_null(value=False)).alias("first"))["first"].arg_true()
    if not len(firsts):
        return table
    lasts = pl.concat([firsts.slice(1), pl.Series([table.height], dtype=firsts.dtype)]) - 1
    rows = table[firsts].with_columns(table["end"].gather(lasts))
    return rows.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in said))


# ---------------------------------------------------------------- what the order says


def order_findings(joint: pl.DataFrame, episodes: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Overlaps and order of the four toxicities (``schema.FINDINGS``): finding by finding, each patient by patient."""
    own = {name: episodes.filter(pl.col("scale").is_in(_scales(name, knowledge))) for name in LANES}
    scales = {name: sorted(_scales(name, knowledge)) for name in LANES}
    parts = [
        *_overlaps(joint, scales),
        _without_crs(own["icans"], joint, "icans", scales),
        _without_crs(own["iec_hs"], joint, "iec_hs", scales),
        _biphasic(own["crs"], scales),
        _as_crs_settles(own["iec_hs"], own["crs"], joint, scales, knowledge),
    ]
    nothing = pl.lit([], dtype=pl.List(pl.String))
    full = [part.with_columns(nothing.alias("evidence")).select(FINDINGS.names) for part in parts if part.height]
    ordered = [part.cast(pl.Schema(FINDINGS.schema)).sort("patient", maintain_order=True) for part in full]
    return pl.concat([FINDINGS.empty(), *ordered])


def _said(rows: pl.DataFrame, kind: str, finding: str, facts: list[str], certain: pl.Expr) -> pl.DataFrame:
    nothing = pl.lit([], dtype=pl.List(pl.String))
    return rows.select(
        "patient",
        pl.lit(kind).alias("kind"),
        pl.lit(finding).alias("finding"),
        "start",
        "end",
        pl.when(certain).then(pl.lit("found")).otherwise(pl.lit("possible")).alias("state"),
        pl.lit(facts).alias("facts"),
        # what two scales say at once, and in which order, is our own reading of them
        pl.lit(["house"] * len(facts)).alias("basis"),
        pl.when(certain).then(nothing).otherwise(pl.lit(["crs"])).alias("missing"),
    )


def _overlaps(joint: pl.DataFrame, scales: dict[str, list[str]]) -> list[pl.DataFrame]:
    """Stretches in which two toxicities are there at once, for certain."""
    found = []
    for first, second in combinations(LANES, 2):
        both = (pl.col(f"{first}_at_least") >= 1) & (pl.col(f"{second}_at_least") >= 1)
        rows = _stretches(joint, both.fill_null(value=False))
        facts = [*scales[first], *scales[second]]
        found.append(_said(rows, "overlap", f"{first}_and_{second}", facts, pl.lit(value=True)))
    return found


def _stretches(joint: pl.DataFrame, holds: pl.Expr) -> pl.DataFrame:
    rows = joint.filter(holds).select("patient", "start", "end")
    apart = (pl.col("patient") != pl.col("patient").shift(1)) | (pl.col("start") != pl.col("end").shift(1))
    numbered = rows.with_columns(apart.fill_null(value=True).cum_sum().alias("stretch"))
    merged = numbered.group_by("patient", "stretch", maintain_order=True).agg(
        pl.col("start").min(), pl.col("end").max()
    )
    return merged.drop("stretch")


def _without_crs(episodes: pl.DataFrame, joint: pl.DataFrame, lane: str, scales: dict[str, list[str]]) -> pl.DataFrame:
    """Episodes with no CRS from the exposure to the episode's last sign; possible where CRS could not be told."""
    own = episodes.select("patient", "exposure_time", pl.col("onset").alias("start"), pl.col("last_sign").alias("end"))
    own = own.with_row_index("at")
    seen = own.join(
        joint.select(
            "patient", pl.col("start").alias("from"), pl.col("end").alias("to"), "crs_at_least", "crs_at_most"
        ),
        on="patient",
        how="left",
    ).filter((pl.col("from") <= pl.col("end")) & (pl.col("to") > pl.col("exposure_time")))
    worst = seen.group_by("at").agg(
        pl.col("crs_at_least").max().alias("low"), pl.col("crs_at_most").max().alias("high")
    )
    rows = own.join(worst, on="at", how="inner").filter(pl.col("low") == 0).sort("at")
    rows = rows.with_columns(pl.max_horizontal("end", pl.col("start") + 1).alias("end"))
    return _said(rows, "order", f"{lane}_without_crs", [*scales[lane], *scales["crs"]], pl.col("high") == 0)


def _biphasic(crs: pl.DataFrame, scales: dict[str, list[str]]) -> pl.DataFrame:
    """A second CRS episode after the same exposure."""
    ordered = crs.sort("patient", "onset")
    # of several scales each has its own first and second episode
    again = pl.col("onset").rank("ordinal").over("patient", "exposure_time", "scale") > 1
    rows = ordered.filter(again).select(
        "patient", pl.col("onset").alias("start"), pl.max_horizontal("last_sign", pl.col("onset") + 1).alias("end")
    )
    return _said(rows, "order", "biphasic_crs", scales["crs"], pl.lit(value=True))


def _as_crs_settles(
    iec_hs: pl.DataFrame, crs: pl.DataFrame, joint: pl.DataFrame, scales: dict[str, list[str]], knowledge: Knowledge
) -> pl.DataFrame:
    """An IEC-HS that begins after the worst of a CRS of the same exposure, with CRS below that worst grade again.

    CRS is still there, or was there not long ago; possible where neither is certain and one is not excluded.
    """
    limit = int(cast("float", knowledge.policy("iec_hs_settling_hours")) * HOUR_US)
    worst = crs.select("patient", "exposure_time", pl.col("time_of_max").alias("worst"), pl.col("max_at_least"))
    own = iec_hs.with_row_index("at").select("at", "patient", "exposure_time", "onset", "last_sign")
    own = own.join(worst, on=["patient", "exposure_time"]).filter(pl.col("onset") > pl.col("worst"))
    now = joint.select("patient", pl.col("start").alias("from"), "crs_at_least", "crs_at_most").sort("from")
    own = own.sort("onset").join_asof(now, left_on="onset", right_on="from", by="patient", check_sortedness=False)
    settling = own.filter((pl.col("crs_at_least") < pl.col("max_at_least")).fill_null(value=False))
    settling = settling.join(_lately(iec_hs, joint, limit), on="at").filter(pl.col("high") >= 1)
    rows = settling.sort("at", "worst").unique("at", keep="first", maintain_order=True)
    below = (pl.col("crs_at_most") < pl.col("max_at_least")).fill_null(value=False)
    certain = below & (pl.col("low") >= 1)
    table = rows.with_columns(
        pl.col("onset").alias("start"), pl.max_horizontal("last_sign", pl.col("onset") + 1).alias("end")
    )
    return _said(table, "order", "iec_hs_as_crs_settles", [*scales["iec_hs"], *scales["crs"]], certain)


def _lately(episodes: pl.DataFrame, joint: pl.DataFrame, limit: int) -> pl.DataFrame:
    """The highest bounds of CRS from ``limit`` before each episode's onset to the onset (columns at, low, high)."""
    own = episodes.with_row_index("at").select("at", "patient", "onset")
    seen = own.join(joint.select("patient", "start", "end", "crs_at_least", "crs_at_most"), on="patient").filter(
        pl.col("start") <= pl.col("onset"), pl.col("end") > pl.col("onset") - limit
    )
    return seen.group_by("at").agg(pl.col("crs_at_least").max().alias("low"), pl.col("crs_at_most").max().alias("high"))
