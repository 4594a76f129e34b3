"""Which rules of a guideline hold in which segment, for which grade, and how certainly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_, or_

import polars as pl

from cytowatch.advise import course
from cytowatch.advise.exposures import lane_of
from cytowatch.advise.facts import PREFIX
from cytowatch.knowledge.advice import AdviceRule, Guideline
from cytowatch.knowledge.model import Knowledge

_HIGHEST = 5
_NO_TEXTS = pl.lit([], pl.List(pl.String))
# certain, and not excluded
Held = tuple[pl.Expr, pl.Expr]


@dataclass(frozen=True)
class Match:
    """A rule and the situations in which it speaks: situation, state, grade, certain, cautions."""

    guideline: Guideline
    rule: AdviceRule
    table: pl.DataFrame

    @property
    def name(self) -> str:
        """The rule with its guideline, as conflicts name it."""
        return f"{self.guideline.key}.{self.rule.id}"

    def certain(self) -> Match:
        """Only where it certainly speaks."""
        return replace(self, table=self.table.filter("certain"))


@dataclass(frozen=True)
class Matcher:
    """Matches rules against situations (``situations``)."""

    knowledge: Knowledge
    table: pl.DataFrame

    def match(self, guideline: Guideline, rule: AdviceRule) -> Match:
        """Where a rule speaks, in which state, for which grade, and whether that is certain."""
        scale = guideline.scales[rule.toxicity]
        parts = self._circumstances(guideline, rule)
        certain = reduce(and_, (sure for sure, _ in parts))
        possible = reduce(and_, (may for _, may in parts))
        found = [
            self.table.filter(here & possible).select(
                "situation",
                pl.lit(state).alias("state"),
                grade.cast(pl.Int16).alias("grade"),
                certain.alias("certain"),
                self._cautions(rule).alias("cautions"),
            )
            for state, here, grade in _states(rule, scale)
        ]
        return Match(guideline, rule, pl.concat(found))

    # ------------------------------------------------------------ circumstances

    def _circumstances(self, guideline: Guideline, rule: AdviceRule) -> list[Held]:
        parts = [_held(lane, grade, excluded=excluded) for lane, grade, excluded in circumstances(guideline, rule)]
        return [*parts, self._product(guideline, rule), *_course(rule, guideline.scales[rule.toxicity])]

    def _product(self, guideline: Guideline, rule: AdviceRule) -> Held:
        """Whether the exposure is one that the guideline and the rule speak of; a product not known may be.

        With an exposure of another kind in its window as well nobody knows which of the two is the cause.
        """
        lane = lane_of(guideline.triggers)
        product, group = pl.col(f"{lane}|product"), pl.col(f"{lane}|class")
        exposed = pl.col(f"{lane}|exposed")
        sure, may = [exposed, pl.col(f"{lane}|alone")], [exposed]
        asked = [(product.is_in(names), product) for names in (guideline.products, rule.products) if names]
        asked += [(group.is_in(rule.classes), group)] if rule.classes else []
        asked += [(~product.is_in(rule.not_products), product)] if rule.not_products else []
        for part, of in asked:
            # a product that no table knows has no class: it may be any
            is_known = of.is_not_null() & group.is_not_null()
            sure.append(is_known & part.fill_null(value=False))
            may.append(~is_known | part.fill_null(value=False))
        return reduce(and_, sure), reduce(and_, may)

    def _cautions(self, rule: AdviceRule) -> pl.Expr:
        """Cautions of the drug that hold always, or whose fact is not excluded."""
        said = []
        for caution in self.knowledge.advice.drugs[rule.dose.drug].cautions if rule.dose else ():
            mark = " (not verified)" if caution.cited.evidence == "recalled" else ""
            text = pl.lit(caution.text + mark)
            if caution.fact and caution.ask:
                known = _at_least(PREFIX + caution.fact, 1)
                said.append(pl.when(known).then(text).otherwise(pl.concat_str(pl.lit("Not charted, ask: "), text)))
            else:
                here = _not_below(PREFIX + caution.fact, 1) if caution.fact else pl.lit(value=True)
                said.append(pl.when(here).then(text))
        return pl.concat_list(said).list.drop_nulls() if said else _NO_TEXTS


def circumstances(guideline: Guideline, rule: AdviceRule) -> list[tuple[str, int, bool]]:
    """The lanes that a rule asks for: name, the grade that it must have, and whether it must be below it."""
    scales = guideline.scales
    asked = [(PREFIX + key, 1, False) for key in (*_population(guideline), *rule.needs)]
    asked += [(PREFIX + key, 1, True) for key in rule.unless]
    asked += [(scales[key], grade, False) for key, grade in rule.alongside.items()]
    asked += [(scales[key], grade, True) for key, grade in rule.without.items()]
    return asked


def _held(lane: str, grade: int, *, excluded: bool) -> Held:
    """Whether a lane is at least so high, or for certain lower: certain, and possible."""
    if excluded:
        return ~_not_below(lane, grade), ~_at_least(lane, grade)
    return _at_least(lane, grade), _not_below(lane, grade)


def _course(rule: AdviceRule, scale: str) -> Iterator[Held]:
    """What a rule asks of the course of the reaction."""
    for name in course.answers_asked(rule, scale):
        yield pl.col(f"{name}|sure"), pl.col(f"{name}|may")
    if rule.no_better:
        told = pl.col(course.lane_of(scale, rule.no_better))
        yield told.fill_null(value=False), told.fill_null(value=True)
    if rule.worst_below is not None:
        yield pl.col(f"{scale}|worst_most") < rule.worst_below, pl.col(f"{scale}|worst_least") < rule.worst_below
    if rule.measured_since:
        yield pl.col(course.measured_lane(rule.measured_since)).fill_null(value=False), pl.lit(value=True)


def _population(guideline: Guideline) -> tuple[str, ...]:
    return () if guideline.population == "any" else (guideline.population,)


def _at_least(lane: str, grade: int) -> pl.Expr:
    return (pl.col(f"{lane}|at_least") >= grade).fill_null(value=False)


def _not_below(lane: str, grade: int) -> pl.Expr:
    """Not excluded; where nothing at all is said, it is not excluded either."""
    return (pl.col(f"{lane}|at_most") >= grade).fill_null(value=True)


def _states(rule: AdviceRule, scale: str) -> Iterable[tuple[str, pl.Expr, pl.Expr]]:
    """The states in which a rule may speak: name, where, and the grade that it is for."""
    low, high = pl.col(f"{scale}|at_least"), pl.col(f"{scale}|at_most")
    if not rule.grades:
        yield "now", high.is_not_null(), pl.lit(None, pl.Int16)
        return
    if rule.when != "during":
        over = pl.col(f"{scale}|is_over")
        here = {"after": over, "reached": ~over & (low >= 1), "ever": pl.lit(value=True)}[rule.when]
        which = "ever" if rule.when == "ever" else "worst"
        yield from _now(rule, pl.col(f"{scale}|{which}_least"), pl.col(f"{scale}|{which}_most"), here)
        return
    yield from _now(rule, low, high, pl.lit(value=True))
    inside = _inside(rule)
    after = sorted({grade - 1 for grade in inside if grade >= 1} - set(inside))
    yield "next", (low == high) & low.is_in(after), low + 1


def _inside(rule: AdviceRule) -> list[int]:
    return sorted({grade for grade in rule.grades if 0 <= grade <= _HIGHEST})


def _now(rule: AdviceRule, low: pl.Expr, high: pl.Expr, here: pl.Expr) -> Iterable[tuple[str, pl.Expr, pl.Expr]]:
    """A rule that holds at every grade of the range holds now; one for an end of it, if that end is true."""
    inside = _inside(rule)
    whole = [(a, b) for a in inside for b in range(a, _HIGHEST + 1) if set(range(a, b + 1)) <= set(inside)]
    now = reduce(or_, [(low == a) & (high == b) for a, b in whole], pl.lit(value=False))
    is_range = (low < high) & ~now
    yield "now", here & now, pl.when(low == high).then(low)
    yield "if_lower", here & is_range & low.is_in(inside), low
    yield "if_higher", here & is_range & high.is_in(inside), high


def drugs_asked(guidelines: Sequence[Guideline]) -> list[str]:
    """The drugs that some guidelines give or ask about, each once."""
    rules = [rule for part in guidelines for rule in part.rules]
    given = [rule.dose.drug for rule in rules if rule.dose]
    asked = [part.drugs for rule in rules for part in (rule.no_better, rule.measured_since) if part]
    return list(dict.fromkeys((*given, *(drug for drugs in asked for drug in drugs))))


def lanes_asked(guidelines: Sequence[Guideline], knowledge: Knowledge) -> tuple[list[str], list[str]]:
    """The scales and the facts that some guidelines read, each once."""
    scales = dict.fromkeys(scale for part in guidelines for scale in part.scales.values())
    facts: dict[str, None] = {}
    for part in guidelines:
        facts |= dict.fromkeys(_population(part))
        for rule in part.rules:
            facts |= dict.fromkeys((*rule.needs, *rule.unless))
            if rule.dose:
                drug = knowledge.advice.drugs[rule.dose.drug]
                facts |= dict.fromkeys(caution.fact for caution in drug.cautions if caution.fact)
    return list(scales), list(facts)
