"""A graded folder: the tables of one run, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.engine.side_by_side import summed_discordance
from cytowatch.errors import ArgumentError
from cytowatch.pipeline import Outcome, combined_run, outward, summed
from cytowatch.report import read_folder, read_parts
from cytowatch.schema import LIST_SEPARATOR

FORMATS = ("csv", "parquet")


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
        "discordance": outcome.discordance,
        "joint": outcome.joint,
        "findings": outcome.findings,
    }
    paths = [_write_table(outward(frame, outcome.clock), folder / f"{name}.{form}") for name, frame in tables.items()]
    for name in ("observations", "patients", "in_doubt"):
        frame = getattr(outcome, name)
        paths.append(_write_table(outward(frame, outcome.clock), folder / f"{name}.parquet"))
    without_other_form(folder, tables, form)
    without_advice(folder)
    return [*paths, _write_run(outcome.run, folder)]


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
            _join_parts(held, target)
    without_other_form(folder, ["advice"], form)
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


def write_parcels(outcomes: Iterable[Outcome], folder: Path, form: str = "parquet") -> tuple[Outcome, list[Path]]:
    """Write a run that comes in parcels of whole patients, holding one parcel at a time.

    Every table is first written in parts beside its place and moved there whole at the end. Gives back a summary of
    the run (its timeline holds the worst bounds of each patient only) and the paths.
    """
    started = time.perf_counter()
    rest = iter(outcomes)
    # an input that cannot be read leaves no folder behind
    first = next(rest)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".parts-", dir=folder) as parts_name:
        parts = Path(parts_name)
        shell = _write_parts(chain([first], rest), parts)
        paths = [_join_parts(parts / name, folder / f"{name}.{form}") for name in _PARTED]
        without_other_form(folder, dict.fromkeys((*_PARTED, *_SUMMED)), form)
        without_advice(folder)
        kept = folder / "observations.parquet"
        cleared(kept)
        (parts / "observations").rename(kept)
        paths += [_join_parts(parts / name, folder / f"{name}.parquet") for name in ("patients", "in_doubt")]
    bounds = (
        pl.scan_parquet(folder / f"timeline.{form}", glob=False)
        if form == "parquet"
        else _scan_csv(folder / f"timeline.{form}")
    )
    worst = bounds.group_by("scale", "patient").agg(pl.col("at_least", "at_most").max()).collect(engine="streaming")
    ledger = summed([part.ledger for part in shell])
    run = combined_run([part.run for part in shell], ledger, started)
    whole = replace(
        shell[0],
        timeline=worst,
        run=run,
        ledger=ledger,
        rejects=pl.concat([part.rejects for part in shell]),
        concordance=pl.concat([part.concordance for part in shell]),
        discordance=summed_discordance([part.discordance for part in shell]),
    )
    paths += [_write_table(getattr(whole, name), folder / f"{name}.{form}") for name in _SUMMED]
    return whole, [*paths, _write_run(run, folder)]


_PARTED = ("timeline", "episodes", "rejects", "concordance", "joint", "findings")
_SUMMED = ("ledger", "discordance")


def _write_parts(outcomes: Iterable[Outcome], parts: Path) -> list[Outcome]:
    """Each parcel's tables as files of their own; what is given back holds only the small tables."""
    shells = []
    for name in (*_PARTED, "observations", "patients", "in_doubt"):
        (parts / name).mkdir()
    for number, outcome in enumerate(outcomes):
        for name in (*_PARTED, "observations", "patients", "in_doubt"):
            frame = outward(getattr(outcome, name), outcome.clock)
            frame.write_parquet(parts / name / f"part-{number:06}.parquet", compression="lz4")
        shells.append(
            replace(
                outcome.without_observations(),
                timeline=outcome.timeline.clear(),
                episodes=outcome.episodes.clear(),
                rejects=outcome.rejects.head(1_000),
                joint=outcome.joint.clear(),
                findings=outcome.findings.clear(),
            )
        )
    return shells


def _join_parts(parts: Path, path: Path) -> Path:
    table = pl.scan_parquet(sorted(parts.iterdir()), glob=False)
    if path.suffix == ".parquet":
        atomically(path, table.sink_parquet)
    else:
        atomically(path, lambda temporary: _flat(table, table.collect_schema()).sink_csv(temporary))
    return path


def _scan_csv(path: Path) -> pl.LazyFrame:
    return pl.scan_csv(path, infer_schema=False, glob=False).with_columns(pl.col("at_least", "at_most").cast(pl.Int16))


def _write_run(run: dict[str, Any], folder: Path) -> Path:
    text = json.dumps(run, indent=2, ensure_ascii=False) + "\n"
    path = folder / "run.json"
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


def without_other_form(folder: Path, tables: Iterable[str], form: str) -> None:
    """Tables of an earlier run in the other format would be read instead, and its reports would show other data."""
    for other in FORMATS:
        for name in tables:
            if other != form:
                cleared(folder / f"{name}.{other}")
    for report in folder.glob("report*.html"):
        report.unlink()


def without_advice(folder: Path) -> None:
    """Advice of an earlier run speaks of other grades."""
    for form in FORMATS:
        cleared(folder / f"advice.{form}")


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
        if path.is_dir():
            cleared(path)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
