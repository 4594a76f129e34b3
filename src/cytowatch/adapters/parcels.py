"""Large Parquet input, a parcel of whole patients at a time, so that memory holds one parcel and not the cohort."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from cytowatch.adapters.admit import admit
from cytowatch.adapters.frame import LINE
from cytowatch.adapters.intake import Clock, Intake
from cytowatch.adapters.patients import PatientTable, first_moments, read_patients
from cytowatch.errors import CytowatchError
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import LEDGER, PATIENTS, REJECTS

# a parcel is large enough that the steps' fixed cost does not show, and small enough for a laptop
PARCEL_ROWS = 2_000_000
# beyond this a run from files is written parcel by parcel
LARGE_ROWS = 5_000_000
Progress = Callable[[str, float], None]


class NotTogetherError(CytowatchError):
    """The rows of a patient do not stand together: the input must be read whole, or sorted first."""


@dataclass
class _Reader:
    """What is carried from parcel to parcel."""

    knowledge: Knowledge
    zone: str | None
    patients: pl.DataFrame | None
    clock: Clock | None = None
    row: int = 0
    seen: set[str] = field(default_factory=set)
    people_rows: int = 0


def read_parcels(
    tables: Sequence[tuple[str, pl.LazyFrame]],
    knowledge: Knowledge,
    *,
    patients: pl.DataFrame | None = None,
    zone: str | None = None,
    progress: Progress | None = None,
    rows: int = PARCEL_ROWS,
) -> Iterator[Intake]:
    """Read named long tables (contract §1) in parcels of whole patients; each parcel is an intake of its own.

    ``patients``: the raw table of patients, whose rows go with their patient's parcel. Raises NotTogetherError as
    soon as a patient turns up a second time; nothing of a cohort may be graded in halves.
    """
    reader = _Reader(knowledge, zone, patients)
    sizes = [int(table.select(pl.len()).collect().item()) for _, table in tables]
    behind = 0
    for (label, table), size in zip(tables, sizes, strict=True):
        for frame, done in _whole_patients(table, size, reader.seen, rows):
            yield _intake(frame, label, reader)
            if progress:
                progress(label, (behind + done) / max(sum(sizes), 1))
        behind += size
    if patients is not None and (rest := patients.filter(~_named(patients, reader.seen))).height:
        yield _without_rows(rest, reader)


def _whole_patients(table: pl.LazyFrame, size: int, seen: set[str], rows: int) -> Iterator[tuple[pl.DataFrame, int]]:
    """Blocks cut where one patient ends and the next begins."""
    rest: pl.DataFrame | None = None
    for start in range(0, size, rows):
        block = table.slice(start, rows).collect()
        block = block.with_columns((pl.int_range(pl.len(), dtype=pl.Int64) + start + 1).alias(LINE))
        block = block if rest is None else pl.concat([rest, block])
        last = start + rows >= size
        cut = block.height if last else _start_of_last(block)
        rest = block.slice(cut)
        if cut:
            whole = block.slice(0, cut)
            _note(whole, seen)
            yield whole, min(start + rows, size)


def _start_of_last(block: pl.DataFrame) -> int:
    patient = pl.col("patient").cast(pl.String)
    return int(block.select((patient != patient.shift(1)).fill_null(value=True).arg_true().last()).item() or 0)


def _note(whole: pl.DataFrame, seen: set[str]) -> None:
    runs = whole.select(pl.col("patient").cast(pl.String).rle().struct.field("value").alias("patient"))["patient"]
    ids = set(runs.to_list())
    if len(ids) < len(runs) or ids & seen:
        raise NotTogetherError("the rows of a patient stand in more than one place")
    seen |= ids


def _intake(frame: pl.DataFrame, label: str, reader: _Reader) -> Intake:
    admission = admit(frame, reader.knowledge, file=label, first_row=reader.row, clock=reader.clock, zone=reader.zone)
    reader.clock = admission.clock
    span = (label, reader.row, frame.height)
    reader.row += frame.height
    people = PatientTable(PATIENTS.empty(), REJECTS.empty(), LEDGER.empty())
    if reader.patients is not None:
        own = reader.patients.filter(_named(reader.patients, set(frame["patient"].cast(pl.String).unique().to_list())))
        people = read_patients(own, reader.knowledge, first_seen=first_moments(admission.observations, admission.clock))
    return Intake(
        admission.observations,
        people.frame,
        pl.concat([admission.rejects, people.rejects]),
        pl.concat([admission.ledger, people.ledger]),
        admission.clock,
        reader.zone or "UTC",
        frozenset(),
        (span,),
    )


def _without_rows(rest: pl.DataFrame, reader: _Reader) -> Intake:
    """Patients of whom nothing was observed: they are counted, not graded."""
    from_nothing = read_patients(rest, reader.knowledge)
    empty = admit(
        pl.DataFrame(schema={"patient": pl.String, "hours": pl.Float64, "concept": pl.String}),
        reader.knowledge, file="patients", clock=reader.clock or "time",
    )  # fmt: skip
    return Intake(
        empty.observations, from_nothing.frame, from_nothing.rejects, from_nothing.ledger, empty.clock,
        reader.zone or "UTC", frozenset(),
    )  # fmt: skip


def _named(patients: pl.DataFrame, ids: set[str]) -> pl.Series:
    return patients["patient"].cast(pl.String).is_in(sorted(ids))


def large_tables(paths: Sequence[Path]) -> list[tuple[str, pl.LazyFrame]] | None:
    """The Parquet files behind paths, if there is nothing else and they hold many rows; else None."""
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [file for file in inside if not file.name.startswith(".")]
    if not files or any(file.suffix != ".parquet" or file.stem == "patients" or not file.is_file() for file in files):
        return None
    with suppress(pl.exceptions.PolarsError):
        tables = [(file.name, pl.scan_parquet(file, glob=False)) for file in files]
        rows = sum(int(table.select(pl.len()).collect().item()) for _, table in tables)
        return tables if rows > LARGE_ROWS else None
    return None
