"""A graded folder: the tables of one run, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.errors import ArgumentError
from cytowatch.pipeline import Outcome, outward
from cytowatch.report import read_folder, read_parts
from cytowatch.schema import BEING_REPLACED, LIST_SEPARATOR, RUN_RECORD

FORMATS = ("csv", "parquet")


def check_form(form: str) -> None:
    """ArgumentError for a format of tables that there is not."""
    if form not in FORMATS:
        raise ArgumentError(f"There is no format {form!r}.", where="--format", hint="Choose csv or parquet.")


def check_place(folder: Path, inputs: Sequence[str]) -> None:
    """ArgumentError for a place of results that is no folder, or the folder that is read."""
    if any(part.exists() and not part.is_dir() for part in (folder, *folder.parents)):
        raise ArgumentError(
            "--out is not a folder.",
            where=str(folder),
            why="The results are several files.",
            hint="Name a folder; it is made if it is not there.",
        )
    if folder.is_dir() and any(Path(one).is_dir() and folder.samefile(one) for one in inputs):
        raise ArgumentError(
            "--out is the folder that is read.",
            where=str(folder),
            why="Results would stand among the tables they are made from, and replace a table of the same name.",
            hint="Name another folder; it may lie inside that one.",
        )


def write_results(outcome: Outcome, folder: Path, form: str = "parquet") -> list[Path]:
    """Write timeline, episodes, rejects, concordance, ledger and run.json; give back the paths.

    The admitted observations and patients are kept beside them as Parquet, so that a report can be drawn later.
    All are written aside and then moved into place: what cannot be written leaves the results of before whole.
    """
    check_form(form)
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "timeline": outcome.timeline,
        "episodes": outcome.episodes,
        "rejects": outcome.rejects,
        "concordance": outcome.concordance,
        "ledger": outcome.ledger,
        "discordance": outcome.discordance,
        "joint": outcome.joint,
        "findings": outcome.findings,
    }
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as beside:
        held = Path(beside)
        written = [
            _write_table(outward(frame, outcome.clock), held / f"{name}.{form}") for name, frame in tables.items()
        ]
        kept = {f"{name}.parquet": getattr(outcome, name) for name in ("observations", "patients", "in_doubt")}
        written += [_write_table(outward(frame, outcome.clock), held / name) for name, frame in kept.items()]
        written.append(write_run(outcome.run, held))
        with replacing(folder):
            paths = [into_place(path, folder / path.name) for path in written]
            clear_folder(folder, tables, form)
    return paths


@contextmanager
def replacing(folder: Path) -> Iterator[None]:
    """Mark a folder that is there while its tables are replaced: readers refuse it.

    The mark of a run that was cut short stays, as the tables are then of two runs, until another run is through.
    """
    mark = folder / BEING_REPLACED
    mark.touch()
    yield
    mark.unlink(missing_ok=True)


def into_place(path: Path, target: Path) -> Path:
    """Move a table, one file or a folder of parts, to where an earlier run may have left either."""
    if path.is_dir() or target.is_dir():
        cleared(target)
    path.replace(target)
    return target


def write_advice(parts: Iterable[pl.DataFrame], folder: Path, besides: Path | None = None) -> list[Path]:
    """Put the table of advice beside the tables of its run, in their format, and where ``besides`` says.

    ``parts``: tables of some patients each, as ``outward`` gives them, written as they come. Reports that were drawn
    without it are removed.
    """
    form = "csv" if (folder / "timeline.csv").exists() else "parquet"
    if besides is not None:
        _check_ending(besides)
    with tempfile.TemporaryDirectory(prefix=".parts-", dir=folder) as name:
        held = Path(name)
        for number, part in enumerate(parts):
            part.write_parquet(held / f"part-{number:06}.parquet", compression="lz4")
        targets = [folder / f"advice.{form}", *([besides] if besides is not None else [])]
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
            join_parts(sorted(held.iterdir()), target)
    _remove_other_form(folder, ["advice"], form)
    return targets


def read_outcome(folder: Path) -> Outcome:
    """A graded folder as the tables of its run; InputError if it is none."""
    tables = read_folder(folder)
    return Outcome(**tables)


def read_outcomes(folder: Path) -> Iterator[Outcome]:
    """The same, some patients at a time where the run was written in parcels; the other tables are then empty."""
    return (Outcome(**tables) for tables in read_parts(folder))


def write_table(frame: pl.DataFrame, path: Path) -> Path:
    """One table as CSV or Parquet, by the ending of the path; ArgumentError for another ending."""
    _check_ending(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return _write_table(frame, path)


def _check_ending(path: Path) -> None:
    if path.suffix.lstrip(".") not in FORMATS:
        raise ArgumentError(f"{path.name} ends in neither .csv nor .parquet.", where="--out", hint="Use one of them.")


def join_parts(files: Sequence[Path], path: Path, without: Iterable[str] = ()) -> Path:
    """Parquet files one after another as one table, CSV or Parquet by the ending of the path."""
    table = pl.scan_parquet(list(files), glob=False).drop(without, strict=False)
    if path.suffix == ".parquet":
        atomically(path, table.sink_parquet)
    else:
        atomically(path, lambda temporary: _flat(table, table.collect_schema()).sink_csv(temporary))
    return path


def write_run(run: dict[str, Any], folder: Path) -> Path:
    """The record of a run as ``run.json``."""
    text = json.dumps(run, indent=2, ensure_ascii=False) + "\n"
    path = folder / RUN_RECORD
    atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return path


def _write_table(frame: pl.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        atomically(path, frame.write_parquet)
    else:
        atomically(path, lambda temporary: _flat(frame.lazy(), frame.schema).collect().write_csv(temporary))
    return path


def _flat(table: pl.LazyFrame, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Lists joined and timestamps in ISO 8601, as CSV holds neither."""
    lists = [pl.col(name).list.join(LIST_SEPARATOR) for name, dtype in schema.items() if isinstance(dtype, pl.List)]
    stamps = [
        pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
        for name, dtype in schema.items()
        if isinstance(dtype, pl.Datetime)
    ]
    return table.with_columns(*lists, *stamps)


def _remove_other_form(folder: Path, tables: Iterable[str], form: str) -> None:
    """Tables of an earlier run in the other format would be read instead, and its reports would show other data."""
    for other in FORMATS:
        for name in tables:
            if other != form:
                cleared(folder / f"{name}.{other}")
    for report in folder.glob("report*.html"):
        report.unlink()


def clear_folder(folder: Path, tables: Iterable[str], form: str) -> None:
    """Remove what an earlier run left: its tables in the other format, its reports, and advice on other grades."""
    _remove_other_form(folder, tables, form)
    for other in FORMATS:
        cleared(folder / f"advice.{other}")


def cleared(path: Path) -> None:
    """Remove a table of an earlier run, one file or a folder of parts."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the target and move into place."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        if path.is_dir() and not path.is_symlink():
            # the parts of an earlier, larger run stand where one file is to be
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
