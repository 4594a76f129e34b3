"""Intervals of many classes become one piecewise-constant table per subject.

Every interval adds its weight at its start and takes it away at its end; a running sum over the whole table, with no
grouping, is the state at every moment, because each subject's weights add up to nothing.
"""

from __future__ import annotations

import polars as pl


def make_grid(subjects: pl.DataFrame, frames: list[pl.DataFrame], counters: list[str]) -> pl.DataFrame:
    """Segments ``subject, start, end`` with the value of every counter, without gaps from span start to span end.

    ``frames`` are counter frames; a counter named in ``counters`` that no frame carries is 0 throughout.
    """
    spans = subjects.select("subject", pl.col("start").alias("span_start"), pl.col("end").alias("span_end"))
    edges = [spans.select("subject", pl.col("span_start").alias("at"))]
    for frame in frames:
        edges += _edges(frame, spans)
    table = pl.concat(edges, how="diagonal")
    present = [name for name in table.columns if name not in ("subject", "at")]
    absent = [pl.lit(0).alias(name) for name in counters if name not in present]
    summed = table.sort("subject", "at").with_columns(pl.col(present).fill_null(0).cum_sum())
    last = (pl.col("subject") != pl.col("subject").shift(-1)) | (pl.col("at") != pl.col("at").shift(-1))
    states = summed.filter(last.fill_null(True)).join(spans, on="subject", how="left", maintain_order="left")
    return (
        states.filter(pl.col("at") < pl.col("span_end"))
        .with_columns(pl.col("at").alias("start"), segment_end("at").alias("end"), *absent)
        .drop("at")
    )


def _edges(frame: pl.DataFrame, spans: pl.DataFrame) -> list[pl.DataFrame]:
    weights = [name for name in frame.columns if name not in ("subject", "start", "end")]
    inside = (
        frame.join(spans, on="subject", how="inner")
        .with_columns(
            pl.col("start").clip(pl.col("span_start"), pl.col("span_end")),
            pl.col("end").clip(pl.col("span_start"), pl.col("span_end")),
        )
        .filter(pl.col("end") > pl.col("start"))
    )
    gains = inside.select("subject", pl.col("start").alias("at"), *[_wide(frame, w) for w in weights])
    losses = inside.select("subject", pl.col("end").alias("at"), *[-_wide(frame, w) for w in weights])
    return [gains, losses]


def _wide(frame: pl.DataFrame, weight: str) -> pl.Expr:
    """Times keep 64 bits; counts of open intervals need less."""
    return pl.col(weight).cast(pl.Int64 if frame.schema[weight] == pl.Int64 else pl.Int32)


def segment_end(start: str) -> pl.Expr:
    """Where a segment ends: at the next segment of the subject, or at the span's end (column ``span_end``)."""
    same = pl.col("subject") == pl.col("subject").shift(-1)
    return pl.when(same).then(pl.col(start).shift(-1)).otherwise(pl.col("span_end"))


def split_at(segments: pl.DataFrame, first: pl.Expr, second: pl.Expr | None = None) -> pl.DataFrame:
    """Cut segments at one or two moments that lie strictly inside; the state is the same on all sides."""
    inside = [_inside(cut) for cut in (first, *([] if second is None else [second]))]
    cuts = segments.select(pl.min_horizontal(inside).alias("early"), pl.max_horizontal(inside).alias("late"))
    early, late = cuts["early"], cuts["late"]
    if early.null_count() == len(early):
        return segments
    # the places of the pieces in the whole are known, so they are merged, not sorted
    numbered = segments.with_columns((pl.int_range(pl.len()) * 3).alias("place"))
    whole = numbered.merge_sorted(_piece(numbered, early, early.is_not_null(), 1), key="place")
    if second is not None:
        whole = whole.merge_sorted(_piece(numbered, late, (late != early).fill_null(value=False), 2), key="place")
    return whole.drop("place").with_columns(segment_end("start").alias("end"))


def _inside(cut: pl.Expr) -> pl.Expr:
    return pl.when((cut > pl.col("start")) & (cut < pl.col("end"))).then(cut)


def _piece(numbered: pl.DataFrame, cut: pl.Series, here: pl.Series, step: int) -> pl.DataFrame:
    moved = numbered.filter(here)
    return moved.with_columns(cut.filter(here).alias("start"), (pl.col("place") + step).alias("place"))


def first_of_subject() -> pl.Expr:
    """True on a subject's first segment."""
    return (pl.col("subject") != pl.col("subject").shift(1)).fill_null(True)


def carried(value: pl.Expr) -> pl.Expr:
    """The last value that is not empty, within the subject."""
    return value.forward_fill().over("subject")
