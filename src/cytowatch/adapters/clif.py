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

from cytowatch.adapters.admit import admit
from cytowatch.adapters.clif_codes import Mapped
from cytowatch.adapters.clif_files import ClifFile, count_rows, find_tables, read_table, table_fate
from cytowatch.adapters.clif_people import deaths, people, repeated
from cytowatch.adapters.clif_rows import MAPPERS, closed_by_order
from cytowatch.adapters.files import Progress
from cytowatch.adapters.intake import Intake
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import LEDGER, OBSERVATIONS, REJECTS

_ZONE = "UTC"
_RECORDED_IN = {
    "infusion": "medication_admin_continuous",
    "dose": "medication_admin_intermittent",
    "device": "respiratory_support",
}
_Parts = dict[str, list[pl.DataFrame]]


def read_clif(folder: Path | str, knowledge: Knowledge, *, progress: Progress | None = None) -> Intake:
    """Read every table of a CLIF 2.x folder; each row ends used, ignored or rejected, and the ledger adds up.

    Times are UTC, as CLIF stores them. ``progress`` is called with each file's name and how much of the folder is
    behind, 0 to 1. Raises InputError for a folder without tables, a file that cannot be read, or a missing column.
    """
    parts: _Parts = {
        "observations": [OBSERVATIONS.empty()], "rejects": [REJECTS.empty()], "ledger": [LEDGER.empty()],
        "in_doubt": [OBSERVATIONS.empty()],
    }  # fmt: skip
    spans: list[tuple[str, int, int]] = []
    files, tables = _load(find_tables(Path(folder)), knowledge, parts, spans, progress)
    for table, mapper in MAPPERS.items():
        if table in tables:
            _read(files[table], tables[table], mapper(tables[table], knowledge), knowledge, parts)
    patients = _persons(files, tables, knowledge, parts)
    whole = {name: pl.concat(frames, how="vertical") for name, frames in parts.items()}
    return Intake(
        observations=whole["observations"],
        patients=patients,
        rejects=whole["rejects"].sort("row"),
        ledger=whole["ledger"].sort("file", "fate", "reason"),
        clock="time",
        zone=_ZONE,
        not_recorded=_not_recorded(knowledge, set(tables)),
        files=tuple(spans),
        in_doubt=whole["in_doubt"],
    )


def _load(
    found: list[ClifFile],
    knowledge: Knowledge,
    parts: _Parts,
    spans: list[tuple[str, int, int]],
    progress: Progress | None,
) -> tuple[dict[str, ClifFile], dict[str, pl.DataFrame]]:
    """The needed tables, their rows numbered through the folder; the others are only counted, into the ledger.

    Adds to ``spans`` the rows of every file: its name, the number of its first row, and how many.
    """
    files: dict[str, ClifFile] = {}
    tables: dict[str, pl.DataFrame] = {}
    first_row = 0
    sizes = [file.path.stat().st_size for file in found]
    for number, file in enumerate(found, 1):
        rows = count_rows(file)
        fate, why = table_fate(file.table, knowledge)
        if fate == "map":
            files[file.table], tables[file.table] = file, read_table(file, first_row)
        elif rows:
            parts["ledger"].append(_ledger_row(file.name, "ignored", why, rows))
        spans.append((file.name, first_row, rows))
        first_row += rows
        if progress is not None:
            progress(file.name, sum(sizes[:number]) / max(sum(sizes), 1))
    return files, tables


def _not_recorded(knowledge: Knowledge, tables: set[str]) -> frozenset[str]:
    """Therapies of a table that is not in the folder: nobody has said that they were not given."""
    return frozenset(
        concept.key
        for concept in knowledge.concepts.values()
        if concept.kind in _RECORDED_IN and _RECORDED_IN[concept.kind] not in tables
    )


def _persons(
    files: dict[str, ClifFile], tables: dict[str, pl.DataFrame], knowledge: Knowledge, parts: _Parts
) -> pl.DataFrame:
    stays, persons = tables.get("hospitalization"), tables.get("patient")
    died = deaths(stays, persons)
    for table, key in (("hospitalization", "hospitalization_id"), ("patient", "patient_id")):
        if table in tables:
            frame = tables[table]
            mapped = Mapped(died.join(frame, on="row", how="semi"), repeated(frame, key))
            _read(files[table], frame, mapped, knowledge, parts, used_anyway=True)
    name = files["hospitalization"].name if stays is not None else ""
    read = people(stays, persons, knowledge, file=name, seen=pl.concat(parts["observations"]))
    parts["rejects"].append(read.rejects)
    return read.frame


def _read(
    file: ClifFile,
    frame: pl.DataFrame,
    mapped: Mapped,
    knowledge: Knowledge,
    parts: _Parts,
    *,
    used_anyway: bool = False,
) -> None:
    """Admit what a table says, give the CLIF row numbers back, and enter every row in the ledger."""
    rows = frame.select("row", "source")
    raw = mapped.raw.drop("row")
    if mapped.unread is not None and mapped.unread.height:
        # only for the doubt: the reject itself is told by the table's own codes
        unread = admit(mapped.unread.drop("row"), knowledge, file=file.name, clock="time", zone=_ZONE).in_doubt
        parts["in_doubt"].append(_with_doubtful_row(unread, rows))
    refused = mapped.silent.filter(pl.col("fate") == "rejected").select(REJECTS.names)
    if raw.height:
        admission = admit(raw, knowledge, file=file.name, clock="time", zone=_ZONE)
        observations = _with_row(admission.observations, rows, OBSERVATIONS.names)
        in_doubt = _with_doubtful_row(admission.in_doubt, rows)
        if mapped.orders is not None:
            observations, in_doubt = closed_by_order(observations, in_doubt, mapped.orders, knowledge)
        parts["observations"].append(observations)
        parts["in_doubt"].append(in_doubt)
        refused = pl.concat([refused, _with_row(admission.rejects, rows, REJECTS.names)])
        used = observations.select("row")
    else:
        used = rows.select("row").clear()
    parts["rejects"].append(refused)
    ignored = mapped.silent.filter(pl.col("fate") == "ignored")
    used = rows.select("row").join(ignored, on="row", how="anti") if used_anyway else used
    parts["ledger"].append(_ledger(file.name, rows, used, refused, ignored))


def _with_row(frame: pl.DataFrame, rows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """The CLIF row number in place of admission's own, found by the source."""
    return frame.drop("row").join(rows, on="source", how="left").select(names)


def _with_doubtful_row(in_doubt: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The same for rows in doubt, which are numbered below 0."""
    found = _with_row(in_doubt, rows, OBSERVATIONS.names)
    return found.with_columns((-1 - pl.col("row")).alias("row"))


def _ledger(
    name: str, rows: pl.DataFrame, used: pl.DataFrame, refused: pl.DataFrame, ignored: pl.DataFrame
) -> pl.DataFrame:
    """Every row of one table once: used before rejected before ignored; the first refusal gives the reason."""
    fates = pl.concat(
        [
            used.unique().select("row", fate=pl.lit("used"), reason=pl.lit("")),
            refused.sort("row").select("row", fate=pl.lit("rejected"), reason="rule"),
            ignored.select("row", fate=pl.lit("ignored"), reason="reason"),
        ]
    ).unique("row", keep="first", maintain_order=True)
    counted = rows.select("row").join(fates, on="row", how="left").group_by("fate", "reason").len("rows")
    return counted.select(pl.lit(name).alias("file"), "fate", "reason", pl.col("rows").cast(pl.Int64))


def _ledger_row(name: str, fate: str, reason: str, rows: int) -> pl.DataFrame:
    return pl.DataFrame([(name, fate, reason, rows)], schema=LEDGER.schema, orient="row")
