"""The tables of the common data model that state facts: their columns, and their rows as they are read.

A row is known by its table and its primary key (``measurement/12``), so that CSV, DuckDB and PostgreSQL name it alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import polars as pl

from cytowatch.adapters.csvfile import Broken
from cytowatch.adapters.frame import LINE
from cytowatch.adapters.omop.source import Source
from cytowatch.errors import InputError
from cytowatch.schema import REJECTS


@dataclass(frozen=True)
class Shape:
    """The columns of a table: its key, those without which no row can be placed, and those that may be missing."""

    key: str
    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        return tuple(dict.fromkeys((self.key, *self.needed, *self.optional)))


_EVENT = ("visit_occurrence_id",)
SHAPES = {
    "person": Shape(
        "person_id",
        ("person_id",),
        (
            "gender_concept_id", "gender_source_value", "year_of_birth", "month_of_birth", "day_of_birth",
            "birth_datetime",
        ),
    ),
    "death": Shape("person_id", ("person_id", "death_date"), ("death_datetime",)),
    "measurement": Shape(
        "measurement_id",
        ("person_id", "measurement_concept_id", "measurement_date", "value_as_number", "unit_concept_id"),
        (
            "measurement_datetime", "measurement_time", "operator_concept_id", "value_as_concept_id", "range_low",
            "range_high", "measurement_source_value", "measurement_source_concept_id", "unit_source_value",
            "value_source_value",
        ),
    ),
    "observation": Shape(
        "observation_id",
        ("person_id", "observation_concept_id", "observation_date"),
        (
            "observation_datetime", "value_as_number", "value_as_string", "value_as_concept_id", "unit_concept_id",
            "observation_source_value", "observation_source_concept_id", "unit_source_value", "value_source_value",
        ),
    ),
    "drug_exposure": Shape(
        "drug_exposure_id",
        ("person_id", "drug_concept_id", "drug_exposure_start_date"),
        (
            "drug_exposure_start_datetime", "drug_exposure_end_date", "drug_exposure_end_datetime",
            "drug_type_concept_id", "quantity", "drug_source_value", "drug_source_concept_id", "route_source_value",
            "route_concept_id", "dose_unit_source_value",
        ),
    ),
    "device_exposure": Shape(
        "device_exposure_id",
        ("person_id", "device_concept_id", "device_exposure_start_date"),
        (
            "device_exposure_start_datetime", "device_exposure_end_date", "device_exposure_end_datetime",
            "device_source_value", "device_source_concept_id",
        ),
    ),
    "procedure_occurrence": Shape(
        "procedure_occurrence_id",
        ("person_id", "procedure_concept_id", "procedure_date"),
        (
            "procedure_datetime", "procedure_end_date", "procedure_end_datetime", "procedure_source_value",
            "procedure_source_concept_id",
        ),
    ),
    "condition_occurrence": Shape(
        "condition_occurrence_id",
        ("person_id", "condition_concept_id", "condition_start_date"),
        ("condition_start_datetime", "condition_source_value", "condition_source_concept_id"),
    ),
}  # fmt: skip


@dataclass
class Kept:
    """The rows of a table that may state something, and how many of the others there were, by fate and reason."""

    frame: pl.DataFrame
    broken: list[Broken] = field(default_factory=list)
    others: dict[tuple[str, str], int] = field(default_factory=dict)
    rows: int = 0


def check_columns(table: str, there: list[str], label: str) -> None:
    """InputError if a column is missing without which no row of the table can be placed."""
    shape = SHAPES[table]
    missing = [name for name in shape.needed if name not in there]
    if there and missing:
        raise InputError(
            f"The column `{missing[0]}` is missing.",
            where=f"{label}: {table}",
            why=f"Without it no row of the table {table} can be placed or read.",
            hint=f"The common data model 5.4 asks for: {', '.join(shape.needed)}.",
        )


def tidied(frame: pl.DataFrame) -> pl.DataFrame:
    """Text without spaces around it, empty cells missing, and ids without the ``.0`` that some exports give them."""
    texts = [name for name in frame.columns if name != LINE]
    frame = frame.with_columns(pl.col(texts).str.strip_chars())
    ids = [name for name in texts if name.endswith(("_id", "_of_birth"))]
    frame = frame.with_columns(pl.col(ids).str.replace(r"^(-?\d+)\.0+$", "$1"))
    return frame.with_columns(pl.when(pl.col(texts) != "").then(pl.col(texts)).name.keep())


def rows_of(source: Source, table: str) -> Iterator[tuple[pl.DataFrame, list[Broken]]]:
    """The rows of a table, tidied, block after block, and the lines that are none."""
    for block in source.blocks(table, SHAPES[table].columns):
        yield tidied(block.frame), block.broken


def count(source: Source, table: str) -> int:
    """How many rows a table has; a line that cannot be read counts as one."""
    return sum(block.frame.height + len(block.broken) for block in source.blocks(table, ()))


def keep(source: Source, table: str, needed: Callable[[pl.DataFrame], pl.DataFrame]) -> Kept:
    """Read a table and keep the rows that ``needed`` says may state something.

    ``needed`` gives a block back with ``fate`` and ``reason``; both are empty for a row to keep. The rows come back in
    the order of their keys, for a database promises none.
    """
    kept = Kept(pl.DataFrame())
    frames = []
    for frame, broken in rows_of(source, table):
        judged = needed(frame)
        frames.append(judged.filter(pl.col("fate").is_null()).drop("fate", "reason"))
        kept.broken += broken
        kept.rows += frame.height + len(broken)
        counted = judged.filter(pl.col("fate").is_not_null()).group_by("fate", "reason").len()
        for fate, reason, rows in counted.iter_rows():
            kept.others[fate, reason] = kept.others.get((fate, reason), 0) + rows
    empty = pl.DataFrame(schema=dict.fromkeys(SHAPES[table].columns, pl.String) | {LINE: pl.Int64})
    kept.frame = in_order(pl.concat([needed(empty).drop("fate", "reason"), *frames]), SHAPES[table])
    return kept


def in_order(frame: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    """The rows by their keys as numbers; rows of one key, or without one, by what they hold."""
    rest = [name for name in shape.columns if name != shape.key]
    number = pl.col(shape.key).cast(pl.Int64, strict=False)
    return frame.sort(number, pl.col(shape.key), *rest, LINE, nulls_last=True, maintain_order=True)


def numbered(frame: pl.DataFrame, table: str, first: int) -> pl.DataFrame:
    """Adds ``row`` and ``source``: the table and the key, with a number behind it where the key is there again."""
    key = SHAPES[table].key
    again = pl.int_range(1, pl.len() + 1).over(pl.col(key).fill_null(""))
    name = pl.format("{}/{}", pl.lit(table), pl.col(key).fill_null("no id"))
    return frame.with_columns(
        row=pl.int_range(pl.len(), dtype=pl.Int64) + first,
        source=pl.when(again > 1).then(pl.format("{}#{}", name, again)).otherwise(name),
    )


def repeated(frame: pl.DataFrame, table: str) -> pl.Series:
    """True for a row that says in every column that is read what a row of the same key says before it."""
    shape = SHAPES[table]
    same = pl.struct(shape.columns).is_first_distinct()
    return frame.select((~same & pl.col(shape.key).is_not_null()).alias("repeated")).to_series()


def broken_rejects(broken: list[Broken], table: str, first: int) -> pl.DataFrame:
    """Lines that cannot be read, as rejects; their numbers follow those of the rows."""
    rows = [
        (first + position, f"{table}:{one.line}", None, None, one.text, one.rule, one.reason, one.hint)
        for position, one in enumerate(broken)
    ]
    return pl.DataFrame(rows, schema=REJECTS.schema, orient="row")
