"""What a report is made from: the tables of one graded run, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import polars as pl

from cytowatch.errors import ArgumentError
from cytowatch.report.folder import read_folder
from cytowatch.schema import (
    ADVICE,
    CONCORDANCE,
    DISCORDANCE,
    EPISODES,
    FINDINGS,
    JOINT,
    LEDGER,
    OBSERVATIONS,
    PATIENTS,
    REJECTS,
)

Clock = Literal["time", "hours"]


@dataclass(frozen=True)
class ReportData:
    """The tables of one graded run, every time a whole number of microseconds.

    timeline, episodes, rejects, ledger, concordance, discordance, joint, findings, observations, patients, advice and
    in_doubt are frames as in ``schema.py``.
    ``observations`` holds admitted rows and may be thinned to the concepts that a report draws.
    ``clock`` says what time zero is: ``time`` = 1970 UTC, ``hours`` = the zero of the input file.
    ``run`` is what stands in ``run.json``: software, knowledge, inputs, patients, seconds, peak_mib, and the
    arguments of the run where they were kept.
    """

    timeline: pl.DataFrame
    episodes: pl.DataFrame = field(default_factory=EPISODES.empty)
    rejects: pl.DataFrame = field(default_factory=REJECTS.empty)
    ledger: pl.DataFrame = field(default_factory=LEDGER.empty)
    concordance: pl.DataFrame = field(default_factory=CONCORDANCE.empty)
    observations: pl.DataFrame = field(default_factory=OBSERVATIONS.empty)
    patients: pl.DataFrame = field(default_factory=PATIENTS.empty)
    discordance: pl.DataFrame = field(default_factory=DISCORDANCE.empty)
    joint: pl.DataFrame = field(default_factory=JOINT.empty)
    findings: pl.DataFrame = field(default_factory=FINDINGS.empty)
    # empty where nobody asked for advice
    advice: pl.DataFrame = field(default_factory=ADVICE.empty)
    # not drawn: kept so that a folder is read whole
    in_doubt: pl.DataFrame = field(default_factory=OBSERVATIONS.empty)
    clock: Clock = "time"
    run: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_folder(cls, path: str | Path) -> ReportData:
        """Read a graded folder (``timeline.*``, ``episodes.*``, ``run.json`` and what stands beside them).

        Raises InputError where the folder holds no timeline or a table cannot be read.
        """
        return cls(**read_folder(Path(path)))

    def of_patient(self, patient: str) -> ReportData:
        """The same run, one patient only; ArgumentError where no such patient was graded."""
        only = pl.col("patient") == patient
        if self.timeline.filter(only).is_empty():
            raise ArgumentError(
                f"There is no graded patient {patient!r}.",
                where="argument --patient",
                why="A report of one patient is drawn from the rows of that patient in the timeline.",
                hint="Take an id from the column `patient` of the timeline, letter for letter.",
            )
        names = (
            "timeline", "episodes", "rejects", "concordance", "joint", "findings", "observations", "patients", "advice",
        )  # fmt: skip
        return replace(self, **{name: getattr(self, name).filter(only) for name in names})
