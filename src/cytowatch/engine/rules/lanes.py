"""Counters of one scale: which intervals its conditions read, made once and shared between them.

A lane is a counter frame (``subject, start, end`` and integer columns, see counters.py). Readings of one concept never
overlap, so the answers of many tests on it fit into the bits of a few integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import polars as pl

from cytowatch.engine import counters, neuro_counters
from cytowatch.engine.charted import Charted
from cytowatch.engine.intervals import device_changes, device_ends, end_at, merge_runs, readings
from cytowatch.engine.rules.limits import weights
from cytowatch.engine.rules.tree import DEVICE, FLOW, FRACTION
from cytowatch.engine.rules.verdicts import Beside, Test, judged, masks
from cytowatch.engine.settle import in_doubt
from cytowatch.engine.subjects import FOREVER
from cytowatch.knowledge.model import Compare, Domain, Given, In, Knowledge, Term
from cytowatch.schema import DAY_US, HOUR_US

# bit masks of a concept's tests: compared true, false, and gray for want of a limit, a baseline or an age
PARTS = {"t": "true", "f": "false", "x": "idle", "r": "by_range", "b": "by_baseline", "a": "by_age"}
# rates are added up in whole millionths of their unit, so that running sums stay exact
MICRO = 1_000_000
_LIMIT = ("range_low", "range_high")


@dataclass
class Lanes:
    """The intervals that one scale's conditions read, for some watched spans; frames are made when first asked for."""

    rows: Charted
    people: pl.DataFrame
    triggers: pl.DataFrame
    exposures: pl.DataFrame
    knowledge: Knowledge
    not_recorded: frozenset[str]
    made: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    spoken: dict[str, pl.DataFrame] = field(default_factory=dict)

    def once(self, key: str, make: Callable[[], list[pl.DataFrame]]) -> list[pl.DataFrame]:
        """The frames under a key, made at the first call."""
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]

    def readings_of(self, concept: str) -> pl.DataFrame:
        """Rows of a concept with the time in which each speaks; oxygen flow and fraction end with their device."""
        if concept not in self.spoken:
            found = readings(self.rows.of(concept), self.knowledge.concepts[concept].valid_for_us)
            if concept in (FLOW, FRACTION):
                found = end_at(found, device_changes(self.rows.of(DEVICE)))
            self.spoken[concept] = found
        return self.spoken[concept]

    def readings_alone(self, test: Compare) -> pl.DataFrame:
        """Rows of a concept that speak until anything is said of a device."""
        spoken = readings(self.rows.of(test.concept), self.knowledge.concepts[test.concept].valid_for_us)
        return end_at(spoken, device_ends(self.rows.of(test.without)))

    def speaking_for(self, concept: str, hours: float) -> pl.DataFrame:
        """Rows of a concept, each speaking for so many hours whatever comes after it."""
        rows = self.rows.of(concept)
        return rows.with_columns(pl.col("time").alias("start"), (pl.col("time") + round(hours * HOUR_US)).alias("end"))

    @property
    def _beside(self) -> Beside:
        return Beside(self.rows, self.people, self.exposures, self.knowledge)

    def judged(self, spoken: pl.DataFrame, test: Test) -> pl.DataFrame:
        """Rows with what one test says of each; an assessment made under sedation says nothing."""
        said = judged(spoken, test, self._beside)
        awake = self._awake(said, test.concept)
        if awake is None:
            return said
        counts = pl.lit(awake)
        true, false, idle = pl.col("true") & counts, pl.col("false") & counts, pl.col("idle") | ~counts
        return said.with_columns(true, false, idle.alias("idle"))

    def _awake(self, spoken: pl.DataFrame, concept: str) -> pl.Series | None:
        """Which rows were not charted under sedation; None where sedation does not matter."""
        if concept not in cast("tuple[str, ...]", self.knowledge.policy("spoiled_by_sedation")):
            return None
        awake = neuro_counters.while_awake(spoken.with_row_index("place"), self.rows)["place"]
        return pl.select(pl.int_range(spoken.height, dtype=pl.get_index_type()).is_in(awake.implode())).to_series()

    # ------------------------------------------------------------ frames by kind

    def tested(self, concept: str, tests: list[Test]) -> list[pl.DataFrame]:
        """``<concept>|in`` and the bit masks ``|t |f |x |r |b |a`` of all tests on one concept's readings."""
        spoken = self.readings_of(concept)
        if spoken.is_empty():
            return []
        awake = self._awake(spoken, concept)
        said = masks(spoken, tests, self._beside, awake)
        # a mask in which no bit is ever set is a constant: the grid fills it in
        held = {f"{concept}|{part}": said[name] for part, name in PARTS.items() if name in said}
        table = spoken.with_columns(
            pl.lit(1, pl.Int8).alias(f"{concept}|in"), *(series.alias(name) for name, series in held.items())
        )
        return [merge_runs(table, [f"{concept}|in", *held])]

    def overlapping(self, key: str, test: Test, hours: float) -> list[pl.DataFrame]:
        """``<key>|t |f |g |r |b |a |p`` (gray for no such reason): 1 while some reading of the last hours says so."""
        said = self.judged(self.speaking_for(test.concept, hours), test)
        if said.is_empty():
            return []
        gray = ~pl.col("true") & ~pl.col("false") & ~pl.col("idle")
        sets = {"t": pl.col("true"), "f": pl.col("false"), "g": gray}
        reasons = {part: pl.col(PARTS[part]) & gray for part in "rba"}
        sets |= reasons | {"p": gray & ~pl.any_horizontal(*reasons.values())}
        frames = [union(said.filter(held), f"{key}|{part}") for part, held in sets.items()]
        return [frame for frame in frames if frame.height]

    def alone(self, key: str, test: Compare) -> list[pl.DataFrame]:
        """``<key>|t |g``: readings that imply a device nobody charted, ended by what is said of devices."""
        spoken = self.readings_alone(test)
        if spoken.is_empty():
            return []
        said = self.judged(spoken, test)
        gray = ~pl.col("true") & ~pl.col("false")
        table = said.with_columns(pl.col("true").cast(pl.Int8).alias(f"{key}|t"), gray.cast(pl.Int8).alias(f"{key}|g"))
        return [merge_runs(table, [f"{key}|t", f"{key}|g"])]

    def exception(self, concept: str) -> list[pl.DataFrame]:
        """``<concept>|in``, ``|grade`` (place of the category) and ``|clear`` of events charted by exception."""
        categories = self.knowledge.concepts[concept].categories
        places = {name: place for place, name in enumerate(categories)}
        axis = Domain(id=concept, label="", concept=concept, categories=places, by_exception=True)
        asked = [str(name) for name in self.knowledge.policy("neuro_charting")]  # type: ignore[attr-defined]
        charted = self.rows.of_any(asked).select("subject", pl.col("time").alias("charted"))
        charted = charted.unique().sort("subject", "charted")
        return neuro_counters.exception_counters(self.rows, axis, charted, self.knowledge)

    def contradicted(self, concept: str) -> list[pl.DataFrame]:
        """``<concept>|said``, ``|unread``: symptoms and unread findings that wait for a row of the concept."""
        return neuro_counters.said_counters(self.rows, concept, self.knowledge)

    def statement(self, key: str, node: In) -> list[pl.DataFrame]:
        """``<key>|on``: rows of listed texts, each as long as it speaks."""
        said = self.said(node)
        return [said.select("subject", "start", "end", pl.lit(1, pl.Int8).alias(f"{key}|on"))]

    def said(self, node: In) -> pl.DataFrame:
        """The rows of a statement that are listed, with the time in which they speak."""
        return neuro_counters.statements(self.rows, node.concept, node.categories, self.knowledge)

    def doses(self, node: Given) -> pl.DataFrame:
        """The doses of the listed drugs that were given, each counting for the hours of the node."""
        rows = self.rows.of_any(node.concepts).filter(pl.col("value").is_null() | (pl.col("value") > 0))
        end = pl.col("time") + round(node.within_hours * HOUR_US)
        return rows.with_columns(pl.col("time").alias("start"), end.alias("end"))

    def given(self, key: str, node: Given) -> list[pl.DataFrame]:
        """``<key>|on``: how many doses lie in the hours before now."""
        return [self.doses(node).select("subject", "start", "end", pl.lit(1, pl.Int8).alias(f"{key}|on"))]

    def doses_in_doubt(self, drug: str, hours: float) -> pl.DataFrame:
        """The doses of a drug that could not be read, each counting for so many hours."""
        rows = self.rows.of(drug).filter(in_doubt("dose"))
        return rows.with_columns(pl.col("time").alias("start"), (pl.col("time") + round(hours * HOUR_US)).alias("end"))

    def may_be_given(self, key: str, drug: str, hours: float) -> list[pl.DataFrame]:
        """``<key>``: how many doses of a drug in the hours before now could not be read."""
        found = self.doses_in_doubt(drug, hours)
        return [found.select("subject", "start", "end", pl.lit(1, pl.Int8).alias(key))]

    def days(self, key: str, first: float, last: float) -> list[pl.DataFrame]:
        """``<key>|on``: the latest exposure lies so many days back."""
        times = self.people.select("subject", "patient").join(self.triggers.select("patient", "time"), on="patient")
        times = times.unique(["subject", "time"]).sort("subject", "time")
        same = pl.col("subject") == pl.col("subject").shift(-1)
        following = pl.when(same).then(pl.col("time").shift(-1)).otherwise(FOREVER)
        end = pl.min_horizontal(pl.col("time") + round(last * DAY_US), following)
        frame = times.select(
            "subject",
            (pl.col("time") + round(first * DAY_US)).alias("start"),
            end.alias("end"),
            pl.lit(1, pl.Int8).alias(f"{key}|on"),
        )
        return [frame.filter(pl.col("end") > pl.col("start"))]

    def place_of_reading(self, concept: str) -> list[pl.DataFrame]:
        """``<concept>|at``: the place of the row in force among the concept's rows, from 1."""
        spoken = self.readings_of(concept)
        place = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(f"{concept}|at")
        return [spoken.select("subject", "start", "end", place).filter(pl.col("end") > pl.col("start"))]

    def rate(self, term: Term) -> list[pl.DataFrame]:
        """``<drug> <unit>|lo`` (sum of known rates), ``|open`` (rates not known), ``|weight`` (for want of weight)."""
        own = self.rows.of(term.concept)
        if own.is_empty():
            return []
        spoken = counters.drug_intervals(own, term.concept, self.knowledge)
        key = f"{term.concept} {term.unit}"
        rate = self._rate_in(spoken, term.unit)
        bound = pl.col("comparator").cast(pl.String)
        no_weight = pl.col("on") & pl.col("value").is_not_null() & pl.col("rate").is_null() & bound.is_null()
        unknown = pl.col("on") & (pl.col("value").is_null() | bound.is_in([">", ">="]).fill_null(value=False))
        table = spoken.with_columns(rate).filter(pl.col("on") | pl.col("gray"))
        known = pl.when("on").then(pl.col("rate")).otherwise(0.0).fill_null(0.0)
        named = [
            (known * MICRO).round().cast(pl.Int64).alias(f"{key}|lo"),
            (unknown | pl.col("gray")).cast(pl.Int8).alias(f"{key}|open"),
            no_weight.cast(pl.Int8).alias(f"{key}|weight"),
        ]
        return [table.select("subject", "start", "end", *named)]

    def _rate_in(self, spoken: pl.DataFrame, unit: str) -> pl.Series:
        """The rate of each row in the unit asked for; empty where a weight would be needed and is not known."""
        weight = weights(self.rows, self.people, spoken)
        own = spoken["unit"].cast(pl.String)
        by_weight = pl.when(pl.lit(own).str.contains("/kg/")).then(pl.col("value") * pl.lit(weight))
        other = by_weight.otherwise(pl.col("value") / pl.lit(weight))
        return spoken.select(pl.when(pl.lit(own) == unit).then("value").otherwise(other).alias("rate"))["rate"]


def union(spoken: pl.DataFrame, name: str) -> pl.DataFrame:
    """Intervals of one length that overlap or touch as one each, with the weight 1 in column ``name``."""
    before = pl.col("end").shift(1)
    opens = (pl.col("subject") != pl.col("subject").shift(1)) | (pl.col("start") > before)
    firsts = spoken.select(opens.fill_null(value=True).alias("opens"))["opens"].arg_true()
    if not len(firsts):
        return spoken.select("subject", "start", "end", pl.lit(1, pl.Int8).alias(name))
    lasts = pl.concat([firsts.slice(1), pl.Series([spoken.height], dtype=firsts.dtype)]) - 1
    runs = spoken[firsts].with_columns(spoken["end"].gather(lasts))
    return runs.select("subject", "start", "end", pl.lit(1, pl.Int8).alias(name))
