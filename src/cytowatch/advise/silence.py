"""Why a guideline that was asked for says nothing of a patient: untold, silence would be read as "nothing to do"."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import polars as pl

from cytowatch.advise.exposures import lane_of
from cytowatch.advise.facts import PREFIX
from cytowatch.knowledge.advice import Guideline
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import ADVICE

_NO_TEXTS = pl.lit([], pl.List(pl.String))
_AGES = {"adult": "adults", "child": "children"}


def silent_rows(
    frame: pl.DataFrame, guidelines: Iterable[Guideline], speaking: Collection[str], knowledge: Knowledge
) -> pl.DataFrame:
    """A row of kind ``silent`` for each watched span and guideline that cannot speak of it, with the reason.

    ``frame``: segments with exposures and the facts of the populations of the guidelines that are ``speaking``; the
    others speak of no exposure that is there.
    """
    spans = ["patient", "since"]
    parts = [ADVICE.empty()]
    for part in guidelines:
        reasons = list(_reasons(part, knowledge))[: None if part.key in speaking else 1]
        asked = frame.group_by(spans, maintain_order=True).agg(
            pl.col("start").min().alias("from"),
            pl.col("end").max().alias("to"),
            *(never.all().alias(f"r{place}") for place, (_, _, never) in enumerate(reasons)),
        )
        rule = pl.coalesce(_said(f"r{place}", key) for place, (key, _, _) in enumerate(reasons))
        why = pl.coalesce(_said(f"r{place}", text) for place, (_, text, _) in enumerate(reasons))
        told = asked.with_columns(rule.alias("rule"), why.alias("action")).filter(pl.col("rule").is_not_null())
        parts.append(_rows(told, part))
    return pl.concat(parts)


def _said(where: str, text: str) -> pl.Expr:
    return pl.when(pl.col(where)).then(pl.lit(text))


def _reasons(part: Guideline, knowledge: Knowledge) -> Iterator[tuple[str, str, pl.Expr]]:
    """Key, sentence, and where it holds; the first that holds throughout is told."""
    lane = lane_of(part.triggers)
    kinds = " or ".join(knowledge.concepts[key].label for key in part.triggers)
    yield "exposure", f"It speaks of another exposure: {kinds}.", ~pl.col(f"{lane}|exposed")
    if part.products:
        names = ", ".join(knowledge.products[key].label for key in part.products)
        is_known = pl.col(f"{lane}|product").is_not_null() & pl.col(f"{lane}|class").is_not_null()
        other = is_known & ~pl.col(f"{lane}|product").is_in(part.products).fill_null(value=False)
        yield "product", f"It speaks of other products: {names}.", other | ~pl.col(f"{lane}|exposed")
    if part.population != "any":
        excluded = (pl.col(f"{PREFIX}{part.population}|at_most") == 0).fill_null(value=False)
        yield "age", f"It speaks of {_AGES[part.population]} only.", excluded


def _rows(told: pl.DataFrame, part: Guideline) -> pl.DataFrame:
    base = dict.fromkeys(ADVICE.names, pl.lit(None)) | {
        name: _NO_TEXTS for name, kind in ADVICE.schema.items() if isinstance(kind, pl.List)
    }
    base |= {name: pl.col(name) for name in ("patient", "rule", "action")}
    base |= {"start": pl.col("from"), "end": pl.col("to"), "guideline": pl.lit(part.key), "kind": pl.lit("silent")}
    fixed = {"toxicity": next(iter(part.scales)), "state": "now", "holds": "certain", "level": "note"}
    fixed |= {"source": part.cited.source, "locator": part.cited.locator, "basis": part.cited.evidence}
    base |= {name: pl.lit(value) for name, value in fixed.items()}
    return told.select(base[name].cast(kind).alias(name) for name, kind in ADVICE.schema.items())
