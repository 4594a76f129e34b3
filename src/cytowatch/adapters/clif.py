"""The CLIF 2.x door: a folder of ``clif_*`` tables in, admitted observations and a ledger out.

The unit that is graded is the hospitalization; ``hospitalization_id`` is the patient.

The ledger counts CLIF rows. One CLIF row may give several observations (a respiratory row gives a device, a flow and an
FiO2), and they share its number in ``row``. A CLIF row is *used* if at least one observation of it was admitted;
*rejected* if none was and at least one was refused; *ignored* if it says nothing that a scale needs. A part that was
refused stands in ``rejects`` even where the rest of its row is used. When settling finds observations superseded, count
a row as superseded only if no observation of it is left.

A row of ``hospitalization`` or ``patient`` is used for the age and sex that it gives; a field of it that cannot be used
stands in ``rejects`` and is unknown. A death adds an observation that carries its row number.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from cytowatch.adapters.clif_files import ClifFile, count_rows, find_tables, read_table, table_fate
from cytowatch.adapters.clif_people import deaths, people, repeated
from cytowatch.adapters.clif_rows import MAPPERS
from cytowatch.adapters.files import Progress
from cytowatch.adapters.gather import Gathering, Mapped, not_recorded
from cytowatch.adapters.intake import Intake
from cytowatch.knowledge.model import Knowledge

_ZONE = "UTC"
_RECORDED_IN = {
    "infusion": "medication_admin_continuous",
    "dose": "medication_admin_intermittent",
    "device": "respiratory_support",
}


def read_clif(folder: Path | str, knowledge: Knowledge, *, progress: Progress | None = None) -> Intake:
    """Read every table of a CLIF 2.x folder; each row ends used, ignored or rejected, and the ledger adds up.

    Times are UTC, as CLIF stores them. ``progress`` is called with each file's name and how much of the folder is
    behind, 0 to 1. Raises InputError for a folder without tables, a file that cannot be read, or a missing column.
    """
    gathering = Gathering(knowledge, _ZONE)
    files, tables = _load(find_tables(Path(folder)), gathering, progress)
    for table, mapper in MAPPERS.items():
        if table in tables:
            rows = tables[table].select("row", "source")
            gathering.take(files[table].name, rows, mapper(tables[table], knowledge))
    patients = _persons(files, tables, gathering)
    # of a therapy whose table is not in the folder nobody has said that it was not given
    missing = not_recorded(knowledge, (kind for kind, table in _RECORDED_IN.items() if table not in tables))
    return gathering.intake(patients, not_recorded=missing)


def _load(
    found: list[ClifFile], gathering: Gathering, progress: Progress | None
) -> tuple[dict[str, ClifFile], dict[str, pl.DataFrame]]:
    """The needed tables, their rows numbered through the folder; the others are only counted, into the ledger."""
    files: dict[str, ClifFile] = {}
    tables: dict[str, pl.DataFrame] = {}
    sizes = [file.path.stat().st_size for file in found]
    for number, file in enumerate(found, 1):
        rows = count_rows(file)
        fate, why = table_fate(file.table, gathering.knowledge)
        if fate == "map":
            files[file.table] = file
            tables[file.table] = read_table(file, gathering.number(file.name, rows))
        else:
            gathering.skip(file.name, rows, why)
        if progress is not None:
            progress(file.name, sum(sizes[:number]) / max(sum(sizes), 1))
    return files, tables


def _persons(files: dict[str, ClifFile], tables: dict[str, pl.DataFrame], gathering: Gathering) -> pl.DataFrame:
    stays, persons = tables.get("hospitalization"), tables.get("patient")
    died = deaths(stays, persons)
    for table, key in (("hospitalization", "hospitalization_id"), ("patient", "patient_id")):
        if table in tables:
            frame = tables[table]
            mapped = Mapped(died.join(frame, on="row", how="semi"), repeated(frame, key))
            gathering.take(files[table].name, frame.select("row", "source"), mapped, used_anyway=True)
    name = files["hospitalization"].name if stays is not None else ""
    read = people(stays, persons, gathering.knowledge, file=name, seen=gathering.observed())
    gathering.refuse(read.rejects)
    return read.frame
