"""JSON made column by column: most of a resource is the same in thousands of rows and is encoded once.

A field is a Polars expression that gives JSON text, or null where the resource has no such field. What rows share
(`spread`) is encoded from plain dictionaries, once for each distinct combination of its columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

# characters that JSON must escape
_ESCAPED = r'["\\\x00-\x1f]'


def encoded(value: object) -> str:
    """One value as JSON text."""
    return msgspec.json.encode(value).decode()


def quoted(texts: pl.Series) -> pl.Series:
    """Texts as JSON strings; missing stays missing."""
    if not texts.str.contains(_ESCAPED).any():
        return '"' + texts + '"'
    distinct = texts.unique().drop_nulls()
    known = pl.DataFrame({"text": distinct, "json": [encoded(text) for text in distinct.to_list()]})
    return texts.alias("text").to_frame().join(known, on="text", how="left", maintain_order="left")["json"]


def string(name: str) -> pl.Expr:
    """A column of texts that need no escaping (ids, times, URIs) as JSON strings."""
    return pl.concat_str(pl.lit('"'), pl.col(name), pl.lit('"'))


def an_object(fields: Mapping[str, pl.Expr], *, shared: str | None = None) -> pl.Expr:
    """A JSON object of the fields that are there; null if none is. ``shared``: a column of fields, from `spread`."""
    parts = [pl.col(shared)] if shared else []
    parts += [pl.concat_str(pl.lit(f'"{name}":'), value) for name, value in fields.items()]
    inner = pl.concat_str(parts, separator=",", ignore_nulls=True)
    return pl.when(inner != "").then(pl.concat_str(pl.lit("{"), inner, pl.lit("}")))


def a_list(*items: pl.Expr) -> pl.Expr:
    """A JSON array of the items that are there; null if none is."""
    inner = pl.concat_str(items, separator=",", ignore_nulls=True)
    return pl.when(inner != "").then(pl.concat_str(pl.lit("["), inner, pl.lit("]")))


def reference(kind: str, name: str) -> pl.Expr:
    """A reference to a resource of this type by a column of its ids; null where there is none."""
    return pl.concat_str(pl.lit(f'{{"reference":"{kind}/'), pl.col(name), pl.lit('"}'))


def spread(
    frame: pl.DataFrame,
    keys: Sequence[str],
    say: Callable[[dict[str, Any]], dict[str, Any] | list[dict[str, Any]]],
    name: str,
) -> pl.DataFrame:
    """Add a column of JSON fields, or of items, without the braces, made once for each distinct row of ``keys``."""
    distinct = frame.select(keys).unique()
    told = [encoded(say(row))[1:-1] or None for row in distinct.iter_rows(named=True)]
    known = distinct.with_columns(pl.Series(name, told, dtype=pl.String))
    return frame.join(known, on=list(keys), how="left", nulls_equal=True, maintain_order="left")


def resources(frame: pl.DataFrame, fields: Mapping[str, pl.Expr], shared: str = "shared") -> pl.DataFrame:
    """Whole resources: columns ``patient, id, line``; each line is one resource as JSON, without a line break."""
    return frame.select("patient", "id", line=an_object(fields, shared=shared))
