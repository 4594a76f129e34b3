"""Which subject is in which arm: from a domain DM in any format, or a CSV with USUBJID (or patient) and ARM."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from cytowatch.adapters.sdtm.files import DomainFile, read_domain
from cytowatch.errors import InputError

_SUBJECT, _ARM = ("USUBJID", "PATIENT"), ("ACTARM", "ARM", "TRT01A")
ALL = "All subjects"


@dataclass(frozen=True)
class Arms:
    """``table``: columns ``patient, arm``, one row a subject; ``study`` is the study's id."""

    table: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"patient": pl.String, "arm": pl.String}))
    study: str = "CYTOWATCH"

    def beside(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows with the arm of their patient; empty where nobody said it."""
        return frame.join(self.table, on="patient", how="left", maintain_order="left")

    def groups(self) -> list[tuple[str, pl.DataFrame | None]]:
        """Each arm with its patients, then everybody (None)."""
        names = self.table["arm"].drop_nulls().unique().sort().to_list()
        return [*((name, self.table.filter(pl.col("arm") == name).select("patient")) for name in names), (ALL, None)]


def read_arms(path: Path | None) -> Arms:
    """Read the arms; InputError where there are none to read. Without a file everybody is in one group."""
    if path is None:
        return Arms()
    if not path.is_file():
        raise InputError(
            "There is no such file.", where=str(path), why="The tables by arm were asked for.", hint="Check it."
        )
    frame = read_domain(DomainFile(path, path.name, path.stem.lower())).frame
    subject = next((name for name in _SUBJECT if name in frame.columns), None)
    arm = next((name for name in _ARM if name in frame.columns), None)
    if subject is None or arm is None:
        raise InputError(
            "The table of arms names no subject or no arm.",
            where=f"{path} (found: {', '.join(name for name in frame.columns if not name.startswith('_'))})",
            hint="It needs USUBJID (or patient) and ACTARM or ARM, as the domain DM has them.",
        )
    table = (
        frame.select(pl.col(subject).alias("patient"), pl.col(arm).alias("arm"))
        .drop_nulls("patient")
        .unique(maintain_order=True)
    )
    if table["patient"].is_duplicated().any():
        raise InputError(
            "A subject stands in two arms.",
            where=str(path),
            why="It would count twice.",
            hint="Keep one row a subject.",
        )
    study = frame["STUDYID"].drop_nulls().unique(maintain_order=True).to_list() if "STUDYID" in frame.columns else []
    return Arms(table, study[0] if len(study) == 1 else "CYTOWATCH")
