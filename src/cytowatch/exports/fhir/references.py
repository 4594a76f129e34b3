"""Evidence as references: a pointer to a FHIR resource names that one, any other the facts exported from its source."""

from __future__ import annotations

import polars as pl

from cytowatch.exports.fhir.jsontext import encoded, quoted
from cytowatch.exports.fhir.keys import POINTER
from cytowatch.exports.fhir.names import DERIVABLE, DERIVED_FROM

# more facts than that under one pointer say nothing of which one is meant
_MOST = 4


def evidence_items(rows: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """The evidence of each row (``at, patient, evidence``) as JSON items ``at, items``."""
    return _joined(_references(rows, facts), {"items": pl.lit(value=True)})


def derivations(rows: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """The same parted: ``derived`` for derivedFrom, ``besides`` for extensions, as R4 limits what is derived from."""
    derivable = pl.col("kind").is_in(DERIVABLE).fill_null(value=True)
    extension = pl.concat_str(pl.lit(f'{{"url":{encoded(DERIVED_FROM)},"valueReference":'), "item", pl.lit("}"))
    found = _references(rows, facts).with_columns(item=pl.when(derivable).then("item").otherwise(extension))
    return _joined(found, {"derived": derivable, "besides": ~derivable})


def _references(rows: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """``at, kind, item``: each reference once, in the order of the evidence; what nothing names keeps its words."""
    said = rows.select("at", "patient", source="evidence").explode("source").drop_nulls("source")
    pointed = said.with_columns(target=pl.col("source").str.extract(POINTER))
    given = pointed.filter(pl.col("target").is_not_null()).drop("patient")
    ours = pointed.filter(pl.col("target").is_null()).drop("target")
    found = ours.join(_by_source(facts), on=["patient", "source"], how="left", maintain_order="left").drop("patient")
    whole = pl.concat([given, found]).unique(maintain_order=True)
    bare = whole["target"].is_null()
    words = quoted(whole.select(pl.when(bare).then("source").alias("source"))["source"])
    known = pl.concat_str(pl.lit('{"reference":"'), "target", pl.lit('"}'))
    return whole.select(
        "at",
        kind=pl.col("target").str.split("/").list.first(),
        item=pl.coalesce(known, pl.concat_str(pl.lit('{"display":'), words, pl.lit("}"))),
    )


def _by_source(facts: pl.DataFrame) -> pl.DataFrame:
    """What a pointer of a patient stands for: ``patient, source, target``; one that many facts share names none."""
    targets = facts.select("patient", "source", "target")
    return targets.filter(pl.len().over("patient", "source") <= _MOST)


def _joined(found: pl.DataFrame, parts: dict[str, pl.Expr]) -> pl.DataFrame:
    split = found.select("at", *(pl.when(part).then("item").alias(name) for name, part in parts.items()))
    whole = split.group_by("at").agg(pl.col(name).drop_nulls().str.join(",") for name in parts)
    return whole.with_columns(pl.when(pl.col(name) != "").then(name).alias(name) for name in parts)
