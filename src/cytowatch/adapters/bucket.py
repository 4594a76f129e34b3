"""Whole patients, cut out of a larger input, as an intake: numbered and named as in a run that reads all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from cytowatch.adapters.admit import admit
from cytowatch.adapters.intake import Clock, Intake
from cytowatch.adapters.patients import PatientTable, RawPatients, first_moments, read_patients
from cytowatch.adapters.spans import ONLY_TABLE, Span
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import LEDGER, PATIENTS, REJECTS

_NO_ROWS = {"patient": pl.String(), "hours": pl.Float64(), "concept": pl.String()}


@dataclass(frozen=True)
class BucketOptions:
    """What holds for every bucket of a run; plain values, so that it can be sent to another process.

    ``clock`` must be the same for all buckets (that of the whole input). ``files``: name, number of the first row and
    number of rows of each file, in order; a row of the bucket says by its `_row` where it stands.
    """

    clock: Clock
    scales: tuple[str, ...] | None = None
    as_of: str | float | datetime | None = None
    assume_trigger: str | None = None
    not_recorded: frozenset[str] = field(default_factory=frozenset)
    zone: str | None = None
    look_alikes: bool | None = None
    files: tuple[Span, ...] = ONLY_TABLE
    patients_file: str = "patients"


def bucket_intake(
    observations: pl.DataFrame | Sequence[pl.DataFrame],
    patients: pl.DataFrame | None,
    knowledge: Knowledge,
    options: BucketOptions,
) -> Intake:
    """Admit the rows of whole patients.

    ``observations``: the raw long table (contract §1), or several where files differ in their types; `_row` numbers
    the rows through the whole run (without it they are numbered from 0), `_line` says the line where that is not the
    place in the file. ``patients``: the raw rows of these patients in the table of patients, with `_row` and `_line`.
    Patients without observations are counted; rows of nobody are rejected. Raises as ``admit`` and ``read_patients``.
    """
    frames = [observations] if isinstance(observations, pl.DataFrame) else list(observations)
    frames = [frame for frame in frames if frame.height] or [pl.DataFrame(schema=_NO_ROWS)]
    name = options.files[0][0]
    parts = [
        admit(frame, knowledge, file=name, clock=options.clock, zone=options.zone, files=options.files)
        for frame in frames
    ]
    admitted = pl.concat([part.observations for part in parts], rechunk=False)
    people = PatientTable(PATIENTS.empty(), REJECTS.empty(), LEDGER.empty())
    if patients is not None:
        raw = RawPatients(patients, REJECTS.empty(), options.patients_file)
        people = read_patients(raw, knowledge, first_seen=first_moments(admitted, options.clock))
    rejects = pl.concat([part.rejects for part in parts]).sort("row", maintain_order=True)
    intake = Intake(
        observations=admitted,
        patients=people.frame,
        rejects=pl.concat([rejects, people.rejects]),
        ledger=pl.concat([*(part.ledger for part in parts), people.ledger]),
        clock=options.clock,
        zone=options.zone or "UTC",
        not_recorded=frozenset(),
        files=options.files,
        in_doubt=pl.concat([part.in_doubt for part in parts], rechunk=False),
    )
    return intake.not_recording(options.not_recorded)
