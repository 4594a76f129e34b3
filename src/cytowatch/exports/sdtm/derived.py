"""Episodes of a run as events (AE, SUPPAE), grades by day (FA), and as analysis tables (ADAE, ADTTE)."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.sdtm.dates import to_study_day
from cytowatch.exports.sdtm.arms import Arms
from cytowatch.exports.sdtm.doses import with_open_counts
from cytowatch.exports.sdtm.observed import SYNDROME, first_exposures
from cytowatch.exports.sdtm.stamps import Stamps
from cytowatch.knowledge.model import Compare, Knowledge
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
    own = with_open_counts(own, data, knowledge)
    fatal = (pl.col("max_at_least") == 5) & (pl.col("max_at_most") == 5)
    exact = pl.col("max_at_least") == pl.col("max_at_most")
    return arms.beside(own).with_columns(
        family.replace_strict(SYNDROME, default=None, return_dtype=pl.String).alias("_term"),
        (pl.int_range(pl.len()).over("patient") + 1).cast(pl.Float64).alias("_seq"),
        pl.format("{}-{}", pl.col("scale"), pl.col("episode")).alias("_link"),
        stamps.moment("onset").alias("_start"),
        stamps.moment("resolved").alias("_end"),
        stamps.date("onset").dt.to_string("%Y-%m-%d").alias("_start_date"),
        stamps.date("resolved").dt.to_string("%Y-%m-%d").alias("_end_date"),
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
    """The worst grade of each day of an episode: certain (TOXGRADE) and not excluded (TOXGRMAX).

    A resolved episode ends on the day of its AEENDTC: the grade stands for a day more only until that is confirmed.
    """
    rows = data.timeline.join(
        episodes.select("patient", "scale", "episode", "resolved", "exposed", "_term", "_link"),
        on=["patient", "scale", "episode"],
        how="inner",
    )
    first, last = stamps.date("start"), stamps.date("_inside")
    days = (
        rows.filter(pl.col("end") > pl.col("start"), (pl.col("start") <= pl.col("resolved")).fill_null(value=True))
        .with_columns(pl.min_horizontal(pl.col("end") - 1, "resolved").alias("_inside"))
        .with_columns(pl.date_ranges(first, last).alias("_day"))
        .explode("_day", empty_as_null=True, keep_nulls=True)
        .group_by("patient", "scale", "_link", "_term", "exposed", "_day")
        .agg(pl.col("at_least").max(), pl.col("at_most").max())
    )
    tests = (
        ("TOXGRADE", "Toxicity grade, certain", "at_least"),
        ("TOXGRMAX", "Toxicity grade, not excluded", "at_most"),
    )
    table = pl.concat(
        [
            days.select(
                "patient",
                "scale",
                "_link",
                "_term",
                "_day",
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
        FADY=to_study_day(stamps.date("exposed"), pl.col("_day")).cast(pl.Float64),
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
        ASTDT="_start_date",
        AENDTM="_end",
        AENDT="_end_date",
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
        # a dose that nobody could read is in no count: the count is then a lower bound, and has no upper one
        ATOCIN=pl.when(~pl.col("open_tocilizumab")).then("tocilizumab_doses").cast(pl.Float64),
        ATOCINL=pl.col("tocilizumab_doses").cast(pl.Float64),
        ASTEDYN=pl.when(~pl.col("open_steroid")).then("steroid_days").cast(pl.Float64),
        ASTEDYNL=pl.col("steroid_days").cast(pl.Float64),
        AFLAGS=pl.col("flags").list.join("|"),
    )


def onsets(data: ReportData, knowledge: Knowledge, scale: str) -> pl.DataFrame:
    """One row a patient with an exposure and a timeline of a scale: its first certain episode, and what was known.

    Of the episode: ``onset, resolved, last_sign, hours, latest_dose`` (the last exposure before it). Of the timeline
    since the first exposure (``exposed``): ``watched``, its end; ``excluded``, the last moment at which an onset was
    excluded (empty: it never was); ``open_from``, the first at which an event no longer was (empty: there is none); and
    ``answered``: was an event ever certain, or an onset ever excluded?
    """
    own = data.timeline.filter((pl.col("scale") == scale) & pl.col("at_least").is_not_null())
    seen = own.select("patient").unique().join(first_exposures(data.observations, knowledge), on="patient")
    certain = (
        data.episodes.filter((pl.col("scale") == scale) & (pl.col("max_at_least") >= 1))
        .sort("patient", "onset")
        .unique("patient", keep="first", maintain_order=True)
        .select("patient", "onset", "resolved", "last_sign", "hours", pl.col("exposure_time").alias("latest_dose"))
    )
    table = seen.join(certain, on="patient", how="left").join(
        _known(own, seen, _opening(knowledge, scale)), on="patient", how="left"
    )
    return table.sort("patient")


def _opening(knowledge: Knowledge, scale: str) -> str | None:
    """What is measured to tell whether an episode may open; None where any sign of the scale opens one."""
    table = knowledge.scales[scale]
    opens = (one.when for one in table.criteria if one.id == table.episode.opens_with)
    return next((when.concept for when in opens if isinstance(when, Compare)), None)


def _known(timeline: pl.DataFrame, seen: pl.DataFrame, opening: str | None) -> pl.DataFrame:
    rows = timeline.join(seen, on="patient").filter(pl.col("end") > pl.col("exposed")).sort("patient", "start")
    before = pl.col("end").shift(1).over("patient").fill_null(pl.col("exposed"))
    free = pl.col("at_most") == 0
    opened = pl.when(pl.col("start") > before).then(before).when(~free).then(pl.max_horizontal("start", "exposed"))
    none_opens = free
    if opening is not None:
        # no fever: an episode from earlier hours may be open, and none begins
        unknown = pl.col("missing").list.contains(opening) | pl.col("missing").list.contains("death_cause")
        none_opens = free | ((pl.col("at_least") == 0) & pl.col("episode").is_null() & ~unknown)
    return (
        rows.with_columns(opened.alias("_opened"))
        .group_by("patient")
        .agg(
            pl.col("end").max().alias("watched"),
            pl.col("end").filter(none_opens).max().alias("excluded"),
            pl.col("_opened").min().alias("open_from"),
            (none_opens | (pl.col("at_least") >= 1)).any().alias("answered"),
        )
    )


def _times_to_event(data: ReportData, knowledge: Knowledge, stamps: Stamps, arms: Arms) -> pl.DataFrame:
    """ADTTE: days from exposure to onset, and from onset to resolution; CNSR 0 event, 1 no longer known, 2 death first.

    Without an event a patient is censored at the last moment at which an onset was excluded, and at the start if it
    never was. A death comes first only where an onset was excluded up to it. From the latest dose there is no time
    without an event, for each dose begins it anew.
    """
    deaths = (
        data.observations.filter(pl.col("concept") == "death")
        .group_by("patient")
        .agg(pl.col("time").min().alias("died"))
    )
    parts = []
    for scale in syndromes(data):
        table = onsets(data, knowledge, scale).join(deaths, on="patient", how="left")
        happened = pl.col("onset").is_not_null()
        to_onset = table.with_columns(
            _dead=~happened & (pl.col("died") <= pl.col("excluded")).fill_null(value=False),
            _last=pl.coalesce("excluded", "exposed"),
            _why=pl.when(pl.col("excluded").is_null()).then(pl.lit("an onset was never excluded")).otherwise(
                pl.lit("last moment at which an onset was excluded")
            ),
        )  # fmt: skip
        ended = table.filter(happened).with_columns(
            _dead=pl.col("resolved").is_null() & (pl.col("died") <= pl.col("watched")).fill_null(value=False),
            _last=pl.coalesce("last_sign", "watched"),
            _why=pl.lit("last sign, not resolved"),
        )
        last_dose = to_onset.filter(happened & pl.col("latest_dose").is_not_null())
        for code, name, part, start, event in (
            ("TTONSET", "Time to onset (days)", to_onset, "exposed", "onset"),
            ("TTONSDOS", "Time to onset from latest dose (days)", last_dose, "latest_dose", "onset"),
            ("TTRESOL", "Time from onset to resolution (days)", ended, "onset", "resolved"),
        ):
            rows = part.with_columns(_from=start, _event=event).with_columns(
                _at=pl.coalesce("_event", pl.when("_dead").then("died"), "_last")
            )
            parts.append(arms.beside(rows).select(_row(stamps, arms, scale, code, name)))
    if not parts:
        return pl.DataFrame(schema={"STUDYID": pl.String, "USUBJID": pl.String, "PARAMCD": pl.String})
    return pl.concat(parts).sort("USUBJID", "PARCAT1", "PARAMCD")


def _row(stamps: Stamps, arms: Arms, scale: str, code: str, name: str) -> list[pl.Expr]:
    event, dead = pl.col("_event").is_not_null(), pl.col("_dead")
    said = (
        pl.when(event).then(pl.lit("event")).when(dead).then(pl.lit("death before the event")).otherwise(pl.col("_why"))
    )
    opened = pl.coalesce("open_from", "_at")
    # at the end of what is known an onset is open by itself; at a death the death may have been one
    at_once = dead | (~event & pl.col("excluded").is_null())
    early = (pl.col("open_from") < pl.col("_at")) | (at_once & (pl.col("open_from") <= pl.col("_at")))
    is_onset = pl.lit(value=code != "TTRESOL")
    columns = {
        "STUDYID": pl.lit(arms.study),
        "USUBJID": pl.col("patient"),
        "TRTA": pl.col("arm"),
        "PARAMCD": pl.lit(code),
        "PARAM": pl.lit(name),
        "PARCAT1": pl.lit(scale),
        "PARCAT2": pl.lit(SYNDROME[scale.partition(".")[0]]),
        "STARTDTM": stamps.moment("_from"),
        "ADTM": stamps.moment("_at"),
        "AVAL": _days_since(pl.col("_at")),
        "AVALL": pl.when(is_onset).then(_days_since(pl.min_horizontal(opened, "_at")).clip(lower_bound=0)),
        "CNSR": pl.when(event).then(0.0).when(dead).then(2.0).otherwise(1.0),
        "EVNTDESC": said,
        "APOSSFL": pl.when(is_onset & early).then(pl.lit("Y")),
    }
    return [value.alias(column) for column, value in columns.items()]


def _days_since(moment: pl.Expr) -> pl.Expr:
    return ((moment - pl.col("_from")) / DAY_US).round(6)
