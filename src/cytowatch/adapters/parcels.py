"""Large Parquet input, a parcel of whole patients at a time, so that memory holds one parcel and not the cohort."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from cytowatch.adapters.admit import admit
from cytowatch.adapters.frame import LINE, as_text, check_columns
from cytowatch.adapters.intake import Clock, Intake
from cytowatch.adapters.patients import PatientTable, RawPatients, first_moments, raw_patients, read_patients
from cytowatch.errors import CytowatchError
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import LEDGER, PATIENTS, REJECTS

# a parcel is large enough that the steps' fixed cost does not show, and small enough for a laptop
PARCEL_ROWS = 2_000_000
Progress = Callable[[str, float], None]


class NotTogetherError(CytowatchError):
    """The rows of a patient do not stand together: the input must be read whole, or sorted first."""


@dataclass
class _Reader:
    """What is carried from parcel to parcel."""

    knowledge: Knowledge
    zone: str | None
    patients: RawPatients | None
    clock: Clock | None = None
    row: int = 0
    seen: set[str] = field(default_factory=set)
    people_rows: int = 0


def read_parcels(
    tables: Sequence[tuple[str, pl.LazyFrame]],
    knowledge: Knowledge,
    *,
    patients: pl.DataFrame | RawPatients | None = None,
    zone: str | None = None,
    progress: Progress | None = None,
    rows: int = PARCEL_ROWS,
) -> Iterator[Intake]:
    """Read named long tables (contract §1) in parcels of whole patients; each parcel is an intake of its own.

    ``patients``: the raw table of patients, whose rows go with their patient's parcel. Raises NotTogetherError as
    soon as a patient turns up a second time; nothing of a cohort may be graded in halves.
    """
    people = None if patients is None else raw_patients(patients).tidied()
    reader = _Reader(knowledge, zone, people)
    sizes = [int(table.select(pl.len()).collect().item()) for _, table in tables]
    behind = 0
    for (label, table), size in zip(tables, sizes, strict=True):
        for frame, done in _whole_patients(table, label, size, reader.seen, rows):
            yield _intake(frame, label, reader)
            if progress:
                progress(label, (behind + done) / max(sum(sizes), 1))
        behind += size
    if people is not None:
        rest = people.frame.filter(~_named(people.frame, reader.seen))
        if rest.height or people.broken.height:
            yield _without_rows(replace(people, frame=rest), reader)


def _whole_patients(
    table: pl.LazyFrame, label: str, size: int, seen: set[str], rows: int
) -> Iterator[tuple[pl.DataFrame, int]]:
    """Blocks cut where one patient ends and the next begins."""
    rest: pl.DataFrame | None = None
    for start in range(0, size, rows):
        block = _tidied(table.slice(start, rows).collect(), label)
        block = block.with_columns((pl.int_range(pl.len(), dtype=pl.Int64) + start + 1).alias(LINE))
        block = block if rest is None else pl.concat([rest, block])
        last = start + rows >= size
        cut = block.height if last else _start_of_last(block)
        rest = block.slice(cut)
        if cut:
            whole = block.slice(0, cut)
            _note(whole, seen)
            yield whole, min(start + rows, size)


def _tidied(block: pl.DataFrame, label: str) -> pl.DataFrame:
    """Columns and ids as admission will read them, so that a patient is the same one here and there."""
    check_columns(block.columns, file=label)
    block = block.rename({name: name.strip().lower() for name in block.columns})
    return block.with_columns(as_text(block["patient"]))


def _start_of_last(block: pl.DataFrame) -> int:
    patient = pl.col("patient")
    return int(block.select((patient != patient.shift(1)).fill_null(value=True).arg_true().last()).item() or 0)


def _note(whole: pl.DataFrame, seen: set[str]) -> None:
    runs = whole.select(pl.col("patient").rle().struct.field("value").alias("patient"))["patient"]
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
        own = reader.patients.frame.filter(_named(reader.patients.frame, set(frame["patient"].drop_nulls())))
        raw = replace(reader.patients, frame=own, broken=REJECTS.empty())
        people = read_patients(raw, reader.knowledge, first_seen=first_moments(admission.observations, admission.clock))
    return Intake(
        admission.observations,
        people.frame,
        pl.concat([admission.rejects, people.rejects]),
        pl.concat([admission.ledger, people.ledger]),
        admission.clock,
        reader.zone or "UTC",
        frozenset(),
        (span,),
        admission.in_doubt,
        admission.units,
    )


def _without_rows(rest: RawPatients, reader: _Reader) -> Intake:
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
    return patients["patient"].is_in(list(ids)).fill_null(value=False)
