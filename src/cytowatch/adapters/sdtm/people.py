"""DM and DS: who the subjects are, and deaths."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.frame import LINE
from cytowatch.adapters.gather import Mapped
from cytowatch.adapters.resolve import find_category
from cytowatch.adapters.sdtm.dates import WHOLE, read_dates
from cytowatch.adapters.sdtm.rows import capitals, cell, cut_short, facts, ignored, no_facts, rejected
from cytowatch.errors import InputError
from cytowatch.knowledge.model import Knowledge

# parts of a year, for AGEU
_YEARS = {"YEARS": 1.0, "MONTHS": 12.0, "WEEKS": 365.25 / 7, "DAYS": 365.25, "HOURS": 365.25 * 24}
_DEATH_HINT = "give DTHDTC with its time of day; a death that cannot be placed ends no timeline"


def references(frame: pl.DataFrame | None) -> pl.DataFrame:
    """RFSTDTC of each subject as a date (``USUBJID, _reference``), from which study days are counted."""
    nothing = pl.DataFrame(schema={"USUBJID": pl.String, "_reference": pl.Date})
    if frame is None or "RFSTDTC" not in frame.columns:
        return nothing
    date = pl.col("RFSTDTC").str.extract(r"^(\d{4}-\d{2}-\d{2})(?:$|T)").str.to_date("%Y-%m-%d", strict=False)
    return (
        frame.select("USUBJID", date.alias("_reference"))
        .drop_nulls()
        .unique("USUBJID", keep="first", maintain_order=True)
    )


def refuse_two_studies(frame: pl.DataFrame, label: str) -> None:
    """InputError where one subject stands in two studies: whether it is one person, nobody can tell from here."""
    if not {"STUDYID", "USUBJID"} <= set(frame.columns):
        return
    studies = (
        frame.drop_nulls(["STUDYID", "USUBJID"]).group_by("USUBJID").agg(pl.col("STUDYID").n_unique().alias("studies"))
    )
    if studies.filter(pl.col("studies") > 1).height:
        raise InputError(
            "A subject stands in two studies.",
            where=label,
            why="It may be one person or two; rows of two persons would be graded as one.",
            hint="Give one folder for each study, or give every person one USUBJID of their own.",
        )


def known_people(frame: pl.DataFrame) -> pl.DataFrame:
    """DM as the contract's table of patients, as text; the door's reader of patients judges the fields."""
    age = cell(frame, "AGE").cast(pl.Float64, strict=False)
    parts = (
        capitals(cell(frame, "AGEU")).fill_null("YEARS").replace_strict(_YEARS, default=None, return_dtype=pl.Float64)
    )
    # what is no number goes on as it is, to be refused
    years = pl.when(age.is_null()).then(cell(frame, "AGE")).otherwise((age / parts).round(6).cast(pl.String))
    unknown = ["U", "UNDIFFERENTIATED", "UNKNOWN"]
    whole = cell(frame, "BRTHDTC").str.contains(r"^\d{4}-\d{2}-\d{2}")
    sex = capitals(cell(frame, "SEX"))
    return frame.filter(pl.col("USUBJID").is_not_null()).select(
        pl.col("_line").alias(LINE),
        patient="USUBJID",
        age_years=years,
        # a year of birth is no birth date; the age tells what is known
        birth_date=pl.when(whole).then(cell(frame, "BRTHDTC")),
        sex=pl.when(~sex.is_in(unknown)).then(sex.replace({"M": "male", "F": "female"}).str.to_lowercase()),
    )


def demographics(frame: pl.DataFrame, dispositions: pl.DataFrame | None) -> Mapped:
    """Deaths that DM tells; rows that give none are used for age and sex.

    A death that DS places is told there, with its cause: as one of unknown cause it would hide that cause.
    """
    frame, died = read_dates(frame, "DTHDTC")
    dead = frame.filter(pl.col(died.text).is_not_null() | (capitals(cell(frame, "DTHFL")) == "Y"))
    dead = dead.with_columns(pl.lit("death").alias("concept"))
    undated = dead.filter(pl.col(died.text).is_null())
    silent = [
        cut_short(dead.filter(pl.col(died.partial)), died, consequence=_DEATH_HINT),
        rejected(
            undated,
            "missing_time",
            pl.lit("the subject died, and no date of death is given"),
            _DEATH_HINT,
            concept=pl.col("concept"),
        ),
        ignored(frame.filter(pl.col("USUBJID").is_null()), pl.lit("no USUBJID")),
        ignored(
            frame.filter(pl.col("USUBJID").is_not_null() & ~pl.col("USUBJID").is_first_distinct()),
            pl.lit("the subject stands twice; the first row is used for deaths"),
        ),
    ]
    placed = dead.filter(pl.col(died.text).is_not_null(), ~pl.col(died.partial))
    if dispositions is not None:
        placed = placed.join(_placed_deaths(dispositions), on="USUBJID", how="anti")
    return Mapped(facts(placed, died.text, concept=pl.col("concept"), text=pl.lit("unknown")), pl.concat(silent))


def _placed_deaths(frame: pl.DataFrame) -> pl.DataFrame:
    """The subjects whose death DS places."""
    whole = cell(frame, "DSSTDTC").str.contains(WHOLE).fill_null(value=False)
    return frame.filter(_is_death(frame) & whole).select("USUBJID")


def _is_death(frame: pl.DataFrame) -> pl.Expr:
    decoded, term = capitals(cell(frame, "DSDECOD")), capitals(cell(frame, "DSTERM"))
    return (decoded == "DEATH").fill_null(value=False) | (decoded.is_null() & (term == "DEATH").fill_null(value=False))


def disposition(frame: pl.DataFrame, knowledge: Knowledge) -> Mapped:
    """DS: deaths; everything else about how a subject left the study is not graded."""
    death = _is_death(frame)
    frame, when = read_dates(
        frame.with_columns(death.alias("_death"), pl.lit("death").alias("concept")), "DSSTDTC", "DSSTDY"
    )
    dead = frame.filter("_death")
    silent = [
        ignored(frame.filter(~pl.col("_death")), pl.lit("a disposition that is no death")),
        cut_short(dead.filter(pl.col(when.partial)), when, consequence=_DEATH_HINT),
    ]
    if dead.is_empty():
        return Mapped(no_facts(), pl.concat(silent))
    placed = dead.filter(~pl.col(when.partial))
    return Mapped(
        facts(placed, when.text, concept=pl.col("concept"), text=_cause(placed, knowledge)), pl.concat(silent)
    )


def _cause(frame: pl.DataFrame, knowledge: Knowledge) -> pl.Expr:
    """The cause of a death, where DSTERM names one of the dictionary; else unknown, never a toxicity."""
    concept = knowledge.concepts["death"]
    terms = frame.select(cell(frame, "DSTERM").alias("term"))["term"].drop_nulls().unique()
    causes = {term: find_category(concept, term) for term in terms}
    known = {term: cause for term, cause in causes.items() if cause}
    return cell(frame, "DSTERM").replace_strict(known, default="unknown", return_dtype=pl.String).fill_null("unknown")
