"""Condition → a pair of statements, certain and possible, about the counters of a grid (rule-scales page).

Compiling asks ``Lanes`` for the counter frames that are read, and notes every leaf as an *atom*: what it says, and the
names of what would settle it. What is read of the counters becomes Boolean columns (``base``); all that is put
together from these is a ``Statement``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl

from cytowatch.engine import counters
from cytowatch.engine.compile import Truth, drug_truth
from cytowatch.engine.neuro_counters import READ_BESIDE
from cytowatch.engine.rules import timed
from cytowatch.engine.rules.lanes import Lanes
from cytowatch.engine.rules.quantities import Quantities
from cytowatch.engine.rules.reader import Atom, LeafNames, Names
from cytowatch.engine.rules.statements import NO, YES, Bit, Leaf, Open, Statement, at_least, either, every
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
    # what is read of the counters: as they are, and as Boolean columns computed once a grid
    counted: dict[str, None] = field(default_factory=dict)
    base: dict[str, pl.Expr] = field(default_factory=dict)
    said: dict[object, Statement] = field(default_factory=dict)
    known: dict[object, tuple[Truth[Statement], Names]] = field(default_factory=dict)
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
        for drug in self.drugs:
            made = partial(counters.drug_counters, self.lanes.rows, [drug], self.lanes.knowledge)
            found += self.lanes.once(f"{drug} running", made)
        if self.devices or self.reads_devices:
            found += counters.device_counters(self.lanes.rows, self.devices, self.lanes.knowledge)
        return found

    def all_counters(self) -> list[str]:
        """The names of every counter that the compiled conditions read."""
        tested = [f"{concept}|{part}" for concept in self.tests for part in ("in", "t", "f", "x", "r", "b", "a")]
        drugs = [f"{drug}|{part}" for drug in self.drugs for part in ("on", "doubt")]
        devices = ["device|any", "device|other", "device|doubt", *self.devices]
        return [*self.read, *tested, *drugs, *devices]

    def column(self, expression: pl.Expr, name: str = "") -> Statement:
        """An expression as a column of its own; under a name it is made once."""
        key = name or f"leaf {len(self.base)}"
        self.base.setdefault(key, expression)
        return self.said.setdefault(key, Leaf(key))

    def on(self, counter: str) -> Statement:
        """At least one interval of the class is open."""
        self.counted[counter] = None
        return self.said.setdefault((counter,), Open(counter))

    def bit(self, counter: str, place: int) -> Statement:
        """One test says so of the reading in force."""
        self.counted[counter] = None
        return self.said.setdefault((counter, place), Bit(counter, place))

    def _kept(self, truth: Truth[pl.Expr], names: LeafNames) -> tuple[Truth[Statement], Names]:
        """What is said in expressions, as columns."""
        certain = self.column(truth.certain)
        possible = certain if truth.possible is truth.certain else self.column(truth.possible)
        return Truth(certain, possible), [(name, self.column(held)) for name, held in names]

    # ------------------------------------------------------------ nodes

    def condition(self, node: Node) -> tuple[Truth[Statement], list[Atom]]:
        """The truth of one whole condition, and its atoms in the order written."""
        self.atoms = []
        return self.node(node), self.atoms

    def node(self, node: Node) -> Truth[Statement]:
        """The truth of a node; its leaves are added to ``atoms``."""
        match node:
            case All(parts):
                return self._combined(every, parts)
            case AnyOf(parts):
                return self._combined(either, parts)
            case Count(parts, number):
                return self._combined(lambda said: at_least(number, said), parts)
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

    def _combined(self, how: Callable[[list[Statement]], Statement], parts: tuple[Node, ...]) -> Truth[Statement]:
        """Several parts as one; their leaves are asked for only while the whole is open."""
        before = len(self.atoms)
        truths = [self.node(part) for part in parts]
        whole = Truth(how([truth.certain for truth in truths]), how([truth.possible for truth in truths]))
        open_ = whole.possible & ~whole.certain
        inner = [replace(atom, within=atom.within & open_) for atom in self.atoms[before:]]
        self.atoms = [*self.atoms[:before], *inner]
        return whole

    def _possible(self, node: Node, part: Node, *, judged: bool) -> Truth[Statement]:
        """Never certain; where its part is, somebody may have to judge."""
        inner = self._silently(part)
        if judged:
            self.atoms.append(Atom(node, Truth(NO, inner.certain), [(JUDGEMENT, YES)], asserts=False))
        return Truth(NO, inner.possible)

    def _silently(self, part: Node, *, named: bool = True) -> Truth[Statement]:
        """A part whose leaves are no evidence, and if not ``named`` ask for nothing either."""
        before = len(self.atoms)
        truth = self.node(part)
        inner = [replace(atom, asserts=False) for atom in self.atoms[before:]] if named else []
        self.atoms = [*self.atoms[:before], *inner]
        return truth

    def _leaf(self, node: Node) -> Truth[Statement]:
        if node not in self.known:
            self.known[node] = self._said(node)
        truth, names = self.known[node]
        self.atoms.append(Atom(node, truth, names))
        return truth

    def _said(self, node: Node) -> tuple[Truth[Statement], Names]:
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
                return self._kept(*self.quantities.compared(node))
            case Estimated(quantity):
                return self._certain(self.column(self.quantities.of(quantity).estimated))
            case DaysSinceExposure(first, last):
                return self._days(first, last)
            case AgeYears(first, last):
                return self._age(first, last)
            case Sustained() | Cumulative() | Repeated():
                return self._timed(node)
        raise TypeError(f"no rule for {node!r}")

    # ------------------------------------------------------------ leaves

    @staticmethod
    def _certain(said: Statement) -> tuple[Truth[Statement], Names]:
        """What is known whenever it is asked."""
        return Truth(said, said), []

    def _place(self, test: Test) -> int:
        tests = self.tests.setdefault(test.concept, [])
        if test not in tests:
            tests.append(test)
        return tests.index(test)

    def _bits(self, test: Test) -> dict[str, Statement]:
        """Of one test on the reading in force: in, true, false, idle and the reasons of gray."""
        concept, place = test.concept, self._place(test)
        found = {part: self.bit(f"{concept}|{part}", place) for part in ("t", "f", "x", "r", "b", "a")}
        found |= {"in": self.on(f"{concept}|in")}
        if not isinstance(test, In) or concept not in READ_BESIDE:
            return found
        unread = self._unread(concept)
        return found | {"f": found["f"] & ~unread, "x": found["x"] & ~unread, "in": found["in"] | unread}

    def _reading(self, test: Compare | Relative | In) -> tuple[Truth[Statement], Names]:
        hours = getattr(test, "over_hours", 0.0)
        if hours:
            return self._over(test, hours)
        if isinstance(test, Compare) and test.without:
            return self._without_device(test), [(test.without, YES)]
        bits = self._bits(test)
        return Truth(bits["t"], ~bits["f"]), _gray_names(test.concept, bits, ~bits["in"] | bits["x"])

    def _without_device(self, test: Compare) -> Truth[Statement]:
        """A flow or fraction that implies support, while no device is on."""
        key = f"{test.concept} alone {test.op} {test.value:g}"
        self.ask([f"{key}|t", f"{key}|g"], key, lambda: self.lanes.alone(key, test))
        self.reads_devices = True
        nothing_on = ~self.on("device|any")
        true = self.on(f"{key}|t") & nothing_on
        return Truth(true, true | (self.on(f"{key}|g") & nothing_on))

    def _over(self, test: Compare | Relative | In, hours: float) -> tuple[Truth[Statement], Names]:
        """The worst of the last hours: any reading in them that compares true."""
        key = f"{test.concept} over {hours:g} h: {test!r}"
        columns = [f"{key}|{part}" for part in "tfgrbap"]
        self.ask(columns, key, lambda: self.lanes.overlapping(key, test, hours))
        true, false, gray = (self.on(f"{key}|{part}") for part in "tfg")
        reasons = {part: self.on(f"{key}|{part}") for part in "rba"}
        nothing = ~true & ~false & ~gray
        names = _gray_names(test.concept, reasons, nothing)
        # of several readings one may be gray for a reason, another for none but its value
        names[0] = (test.concept, nothing | self.on(f"{key}|p"))
        return Truth(true, either([true, gray, nothing])), names

    def _in(self, node: In) -> tuple[Truth[Statement], Names]:
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
            return self._certain(self.on(f"{node.concept}|on"))
        key = f"{node.concept} in {'+'.join(node.categories)}"
        self.ask([f"{key}|on"], key, lambda: self.lanes.statement(key, node))
        return self._certain(self.on(f"{key}|on"))

    def _device(self, node: In) -> tuple[Truth[Statement], Names]:
        name = f"device|{'+'.join(node.categories)}"
        self.devices[name] = node.categories
        on, nothing_on = self.on(name), ~self.on("device|any")
        unknown = DEVICE in self.lanes.not_recorded
        doubtful = nothing_on if unknown else self.on("device|doubt") & nothing_on
        return Truth(on, either([on, doubtful, self.on("device|other")])), [(DEVICE, YES)]

    def _exception(self, node: In) -> tuple[Truth[Statement], Names]:
        name = node.concept
        self.ask([f"{name}|in", f"{name}|grade", f"{name}|clear"], name, lambda: self.lanes.exception(name))
        categories = self.lanes.knowledge.concepts[name].categories
        listed = [categories.index(part) for part in node.categories]
        here = self.on(f"{name}|in")
        true = here & self.column(pl.col(f"{name}|grade").is_in(listed))
        unread = self._unread(name)
        absent = self.on(f"{name}|clear") & ~self.on(f"{name}|said")
        return Truth(true, either([true, ~here & ~absent, unread])), [(name, YES)]

    def _unread(self, concept: str) -> Statement:
        """A row of the concept could not be read, and none has answered it."""
        names = [f"{concept}|said", f"{concept}|unread"]
        self.ask(names, f"{concept}|said", lambda: self.lanes.contradicted(concept))
        return self.on(f"{concept}|unread")

    def _running(self, node: Running) -> tuple[Truth[Statement], Names]:
        self.drugs |= dict.fromkeys(node.concepts)
        truths = [drug_truth(concept, self.lanes.not_recorded) for concept in node.concepts]
        sure = [self.column(truth.certain, f"{name} on") for name, truth in zip(node.concepts, truths, strict=True)]
        maybe = [
            self.column(truth.possible, f"{name} maybe") for name, truth in zip(node.concepts, truths, strict=True)
        ]
        return Truth(at_least(node.at_least, sure), at_least(node.at_least, maybe)), [("vasopressor_state", YES)]

    def _given(self, node: Given) -> tuple[Truth[Statement], Names]:
        key = f"{'+'.join(node.concepts)} in {node.within_hours:g} h"
        self.ask([f"{key}|on"], key, lambda: self.lanes.given(key, node))
        enough = self.column(pl.col(f"{key}|on") >= node.times)
        absent = [concept for concept in node.concepts if concept in self.lanes.not_recorded]
        doubtful = self._doses_in_doubt(key, node)
        if not doubtful:
            return Truth(enough, YES if absent else enough), [(name, YES) for name in absent[:1]]
        most = pl.sum_horizontal(f"{key}|on", *doubtful.values())
        names = [(drug, self.column(pl.col(counter) > 0)) for drug, counter in doubtful.items()]
        possible = YES if absent else self.column(most >= node.times)
        return Truth(enough, possible), [*((name, YES) for name in absent[:1]), *names]

    def _doses_in_doubt(self, key: str, node: Given) -> dict[str, str]:
        """The counters of the drugs of which a dose could not be read."""
        found: dict[str, str] = {}
        for drug in node.concepts:
            if self.lanes.doses_in_doubt(drug, node.within_hours).height:
                counter = f"{key}|{drug} in doubt"
                self.ask([counter], counter, partial(self.lanes.may_be_given, counter, drug, node.within_hours))
                found[drug] = counter
        return found

    def _days(self, first: float, last: float) -> tuple[Truth[Statement], Names]:
        key = f"day {first:g} to {last:g}"
        self.ask([f"{key}|on"], key, lambda: self.lanes.days(key, first, last))
        return self._certain(self.on(f"{key}|on"))

    def _age(self, first: float, last: float) -> tuple[Truth[Statement], Names]:
        age = pl.col("age_years")
        inside = self.column(((age >= first) & (age < last)).fill_null(value=False))
        return Truth(inside, inside | self.column(age.is_null(), "age is not known")), [("age", YES)]

    def _any_measured(self, parts: tuple[Compare | In, ...]) -> Truth[Statement]:
        """Any true; unknown only if something is gray, or nothing is in force."""
        said = [self._measured(part) for part in parts]
        true = either(one[0] for one in said)
        gray = either(one[1] for one in said)
        nothing = every(one[2] for one in said)
        for part, (own_true, own_gray, _, names) in zip(parts, said, strict=True):
            # a part that is not in force is named only if none of them is
            named = [(name, every([held, own_gray, ~true])) for name, held in names if name != part.concept]
            by_value = either(held for _, held in named)
            named.append((part.concept, every([own_gray, ~by_value, ~true]) | nothing))
            self.atoms.append(Atom(part, Truth(own_true, either([own_true, own_gray, nothing])), named))
        return Truth(true, either([true, gray, nothing]))

    def _measured(self, part: Compare | In) -> tuple[Statement, Statement, Statement, Names]:
        truth, names = self._reading(part)
        if part.over_hours:
            key = f"{part.concept} over {part.over_hours:g} h: {part!r}"
            return truth.certain, self.on(f"{key}|g"), every(~self.on(f"{key}|{x}") for x in "tfg"), names
        bits = self._bits(part)
        silent = ~bits["in"] | bits["x"]
        return bits["t"], every([~bits["t"], ~bits["f"], ~silent]), silent, names

    def _timed(self, node: Sustained | Cumulative | Repeated) -> tuple[Truth[Statement], Names]:
        key = repr(node)
        self.ask([f"{key}|sure", f"{key}|maybe"], key, lambda: timed.frames(node, key, self.lanes, Compiler))
        return Truth(self.on(f"{key}|sure"), self.on(f"{key}|maybe")), self._lacking(node)

    def _lacking(self, node: Sustained | Cumulative | Repeated) -> Names:
        """What the inner condition lacks now; where it lacks nothing now, all that it reads."""
        read = concepts_in_order(node, self.lanes.knowledge)
        kinds = self.lanes.knowledge.concepts
        # of a drug that runs it is asked what it did, under one name for all of them
        named = ("vasopressor_state" if kinds[name].kind == "infusion" else name for name in read)
        concepts = list(dict.fromkeys(named))
        if isinstance(node, Repeated):
            return [(name, YES) for name in concepts]
        before = len(self.atoms)
        self.node(node.of)
        inner, self.atoms = self.atoms[before:], self.atoms[:before]
        lacked: dict[str, Statement] = {}
        for atom in inner:
            for name, held in atom.names:
                lacked[name] = lacked.get(name, NO) | (atom.lacks & held)
        nothing = ~either(lacked.values())
        return [
            *((name, held | nothing if name in concepts else held) for name, held in lacked.items()),
            *((name, nothing) for name in concepts if name not in lacked),
        ]


def _gray_names(concept: str, bits: dict[str, Statement], silent: Statement) -> Names:
    """What would settle a reading that is not in force, or gray."""
    by_range, by_baseline, by_age = (bits[part] & ~silent for part in "rba")
    return [
        (concept, silent | ~either([by_range, by_baseline, by_age])),
        (f"{concept}_range", by_range),
        (f"{concept}_baseline", by_baseline),
        ("age", by_age),
    ]
