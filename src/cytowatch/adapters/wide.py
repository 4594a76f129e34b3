"""Wide tables, one row a patient and moment: melted to the long table, with every cell accounted for."""

from __future__ import annotations

import difflib

import polars as pl

from cytowatch.adapters.frame import LIMITS, LINE
from cytowatch.adapters.mapping import Mapping, Measured, Once, read_mapping
from cytowatch.adapters.numbers import read_numbers, trimmed
from cytowatch.errors import InputError
from cytowatch.schema import LEDGER

__all__ = ["Mapping", "Melter", "read_mapping"]

_LONG = {
    "patient": pl.String(),
    "concept": pl.String(),
    "value": pl.String(),
    "unit": pl.String(),
    "text": pl.String(),
    "source": pl.String(),
    "_place": pl.Int64(),
}


class Melter:
    """Melts one file, block after block; remembers which patients have had their one row."""

    def __init__(self, mapping: Mapping, label: str) -> None:
        self._mapping = mapping
        self._label = label
        self._ignored: dict[str, int] = {}
        self._seen: set[str | None] = set()

    def melt(self, wide: pl.DataFrame) -> pl.DataFrame:
        """The long table of a block, in the order of its lines; sources are `file:line:column`."""
        wide = self._checked(wide)
        parts = [self._column(wide, column, place) for place, column in enumerate(self._mapping.columns, 1)]
        first = wide.unique("patient", keep="first", maintain_order=True)
        first = first.filter(~first["patient"].is_in(list(self._seen), nulls_equal=True))
        parts += [self._one(first, one) for one in self._mapping.once]
        self._seen |= set(first["patient"].to_list())
        long = pl.concat(parts, how="vertical").sort(LINE, "_place", maintain_order=True)
        return long.drop("_place", LINE)

    def take_ledger(self) -> pl.DataFrame:
        """What made no row since the last call, and why."""
        lines = [(self._label, "ignored", reason, rows) for reason, rows in self._ignored.items() if rows]
        self._ignored = {}
        return pl.DataFrame(lines, schema=LEDGER.schema, orient="row")

    def _checked(self, wide: pl.DataFrame) -> pl.DataFrame:
        names = {name.strip(): name for name in wide.columns if name != LINE}
        missing = [name for name in self._mapping.needed if name not in names]
        if missing:
            near = difflib.get_close_matches(missing[0], list(names), n=1)
            raise InputError(
                f"missing column: {', '.join(missing)}",
                where=f"{self._label} (found: {', '.join(names)})",
                why="the mapping file says that it is measured",
                hint=f"did you mean {near[0]!r}?" if near else "correct the mapping file or the table",
            )
        cells = [trimmed(wide[names[name]]).alias(f"={name}") for name in self._mapping.needed]
        moment = self._moment(wide[names[self._mapping.time]])
        return pl.DataFrame([wide[LINE], *cells, moment]).with_columns(
            pl.col(f"={self._mapping.patient}").alias("patient")
        )

    def _moment(self, given: pl.Series) -> pl.Series:
        """The time column as `time` or `hours`; what is no number stays as it is, to be refused."""
        factor = self._mapping.hours_in_unit
        if factor is None:
            return given.alias("time")
        numbers = read_numbers(given)
        hours = (numbers.value * factor).cast(pl.String)
        return pl.select(pl.coalesce(pl.lit(hours), pl.lit(trimmed(given)))).to_series().alias("hours")

    def _column(self, wide: pl.DataFrame, column: Measured, place: int) -> pl.DataFrame:
        cell = pl.col(f"={column.name}")
        self._ignore("empty cell", wide, cell.is_null())
        wide = wide.filter(cell.is_not_null())
        not_given = cell.is_in(list(column.not_given))
        nothing = cell.is_in([key for key, text in column.texts.items() if not text])
        self._ignore("marked as not given", wide, not_given)
        self._ignore("cell said to mean nothing", wide, nothing)
        wide = wide.filter(~not_given & ~nothing)
        value, text = _value_and_text(column, cell)
        limits = {
            name: _limit(limit) for name, limit in zip(LIMITS, (column.range_low, column.range_high), strict=True)
        }
        return self._long(wide, column.concept, value, text, column.unit, column.name, place, limits)

    def _one(self, first: pl.DataFrame, one: Once) -> pl.DataFrame:
        text = pl.lit(one.text or None, pl.String)
        if one.name:
            text = pl.col(f"={one.name}").replace(one.texts)
        if one.hours is not None:
            first = first.with_columns(pl.lit(str(one.hours)).alias("hours"))
        elif one.column:
            moment = self._moment(first[f"={one.column}"])
            first = first.with_columns(moment)
        named = one.name or one.column or one.concept
        return self._long(first, one.concept, pl.lit(None, pl.String), text, "", named, 0)

    def _long(
        self,
        wide: pl.DataFrame,
        concept: str,
        value: pl.Expr,
        text: pl.Expr,
        unit: str,
        column: str,
        place: int,
        limits: dict[str, pl.Expr] | None = None,
    ) -> pl.DataFrame:
        moment = "time" if self._mapping.hours_in_unit is None else "hours"
        parts = {
            "patient": pl.col("patient"),
            "concept": pl.lit(concept),
            "value": value,
            "unit": pl.lit(unit or None),
            "text": text,
            "source": pl.format("{}:{}:{}", pl.lit(self._label), LINE, pl.lit(column)),
            "_place": pl.lit(place),
        }
        if self._mapping.has_limits:
            parts |= limits or dict.fromkeys(LIMITS, pl.lit(None))
        columns = (part.cast(_LONG.get(name, pl.String())).alias(name) for name, part in parts.items())
        return wide.select(*columns, LINE, moment)

    def _ignore(self, reason: str, wide: pl.DataFrame, where: pl.Expr) -> None:
        count = int(wide.select(where.sum()).item() or 0)
        self._ignored[reason] = self._ignored.get(reason, 0) + count


def _limit(limit: float | str) -> pl.Expr:
    if isinstance(limit, str):
        return pl.col(f"={limit}") if limit else pl.lit(None)
    return pl.lit(limit)


def _value_and_text(column: Measured, cell: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Where a cell goes, the value or the text; a mark that is neither word goes on as a value, to be refused."""
    nothing = pl.lit(None, pl.String)
    if column.given:
        return pl.when(~cell.is_in(list(column.given))).then(pl.format("mark {}", cell)), pl.lit(column.text or None)
    if column.texts:
        return nothing, cell.replace(column.texts)
    return cell, pl.lit(column.text or None)
