"""Reading a graded folder back: CSV or Parquet, times as timestamps or as hours."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.errors import InputError
from cytowatch.schema import (
    ADVICE,
    BEING_REPLACED,
    CONCORDANCE,
    DISCORDANCE,
    EPISODES,
    FINDINGS,
    HOUR_US,
    IN_DOUBT,
    JOINT,
    LEDGER,
    LIST_SEPARATOR,
    OBSERVATIONS,
    PATIENTS,
    REJECTS,
    RUN_RECORD,
    TIMELINE,
    Table,
)

_TIMES = {
    "timeline": ("start", "end"),
    "episodes": ("onset", "last_sign", "resolved", "time_of_max", "exposure_time"),
    "observations": ("time", "until", "available"),
    "in_doubt": ("time", "until", "available"),
    "joint": ("start", "end"),
    "findings": ("start", "end"),
    "advice": ("start", "end", "not_before"),
}
_TABLES = (
    TIMELINE,
    EPISODES,
    REJECTS,
    CONCORDANCE,
    DISCORDANCE,
    JOINT,
    FINDINGS,
    OBSERVATIONS,
    PATIENTS,
    LEDGER,
    IN_DOUBT,
    ADVICE,
)

_READ_AGAIN = (TIMELINE, EPISODES, ADVICE, PATIENTS, IN_DOUBT)


def read_folder(folder: Path) -> dict[str, Any]:
    """Every table of the folder, in the types of ``schema.py``, with the clock and the run's record.

    A table that the folder lacks, as folders of earlier versions do, is empty; only the timeline must be there.
    """
    run = _read_run(folder)
    raw = {table.name: _read(folder, table) for table in _TABLES}
    if raw["timeline"] is None:
        raise InputError(
            "This folder holds no graded result.",
            where=f"{folder}: neither timeline.parquet nor timeline.csv",
            why="A report is drawn from a timeline.",
            hint="Run `cytowatch grade INPUT --out FOLDER` first and give that folder.",
        )
    clock = run.get("clock") or _clock(raw["timeline"])
    out: dict[str, Any] = {table.name: _typed(raw[table.name], table) for table in _TABLES}
    return {**out, "clock": clock, "run": run}


def read_parts(folder: Path) -> Iterator[dict[str, Any]]:
    """The folder as ``read_folder`` gives it, some patients at a time where the run was written in parcels.

    Of a parcel only what is read again is there: timeline, episodes, advice, observations, patients and rows in doubt.
    """
    kept = folder / "observations.parquet"
    if not kept.is_dir():
        yield read_folder(folder)
        return
    run = _read_run(folder)
    with tempfile.TemporaryDirectory() as held:
        again = {table: _as_parquet(folder, table, Path(held)) for table in _READ_AGAIN}
        for part in sorted(kept.glob("*.parquet")):
            observations = _typed(pl.read_parquet(part, glob=False), OBSERVATIONS)
            names = observations["patient"].unique()
            out: dict[str, Any] = {table.name: table.empty() for table in _TABLES}
            out |= {table.name: _typed(_of(path, names), table) for table, path in again.items()}
            clock = run.get("clock") or _clock(out["timeline"])
            yield {**out, "observations": observations, "clock": clock, "run": run}


def _as_parquet(folder: Path, table: Table, held: Path) -> Path:
    """Where a table lies as Parquet; CSV is written so once, because for every part it would be read from its start."""
    parquet, csv = folder / f"{table.name}.parquet", folder / f"{table.name}.csv"
    if parquet.exists() or not csv.exists() or not csv.stat().st_size:
        return parquet
    target = held / parquet.name
    try:
        pl.scan_csv(csv, infer_schema=False, glob=False).sink_parquet(target, compression="lz4")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(csv, error) from error
    return target


def _of(path: Path, names: pl.Series) -> pl.DataFrame | None:
    """The rows of these patients, if there is such a table; it is not read whole for them."""
    own = pl.col("patient").is_in(names.implode())
    return pl.scan_parquet(_files(path), glob=False).filter(own).collect() if path.exists() else None


def _read_run(folder: Path) -> dict[str, Any]:
    _check_whole(folder)
    path = folder / RUN_RECORD
    if not path.exists():
        return {}
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _unreadable(path, error) from error
    return run if isinstance(run, dict) else {}


def _check_whole(folder: Path) -> None:
    """A run marks the folder while its tables are moved there: until then they are of two runs."""
    if (folder / BEING_REPLACED).exists():
        raise InputError(
            "The results in this folder are just being replaced.",
            where=str(folder),
            why="Some tables are of the new run and some of the one before.",
            hint="Try again in a moment; if that run was cut short, give its command again.",
        )


def _read(folder: Path, table: Table) -> pl.DataFrame | None:
    parquet, csv = folder / f"{table.name}.parquet", folder / f"{table.name}.csv"
    try:
        if parquet.exists():
            # a run in parcels leaves a folder of parts
            return pl.read_parquet(_files(parquet), glob=False)
        if csv.exists():
            return pl.read_csv(csv, infer_schema=False, glob=False) if csv.stat().st_size else None
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(parquet if parquet.exists() else csv, error) from error
    return None


def _files(parquet: Path) -> list[Path]:
    """One file, or the parts in a folder; no character of a path is read as a pattern."""
    return sorted(parquet.glob("*.parquet")) if parquet.is_dir() else [parquet]


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        "A table of the graded folder cannot be read.",
        where=str(path),
        why=str(error).splitlines()[0] if str(error) else "The file is damaged.",
        hint="Grade the input again into a fresh folder.",
    )


def _clock(timeline: pl.DataFrame) -> str:
    """Hours where the times are numbers with a fraction, or text that reads as a number."""
    start = timeline.get_column("start")
    if start.dtype.is_float():
        return "hours"
    if start.dtype == pl.String():
        texts = start.drop_nulls()
        return "hours" if len(texts) and texts.cast(pl.Float64(), strict=False).null_count() == 0 else "time"
    return "time"


def _typed(frame: pl.DataFrame | None, table: Table) -> pl.DataFrame:
    """The frame with exactly the table's columns and types; a column the file lacks is empty."""
    if frame is None:
        return table.empty()
    times = _TIMES.get(table.name, ())
    columns = []
    for name, dtype in table.schema.items():
        if name not in frame.columns:
            columns.append(pl.lit(None, dtype=dtype).alias(name))
        elif name in times:
            columns.append(_microseconds(name, frame.schema[name]).alias(name))
        elif isinstance(dtype, pl.List):
            columns.append(_list(name, frame.schema[name]).alias(name))
        else:
            columns.append(_plain(name, frame.schema[name], dtype).alias(name))
    return frame.select(columns)


def _microseconds(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype.is_float():
        return (column * HOUR_US).round().cast(pl.Int64())
    if dtype.is_temporal():
        return column.dt.epoch("us")
    if dtype == pl.String():
        hours = (column.cast(pl.Float64(), strict=False) * HOUR_US).round().cast(pl.Int64())
        stamp = column.str.to_datetime(time_unit="us", time_zone="UTC", strict=False).dt.epoch("us")
        return pl.coalesce(hours, stamp)
    return column.cast(pl.Int64())


def _list(name: str, dtype: pl.DataType) -> pl.Expr:
    empty = pl.lit([], dtype=pl.List(pl.String()))
    if isinstance(dtype, pl.List):
        return pl.col(name).cast(pl.List(pl.String())).fill_null(empty)
    text = pl.col(name).cast(pl.String())
    return pl.when(text.fill_null("") == "").then(empty).otherwise(text.str.split(LIST_SEPARATOR))


def _plain(name: str, given: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    if given == pl.String() and wanted == pl.Boolean():
        lower = pl.col(name).str.to_lowercase()
        return pl.when(lower.is_in(["true", "1"])).then(True).when(lower.is_in(["false", "0"])).then(False)
    if given == pl.String() and wanted == pl.String():
        # A CSV file cannot tell an empty text from none.
        return pl.when(pl.col(name) != "").then(pl.col(name))
    return pl.col(name).cast(wanted, strict=False)
