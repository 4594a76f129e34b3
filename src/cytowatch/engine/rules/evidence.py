"""Which rows make a criterion certain: for each leaf that holds, the row it rests on (rule-scales page, section 4)."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from cytowatch.engine import counters, neuro_counters, trace
from cytowatch.engine.charted import Charted
from cytowatch.engine.intervals import readings
from cytowatch.engine.rules import timed
from cytowatch.engine.rules.bounds import Plan, Segments
from cytowatch.engine.rules.compile import Compiler
from cytowatch.engine.rules.lanes import Lanes
from cytowatch.engine.rules.statements import Statement, Told, either
from cytowatch.engine.rules.tree import DEVICE, FLOW, FRACTION
from cytowatch.engine.rules.verdicts import Test
from cytowatch.knowledge.model import (
    Compare,
    Cumulative,
    Domain,
    Estimated,
    Given,
    In,
    Node,
    QuantityCompare,
    Relative,
    Repeated,
    Running,
    Scale,
    Sustained,
)


def groups(joined: pl.DataFrame, graded: Segments, plan: Plan, lanes: Lanes, scale: Scale) -> list[trace.Group]:
    """One group a criterion and leaf that it rests on, in the order of the criteria; then the death."""
    finder = _Finder(lanes)
    asked: dict[object, list[tuple[int, Statement]]] = {}
    leaves: dict[object, Node] = {}
    for place, (leaf, held) in enumerate(_resting_on(graded, plan, scale)):
        key = finder.key(leaf)
        leaves.setdefault(key, leaf)
        asked.setdefault(key, []).append((place, held))
    rows = joined.select(pl.int_range(pl.len(), dtype=pl.get_index_type()).alias("at"), "subject", "start", "state")
    found: dict[int, trace.Group] = {}
    for key, places in asked.items():
        found |= _looked_up(finder, leaves[key], places, rows, graded.told)
    ordered = [found[place] for place in sorted(found)]
    if scale.episode.death_criterion:
        dead = rows.filter(graded.told.of(graded.listed[scale.episode.death_criterion]).gather(rows["state"]))
        deaths = counters.own_death(lanes.rows, lanes.people, scale.episode.death_cause)
        ordered.append((dead, [trace.latest(dead, deaths, "death", in_force=False)]))
    return ordered


def _resting_on(graded: Segments, plan: Plan, scale: Scale) -> Iterator[tuple[Node, Statement]]:
    """Each leaf of each criterion in table order, with when the criterion is listed and the leaf holds."""
    for criterion in scale.criteria:
        for atom in plan.criteria[criterion.id][1]:
            if atom.asserts:
                yield atom.leaf, graded.listed[criterion.id] & atom.truth.certain


def _looked_up(
    finder: _Finder, leaf: Node, places: list[tuple[int, Statement]], rows: pl.DataFrame, told: Told
) -> dict[int, trace.Group]:
    """By place: the rows at which a leaf speaks there, with its sources; they are looked up once for all places."""
    held = {place: told.of(statement) for place, statement in places}
    anywhere = told.of(either(statement for _, statement in places))
    if not anywhere.any():
        return {}
    queries = rows.filter(anywhere.gather(rows["state"]))
    pieces = finder.pieces(queries, leaf)
    found: dict[int, trace.Group] = {}
    for place, series in held.items():
        here = series.gather(queries["state"])
        if here.all():
            found[place] = (queries, pieces)
        elif here.any():
            found[place] = (queries.filter(here), [piece.filter(here) for piece in pieces])
    return found


class _Finder:
    """Looks up the rows behind one leaf; what it has sorted once it keeps."""

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes

    @property
    def rows(self) -> Charted:
        return self.lanes.rows

    def key(self, leaf: Node) -> object:
        """Alike for leaves that rest on the same rows: every test of the reading in force rests on that reading."""
        if isinstance(leaf, Compare | Relative | In) and not getattr(leaf, "over_hours", 0.0):
            reads = self.lanes.knowledge.concepts[leaf.concept].kind in ("reading", "exception")
            if reads and not getattr(leaf, "without", ""):
                return leaf.concept
        return leaf

    def pieces(self, asked: pl.DataFrame, leaf: Node) -> list[pl.Series]:
        """The sources behind a leaf that holds, at each row asked for."""
        match leaf:
            case Compare() | Relative():
                return [self._reading(asked, leaf)]
            case In():
                return self._coded(asked, leaf)
            case Running(concepts):
                return [self._drug(asked, drug) for drug in concepts if self.rows.of(drug).height]
            case Given():
                return [trace.latest_of_any(asked, self.lanes.doses(leaf), "dose")]
            case QuantityCompare(quantity) | Estimated(quantity):
                return self._quantity(asked, quantity)
            case Sustained(inner) | Cumulative(inner):
                return self._inner(asked, inner)
            case Repeated(compare):
                return [self._repeated(asked, compare)]
            case _:
                return []

    def _reading(self, asked: pl.DataFrame, test: Test) -> pl.Series:
        hours = getattr(test, "over_hours", 0.0)
        if isinstance(test, Compare) and test.without:
            return trace.latest(asked, self.lanes.readings_alone(test), test.concept, in_force=True)
        if not hours:
            return trace.latest(asked, self.lanes.readings_of(test.concept), test.concept, in_force=True)
        said = self.lanes.judged(self.lanes.speaking_for(test.concept, hours), test)
        return trace.latest(asked, said.filter("true"), test.concept, in_force=True)

    def _coded(self, asked: pl.DataFrame, node: In) -> list[pl.Series]:
        concept = self.lanes.knowledge.concepts[node.concept]
        if concept.kind == "reading":
            return [self._reading(asked, node)]
        if concept.kind == "device":
            return [self._devices(asked, node.categories)]
        if concept.kind == "exception":
            axis = Domain(id=concept.key, label="", concept=concept.key)
            spoken = neuro_counters.score_intervals(self.rows, axis, self.lanes.knowledge)
            return [trace.latest(asked, spoken, concept.key, in_force=True)]
        if concept.kind == "switch":
            return [trace.latest(asked, readings(self.rows.of(concept.key), None), concept.key, in_force=True)]
        return [trace.latest_of_any(asked, self.lanes.said(node), concept.key)]

    def _drug(self, asked: pl.DataFrame, drug: str) -> pl.Series:
        if self.rows.of(drug).is_empty():
            return pl.Series(drug, [None], dtype=pl.String).new_from_index(0, asked.height)
        spoken = counters.drug_intervals(self.rows.of(drug), drug, self.lanes.knowledge).filter("on")
        return trace.latest_covering(asked, spoken, drug)

    def _devices(self, asked: pl.DataFrame, categories: tuple[str, ...] | None) -> pl.Series:
        spoken = counters.device_intervals(self.rows.of(DEVICE), self.lanes.knowledge)
        text = pl.col("text").cast(pl.String)
        listed = text != "room_air" if categories is None else text.is_in(categories)
        return trace.all_covering(asked, spoken.filter(listed), DEVICE)

    def _in_force(self, asked: pl.DataFrame, concept: str) -> pl.Series:
        return trace.latest(asked, self.lanes.readings_of(concept), concept, in_force=True)

    def _quantity(self, asked: pl.DataFrame, key: str) -> list[pl.Series]:
        quantity = self.lanes.knowledge.quantities[key]
        if quantity.kind == "inspired_oxygen":
            return self._fraction(asked, quantity.flow_devices)
        found: list[pl.Series] = []
        for term in quantity.terms:
            if term.concept in self.lanes.knowledge.quantities:
                found += self._quantity(asked, term.concept)
            elif term.rate:
                found.append(self._drug(asked, term.concept))
            else:
                found.append(self._in_force(asked, term.concept))
        return found

    def _fraction(self, asked: pl.DataFrame, flow_devices: tuple[str, ...]) -> list[pl.Series]:
        """The charted fraction, else what it is estimated from."""
        valued = self.lanes.readings_of(FRACTION).filter(pl.col("value").is_not_null())
        charted = trace.latest(asked, valued, FRACTION, in_force=True)
        flow, device = self._in_force(asked, FLOW), self._devices(asked, flow_devices)
        others = self._devices(asked, None)
        estimated = (
            charted.is_null() & flow.is_not_null() & device.is_not_null() & (device == others).fill_null(value=False)
        )
        nothing = pl.lit(None, pl.String)
        pieces = pl.select(
            pl.lit(charted).alias("fraction"),
            pl.when(pl.lit(estimated)).then(pl.lit(flow)).otherwise(nothing).alias("flow"),
            pl.when(pl.lit(estimated)).then(pl.lit(device)).otherwise(nothing).alias("device"),
        )
        return pieces.get_columns()

    def _inner(self, asked: pl.DataFrame, inner: Node) -> list[pl.Series]:
        """The rows behind the leaves of a condition that looks back, those that hold at the row's start."""
        compiler = Compiler(self.lanes)
        _, atoms = compiler.condition(inner)
        held = [atom for atom in atoms if atom.asserts]
        grid = timed.states(self.lanes, compiler, {f"holds {n}": atom.truth.certain for n, atom in enumerate(held)})
        now = asked.join_asof(
            grid.rename({"start": "began"}), left_on="start", right_on="began", by="subject", check_sortedness=False
        )
        found: list[pl.Series] = []
        for number, atom in enumerate(held):
            here = now[f"holds {number}"].fill_null(value=False)
            for piece in self.pieces(asked.filter(here), atom.leaf):
                spread = asked.select("at").join(
                    asked.filter(here).select("at").hstack([piece.alias("source")]),
                    on="at",
                    how="left",
                    maintain_order="left",
                )
                found.append(spread["source"])
        return found

    def _repeated(self, asked: pl.DataFrame, test: Compare) -> pl.Series:
        """The latest reading that compared true at or before the start."""
        said = self.lanes.judged(self.lanes.readings_of(test.concept), test)
        return trace.latest(asked, said.filter("true"), test.concept, in_force=False)
