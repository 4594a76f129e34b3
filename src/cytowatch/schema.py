"""The tables that pass between rooms: column, type and meaning, declared once.

``raw`` is what a user or a door hands in (contract §1, every column text unless the file is typed);
``observations`` is what admission makes of it; the rest is what comes out (contract §2).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import polars as pl

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
# CSV holds no lists: their entries are joined by this
LIST_SEPARATOR = "|"
# what a folder of results is known by: the record of its run, and the mark while its tables are replaced
RUN_RECORD = "run.json"
BEING_REPLACED = ".being-replaced"
# what the metadata of a Parquet file say, with the value `true`, if nobody in it was ever measured
SIMULATED = "cytowatch.simulated"


@dataclass(frozen=True)
class Column:
    """One column of a table: its type and what it means."""

    name: str
    dtype: pl.DataType
    meaning: str


@dataclass(frozen=True)
class Table:
    """A named table: its columns in order."""

    name: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Column name to Polars type."""
        return {column.name: column.dtype for column in self.columns}

    @property
    def names(self) -> list[str]:
        """The column names in order."""
        return [column.name for column in self.columns]

    def empty(self) -> pl.DataFrame:
        """An empty frame of this table."""
        return pl.DataFrame(schema=self.schema)


_TEXT = pl.String()
_TIME = pl.Int64()
_LIST = pl.List(pl.String())

OBSERVATIONS = Table(
    "observations",
    (
        Column("row", pl.Int64(), "number of the input row, unique in a run; below 0 for a row in doubt"),
        Column("patient", _TEXT, "pseudonymous id"),
        Column("time", _TIME, "microseconds since 1970 UTC, or since the file's zero where the clock is hours"),
        Column("until", _TIME, "end, same clock; empty if open"),
        Column("available", _TIME, "when the row became known, same clock; empty = at its time"),
        Column("concept", _TEXT, "key in concepts.toml"),
        Column("value", pl.Float64(), "number in the canonical unit"),
        Column("unit", _TEXT, "canonical unit of the value (a concept may have more than one family of units)"),
        Column("comparator", _TEXT, "`<`, `<=`, `>`, `>=`, or empty"),
        Column("text", _TEXT, "category, product key or free text"),
        Column("source", _TEXT, "where the row came from"),
        Column("status", _TEXT, "final, preliminary, amended or entered-in-error"),
        Column("range_low", pl.Float64(), "lower limit of normal that the laboratory printed, in the canonical unit"),
        Column("range_high", pl.Float64(), "upper limit of normal that the laboratory printed, in the canonical unit"),
    ),
)

# rejected rows that may have been a therapy, a finding or a vital sign, as observations (decisions 0014, 0019, 0036)
IN_DOUBT = Table("in_doubt", OBSERVATIONS.columns)

PATIENTS = Table(
    "patients",
    (
        Column("patient", _TEXT, "pseudonymous id"),
        Column("age_years", pl.Float64(), "age as given; empty = unknown"),
        Column("birth_date", pl.Date(), "birth date as given; empty = unknown"),
        Column("sex", _TEXT, "as given"),
        Column("weight_kg", pl.Float64(), "body weight"),
        Column("developmental_delay", pl.Boolean(), "true, false, or empty = not stated"),
        Column("sbp_threshold", pl.Float64(), "the patient's own systolic threshold for hypotension, mm[Hg]"),
        Column("baseline_oxygen_device", _TEXT, "device used at home before the trigger"),
        Column("baseline_creatinine", pl.Float64(), "mg/dL"),
        Column("baseline_ast", pl.Float64(), "U/L"),
        Column("baseline_alt", pl.Float64(), "U/L"),
        Column("baseline_bilirubin", pl.Float64(), "mg/dL"),
        Column("baseline_sbp", pl.Float64(), "mm[Hg]"),
        Column("baseline_ice", pl.Float64(), "points"),
        Column("declined_guidelines", _TEXT, "ids of guidelines by which the patient does not want care, between `;`"),
    ),
)

REJECTS = Table(
    "rejects",
    (
        Column("row", pl.Int64(), "number of the input row (or line) it came from; empty if the whole file"),
        Column("source", _TEXT, "file and line, or the pointer the row carried"),
        Column("patient", _TEXT, "patient as given"),
        Column("concept", _TEXT, "concept as given"),
        Column("value", _TEXT, "value, or the offending field, as given"),
        Column("rule", _TEXT, "short stable name of the rule that refused it"),
        Column("reason", _TEXT, "why it cannot be used"),
        Column("hint", _TEXT, "what would make it usable"),
    ),
)

LEDGER = Table(
    "ledger",
    (
        Column("file", _TEXT, "input file or table"),
        Column("fate", _TEXT, "used, superseded, ignored or rejected"),
        Column("reason", _TEXT, "why ignored, superseded or rejected; empty for used"),
        Column("rows", pl.Int64(), "how many"),
    ),
)

TIMELINE = Table(
    "timeline",
    (
        Column("patient", _TEXT, "pseudonymous id"),
        Column("scale", _TEXT, "scale id"),
        Column("start", _TIME, "start of the state, included"),
        Column("end", _TIME, "end of the state, not included"),
        Column("grade", pl.Int16(), "the grade; empty where at_least and at_most differ or nothing can be graded"),
        Column("at_least", pl.Int16(), "what is certainly met"),
        Column("at_most", pl.Int16(), "what is not excluded"),
        Column("criteria", _LIST, "criteria met for certain"),
        Column("missing", _LIST, "what would settle the grade"),
        Column("flags", _LIST, "what a reader must know besides"),
        Column("evidence", _LIST, "sources that make the criteria certain at the start"),
        Column("episode", pl.Int32(), "number of the episode, empty outside one"),
        Column("knowledge", _TEXT, "knowledge version and the table's revision"),
        Column("engine", _TEXT, "software version"),
    ),
)

EPISODES = Table(
    "episodes",
    (
        Column("patient", _TEXT, "pseudonymous id"),
        Column("scale", _TEXT, "scale id"),
        Column("episode", pl.Int32(), "number within patient and scale, from 1"),
        Column("onset", _TIME, "when it began"),
        Column("last_sign", _TIME, "last moment of a sign"),
        Column("resolved", _TIME, "equal to last_sign once confirmed; empty = unknown or ongoing"),
        Column("state", _TEXT, "resolved, ongoing, died or unknown"),
        Column("max_at_least", pl.Int16(), "worst grade for certain"),
        Column("max_at_most", pl.Int16(), "worst grade not excluded"),
        Column("time_of_max", _TIME, "when max_at_least was first reached"),
        Column("hours", pl.Float64(), "onset to resolved"),
        Column("exposure", _TEXT, "product of the latest trigger at or before onset"),
        Column("exposure_time", _TIME, "its time"),
        Column("days_from_exposure", pl.Float64(), "onset minus exposure, in days of 24 h"),
        Column("tocilizumab_doses", pl.Int32(), "doses given in the episode"),
        Column("steroid_days", pl.Int32(), "days since exposure with a steroid dose in the episode"),
        Column("recurrent", pl.Boolean(), "not the first episode of this patient"),
        Column("flags", _LIST, "what a reader must know besides"),
    ),
)

CONCORDANCE = Table(
    "concordance",
    (
        Column("patient", _TEXT, "pseudonymous id"),
        Column("scale", _TEXT, "scale id"),
        Column("level", _TEXT, "`day` or `worst`"),
        Column("day", pl.Int32(), "day since the first exposure, empty for `worst`"),
        Column("reported", pl.Int16(), "grade reported by people"),
        Column("derived_at_least", pl.Int16(), "worst certain grade derived in the same span"),
        Column("derived_at_most", pl.Int16(), "worst grade not excluded in the same span"),
        Column("verdict", _TEXT, "agree, differ, compatible (reported lies within the bounds) or not_comparable"),
        Column("reason", _TEXT, "why not comparable, or how far apart"),
    ),
)

DISCORDANCE = Table(
    "discordance",
    (
        Column("scale_a", _TEXT, "one scale"),
        Column("scale_b", _TEXT, "another of the same family"),
        Column("basis", _TEXT, "`derived` from the record, `certain` (its lower bound), or `reported` by people"),
        Column("grade_a", pl.Int16(), "worst grade of a patient on scale_a; empty where it is not known"),
        Column("grade_b", pl.Int16(), "worst grade of the same patient on scale_b; empty where it is not known"),
        Column("patients", pl.Int64(), "how many patients have this pair"),
    ),
)

_JOINT_LANES = ("crs", "icans", "iec_hs", "icaht")
JOINT = Table(
    "joint",
    (
        Column("patient", _TEXT, "pseudonymous id"),
        Column("start", _TIME, "start of the joint state, included"),
        Column("end", _TIME, "end of the joint state, not included"),
        *(
            Column(f"{lane}_{end}", pl.Int16(), f"{meaning} on the {lane} scale; empty where it does not grade")
            for lane in _JOINT_LANES
            for end, meaning in (("at_least", "what is certainly met"), ("at_most", "what is not excluded"))
        ),
    ),
)

FINDINGS = Table(
    "findings",
    (
        Column("patient", _TEXT, "pseudonymous id"),
        Column("kind", _TEXT, "`look_alike`, `order` or `overlap`"),
        Column("finding", _TEXT, "its key"),
        Column("start", _TIME, "from when on it holds"),
        Column("end", _TIME, "until when, not included"),
        Column("state", _TEXT, "`found`, or `possible` where something that is missing could take it away"),
        Column("facts", _LIST, "what it rests on: ids of facts, or scales"),
        Column("basis", _LIST, "how each fact is known: `primary`, `secondary`, `recalled` (not read) or `house`"),
        Column("missing", _LIST, "what would settle it"),
        Column("evidence", _LIST, "sources of the facts"),
    ),
)

ADVICE = Table(
    "advice",
    (
        Column("patient", _TEXT, "pseudonymous id"),
        Column("start", _TIME, "from when on it is said, included"),
        Column("end", _TIME, "until when, not included"),
        Column(
            "kind",
            _TEXT,
            "`advice`; `conflict`: two chosen guidelines differ; `gap`: not read; `silent`: it speaks of others; "
            "`breach`: a dose was given against a limit; "
            "`declined`: the patient has not agreed",
        ),
        Column("guideline", _TEXT, "id of the guideline; of a conflict both, joined by ` / `"),
        Column("rule", _TEXT, "id of its rule, or of the conflict"),
        Column("toxicity", _TEXT, "crs, icans or iec_hs"),
        Column("scale", _TEXT, "the scale whose grade it goes by"),
        Column("grade", pl.Int16(), "the grade that it is for"),
        Column("state", _TEXT, "`now`; `if_lower`, `if_higher` where the grade is a range; `next`: one grade up"),
        Column("holds", _TEXT, "`certain`, or `possible` where a circumstance that it asks for is not known"),
        Column(
            "level", _TEXT, "`alert`, `advice`, `limit` (a maximum or an interval forbids it), `note`, `unverified`"
        ),
        Column("topic", _TEXT, "what it is about"),
        Column("strength", _TEXT, "do, consider or avoid"),
        Column("choice", _TEXT, "rules of one guideline with the same word here are alternatives: one of them"),
        Column("action", _TEXT, "what is recommended"),
        Column("drug", _TEXT, "key of the drug"),
        Column("dose", pl.Float64(), "one dose now; empty where it cannot be worked out or may not be given"),
        Column("dose_most", pl.Float64(), "the most, where a dose is a range"),
        Column("dose_unit", _TEXT, "its unit"),
        Column("route", _TEXT, "how it is given"),
        Column("arithmetic", _TEXT, "how the dose is worked out"),
        Column("schedule", _TEXT, "how often and how long"),
        Column("limits", _LIST, "what was given of what is allowed"),
        Column("blocked_by", _TEXT, "the limit that forbids a dose now"),
        Column(
            "not_before",
            _TIME,
            "when that limit frees the next dose (empty if never in this course), or the product may be given again",
        ),
        Column("cautions", _LIST, "what to think of first"),
        Column("then", _TEXT, "what comes if it does not help"),
        Column("why", _LIST, "criteria of the grade, and facts (`fact.…`) that the rule asks for"),
        Column("missing", _LIST, "what would settle the grade or the circumstance"),
        Column("evidence", _LIST, "sources of the rows behind the grade"),
        Column("source", _TEXT, "key of the source"),
        Column("locator", _TEXT, "where it stands in the source"),
        Column("basis", _TEXT, "how it is known: primary, secondary, recalled (not verified) or house"),
    ),
)

STEROIDS = Table(
    "steroids",
    (
        Column("patient", _TEXT, "pseudonymous id"),
        Column("exposure", _TEXT, "product of the exposure from which days are counted; empty: unknown, or none"),
        Column("exposure_time", _TIME, "its time; empty where the record has no exposure, and no day is counted"),
        Column("day", pl.Int32(), "day of 24 h since the exposure, the first is 0; empty without an exposure"),
        Column("doses", pl.Int32(), "doses of this day, those in doubt included"),
        Column("at_least", pl.Float64(), "mg of dexamethasone that the doses of the day are at least as strong as"),
        Column("at_most", pl.Float64(), "mg that they are at most as strong as; empty where no upper bound is known"),
        Column("arithmetic", _LIST, "each dose of the day, and how its strength is worked out"),
        Column("total_at_least", pl.Float64(), "the same, added up from day 0 on"),
        Column("total_at_most", pl.Float64(), "the same at most; empty where no upper bound is known"),
        Column("steroid_days_at_least", pl.Int32(), "days from day 0 on with any steroid for certain"),
        Column("steroid_days_at_most", pl.Int32(), "the same, with doses in doubt"),
        Column("count", _TEXT, "key of the count of days with a certain strength; empty where none fits the exposure"),
        Column("counted", pl.Boolean(), "whether this day lies in the days that the count looks at"),
        Column("days_at_least", pl.Int32(), "days of that strength up to now for certain"),
        Column("days_at_most", pl.Int32(), "the same that are not excluded"),
        Column("state", _TEXT, "`reached`, `possible` or `not_reached`: the number of days that the count names"),
        Column("notes", _LIST, "what a reader must know: amount_not_known, dose_in_doubt, no_weight, …"),
        Column("sources", _LIST, "where the rows of the doses came from"),
        Column(
            "basis", _TEXT, "how the strength is known: `recalled` (not verified), or `house` for dexamethasone alone"
        ),
    ),
)

INTERACTIONS = Table(
    "interactions",
    (
        Column("patient", _TEXT, "pseudonymous id"),
        Column("start", _TIME, "from when on the drugs meet, included"),
        Column("end", _TIME, "until when they count as meeting, not included"),
        Column("interaction", _TEXT, "its key"),
        Column("kind", _TEXT, "`contraindication`, `interaction` or `check`"),
        Column("state", _TEXT, "`found`, or `possible` where a dose is in doubt or something is not known"),
        Column("level", _TEXT, "`warning`; `note` if only possible; `unverified` if the row was recalled"),
        Column("drugs", _LIST, "the drugs that meet"),
        Column("why", _TEXT, "what it is about"),
        Column("action", _TEXT, "what to do"),
        Column("missing", _LIST, "what would settle it"),
        Column("evidence", _LIST, "where the rows of the doses came from"),
        Column("source", _TEXT, "key of the source"),
        Column("locator", _TEXT, "where it stands in the source"),
        Column("basis", _TEXT, "how it is known: primary, secondary, recalled (not verified) or house"),
    ),
)

PLAN = Table(
    "plan",
    (
        Column("patient", _TEXT, "pseudonymous id"),
        Column("kind", _TEXT, "`monitoring`, `work_up` (what to send), or `look_alike` (a finding in force, beside)"),
        Column("plan", _TEXT, "id of the file of the tables; of a look-alike `lookalikes`"),
        Column("item", _TEXT, "id of its row; of a look-alike its key"),
        Column("topic", _TEXT, "what it is about"),
        Column("label", _TEXT, "its short name"),
        Column("action", _TEXT, "what to do; of a look-alike what settles it"),
        Column("setting", _TEXT, "inpatient, outpatient or any"),
        Column("only_if", _TEXT, "what no concept tells and the row asks for, such as the disease"),
        Column("exposure", _TEXT, "product of the exposure that it is counted from"),
        Column("exposure_time", _TIME, "its time"),
        Column("day", pl.Int32(), "day of the start since that exposure, in days of 24 h"),
        Column("start", _TIME, "start of the window, included; of a test since when its trigger holds"),
        Column("end", _TIME, "end of the window, not included; empty where it has none"),
        Column(
            "state",
            _TEXT,
            "`done`, `late` (done after its window), `overdue`, `due` (the window holds now), `upcoming`, "
            "`not_recorded`, `unknown` (nothing of its kind, or nothing at all, is recorded there), `not_seen` (a test "
            "whose trigger is over)",
        ),
        Column("holds", _TEXT, "`certain`, or `possible` where something that it asks for is not known"),
        Column("at_least", pl.Int16(), "the grade that is certain at its start; empty where no grade is asked for"),
        Column("needed", pl.Int32(), "how often in the window"),
        Column("found", pl.Int32(), "how often it is in the record within the window"),
        Column("done_at", _TIME, "when it was done, in the window or after it"),
        Column("evidence", _LIST, "sources of the rows that show it"),
        Column("lacking", _LIST, "concepts that are not there in the window; alternatives joined by ` or `"),
        Column("rejected", pl.Int32(), "rejected rows of the patient for these concepts, whenever they were"),
        Column("why", _LIST, "grade and facts that it goes by"),
        Column("missing", _LIST, "what would settle whether it holds"),
        Column("look_alikes", _LIST, "look-alikes found now that a test helps to tell"),
        Column("as_of", _TIME, "the moment that the states are of"),
        Column("source", _TEXT, "key of the source"),
        Column("locator", _TEXT, "where it stands in the source"),
        Column("basis", _TEXT, "how it is known: primary, secondary, recalled (not verified) or house"),
    ),
)


def software_version() -> str:
    """The version of this software, as installed."""
    try:
        return version("cytowatch")
    except PackageNotFoundError:
        return "0+uninstalled"
