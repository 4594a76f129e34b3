"""Looks up CLIF's local names in the code tables, and says what becomes of the rows that are not mapped."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.gather import SILENT
from cytowatch.knowledge.model import Knowledge


def code_table(knowledge: Knowledge, name: str) -> pl.DataFrame:
    """One code table as a frame; its first column becomes ``code``, in lower case."""
    frame = pl.DataFrame(knowledge.codes[name])
    first = frame.columns[0]
    return frame.rename({first: "code"}).with_columns(pl.col("code").str.to_lowercase())


def coded(frame: pl.DataFrame, column: str, knowledge: Knowledge, table: str) -> pl.DataFrame:
    """Adds the code table's columns (``fate, concept, reason`` and what else it says) to every row, by its category.

    A concept that no loaded table knows is ignored with that reason; a category that the code table lacks stays null.
    """
    codes = code_table(knowledge, table)
    kept = [
        name
        for name in ("code", "fate", "concept", "unit", "reason", "no_value", "no_value_means")
        if name in codes.columns
    ]
    joined = frame.join(codes.select(kept), left_on=pl.col(column).str.to_lowercase(), right_on="code", how="left")
    return only_known(joined, knowledge)


def only_known(frame: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Turns a mapping to a concept outside the dictionary into an ignored row with its reason."""
    unknown = (pl.col("fate") == "map") & ~pl.col("concept").is_in(list(knowledge.concepts))
    why = pl.format("`{}` is not needed by any loaded table", pl.col("concept"))
    return frame.with_columns(
        fate=pl.when(unknown).then(pl.lit("ignore")).otherwise("fate"),
        reason=pl.when(unknown).then(why).otherwise("reason"),
    )


def ignored(frame: pl.DataFrame, reason: pl.Expr | None = None) -> pl.DataFrame:
    """Silent rows that are understood and not needed; the reason is the column ``reason`` unless given."""
    return _silent(
        frame, fate=pl.lit("ignored"), rule=pl.lit(""), reason=pl.col("reason") if reason is None else reason
    )


def unknown_code(frame: pl.DataFrame, column: str, table: str) -> pl.DataFrame:
    """Silent rows whose category stands in no code table: rejected, so that somebody looks."""
    return _silent(
        frame.with_columns(concept=pl.coalesce("concept", column), value=pl.col(column)),
        fate=pl.lit("rejected"),
        rule=pl.lit("unknown_code"),
        reason=pl.format(f"{column} `{{}}` is not in the table {table}", pl.col(column).fill_null("")),
        hint=pl.lit(f"Add it to codes/{table}.csv in a folder of your own, to map it or to ignore it."),
    )


def _silent(frame: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    here = {"concept": pl.lit(None, pl.String), "value": pl.lit(None, pl.String), "hint": pl.lit("")}
    here = {name: pl.col(name).cast(pl.String) if name in frame.columns else empty for name, empty in here.items()}
    return frame.select("row", "source", pl.col("hospitalization_id").alias("patient"), **{**here, **columns}).select(
        SILENT
    )


def units(frame: pl.DataFrame, column: str, knowledge: Knowledge) -> pl.DataFrame:
    """Adds ``unit``: the printed unit in UCUM where the table has it, else as printed (admission will judge it)."""
    printed = pl.DataFrame(knowledge.codes["clif_units"]).select("printed", pl.col("unit").alias("_unit"))
    joined = frame.join(printed, left_on=column, right_on="printed", how="left")
    return joined.with_columns(unit=pl.coalesce("_unit", pl.col(column))).drop("_unit")
