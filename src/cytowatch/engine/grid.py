"""Intervals of many classes become one piecewise-constant table per subject.

Every interval adds its weight at its start and takes it away at its end; a running sum over the whole table, with no
grouping, is the state at every moment, because each subject's weights add up to nothing.
"""

from __future__ import annotations

import polars as pl


def make_grid(subjects: pl.DataFrame, frames: list[pl.DataFrame], counters: list[str]) -> pl.DataFrame:
    """Segments ``subject, start, end`` with the value of every counter, without gaps from span start to span end.

    ``subjects`` are numbered from 0 in their order. ``frames`` are counter frames; a counter named in ``counters``
    that no frame carries is 0 throughout.
    """
    spans = subjects.select("subject", pl.col("start").alias("span_start"), pl.col("end").alias("span_end"))
    edges = [_edges(frame, spans) for frame in frames]
    begin = spans.select("subject", pl.col("span_start").alias("at"))
    order = _Order([begin, *(part for pair in edges for part in pair)])
    columns: dict[str, list[tuple[int, pl.Series]]] = {}
    for number, (gains, losses) in enumerate(edges):
        for name in frames[number].columns:
            if name not in ("subject", "start", "end"):
                columns.setdefault(name, []).extend([(2 * number + 1, gains[name]), (2 * number + 2, -losses[name])])
    points = order.points.with_columns(spans["span_start", "span_end"][order.points["subject"]])
    here = (points["at"] < points["span_end"]) & order.last
    states = points.filter(here).with_columns(
        order.running_sum(changes).filter(here).alias(name) for name, changes in columns.items()
    )
    absent = [pl.lit(0).alias(name) for name in dict.fromkeys(counters) if name not in columns]
    return states.with_columns(pl.col("at").alias("start"), segment_end("at").alias("end"), *absent).drop("at")


class _Order:
    """The edges of all frames put in order of subject and time, without carrying any counter along."""

    def __init__(self, parts: list[pl.DataFrame]) -> None:
        keys = pl.concat([part.select("subject", "at") for part in parts])
        self.height = keys.height
        sizes = pl.Series([0, *(part.height for part in parts)], dtype=pl.Int64).cum_sum()
        self._offsets = sizes.to_list()
        order = keys.with_row_index("from").sort("subject", "at")
        places = pl.int_range(self.height, dtype=pl.get_index_type(), eager=True)
        self._place = pl.repeat(0, self.height, dtype=pl.get_index_type(), eager=True).scatter(order["from"], places)
        self.points = order.drop("from")
        # of several edges at one moment only the state after the last one is a state
        same = (pl.col("subject") == pl.col("subject").shift(-1)) & (pl.col("at") == pl.col("at").shift(-1))
        self.last = self.points.select((~same).fill_null(value=True).alias("last"))["last"]

    def running_sum(self, changes: list[tuple[int, pl.Series]]) -> pl.Series:
        """What the changes of some parts, each by its number, add up to at every edge."""
        wide = pl.Int64 if any(weights.dtype == pl.Int64 for _, weights in changes) else pl.Int32
        total = pl.repeat(0, self.height, dtype=wide, eager=True)
        for number, weights in changes:
            first, size = self._offsets[number], len(weights)
            total = total.scatter(self._place.slice(first, size), weights.cast(wide).fill_null(0))
        return total.cum_sum()


def _edges(frame: pl.DataFrame, spans: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the intervals inside their spans add where they begin, and take away where they end."""
    own = spans["span_start", "span_end"][frame["subject"]]
    inside = frame.with_columns(
        frame["start"].clip(own["span_start"], own["span_end"]), frame["end"].clip(own["span_start"], own["span_end"])
    ).filter(pl.col("end") > pl.col("start"))
    narrow = [
        name for name, kind in frame.schema.items() if name not in ("subject", "start", "end") and kind != pl.Int64
    ]
    # times keep 64 bits; counts of open intervals need less
    inside = inside.with_columns(pl.col(narrow).cast(pl.Int32))
    return inside.rename({"start": "at"}), inside.rename({"end": "at"})


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
