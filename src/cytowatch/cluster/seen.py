"""The long table on Spark before it is graded: its rows, where they stand, and what was counted of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf
from pyspark.sql import types as st

from cytowatch.adapters.frame import ROW
from cytowatch.adapters.intake import Clock
from cytowatch.adapters.spans import Span
from cytowatch.errors import InputError


@dataclass(frozen=True)
class Observed:
    """The long table on Spark: its rows, where they stand, and what must be the same for all buckets."""

    rows: DataFrame
    files: tuple[Span, ...]
    clock: Clock
    count: int
    # the first number above those of all rows; None where rows get theirs in their bucket
    next_row: int | None
    # what the ledger tells of no row, but of a file or folder
    told: tuple[tuple[str, str], ...]


def counts(table: DataFrame, *, within: Column | None = None) -> list[Column]:
    """Rows, and cells that are filled in each clock; these only of the rows ``within``, where that is given."""
    cells = {name: _filled(table, name) for name in ("time", "hours")}
    asked = {name: cell if within is None else sf.when(within, cell) for name, cell in cells.items()}
    return [
        sf.count(sf.lit(1)).alias("rows"),
        *(sf.count(cell).alias(f"{name}_filled") for name, cell in asked.items()),
    ]


def _filled(table: DataFrame, name: str) -> Column:
    if name not in table.columns:
        return sf.lit(None)
    column = sf.col(name)
    return sf.when(~column.rlike(r"^\s*$"), 1) if isinstance(table.schema[name].dataType, st.StringType) else column


def clock_of_counts(counted: Mapping[str, Any], columns: list[str]) -> Clock:
    """The clock that most of the counted rows are written in, as one machine decides it of the same rows."""
    time, hours = (int(counted[f"{name}_filled"]) for name in ("time", "hours"))
    if time == hours:
        return "time" if "time" in columns else "hours"
    return "hours" if hours > time else "time"


def number_counts() -> list[Column]:
    """What tells whether the numbers in `_row` are right, over the whole table."""
    number = sf.col(ROW)
    return [
        sf.count(sf.lit(1)).alias("all_rows"), sf.count_distinct(number).alias("numbers"),
        sf.min(number).alias("lowest"), sf.max(number).alias("highest"),
    ]  # fmt: skip


def check_number_type(table: DataFrame, label: str) -> None:
    """InputError unless `_row` holds whole numbers."""
    if not isinstance(table.schema[ROW].dataType, st.IntegralType):
        raise wrong_numbers(f"The column {ROW!r} holds no whole numbers.", label)


def next_number(counted: Mapping[str, Any], label: str) -> int:
    """The first number above all; InputError where two rows of the whole table share one, or a row has none."""
    # so far below the largest number that the patients find room above
    if (
        counted["numbers"] < counted["all_rows"]
        or not 0 <= (counted["lowest"] or 0) <= (counted["highest"] or 0) < 2**61
    ):
        raise wrong_numbers(f"The numbers in the column {ROW!r} are not unique.", label)
    return 0 if counted["highest"] is None else int(counted["highest"]) + 1


def wrong_numbers(what: str, label: str) -> InputError:
    """The error for a column `_row` that tells no rows apart."""
    return InputError(
        what,
        where=label,
        why="Rows that share a number cannot be told apart in rejects and counts.",
        hint="Number the rows from 0 on, each once, or leave the column out.",
    )


def refuse_fractions(label: str) -> InputError:
    """The error for patients that are numbers with a fraction."""
    return InputError(
        "the patients are numbers with a fraction",
        where=f"{label}, column patient",
        why="whether 12.0 means patient 12 can only be told with the whole column at hand",
        hint="make the column text, or whole numbers, before it is graded",
    )
