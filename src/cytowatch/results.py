"""A graded folder: the tables of one run, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from cytowatch.errors import ArgumentError
from cytowatch.pipeline import Outcome, outward

FORMATS = ("csv", "parquet")
LIST_SEPARATOR = "|"


def write_results(outcome: Outcome, folder: Path, form: str = "parquet") -> list[Path]:
    """Write timeline, episodes, rejects, concordance, ledger and run.json; give back the paths.

    The admitted observations and patients are kept beside them as Parquet, so that a report can be drawn later.
    Each file is written under another name and moved into place: a crash leaves no half-written file.
    """
    if form not in FORMATS:
        raise ArgumentError(f"There is no format {form!r}.", where="--format", hint="Choose csv or parquet.")
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "timeline": outcome.timeline,
        "episodes": outcome.episodes,
        "rejects": outcome.rejects,
        "concordance": outcome.concordance,
        "ledger": outcome.ledger,
    }
    paths = [_write_table(outward(frame, outcome.clock), folder / f"{name}.{form}") for name, frame in tables.items()]
    for name, frame in (("observations", outcome.observations), ("patients", outcome.patients)):
        paths.append(_write_table(outward(frame, outcome.clock), folder / f"{name}.parquet"))
    _remove_other_form(folder, tables, form)
    text = json.dumps(outcome.run, indent=2, ensure_ascii=False) + "\n"
    run = folder / "run.json"
    atomically(run, lambda path: path.write_text(text, encoding="utf-8"))
    return [*paths, run]


def _write_table(frame: pl.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        atomically(path, lambda temporary: frame.write_parquet(temporary))
    else:
        lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
        flat = frame.with_columns(pl.col(name).list.join(LIST_SEPARATOR) for name in lists)
        stamps = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
        iso = flat.with_columns(pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ") for name in stamps)
        atomically(path, lambda temporary: iso.write_csv(temporary))
    return path


def _remove_other_form(folder: Path, tables: dict[str, pl.DataFrame], form: str) -> None:
    """An earlier run in the other format would be read instead of this one."""
    for other in FORMATS:
        for name in tables:
            if other != form:
                (folder / f"{name}.{other}").unlink(missing_ok=True)


def atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the target and move into place."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
