"""Conditions that look back over time: sustained, cumulative, repeated (rule-scales page, section 3)."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from cytowatch.engine.grid import make_grid
from cytowatch.engine.rules.lanes import Lanes
from cytowatch.engine.rules.reader import Reader
from cytowatch.engine.rules.statements import Statement, Told
from cytowatch.engine.subjects import FOREVER
from cytowatch.knowledge.model import Cumulative, Node, Repeated, Sustained
from cytowatch.schema import DAY_US, HOUR_US

_SAME_BEFORE = pl.col("subject") == pl.col("subject").shift(1)
_SAME_AFTER = pl.col("subject") == pl.col("subject").shift(-1)
PERSON = ("subject", "age_days", "age_years")


def frames(
    node: Sustained | Cumulative | Repeated, key: str, lanes: Lanes, compiler: Callable[[Lanes], Reader]
) -> list[pl.DataFrame]:
    """Counter frames ``<key>|sure`` and ``<key>|maybe``: when the condition holds for certain, and possibly."""
    if isinstance(node, Repeated):
        sure, maybe = _repeated(node, lanes)
    else:
        states = _states(node.of, lanes, compiler(lanes))
        sure, maybe = _sustained(states, node) if isinstance(node, Sustained) else _cumulative(states, node)
    return [
        found.filter(pl.col("end") > pl.col("start")).select(
            "subject", "start", "end", pl.lit(1, pl.Int8).alias(f"{key}|{name}")
        )
        for name, found in (("sure", sure), ("maybe", maybe))
    ]


def _states(node: Node, lanes: Lanes, compiler: Reader) -> pl.DataFrame:
    """The inner condition over each span: subject, start, end, span_start, certain, possible."""
    truth, _ = compiler.condition(node)
    return states(lanes, compiler, {"certain": truth.certain, "possible": truth.possible})


def states(lanes: Lanes, compiler: Reader, asked: dict[str, Statement]) -> pl.DataFrame:
    """Statements of a compiler at the segments of each span: subject, start, end, span_start, span_end and they."""
    grid = make_grid(lanes.people, compiler.all_frames(), compiler.all_counters())
    grid = grid.join(lanes.people.select(PERSON), on="subject", how="left", maintain_order="left")
    read = grid.select(expression.fill_null(value=False).alias(name) for name, expression in compiler.base.items())
    told = Told(pl.concat([grid, read], how="horizontal"))
    said = (told.of(statement).alias(name) for name, statement in asked.items())
    return grid.select("subject", "start", "end", "span_start", "span_end").with_columns(said)


def _runs(states: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Neighbors alike in some columns as one."""
    same = _SAME_BEFORE
    for name in columns:
        same &= pl.col(name) == pl.col(name).shift(1)
    firsts = states.filter(~same.fill_null(value=False))
    following = pl.when(_SAME_AFTER).then(pl.col("start").shift(-1)).otherwise("span_end")
    return firsts.with_columns(following.alias("end"))


def _sustained(states: pl.DataFrame, node: Sustained) -> tuple[pl.DataFrame, pl.DataFrame]:
    length, pause = round(node.hours * HOUR_US), round(node.pause_hours * HOUR_US)
    sure = _runs(states, "certain").filter("certain").with_columns(pl.col("start") + length)
    maybe = _runs(states, "possible").filter("possible")
    # a short break before a run is passed over: what counts began with the first of such runs
    same = _SAME_BEFORE & (pl.col("span_start") == pl.col("span_start").shift(1))
    goes_on = (same & (pl.col("start") - pl.col("end").shift(1) < pause)).fill_null(value=False)
    began = pl.when(~goes_on).then("start").forward_fill()
    enough = pl.when(began == pl.col("span_start")).then("start").otherwise(pl.max_horizontal("start", began + length))
    return sure, maybe.with_columns(enough.alias("start"))


def _cumulative(states: pl.DataFrame, node: Cumulative) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Time that counts up to each run, and from when on within the run it is enough."""
    runs = _runs(states, "certain", "possible")
    needed, bridge = round(node.days * DAY_US), round(node.bridging_days * DAY_US)
    # what has been enough once stays so, even if the run ends in that very moment
    certain = _counted(runs, pl.col("certain"), bridge, one_stretch=node.one_stretch)
    possible = _counted(runs, pl.col("possible"), bridge, one_stretch=node.one_stretch)
    maybe = pl.concat([_reached(possible, needed), _while_bridging(possible, needed, bridge)])
    return _reached(certain, needed), maybe


def _reached(counted: pl.DataFrame, needed: int) -> pl.DataFrame:
    """From the moment on at which the time that counts is enough: it stays so to the end of the span."""
    enough = _enough(counted, needed).filter(pl.col("start") <= pl.col("end"))
    reached = enough.group_by("subject", "span_end").agg(pl.col("start").min()).rename({"span_end": "end"})
    return reached.select("subject", "start", "end")


def _counted(runs: pl.DataFrame, holds: pl.Expr, bridge: int, *, one_stretch: bool) -> pl.DataFrame:
    """``holds`` and ``before``: microseconds that counted up to the start of each run.

    A short break between two runs that hold counts from its end on; after a long one a stretch begins at nothing.
    """
    joined = _runs(runs.with_columns(holds.alias("holds")), "holds", *(["possible"]))
    length = pl.col("end") - pl.col("start")
    excluded = ~pl.col("possible")
    after = _SAME_BEFORE.fill_null(value=False) & pl.col("holds").shift(1).fill_null(value=False)
    ahead = _SAME_AFTER.fill_null(value=False) & pl.col("holds").shift(-1).fill_null(value=False)
    table = joined.with_columns(
        (excluded & (length < bridge) & after & ahead).alias("bridged"), (excluded & after).alias("follows")
    )
    amount = pl.when(pl.col("holds") | pl.col("bridged")).then(length).otherwise(0)
    changed = (pl.col("holds") != pl.col("holds").shift(1)).fill_null(value=True).cum_sum().over("subject")
    table = table.with_columns(amount.alias("amount"), changed.alias("turn"))
    broken = ~pl.col("holds") & (length.sum().over("subject", "turn") >= bridge) & one_stretch
    table = table.with_columns(broken.alias("broken"))
    stretch = pl.col("broken").shift(1).fill_null(value=False).cum_sum().over("subject")
    table = table.with_columns(stretch.alias("stretch"))
    before = pl.col("amount").cum_sum().over("subject", "stretch") - pl.col("amount")
    return table.with_columns(before.alias("before"))


def _enough(counted: pl.DataFrame, needed: int) -> pl.DataFrame:
    """The runs that hold, each from the moment at which the time that counts would be enough."""
    enough = pl.max_horizontal("start", pl.col("start") + needed - pl.col("before"))
    rows = counted.filter("holds").with_columns(enough.alias("start"))
    return rows.select("subject", "start", "end", "span_end")


def _while_bridging(counted: pl.DataFrame, needed: int, bridge: int) -> pl.DataFrame:
    """Breaks: each counts itself while it may yet turn out short."""
    breaks = counted.filter(~pl.col("holds"))
    open_end = pl.when(pl.col("follows")).then(pl.min_horizontal("end", pl.col("start") + bridge)).otherwise("start")
    enough = pl.max_horizontal("start", pl.col("start") + needed - pl.col("before"))
    growing = breaks.with_columns(enough.alias("start"), open_end.alias("end"))
    return growing.select("subject", "start", "end").filter(pl.col("start") < pl.col("end"))


def _repeated(node: Repeated, lanes: Lanes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """From the n-th reading on that compares true; possibly while too few readings were made, or some are gray."""
    spans = lanes.people.select("subject", pl.col("start").alias("span_start"), pl.col("end").alias("span_end"))
    own = lanes.judged(lanes.readings_of(node.of.concept), node.of)
    inside = own.join(spans, on="subject", how="inner", maintain_order="left").filter(
        pl.col("time") >= pl.col("span_start")
    )
    may_be = pl.col("true") | ~(pl.col("false") | pl.col("idle"))
    sure = _nth(inside.filter("true"), node.times)
    enough = _nth(inside.filter(may_be), node.times)
    measured = _nth(inside, node.times)
    early = spans.join(measured.select("subject", pl.col("start").alias("stop")), on="subject", how="left").select(
        "subject", pl.col("span_start").alias("start"), pl.coalesce("stop", pl.lit(FOREVER)).alias("end")
    )
    return sure, pl.concat([enough, early])


def _nth(rows: pl.DataFrame, times: int) -> pl.DataFrame:
    """From the n-th row of each subject on."""
    numbered = rows.with_columns(pl.int_range(pl.len()).over("subject").alias("number"))
    found = numbered.filter(pl.col("number") == times - 1)
    return found.select("subject", pl.col("time").alias("start"), pl.lit(FOREVER).alias("end"))
