"""Which rules of a guideline hold in which segment, for which grade, and how certainly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

import polars as pl

from cytowatch.advise import course
from cytowatch.advise.doses import Given, amount, blocked, counts, course_count, needs_weight
from cytowatch.advise.exposures import lane_of
from cytowatch.advise.facts import PREFIX
from cytowatch.knowledge.advice import AdviceRule, Drug, Guideline
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import ADVICE, HOUR_US

_HIGHEST = 5
_NO_TEXTS = pl.lit([], pl.List(pl.String))
# certain, and not excluded
Held = tuple[pl.Expr, pl.Expr]


@dataclass(frozen=True)
class Matcher:
    """Matches rules against segments that carry grades, facts, product, weight and limits (see ``apply``)."""

    knowledge: Knowledge
    given: dict[str, Given]

    def rows(self, guideline: Guideline, rule: AdviceRule, frame: pl.DataFrame) -> list[pl.DataFrame]:
        """The rows of ``schema.ADVICE`` that a rule gives, one frame a state."""
        scale = guideline.scales[rule.toxicity]
        certain, possible, asked = self._circumstances(guideline, rule)
        found = []
        for state, here, grade in _states(rule, scale):
            held = frame.filter(here & possible).with_columns(certain.alias("certain"))
            if held.height:
                found.append(self._told(held, guideline, rule, scale, state, grade, asked))
        return found

    # ------------------------------------------------------------ circumstances

    def _circumstances(self, guideline: Guideline, rule: AdviceRule) -> tuple[pl.Expr, pl.Expr, list[str]]:
        """Certain, possible, and the lanes whose missing names would settle it."""
        asked = [(PREFIX + key, 1, False) for key in (*_population(guideline), *rule.needs)]
        asked += [(PREFIX + key, 1, True) for key in rule.unless]
        asked += [(guideline.scales[key], grade, False) for key, grade in rule.alongside.items()]
        asked += [(guideline.scales[key], grade, True) for key, grade in rule.without.items()]
        parts = [_held(lane, grade, excluded=excluded) for lane, grade, excluded in asked]
        parts += [self._product(guideline, rule), *_course(rule, guideline.scales[rule.toxicity])]
        certain = reduce(and_, (sure for sure, _ in parts))
        return certain, reduce(and_, (may for _, may in parts)), [lane for lane, _, _ in asked]

    def _product(self, guideline: Guideline, rule: AdviceRule) -> Held:
        """Whether the exposure is one that the guideline and the rule speak of; a product not known may be.

        With an exposure of another kind in its window as well nobody knows which of the two is the cause.
        """
        lane = lane_of(guideline.triggers)
        product, group = pl.col(f"{lane}|product"), pl.col(f"{lane}|class")
        exposed = pl.col(f"{lane}|exposed_at").is_not_null()
        sure, may = [exposed, pl.col(f"{lane}|alone")], [exposed]
        asked = [product.is_in(names) for names in (guideline.products, rule.products) if names]
        asked += [group.is_in(rule.classes)] if rule.classes else []
        asked += [~product.is_in(rule.not_products)] if rule.not_products else []
        for part in asked:
            known = part.fill_null(value=False)
            sure.append(known & group.is_not_null())
            may.append(known | group.is_null())
        return reduce(and_, sure), reduce(and_, may)

    # ------------------------------------------------------------ what is said

    def _told(
        self,
        held: pl.DataFrame,
        guideline: Guideline,
        rule: AdviceRule,
        scale: str,
        state: str,
        grade: pl.Expr,
        asked: list[str],
    ) -> pl.DataFrame:
        missing = self._missing(guideline, rule, scale, state, asked)
        is_gap = rule.topic == "gap"
        facts = pl.lit([PREFIX + key for key in rule.needs], pl.List(pl.String))
        base = {
            "patient": pl.col("patient"),
            "start": pl.col("start"),
            "end": pl.col("end"),
            "kind": pl.lit("gap" if is_gap else "advice"),
            "guideline": pl.lit(guideline.key),
            "rule": pl.lit(rule.id),
            "toxicity": pl.lit(rule.toxicity),
            "scale": pl.lit(scale),
            "grade": grade,
            "state": pl.lit(state),
            "holds": pl.when("certain").then(pl.lit("certain")).otherwise(pl.lit("possible")),
            "topic": pl.lit(rule.topic),
            "strength": pl.lit(None if is_gap else rule.strength),
            "choice": pl.lit(rule.choice or None),
            "action": pl.lit(rule.action),
            "then": pl.lit(rule.then) if rule.then else pl.lit(None),
            "why": pl.concat_list(pl.col(f"{scale}|criteria").fill_null(_NO_TEXTS), facts),
            "missing": pl.concat_list(missing).list.unique(maintain_order=True),
            "evidence": pl.col(f"{scale}|evidence").fill_null(_NO_TEXTS),
            "source": pl.lit(rule.cited.source),
            "locator": pl.lit(rule.cited.locator),
            "basis": pl.lit(rule.cited.evidence),
        }
        told = held.with_columns(**self._dose(rule, scale)).with_columns(**base)
        told = told.with_columns(_level(rule, state).alias("level"))
        return told.select(pl.col(name).cast(kind) for name, kind in ADVICE.schema.items())

    def _missing(
        self, guideline: Guideline, rule: AdviceRule, scale: str, state: str, asked: list[str]
    ) -> list[pl.Expr]:
        """What would settle it: lists of names."""
        found = [_NO_TEXTS, *(pl.col(f"{lane}|missing").fill_null(_NO_TEXTS) for lane in dict.fromkeys(asked))]
        if state in ("if_lower", "if_higher"):
            found.append(pl.col(f"{scale}|missing").fill_null(_NO_TEXTS))
        lane = lane_of(guideline.triggers)
        unknown = [(~pl.col(f"{lane}|alone"), "which_exposure")]
        if rule.products or rule.classes or rule.not_products or guideline.products:
            unknown.append((pl.col(f"{lane}|class").is_null(), "product"))
        if rule.no_better:
            unknown.append((pl.col(course.lane_of(scale, rule.no_better)).is_null(), "course_of_grade"))
        for sure, may in _since_onset(rule, scale):
            unknown.append((may & ~sure, "onset"))
        return found + [pl.when(where).then(pl.lit([name])).otherwise(_NO_TEXTS) for where, name in unknown]

    def _dose(self, rule: AdviceRule, scale: str) -> dict[str, pl.Expr]:
        """The columns of a dose; empty where the rule gives none."""
        dose = rule.dose
        if dose is None:
            empty = ("drug", "dose", "dose_most", "dose_unit", "route", "arithmetic", "schedule", "blocked_by")
            none = {**{name: pl.lit(None) for name in empty}, "limits": _NO_TEXTS, "cautions": _NO_TEXTS}
            return {**none, "not_before": _next_dose_from(rule, scale)}
        drug = self.knowledge.advice.drugs[dose.drug]
        doses = self.given[drug.key]
        number, arithmetic = amount(dose, drug)
        which, until = blocked(doses)
        if dose.most_doses:
            full = pl.col(course_count(drug.key)) >= dose.most_doses
            which = pl.when(full).then(pl.lit("most_doses")).otherwise(which)
            until = pl.when(full).then(None).otherwise(until)
        if (drug.limits or dose.most_doses) and not doses.is_recorded:
            which, until = pl.lit("not_recorded"), pl.lit(None, pl.Int64)
        return {
            "drug": pl.lit(drug.key),
            "dose": pl.when(which.is_null()).then(number),
            "dose_most": pl.when(which.is_null()).then(pl.lit(dose.amount_most)),
            "dose_unit": pl.lit(drug.unit),
            "route": pl.lit(dose.route or drug.route),
            "arithmetic": arithmetic,
            "schedule": pl.lit(_schedule(rule)) if _schedule(rule) else pl.lit(None),
            "limits": counts(doses, dose.most_doses),
            "blocked_by": which,
            # a course that is full frees no dose
            "not_before": pl.when(until < 2**62).then(until),
            "cautions": self._cautions(drug, rule),
        }

    def _cautions(self, drug: Drug, rule: AdviceRule) -> pl.Expr:
        """Cautions that hold always, or whose fact is not excluded; and what is wrong with the weight."""
        said = []
        for caution in drug.cautions:
            here = _not_below(PREFIX + caution.fact, 1) if caution.fact else pl.lit(value=True)
            mark = " (not verified)" if caution.cited.evidence == "recalled" else ""
            said.append(pl.when(here).then(pl.lit(caution.text + mark)))
        if rule.dose is not None and needs_weight(rule.dose):
            undated = pl.col("weight_is_undated") & pl.col("weight").is_not_null()
            said.append(pl.when(undated).then(pl.lit("The weight is that of the patients table, which has no date.")))
        return pl.concat_list(said).list.drop_nulls() if said else _NO_TEXTS


def _held(lane: str, grade: int, *, excluded: bool) -> Held:
    """Whether a lane is at least so high, or for certain lower: certain, and possible."""
    if excluded:
        return ~_not_below(lane, grade), ~_at_least(lane, grade)
    return _at_least(lane, grade), _not_below(lane, grade)


def _course(rule: AdviceRule, scale: str) -> Iterator[Held]:
    """What a rule asks of the course of the reaction."""
    yield from _since_onset(rule, scale)
    if rule.no_better:
        told = pl.col(course.lane_of(scale, rule.no_better))
        yield told.fill_null(value=False), told.fill_null(value=True)


def _since_onset(rule: AdviceRule, scale: str) -> Iterator[Held]:
    if rule.onset:
        yield course.onset_within(scale, rule.onset)
    if rule.lasting_hours is not None:
        yield course.lasting(scale, rule.lasting_hours)


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
        yield "now", high.is_not_null(), pl.when(low == high).then(low)
        return
    if rule.when == "after":
        over = pl.col(f"{scale}|over_since").is_not_null()
        low, high = pl.col(f"{scale}|worst_least"), pl.col(f"{scale}|worst_most")
        yield from _now(rule, low, high, over)
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
    yield "now", here & now, low
    yield "if_lower", here & is_range & low.is_in(inside), low
    yield "if_higher", here & is_range & high.is_in(inside), high


def _next_dose_from(rule: AdviceRule, scale: str) -> pl.Expr:
    """When the reaction has been over long enough for the next dose of the product."""
    if rule.wait_hours is None:
        return pl.lit(None)
    return pl.col(f"{scale}|over_since") + round(rule.wait_hours * HOUR_US)


def _schedule(rule: AdviceRule) -> str:
    dose = rule.dose
    if dose is None:
        return ""
    every = ""
    if dose.every:
        shortest, longest = dose.every
        every = f"every {shortest:g} h" if shortest == longest else f"every {shortest:g} to {longest:g} h"
    return ", ".join(part for part in (every, dose.schedule) if part)


def _level(rule: AdviceRule, state: str) -> pl.Expr:
    """What was not read in a source is never more than `unverified`."""
    if rule.cited.evidence == "recalled":
        return pl.lit("unverified")
    if state != "now" or rule.topic == "gap":
        return pl.lit("note")
    held = pl.when(pl.col("holds") == "possible").then(pl.lit("note")).when(pl.col("blocked_by").is_not_null())
    return held.then(pl.lit("limit")).otherwise(pl.lit("alert" if rule.alert else "advice"))


def drugs_asked(guidelines: Sequence[Guideline]) -> list[str]:
    """The drugs that some guidelines give or ask about, each once."""
    rules = [rule for part in guidelines for rule in part.rules]
    given = [rule.dose.drug for rule in rules if rule.dose]
    return list(dict.fromkeys((*given, *(drug for rule in rules if rule.no_better for drug in rule.no_better.drugs))))


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
