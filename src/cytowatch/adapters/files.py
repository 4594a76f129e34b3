"""The door for files and frames in the contract's own form: the long table, or a wide one with its mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from cytowatch.adapters.admit import admit
from cytowatch.adapters.csvfile import Block, Broken
from cytowatch.adapters.frame import LINE, check_columns
from cytowatch.adapters.intake import Admission, Clock, Intake, summed_units
from cytowatch.adapters.patients import PatientTable, first_moments, read_patients
from cytowatch.adapters.tables import BLOCK_ROWS, TableFile, find_tables, read_blocks
from cytowatch.adapters.walk import NOT_READ, passed_over
from cytowatch.adapters.wide import Mapping, Melter, read_mapping
from cytowatch.errors import InputError
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import LEDGER, OBSERVATIONS, PATIENTS, REJECTS

# file name, and how much of the whole input is behind, 0 to 1
Progress = Callable[[str, float], None]


@dataclass
class _Run:
    """What has been read so far; rows are numbered through all files."""

    knowledge: Knowledge
    zone: str | None
    mapping: Mapping | None
    clock: Clock | None = None
    rows: int = 0
    parts: list[Admission] = field(default_factory=list)
    spans: list[tuple[str, int, int]] = field(default_factory=list)

    def take(self, part: Admission, rows: int) -> None:
        self.parts.append(part)
        self.rows += rows


def read_files(
    paths: Sequence[str | Path] | str | Path,
    knowledge: Knowledge,
    *,
    patients: str | Path | None = None,
    zone: str | None = None,
    mapping: str | Path | Mapping | None = None,
    progress: Progress | None = None,
) -> Intake:
    """Read CSV, Parquet and Arrow files, or folders of them, as one long table (contract §1).

    ``mapping`` describes a wide table instead (see wide.py). ``patients`` is a table of patients; without it a file
    of that name in a folder is taken. ``zone`` places times that carry none. InputError if a file cannot be read.
    """
    paths = [paths] if isinstance(paths, str | Path) else paths
    files, found = find_tables(paths)
    described = read_mapping(Path(mapping), knowledge) if isinstance(mapping, str | Path) else mapping
    run = _Run(knowledge, zone, described)
    total = sum(file.path.stat().st_size for file in files)
    behind = 0
    for file in files:
        first, lines = run.rows, 0
        for block in _read(file, run):
            lines += len(block.frame) + len(block.broken)
            if progress:
                progress(file.label, min((behind + block.bytes_done) / max(total, 1), 1.0))
        behind += file.path.stat().st_size
        run.spans.append((file.label, first, run.rows - first))
        if not lines:
            _refuse_empty(file, run, alone=len(files) == 1)
    for folder in passed_over(paths):
        run.take(_only_ledger(_told(folder, NOT_READ), run), 0)
    return _intake(run, Path(patients) if patients is not None else found)


def read_frames(
    observations: pl.DataFrame | pl.LazyFrame,
    knowledge: Knowledge,
    *,
    patients: pl.DataFrame | pl.LazyFrame | None = None,
    zone: str | None = None,
    file: str = "observations",
) -> Intake:
    """Read frames that are in memory already; ``file`` names the table in sources. An empty frame is no error here."""
    run = _Run(knowledge, zone, None)
    table = observations.collect() if isinstance(observations, pl.LazyFrame) else observations
    # block by block as a file is, because a block's memory serves the next
    for start in range(0, max(len(table), 1), BLOCK_ROWS):
        block = table.slice(start, BLOCK_ROWS)
        block = block.with_columns((pl.int_range(pl.len(), dtype=pl.Int64) + start + 1).alias(LINE))
        _admit(block, run, file)
    run.spans.append((file, 0, len(table)))
    return _intake(run, patients)


def _read(file: TableFile, run: _Run) -> Iterator[Block]:
    melter = Melter(run.mapping, file.label) if run.mapping else None
    for block in read_blocks(file):
        if run.mapping is None:
            check_columns(block.frame.columns, file=file.label)
        frame = block.frame if melter is None else melter.melt(block.frame)
        _admit(frame, run, file.label)
        if melter is not None:
            run.take(_only_ledger(melter.take_ledger(), run), 0)
        if block.broken:
            run.take(_broken(block.broken, file.label, run), len(block.broken))
        yield block


def _admit(frame: pl.DataFrame, run: _Run, label: str) -> None:
    clock = run.mapping.clock if run.mapping else run.clock
    part = admit(frame, run.knowledge, file=label, first_row=run.rows, clock=clock, zone=run.zone)
    if len(frame):
        run.clock = part.clock
    run.take(part, len(frame))


def _only_ledger(ledger: pl.DataFrame, run: _Run) -> Admission:
    return Admission(OBSERVATIONS.empty(), REJECTS.empty(), ledger, run.clock or "time")


def _broken(lines: list[Broken], label: str, run: _Run) -> Admission:
    """Lines that could not be cut into cells, as rejects."""
    rows = [
        (run.rows + place, f"{label}:{one.line}", None, None, one.text, one.rule, one.reason, one.hint)
        for place, one in enumerate(lines)
    ]
    rejects = pl.DataFrame(rows, schema=REJECTS.schema, orient="row")
    counts = rejects.group_by("rule").len().sort("rule").iter_rows()
    ledger = [(label, "rejected", rule, count) for rule, count in counts]
    return Admission(
        OBSERVATIONS.empty(), rejects, pl.DataFrame(ledger, schema=LEDGER.schema, orient="row"), run.clock or "time"
    )


def _refuse_empty(file: TableFile, run: _Run, *, alone: bool) -> None:
    """A file with columns and no rows is an error if it is all there is; beside others it is told in the ledger."""
    if alone:
        raise InputError(
            "the file has a header and no rows",
            where=file.label,
            why="there is nothing to grade, and such a file is often a failed export",
            hint="export it again",
        )
    run.take(_only_ledger(_told(file.label, "no rows"), run), 0)


def _told(name: str, reason: str) -> pl.DataFrame:
    """A line of the ledger about a file or folder, and no row of it."""
    return pl.DataFrame([(name, "ignored", reason, 0)], schema=LEDGER.schema, orient="row")


def _intake(run: _Run, patients: Path | pl.DataFrame | pl.LazyFrame | None) -> Intake:
    observations = pl.concat([part.observations for part in run.parts], rechunk=False)
    clock: Clock = run.mapping.clock if run.mapping else (run.clock or run.parts[0].clock)
    people = PatientTable(PATIENTS.empty(), REJECTS.empty(), LEDGER.empty())
    if patients is not None:
        people = read_patients(
            patients, run.knowledge, first_seen=first_moments(observations, clock), first_row=run.rows
        )
    ledger = pl.concat([*(part.ledger for part in run.parts), people.ledger])
    return Intake(
        observations=observations,
        patients=people.frame,
        rejects=pl.concat([*(part.rejects for part in run.parts), people.rejects]),
        ledger=ledger.group_by("file", "fate", "reason", maintain_order=True).agg(pl.col("rows").sum()),
        clock=clock,
        zone=run.zone or "UTC",
        not_recorded=run.mapping.not_recorded if run.mapping else frozenset(),
        files=tuple(run.spans),
        units=summed_units([part.units for part in run.parts]),
        in_doubt=pl.concat([part.in_doubt for part in run.parts], rechunk=False),
    )
