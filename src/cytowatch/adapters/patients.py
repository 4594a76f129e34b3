"""The table of patients: what is given is checked field by field; what is not usable is unknown, never normal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from cytowatch.adapters.frame import LINE, ROW, as_text
from cytowatch.adapters.intake import Clock
from cytowatch.adapters.numbers import read_numbers, trimmed
from cytowatch.adapters.resolve import find_category
from cytowatch.adapters.tables import TableFile, read_blocks
from cytowatch.errors import InputError
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import DAY_US, LEDGER, PATIENTS, REJECTS

# not a clinical limit: nobody has lived longer
_OLDEST_YEARS = 130.0
# the concept whose plausible range holds for a column, in its first canonical unit
_LIKE = {
    "weight_kg": "weight",
    "sbp_threshold": "systolic_bp",
    "baseline_creatinine": "creatinine",
    "baseline_ast": "ast",
    "baseline_alt": "alt",
    "baseline_bilirubin": "bilirubin",
    "baseline_sbp": "systolic_bp",
    "baseline_ice": "ice_score",
}
_TRUE = ("true", "yes", "y", "1", "1.0")
_FALSE = ("false", "no", "n", "0", "0.0")


@dataclass(frozen=True)
class PatientTable:
    """Table ``patients`` of schema.py, one row a patient; rejects are of fields or of rows; the ledger counts rows."""

    frame: pl.DataFrame
    rejects: pl.DataFrame
    ledger: pl.DataFrame


@dataclass
class _Fields:
    """The table being read, field by field: what was given, what was read, and the fields refused on the way."""

    given: pl.DataFrame
    read: dict[str, pl.Series] = field(default_factory=dict)
    refused: list[pl.DataFrame] = field(default_factory=list)

    def refuse(self, name: str, where: pl.Series, rule: str, reason: str, hint: str) -> None:
        """Reject one field of the rows marked; the rest of each row is used."""
        if not where.any():
            return
        self.refused.append(_rejects(self.given.filter(where), name, rule, reason, hint))


def read_patients(
    table: Path | str | pl.DataFrame | pl.LazyFrame | RawPatients,
    knowledge: Knowledge,
    *,
    first_seen: pl.DataFrame | None = None,
    file: str = "patients",
    first_row: int = 0,
) -> PatientTable:
    """Read the table of patients from a file or a frame.

    ``first_seen`` (`patient`, `time` in microseconds since 1970) is the first observation of each patient: a birth
    date after it is refused. A refused field is unknown and stands in the rejects; its row is still used. Rows that
    say the same are one; where rows of a patient differ in a field, the field is unknown. InputError without a
    column `patient`.
    """
    raw = raw_patients(table, file=file)
    label, broken = raw.label, raw.broken
    given, extra = _known_columns(raw.frame, label, first_row)
    nameless = given["patient"].is_null()
    fields = _Fields(given.filter(~nameless))
    for name, dtype in PATIENTS.schema.items():
        if name in given.columns and name != "patient":
            fields.read[name] = _READERS.get(name, _READ_BY_TYPE.get(dtype, _read_text))(fields, name, knowledge)
    if first_seen is not None and "birth_date" in fields.read:
        _refuse_future_births(fields, first_seen)
    frame, superseded = _one_each(fields)
    rejects = [_rejects(given.filter(nameless), "patient", "missing_patient", "the row names no patient", "name one")]
    counts = {("used", ""): len(frame), ("superseded", "same patient again"): superseded}
    counts[("rejected", "missing_patient")] = int(nameless.sum())
    counts[("rejected", "broken_line")] = len(broken)
    return PatientTable(
        frame,
        pl.concat([broken, *rejects, *fields.refused]).sort("row", maintain_order=True),
        _ledger(label, counts, extra),
    )


def first_moments(observations: pl.DataFrame, clock: Clock) -> pl.DataFrame | None:
    """The first moment of each patient, where the clock has a calendar."""
    return observations.group_by("patient").agg(pl.col("time").min()) if clock == "time" else None


@dataclass(frozen=True)
class RawPatients:
    """The table of patients as given: its rows, the lines of the file that are none (as rejects), and its name."""

    frame: pl.DataFrame
    broken: pl.DataFrame
    label: str

    def tidied(self) -> RawPatients:
        """The same with the columns under the contract's names and ids as they stand in the observations."""
        return replace(self, frame=_known_names(self.frame, self.label))


def raw_patients(
    table: Path | str | pl.DataFrame | pl.LazyFrame | RawPatients, *, file: str = "patients"
) -> RawPatients:
    """Read the table of patients without judging its fields; InputError if it cannot be read."""
    if isinstance(table, RawPatients):
        return table
    if not isinstance(table, str | Path):
        return RawPatients(table.collect() if isinstance(table, pl.LazyFrame) else table, REJECTS.empty(), file)
    path = Path(table)
    label = path.name
    if not path.is_file():
        raise InputError(
            "there is no such file", where=str(path), why="the table of patients was asked for", hint="check it"
        )
    blocks = list(read_blocks(TableFile(path, label)))
    if not blocks:
        raise InputError("the table of patients has no rows", where=label, hint="leave it out, or export it again")
    lines = [
        (one.line, f"{label}:{one.line}", None, None, one.text, one.rule, one.reason, one.hint)
        for block in blocks
        for one in block.broken
    ]
    rejects = pl.DataFrame(lines, schema=REJECTS.schema, orient="row")
    return RawPatients(pl.concat([block.frame for block in blocks]), rejects, label)


def _known_columns(raw: pl.DataFrame, label: str, first_row: int) -> tuple[pl.DataFrame, list[str]]:
    """The columns of the contract under their own names, with `_row` and `_source`; and the names of the others."""
    frame = _known_names(raw, label)
    line = pl.col(LINE) if LINE in frame.columns else pl.int_range(1, pl.len() + 1)
    row = pl.col(ROW) if ROW in frame.columns else pl.int_range(pl.len(), dtype=pl.Int64) + first_row
    extra = [name for name in frame.columns if name not in PATIENTS.names and name not in (LINE, ROW)]
    frame = frame.with_columns(
        row.alias("_row"),
        pl.format("{}:{}", pl.lit(label), line).alias("_source"),
    )
    return frame.drop(extra), extra


def _known_names(raw: pl.DataFrame, label: str) -> pl.DataFrame:
    names = {name: name.strip().lower() for name in raw.columns}
    if "patient" not in names.values() or len(set(names.values())) < len(names):
        twice = "patient" in names.values()
        raise InputError(
            "a column is there more than once" if twice else "missing column: patient",
            where=f"{label} (found: {', '.join(name for name in raw.columns if name not in (LINE, ROW))})",
            why="what is known of a patient cannot be told to be theirs",
            hint="give each column one name, among them `patient`, as in the observations",
        )
    frame = raw.rename(names)
    return frame.with_columns(as_text(frame["patient"]))


def _rejects(rows: pl.DataFrame, name: str, rule: str, reason: str, hint: str) -> pl.DataFrame:
    return rows.select(
        pl.col("_row").alias("row"),
        pl.col("_source").alias("source"),
        "patient",
        pl.lit(name).alias("concept"),
        pl.col(name).cast(pl.String).alias("value"),
        pl.lit(rule).alias("rule"),
        pl.lit(reason).alias("reason"),
        pl.lit(hint).alias("hint"),
    )


def _read_text(fields: _Fields, name: str, _knowledge: Knowledge) -> pl.Series:
    return trimmed(fields.given[name])


def _read_number(fields: _Fields, name: str, knowledge: Knowledge) -> pl.Series:
    numbers = read_numbers(fields.given[name])
    bad = numbers.bad if numbers.bad is not None else numbers.value.is_nan() & False
    for extra in (numbers.comparator, numbers.other):
        bad = bad if extra is None else bad | extra.is_not_null()
    bad = bad.fill_null(False)
    fields.refuse(name, bad, "not_a_number", f"{name} is not one plain number", "write a plain number, without a unit")
    low, high = _plausible(name, knowledge)
    outside = (~numbers.value.is_between(low, high)).fill_null(False) & ~bad
    reason = f"{name} is outside the plausible range, {low:g} to {high:g}"
    fields.refuse(name, outside, "out_of_range", reason, "check the value and its unit")
    return numbers.value.set(bad | outside, None)


def _plausible(name: str, knowledge: Knowledge) -> tuple[float, float]:
    if name == "age_years":
        return 0.0, _OLDEST_YEARS
    concept = knowledge.concepts.get(_LIKE.get(name, ""))
    anything = (float("-inf"), float("inf"))
    return concept.plausible.get(concept.units[0], anything) if concept and concept.units else anything


def _read_date(fields: _Fields, name: str, _knowledge: Knowledge) -> pl.Series:
    given = fields.given[name]
    if given.dtype == pl.Date:
        return given
    if isinstance(given.dtype, pl.Datetime):
        return given.dt.date()
    text = trimmed(given)
    # a time of day after the date is of no matter here
    read = text.str.extract(r"^(\d{4}-\d{2}-\d{2})(?:$|[T ])").str.to_date("%Y-%m-%d", strict=False)
    bad = read.is_null() & text.is_not_null()
    fields.refuse(
        name, bad, "bad_date", f"{name} cannot be read as a date", "write it as 1961-04-23, or give age_years"
    )
    return read


def _read_truth(fields: _Fields, name: str, _knowledge: Knowledge) -> pl.Series:
    given = fields.given[name]
    if given.dtype == pl.Boolean:
        return given
    text = trimmed(given).str.to_lowercase()
    known = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
    read = text.replace_strict(known, default=None, return_dtype=pl.Boolean)
    bad = read.is_null() & text.is_not_null()
    fields.refuse(name, bad, "unknown_category", f"{name} is neither true nor false", "accepted: true, false, or empty")
    return read


def _read_device(fields: _Fields, name: str, knowledge: Knowledge) -> pl.Series:
    text = trimmed(fields.given[name])
    concept = knowledge.concepts.get("oxygen_device")
    if concept is None:
        return text
    known = {said: find_category(concept, said) for said in text.drop_nulls().unique().to_list()}
    read = text.replace_strict(known, default=None, return_dtype=pl.String)
    bad = read.is_null() & text.is_not_null()
    hint = f"accepted: {', '.join(concept.categories)}"
    fields.refuse(name, bad, "unknown_category", f"{name} is not an oxygen device of the dictionary", hint)
    return read


_Reader = Callable[[_Fields, str, Knowledge], pl.Series]
_READERS: dict[str, _Reader] = {"baseline_oxygen_device": _read_device}
_READ_BY_TYPE: dict[pl.DataType, _Reader] = {
    pl.Float64(): _read_number,
    pl.Date(): _read_date,
    pl.Boolean(): _read_truth,
}


def _refuse_future_births(fields: _Fields, first_seen: pl.DataFrame) -> None:
    """Refuse a birth date later than the day of the patient's first observation; the age is then unknown."""
    seen = fields.given.select("patient").join(first_seen, on="patient", how="left", maintain_order="left")["time"]
    born = fields.read["birth_date"].cast(pl.Int32).cast(pl.Int64) * DAY_US
    # a whole day of grace, because the zone of a birth date is not known
    future = (born > seen + DAY_US).fill_null(False)
    reason = "the birth date lies after the first observation"
    fields.refuse("birth_date", future, "birth_date_in_future", reason, "correct it, or give age_years")
    fields.read["birth_date"] = fields.read["birth_date"].set(future, None)


def _one_each(fields: _Fields) -> tuple[pl.DataFrame, int]:
    """One row a patient, in the order of their first rows, and how many rows that leaves over."""
    read = [series.alias(name).cast(PATIENTS.schema[name]) for name, series in fields.read.items()]
    table = fields.given.select("patient").with_columns(*read)
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in PATIENTS.schema.items() if name not in table.columns]
    table = table.with_columns(missing).select(PATIENTS.names)
    names = [name for name in PATIENTS.names if name != "patient"]
    stated = [pl.col(name).drop_nulls().n_unique().over("patient").alias(name) for name in names]
    differ = table.select(stated) if len(table) else table.select(names).clear()
    for name in fields.read:
        clash = differ[name] > 1 if len(table) else pl.Series([], dtype=pl.Boolean)
        told = clash & fields.given[name].is_not_null()
        hint = "keep the right row; a field left empty does not contradict"
        fields.refuse(name, told, "conflicting_rows", f"rows of this patient differ in {name}", hint)
    one = [pl.when(pl.col(name).drop_nulls().n_unique() == 1).then(pl.col(name).drop_nulls().first()) for name in names]
    frame = table.group_by("patient", maintain_order=True).agg(one)
    return frame.select(PATIENTS.names), len(table) - len(frame)


def _ledger(label: str, counts: dict[tuple[str, str], int], extra: list[str]) -> pl.DataFrame:
    lines = [(label, fate, reason, rows) for (fate, reason), rows in counts.items() if rows]
    lines += [(label, "ignored", f"column {name!r} is not read", 0) for name in extra]
    return pl.DataFrame(lines, schema=LEDGER.schema, orient="row")
