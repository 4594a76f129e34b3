"""Writes tables as CSV and as XPT version 5, each whole or not at all, and counts what XPT cannot hold."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from cytowatch.exports.sdtm.labels import label
from cytowatch.exports.sdtm.losses import Losses
from cytowatch.results import atomically

_LONGEST = 200


def write_domains(domains: dict[str, pl.DataFrame], folder: Path, losses: Losses) -> list[Path]:
    """Each table as CSV, and as XPT where pyreadstat is installed; the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, frame in domains.items():
        path = folder / f"{name.lower()}.csv"
        atomically(path, frame.write_csv)
        paths.append(path)
    return [*paths, *_write_xpt(domains, folder / "xpt", losses)]


def _write_xpt(domains: dict[str, pl.DataFrame], folder: Path, losses: Losses) -> list[Path]:
    try:
        import pyreadstat
    except ImportError:
        losses.add(
            "XPT", "no XPT files: pip install 'cytowatch[cdisc]'", sum(frame.height for frame in domains.values())
        )
        return []
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, frame in domains.items():
        if frame.is_empty():
            # without a row the length of a text is not known, and the file could not be read
            losses.add("XPT", f"{name}: no row, so no file", 1)
            (folder / f"{name.lower()}.xpt").unlink(missing_ok=True)
            continue
        fit = _fit(frame, name, losses)
        labels: list[str | None] = [label(column) for column in fit.columns]
        path = folder / f"{name.lower()}.xpt"

        def put(temporary: Path, fit: pl.DataFrame = fit, labels: list[str | None] = labels, name: str = name) -> None:
            pyreadstat.write_xport(fit, str(temporary), column_labels=labels, table_name=name, file_format_version=5)

        atomically(path, put)
        paths.append(path)
    return paths


def _fit(frame: pl.DataFrame, name: str, losses: Losses) -> pl.DataFrame:
    """Numbers as floats, texts of at most 200 bytes, cut between letters."""
    frame = frame.with_columns(
        pl.col(column).cast(pl.Float64) for column, dtype in frame.schema.items() if dtype.is_integer()
    )
    columns = []
    for column, dtype in frame.schema.items():
        text = frame[column]
        if dtype == pl.Null:
            text = text.cast(pl.String)
        if text.dtype == pl.String:
            long = (text.str.len_bytes() > _LONGEST).fill_null(value=False)
            losses.add("XPT", f"{name}.{column}: text cut to {_LONGEST} bytes", int(long.sum()))
            if long.any():
                text = text.map_elements(_cut, return_dtype=pl.String)
            text = text.fill_null("")
        columns.append(text)
    return pl.DataFrame(columns)


def _cut(text: str) -> str:
    return text.encode("utf-8")[:_LONGEST].decode("utf-8", "ignore")


def variables(parts: dict[str, dict[str, pl.DataFrame]]) -> pl.DataFrame:
    """What a define document says: folder, table, variable, label, type, longest text, and how many cells are full."""
    rows = [
        (
            folder,
            name,
            column,
            label(column),
            "Char" if dtype == pl.String else "Num",
            _longest(frame[column]),
            frame.height - frame[column].null_count(),
        )
        for folder, domains in parts.items()
        for name, frame in domains.items()
        for column, dtype in frame.schema.items()
    ]
    schema = {
        "folder": pl.String,
        "table": pl.String,
        "variable": pl.String,
        "label": pl.String,
        "type": pl.String,
        "length": pl.Int64,
        "filled": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _longest(column: pl.Series) -> int:
    found = column.str.len_bytes().max() if column.dtype == pl.String else 8
    return int(found) if isinstance(found, int) else 0
