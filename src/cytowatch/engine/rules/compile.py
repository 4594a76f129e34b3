"""Condition → a pair of expressions, certain and possible, over the counters of a grid (rule-scales page).

Compiling asks ``Lanes`` for the counter frames that the expressions read, and notes every leaf as an *atom*: what it
says, and the names of what would settle it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import and_, or_

import polars as pl

from cytowatch.engine import counters
from cytowatch.engine.compile import Truth, drug_truth, is_open
from cytowatch.engine.rules import timed
from cytowatch.engine.rules.lanes import Lanes
from cytowatch.engine.rules.quantities import Quantities
from cytowatch.engine.rules.reader import Atom, Names
from cytowatch.engine.rules.tree import DEVICE, concepts_in_order
from cytowatch.engine.rules.verdicts import Test
from cytowatch.knowledge.model import (
    AgeYears,
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Count,
    Cumulative,
    DaysSinceExposure,
    Estimated,
    ExceptKnown,
    Given,
    In,
    Node,
    Not,
    Possible,
    QuantityCompare,
    Relative,
    Repeated,
    Running,
    Sustained,
)

NO, YES = pl.lit(value=False), pl.lit(value=True)
JUDGEMENT = "clinical_judgement"


@dataclass
class Compiler:
    """Compiles conditions against one set of lanes; atoms are gathered per condition."""

    lanes: Lanes
    tests: dict[str, list[Test]] = field(default_factory=dict)
    frames: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    read: dict[str, None] = field(default_factory=dict)
    atoms: list[Atom] = field(default_factory=list)
    quantities: Quantities = field(init=False)
    # what each leaf says, as columns computed once a grid; conditions are expressions over these
    base: dict[str, pl.Expr] = field(default_factory=dict)
    known: dict[object, tuple[Truth, Names]] = field(default_factory=dict)
    drugs: dict[str, None] = field(default_factory=dict)
    devices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reads_devices: bool = False

    def __post_init__(self) -> None:
        self.quantities = Quantities(self)

    # ------------------------------------------------------------ what the grid needs

    def ask(self, columns: list[str], key: str, make: Callable[[], list[pl.DataFrame]]) -> None:
        """Note counters that are read, and the lane that carries them."""
        self.read |= dict.fromkeys(columns)
        self.frames[key] = self.lanes.once(key, make)

    def all_frames(self) -> list[pl.DataFrame]:
        """Every counter frame that the compiled conditions read."""
        found = [frame for part in self.frames.values() for frame in part]
        for concept, tests in self.tests.items():
            found += self.lanes.tested(concept, tests)
        found += counters.drug_counters(self.lanes.rows, list(self.drugs), self.lanes.knowledge)
        if self.devices or self.reads_devices:
            found += counters.device_counters(self.lanes.rows, self.devices, self.lanes.knowledge)
        return found

    def all_counters(self) -> list[str]:
        """The names of every counter that the compiled conditions read."""
        tested = [f"{concept}|{part}" for concept in self.tests for part in ("in", "t", "f", "x", "r", "b", "a")]
        drugs = [f"{drug}|{part}" for drug in self.drugs for part in ("on", "doubt")]
        devices = ["device|any", "device|other", "device|doubt", *self.devices]
        return [*self.read, *tested, *drugs, *devices]

    def column(self, expression: pl.Expr) -> pl.Expr:
        """An expression as a column of its own."""
        name = f"leaf {len(self.base)}"
        self.base[name] = expression
        return pl.col(name)

    def _kept(self, truth: Truth, names: Names) -> tuple[Truth, Names]:
        """A leaf's truth and names as columns; a name that always holds needs none."""
        certain = self.column(truth.certain)
        possible = certain if truth.possible is truth.certain else self.column(truth.possible)
        return Truth(certain, possible), [(name, held if held is YES else self.column(held)) for name, held in names]

    # ------------------------------------------------------------ nodes

    def condition(self, node: Node) -> tuple[Truth, list[Atom]]:
        """The truth of one whole condition, and its atoms in the order written."""
        self.atoms = []
        return self.node(node), self.atoms

    def node(self, node: Node) -> Truth:
        """The truth of a node; its leaves are added to ``atoms``."""
        match node:
            case All(parts):
                return _combine(and_, [self.node(part) for part in parts])
            case AnyOf(parts):
                return _combine(or_, [self.node(part) for part in parts])
            case Count(parts, at_least):
                return _counted([self.node(part) for part in parts], at_least)
            case Not(part):
                inner = self._silently(part)
                return Truth(~inner.possible, ~inner.certain)
            case Possible(part, judged):
                return self._possible(node, part, judged=judged)
            case ExceptKnown(part):
                known = self._silently(part, named=False).certain
                return Truth(~known, ~known)
            case AnyMeasured(parts):
                return self._any_measured(parts)
            case _:
                return self._leaf(node)

    def _possible(self, node: Node, part: Node, *, judged: bool) -> Truth:
        """Never certain; where its part is, somebody may have to judge."""
        inner = self._silently(part)
        if judged:
            self.atoms.append(Atom(node, Truth(NO, inner.certain), [(JUDGEMENT, YES)], asserts=False))
        return Truth(NO, inner.possible)

    def _silently(self, part: Node, *, named: bool = True) -> Truth:
        """A part whose leaves are no evidence, and if not ``named`` ask for nothing either."""
        before = len(self.atoms)
        truth = self.node(part)
        inner = [replace(atom, asserts=False) for atom in self.atoms[before:]] if named else []
        self.atoms = [*self.atoms[:before], *inner]
        return truth

    def _leaf(self, node: Node) -> Truth:
        if node not in self.known:
            truth, names = self._said(node)
            # what a condition that looks back lacks is said in columns already
            looks_back = isinstance(node, Sustained | Cumulative | Repeated)
            kept, told = self._kept(truth, [] if looks_back else names)
            self.known[node] = (kept, names if looks_back else told)
        truth, names = self.known[node]
        self.atoms.append(Atom(node, truth, names))
        return truth

    def _said(self, node: Node) -> tuple[Truth, Names]:
        match node:
            case Compare() | Relative():
                return self._reading(node)
            case In():
                return self._in(node)
            case Running():
                return self._running(node)
            case Given():
                return self._given(node)
            case QuantityCompare():
                return self.quantities.compared(node)
            case Estimated(quantity):
                estimated = self.quantities.of(quantity).estimated
                return Truth(estimated, estimated), []
            case DaysSinceExposure(first, last):
                return self._days(first, last), []
            case AgeYears(first, last):
                return _age(first, last)
            case Sustained() | Cumulative() | Repeated():
                return self._timed(node)
        raise TypeError(f"no rule for {node!r}")

    # ------------------------------------------------------------ leaves

    def _place(self, test: Test) -> int:
        tests = self.tests.setdefault(test.concept, [])
        if test not in tests:
            tests.append(test)
        return tests.index(test)

    def _bits(self, test: Test) -> dict[str, pl.Expr]:
        """Of one test on the reading in force: in, true, false, idle and the reasons of gray."""
        bit = 1 << self._place(test)
        found = {part: (pl.col(f"{test.concept}|{part}") & bit) != 0 for part in ("t", "f", "x", "r", "b", "a")}
        return found | {"in": is_open(f"{test.concept}|in")}

    def _reading(self, test: Compare | Relative | In) -> tuple[Truth, Names]:
        hours = getattr(test, "over_hours", 0.0)
        if hours:
            return self._over(test, hours)
        if isinstance(test, Compare) and test.without:
            return self._without_device(test), [(test.without, YES)]
        bits = self._bits(test)
        return Truth(bits["t"], ~bits["f"]), _gray_names(test.concept, bits, ~bits["in"] | bits["x"])

    def _without_device(self, test: Compare) -> Truth:
        """A flow or fraction that implies support, while no device is on."""
        key = f"{test.concept} alone {test.op} {test.value:g}"
        self.ask([f"{key}|t", f"{key}|g"], key, lambda: self.lanes.alone(key, test))
        self.reads_devices = True
        nothing_on = ~is_open("device|any")
        true = is_open(f"{key}|t") & nothing_on
        return Truth(true, true | (is_open(f"{key}|g") & nothing_on))

    def _over(self, test: Compare | Relative | In, hours: float) -> tuple[Truth, Names]:
        """The worst of the last hours: any reading in them that compares true."""
        key = f"{test.concept} over {hours:g} h: {test!r}"
        columns = [f"{key}|{part}" for part in "tfgrbap"]
        self.ask(columns, key, lambda: self.lanes.overlapping(key, test, hours))
        true, false, gray = (is_open(f"{key}|{part}") for part in "tfg")
        reasons = {part: is_open(f"{key}|{part}") for part in "rba"}
        nothing = ~true & ~false & ~gray
        names = _gray_names(test.concept, reasons, nothing)
        # of several readings one may be gray for a reason, another for none but its value
        names[0] = (test.concept, nothing | is_open(f"{key}|p"))
        return Truth(true, true | gray | nothing), names

    def _in(self, node: In) -> tuple[Truth, Names]:
        kind = self.lanes.knowledge.concepts[node.concept].kind
        if kind == "reading":
            return self._reading(node)
        if kind == "device":
            return self._device(node)
        if kind == "exception":
            return self._exception(node)
        if kind == "switch":
            self.ask(
                [f"{node.concept}|on"], node.concept, lambda: counters.switch_counters(self.lanes.rows, node.concept)
            )
            on = is_open(f"{node.concept}|on")
            return Truth(on, on), []
        key = f"{node.concept} in {'+'.join(node.categories)}"
        self.ask([f"{key}|on"], key, lambda: self.lanes.statement(key, node))
        said = is_open(f"{key}|on")
        return Truth(said, said), []

    def _device(self, node: In) -> tuple[Truth, Names]:
        name = f"device|{'+'.join(node.categories)}"
        self.devices[name] = node.categories
        on, nothing_on = is_open(name), ~is_open("device|any")
        unknown = DEVICE in self.lanes.not_recorded
        doubtful = nothing_on if unknown else is_open("device|doubt") & nothing_on
        return Truth(on, on | doubtful | is_open("device|other")), [(DEVICE, YES)]

    def _exception(self, node: In) -> tuple[Truth, Names]:
        name = node.concept
        self.ask([f"{name}|in", f"{name}|grade", f"{name}|clear"], name, lambda: self.lanes.exception(name))
        categories = self.lanes.knowledge.concepts[name].categories
        listed = [categories.index(part) for part in node.categories]
        here = is_open(f"{name}|in")
        true = here & pl.col(f"{name}|grade").is_in(listed)
        return Truth(true, true | (~here & ~is_open(f"{name}|clear"))), [(name, YES)]

    def _running(self, node: Running) -> tuple[Truth, Names]:
        self.drugs |= dict.fromkeys(node.concepts)
        truths = [drug_truth(concept, self.lanes.not_recorded) for concept in node.concepts]
        return _counted(truths, node.at_least), [("vasopressor_state", YES)]

    def _given(self, node: Given) -> tuple[Truth, Names]:
        key = f"{'+'.join(node.concepts)} in {node.within_hours:g} h"
        self.ask([f"{key}|on"], key, lambda: self.lanes.given(key, node))
        enough = pl.col(f"{key}|on") >= node.times
        absent = [concept for concept in node.concepts if concept in self.lanes.not_recorded]
        return Truth(enough, YES if absent else enough), [(name, YES) for name in absent[:1]]

    def _days(self, first: float, last: float) -> Truth:
        key = f"day {first:g} to {last:g}"
        self.ask([f"{key}|on"], key, lambda: self.lanes.days(key, first, last))
        return Truth(is_open(f"{key}|on"), is_open(f"{key}|on"))

    def _any_measured(self, parts: tuple[Compare | In, ...]) -> Truth:
        """Any true; unknown only if something is gray, or nothing is in force."""
        said = [[self.column(one) for one in self._measured(part)[:3]] for part in parts]
        true = reduce(or_, (one[0] for one in said))
        gray = reduce(or_, (one[1] for one in said))
        nothing = reduce(and_, (one[2] for one in said))
        for part, (own_true, own_gray, _) in zip(parts, said, strict=True):
            # a part that is not in force is named only if none of them is
            reasons = [(name, self.column(held)) for name, held in self._measured(part)[3] if name != part.concept]
            named = [(name, held & own_gray & ~true) for name, held in reasons]
            by_value = reduce(or_, (held for _, held in named), NO)
            named.append((part.concept, (own_gray & ~by_value & ~true) | nothing))
            self.atoms.append(Atom(part, Truth(own_true, own_true | own_gray | nothing), named))
        return Truth(true, true | gray | nothing)

    def _measured(self, part: Compare | In) -> tuple[pl.Expr, pl.Expr, pl.Expr, Names]:
        truth, names = self._reading(part)
        if part.over_hours:
            key = f"{part.concept} over {part.over_hours:g} h: {part!r}"
            return truth.certain, is_open(f"{key}|g"), reduce(and_, (~is_open(f"{key}|{x}") for x in "tfg")), names
        bits = self._bits(part)
        silent = ~bits["in"] | bits["x"]
        return bits["t"], ~bits["t"] & ~bits["f"] & ~silent, silent, names

    def _timed(self, node: Sustained | Cumulative | Repeated) -> tuple[Truth, Names]:
        key = repr(node)
        self.ask([f"{key}|sure", f"{key}|maybe"], key, lambda: timed.frames(node, key, self.lanes, Compiler))
        return Truth(is_open(f"{key}|sure"), is_open(f"{key}|maybe")), self._lacking(node)

    def _lacking(self, node: Sustained | Cumulative | Repeated) -> Names:
        """What the inner condition lacks now; where it lacks nothing now, all that it reads."""
        concepts = concepts_in_order(node, self.lanes.knowledge)
        if isinstance(node, Repeated):
            return [(name, YES) for name in concepts]
        before = len(self.atoms)
        self.node(node.of)
        inner, self.atoms = self.atoms[before:], self.atoms[:before]
        lacked: dict[str, pl.Expr] = {}
        for atom in inner:
            for name, held in atom.names:
                lacked[name] = lacked.get(name, NO) | (atom.is_open & held)
        nothing = ~reduce(or_, lacked.values(), NO)
        return [
            *((name, held | nothing if name in concepts else held) for name, held in lacked.items()),
            *((name, nothing) for name in concepts if name not in lacked),
        ]


def _gray_names(concept: str, bits: dict[str, pl.Expr], silent: pl.Expr) -> Names:
    """What would settle a reading that is not in force, or gray."""
    by_range, by_baseline, by_age = (bits[part] & ~silent for part in "rba")
    return [
        (concept, silent | ~(by_range | by_baseline | by_age)),
        (f"{concept}_range", by_range),
        (f"{concept}_baseline", by_baseline),
        ("age", by_age),
    ]


def _age(first: float, last: float) -> tuple[Truth, Names]:
    age = pl.col("age_years")
    inside = ((age >= first) & (age < last)).fill_null(value=False)
    return Truth(inside, inside | age.is_null()), [("age", YES)]


def _counted(truths: list[Truth], at_least: int) -> Truth:
    certain = pl.sum_horizontal(truth.certain.cast(pl.Int32) for truth in truths)
    possible = pl.sum_horizontal(truth.possible.cast(pl.Int32) for truth in truths)
    return Truth(certain >= at_least, possible >= at_least)


def _combine(how: Callable[[pl.Expr, pl.Expr], pl.Expr], parts: list[Truth]) -> Truth:
    return Truth(reduce(how, (part.certain for part in parts)), reduce(how, (part.possible for part in parts)))
