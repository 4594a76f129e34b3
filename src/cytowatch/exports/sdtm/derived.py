"""Episodes of a run as events (AE, SUPPAE), grades by day (FA), and as analysis tables (ADAE, ADTTE)."""

from __future__ import annotations

import polars as pl

from cytowatch.exports.sdtm.arms import Arms
from cytowatch.exports.sdtm.observed import SYNDROME, first_exposures
from cytowatch.exports.sdtm.stamps import Stamps
from cytowatch.knowledge.model import Knowledge
from cytowatch.report import ReportData
from cytowatch.schema import DAY_US

_OUTCOME = {
    "resolved": "RECOVERED/RESOLVED",
    "ongoing": "NOT RECOVERED/NOT RESOLVED",
    "died": "NOT RECOVERED/NOT RESOLVED",
}


def derived(data: ReportData, knowledge: Knowledge, stamps: Stamps, arms: Arms) -> dict[str, pl.DataFrame]:
    """AE, SUPPAE, FA, ADAE and ADTTE of a run: one AE row an episode and scale."""
    episodes = _episodes(data, knowledge, stamps, arms)
    return {
        "AE": _adverse_events(episodes, arms),
        "SUPPAE": _supplements(episodes, arms),
        "FA": _grades_by_day(data, episodes, stamps, arms),
        "ADAE": _analysis_events(episodes, arms),
        "ADTTE": _times_to_event(data, knowledge, stamps, arms),
    }


def syndromes(data: ReportData) -> list[str]:
    """The scales of the run that grade CRS or ICANS."""
    return [scale for scale in data.timeline["scale"].unique().sort().to_list() if scale.partition(".")[0] in SYNDROME]


def _episodes(data: ReportData, knowledge: Knowledge, stamps: Stamps, arms: Arms) -> pl.DataFrame:
    """The episodes of CRS and ICANS with everything that the tables say of them."""
    family = pl.col("scale").str.extract(r"^([a-z]+)\.", 1)
    own = data.episodes.filter(family.is_in(list(SYNDROME))).sort("patient", "onset", "scale", "episode")
    own = own.join(first_exposures(data.observations, knowledge), on="patient", how="left", maintain_order="left")
    fatal = (pl.col("max_at_least") == 5) & (pl.col("max_at_most") == 5)
    exact = pl.col("max_at_least") == pl.col("max_at_most")
    return arms.beside(own).with_columns(
        family.replace_strict(SYNDROME, default=None, return_dtype=pl.String).alias("_term"),
        (pl.int_range(pl.len()).over("patient") + 1).cast(pl.Float64).alias("_seq"),
        pl.format("{}-{}", pl.col("scale"), pl.col("episode")).alias("_link"),
        stamps.moment("onset").alias("_start"),
        stamps.moment("resolved").alias("_end"),
        stamps.study_day("onset", "exposed").alias("_start_day"),
        stamps.study_day("resolved", "exposed").alias("_end_day"),
        pl.when(fatal)
        .then(pl.lit("FATAL"))
        .otherwise(pl.col("state").replace_strict(_OUTCOME, default="UNKNOWN", return_dtype=pl.String))
        .alias("_outcome"),
        pl.when(exact).then(pl.col("max_at_least").cast(pl.String)).alias("_grade"),
    )


def _adverse_events(episodes: pl.DataFrame, arms: Arms) -> pl.DataFrame:
    return episodes.select(
        STUDYID=pl.lit(arms.study),
        DOMAIN=pl.lit("AE"),
        USUBJID="patient",
        AESEQ="_seq",
        AESPID="_link",
        AETERM="_term",
        AEDECOD="_term",
        AECAT="scale",
        # a grade of CTCAE belongs here, one of another scale into the supplement
        AETOXGR=pl.when(pl.col("scale").str.contains(".ctcae-", literal=True)).then("_grade"),
        AEOUT="_outcome",
        AESDTH=pl.when(pl.col("_outcome") == "FATAL").then(pl.lit("Y")),
        AESTDTC="_start",
        AEENDTC="_end",
        AESTDY=pl.col("_start_day").cast(pl.Float64),
        AEENDY=pl.col("_end_day").cast(pl.Float64),
    )


def _supplements(episodes: pl.DataFrame, arms: Arms) -> pl.DataFrame:
    """Scale, bounds and, where they are one, the grade; ASTCTGR is read back as a grade on the ASTCT scale."""
    astct = pl.col("scale").str.contains(".astct-", literal=True)
    values = {
        "GRSCALE": ("Grading scale", pl.col("scale")),
        "GRATLST": ("Worst grade, certain", pl.col("max_at_least").cast(pl.String)),
        "GRATMST": ("Worst grade, not excluded", pl.col("max_at_most").cast(pl.String)),
        "ASTCTGR": ("ASTCT grade", pl.when(astct).then("_grade")),
    }
    parts = [
        episodes.select(
            STUDYID=pl.lit(arms.study),
            RDOMAIN=pl.lit("AE"),
            USUBJID="patient",
            IDVAR=pl.lit("AESEQ"),
            IDVARVAL=pl.col("_seq").cast(pl.Int64).cast(pl.String),
            QNAM=pl.lit(name),
            QLABEL=pl.lit(label),
            QVAL=value,
            QORIG=pl.lit("DERIVED"),
            QEVAL=pl.lit("cytowatch"),
        )
        for name, (label, value) in values.items()
    ]
    return (
        pl.concat(parts).filter(pl.col("QVAL").is_not_null()).sort("USUBJID", pl.col("IDVARVAL").cast(pl.Int64), "QNAM")
    )


def _grades_by_day(data: ReportData, episodes: pl.DataFrame, stamps: Stamps, arms: Arms) -> pl.DataFrame:
    """The worst grade of each day of an episode: certain (TOXGRADE) and not excluded (TOXGRMAX)."""
    rows = data.timeline.join(
        episodes.select("patient", "scale", "episode", "exposed", "_term", "_link"),
        on=["patient", "scale", "episode"],
        how="inner",
    )
    first, last = stamps.date("start"), stamps.date("_inside")
    days = (
        rows.filter(pl.col("end") > pl.col("start"))
        .with_columns((pl.col("end") - 1).alias("_inside"))
        .with_columns(pl.date_ranges(first, last).alias("_day"))
        .explode("_day", empty_as_null=True, keep_nulls=True)
        .group_by("patient", "scale", "_link", "_term", "exposed", "_day")
        .agg(pl.col("at_least").max(), pl.col("at_most").max())
    )
    tests = (
        ("TOXGRADE", "Toxicity grade, certain", "at_least"),
        ("TOXGRMAX", "Toxicity grade, not excluded", "at_most"),
    )
    midnight = (pl.col("_day").cast(pl.Int64) * DAY_US - stamps.zero).alias("_midnight")
    table = pl.concat(
        [
            days.with_columns(midnight).select(
                "patient",
                "scale",
                "_link",
                "_term",
                "_day",
                "_midnight",
                "exposed",
                pl.lit(code).alias("code"),
                pl.lit(name).alias("name"),
                pl.col(column).alias("grade"),
            )
            for code, name, column in tests
        ]
    ).filter(pl.col("grade").is_not_null())
    table = table.sort("patient", "scale", "_link", "_day", "code")
    return table.select(
        STUDYID=pl.lit(arms.study),
        DOMAIN=pl.lit("FA"),
        USUBJID="patient",
        FASEQ=(pl.int_range(pl.len()).over("patient") + 1).cast(pl.Float64),
        FALNKGRP="_link",
        FATESTCD="code",
        FATEST="name",
        FAOBJ="_term",
        FACAT=pl.lit("DERIVED"),
        FASCAT="scale",
        FASTRESC=pl.col("grade").cast(pl.String),
        FASTRESN=pl.col("grade").cast(pl.Float64),
        FADTC=pl.col("_day").dt.to_string("%Y-%m-%d"),
        FADY=stamps.study_day("_midnight", "exposed").cast(pl.Float64),
    )


def _analysis_events(episodes: pl.DataFrame, arms: Arms) -> pl.DataFrame:
    """ADAE in the shape of occurrence data: one row an episode, with both bounds of its worst grade."""
    return episodes.select(
        STUDYID=pl.lit(arms.study),
        USUBJID="patient",
        TRTA="arm",
        AESEQ="_seq",
        AEDECOD="_term",
        AECAT="scale",
        ASTDTM="_start",
        ASTDT=pl.col("_start").str.slice(0, 10),
        AENDTM="_end",
        AENDT=pl.col("_end").str.slice(0, 10),
        ASTDY=pl.col("_start_day").cast(pl.Float64),
        AENDY=pl.col("_end_day").cast(pl.Float64),
        ADURN=(pl.col("hours") / 24).round(4),
        ADURU=pl.when(pl.col("hours").is_not_null()).then(pl.lit("DAYS")),
        ATOXGR="_grade",
        ATOXGRL=pl.col("max_at_least").cast(pl.Float64),
        ATOXGRH=pl.col("max_at_most").cast(pl.Float64),
        AOUT="_outcome",
        AOCCFL=pl.when(pl.col("episode") == pl.col("episode").min().over("patient", "scale")).then(pl.lit("Y")),
        ARECURFL=pl.when("recurrent").then(pl.lit("Y")),
        ATRT="exposure",
        ADAYEXP=pl.col("days_from_exposure").round(4),
        ATOCIN=pl.col("tocilizumab_doses").cast(pl.Float64),
        ASTEDYN=pl.col("steroid_days").cast(pl.Float64),
        AFLAGS=pl.col("flags").list.join("|"),
    )


def onsets(data: ReportData, knowledge: Knowledge, scale: str) -> pl.DataFrame:
    """One row a graded patient of a scale: exposure, end of watch, first certain episode, its end, first possible one.

    Columns ``patient, exposed, watched, onset, resolved, hours, state, possible``. A patient without an exposure, or of
    whom nothing could be graded, is not there.
    """
    own = data.timeline.filter((pl.col("scale") == scale) & pl.col("at_least").is_not_null())
    seen = own.group_by("patient").agg(pl.col("end").max().alias("watched")).sort("patient")
    seen = seen.join(first_exposures(data.observations, knowledge), on="patient", how="left")
    episodes = data.episodes.filter(pl.col("scale") == scale).sort("patient", "onset")
    certain = episodes.filter(pl.col("max_at_least") >= 1).unique("patient", keep="first", maintain_order=True)
    possible = episodes.filter(pl.col("max_at_most") >= 1).unique("patient", keep="first", maintain_order=True)
    wanted = certain.select("patient", "onset", "resolved", "hours", "state")
    table = seen.join(wanted, on="patient", how="left").join(
        possible.select("patient", pl.col("onset").alias("possible")), on="patient", how="left"
    )
    return table.sort("patient")


def _times_to_event(data: ReportData, knowledge: Knowledge, stamps: Stamps, arms: Arms) -> pl.DataFrame:
    """ADTTE: days from exposure to onset, and from onset to resolution; CNSR 0 event, 1 end of watch, 2 death first."""
    parts = []
    deaths = (
        data.observations.filter(pl.col("concept") == "death")
        .group_by("patient")
        .agg(pl.col("time").min().alias("died"))
    )
    for scale in syndromes(data):
        table = (
            onsets(data, knowledge, scale)
            .join(deaths, on="patient", how="left")
            .filter(pl.col("exposed").is_not_null())
        )
        term = pl.lit(SYNDROME[scale.partition(".")[0]])
        watch = pl.min_horizontal("watched", "died")
        onset = table.with_columns(
            pl.coalesce("onset", watch).alias("_at"), pl.col("exposed").alias("_from"), pl.col("onset").alias("_event")
        )
        ended = table.filter(pl.col("onset").is_not_null()).with_columns(
            pl.coalesce("resolved", watch).alias("_at"),
            pl.col("onset").alias("_from"),
            pl.col("resolved").alias("_event"),
        )
        for code, name, part in (
            ("TTONSET", "Time to onset (days)", onset),
            ("TTRESOL", "Time from onset to resolution (days)", ended),
        ):
            parts.append(arms.beside(part).select(_row(stamps, arms, scale, term, code, name)))
    if not parts:
        return pl.DataFrame(schema={"STUDYID": pl.String, "USUBJID": pl.String, "PARAMCD": pl.String})
    return pl.concat(parts).sort("USUBJID", "PARCAT1", "PARAMCD")


def _row(stamps: Stamps, arms: Arms, scale: str, term: pl.Expr, code: str, name: str) -> list[pl.Expr]:
    event = pl.col("_event").is_not_null()
    dead = (pl.col("died") <= pl.col("watched")).fill_null(value=False)
    said = (
        pl.when(event)
        .then(pl.lit("event"))
        .when(dead)
        .then(pl.lit("death before the event"))
        .otherwise(pl.lit("end of watch"))
    )
    censored = pl.when(event).then(0.0).when(dead).then(2.0).otherwise(1.0)
    unsure = ~event & pl.col("possible").is_not_null() if code == "TTONSET" else pl.lit(value=False)
    columns = {
        "STUDYID": pl.lit(arms.study),
        "USUBJID": pl.col("patient"),
        "TRTA": pl.col("arm"),
        "PARAMCD": pl.lit(code),
        "PARAM": pl.lit(name),
        "PARCAT1": pl.lit(scale),
        "PARCAT2": term,
        "STARTDTM": stamps.moment("_from"),
        "ADTM": stamps.moment("_at"),
        "AVAL": ((pl.col("_at") - pl.col("_from")) / DAY_US).round(6),
        "CNSR": censored,
        "EVNTDESC": said,
        "APOSSFL": pl.when(unsure).then(pl.lit("Y")),
    }
    return [value.alias(column) for column, value in columns.items()]
