"""Which rules of a guideline hold in which segment, for which grade, and how certainly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

import polars as pl

from cytowatch.advise.doses import Given, amount, blocked, counts, needs_weight
from cytowatch.advise.facts import PREFIX
from cytowatch.knowledge.advice import AdviceRule, Drug, Guideline
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import ADVICE

_HIGHEST = 5
_NO_TEXTS = pl.lit([], pl.List(pl.String))


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
        sure, may, lanes = [], [], []
        for key in (*_population(guideline), *rule.needs):
            lane = PREFIX + key
            sure.append(_at_least(lane, 1))
            may.append(_not_below(lane, 1))
            lanes.append(lane)
        for key in rule.unless:
            lane = PREFIX + key
            sure.append(~_not_below(lane, 1))
            may.append(~_at_least(lane, 1))
            lanes.append(lane)
        for toxicity, grade in rule.alongside.items():
            lane = guideline.scales[toxicity]
            sure.append(_at_least(lane, grade))
            may.append(_not_below(lane, grade))
            lanes.append(lane)
        for toxicity, grade in rule.without.items():
            lane = guideline.scales[toxicity]
            sure.append(~_not_below(lane, grade))
            may.append(~_at_least(lane, grade))
            lanes.append(lane)
        known, not_excluded = self._product(guideline, rule)
        return reduce(and_, [*sure, known]), reduce(and_, [*may, not_excluded]), lanes

    def _product(self, guideline: Guideline, rule: AdviceRule) -> tuple[pl.Expr, pl.Expr]:
        """Whether the latest exposure is one that the guideline and the rule speak of; a product not known may be."""
        kind, product, group = pl.col("exposure_kind"), pl.col("exposure"), pl.col("exposure_class")
        trigger = kind.is_in(guideline.triggers)
        sure, may = [trigger], [trigger]
        for names in (guideline.products, rule.products):
            if names:
                sure.append(product.is_in(names))
                may.append(product.is_in(names) | group.is_null())
        if rule.classes:
            sure.append(group.is_in(rule.classes))
            may.append(group.is_in(rule.classes) | group.is_null())
        fold = [part.fill_null(value=False) for part in sure], [part.fill_null(value=False) for part in may]
        return reduce(and_, fold[0]), reduce(and_, fold[1])

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
        missing = [_NO_TEXTS, *(pl.col(f"{lane}|missing").fill_null(_NO_TEXTS) for lane in dict.fromkeys(asked))]
        if state in ("if_lower", "if_higher"):
            missing.append(pl.col(f"{scale}|missing").fill_null(_NO_TEXTS))
        if rule.products or rule.classes or guideline.products:
            missing.append(pl.when(pl.col("exposure_class").is_null()).then(pl.lit(["product"])).otherwise(_NO_TEXTS))
        facts = pl.lit([PREFIX + key for key in rule.needs], pl.List(pl.String))
        base = {
            "patient": pl.col("patient"),
            "start": pl.col("start"),
            "end": pl.col("end"),
            "kind": pl.lit("advice"),
            "guideline": pl.lit(guideline.key),
            "rule": pl.lit(rule.id),
            "toxicity": pl.lit(rule.toxicity),
            "scale": pl.lit(scale),
            "grade": grade,
            "state": pl.lit(state),
            "holds": pl.when("certain").then(pl.lit("certain")).otherwise(pl.lit("possible")),
            "topic": pl.lit(rule.topic),
            "strength": pl.lit(rule.strength),
            "action": pl.lit(rule.action),
            "then": pl.lit(rule.then) if rule.then else pl.lit(None),
            "why": pl.concat_list(pl.col(f"{scale}|criteria").fill_null(_NO_TEXTS), facts),
            "missing": pl.concat_list(missing).list.unique(maintain_order=True),
            "evidence": pl.col(f"{scale}|evidence").fill_null(_NO_TEXTS),
            "source": pl.lit(rule.cited.source),
            "locator": pl.lit(rule.cited.locator),
            "basis": pl.lit(rule.cited.evidence),
        }
        told = held.with_columns(**self._dose(rule)).with_columns(**base)
        told = told.with_columns(_level(rule, state).alias("level"))
        return told.select(pl.col(name).cast(kind) for name, kind in ADVICE.schema.items())

    def _dose(self, rule: AdviceRule) -> dict[str, pl.Expr]:
        """The columns of a dose; empty where the rule gives none."""
        dose = rule.dose
        if dose is None:
            empty = ("drug", "dose", "dose_unit", "arithmetic", "schedule", "blocked_by", "not_before")
            return {**{name: pl.lit(None) for name in empty}, "limits": _NO_TEXTS, "cautions": _NO_TEXTS}
        drug = self.knowledge.advice.drugs[dose.drug]
        doses = self.given[drug.key]
        number, arithmetic = amount(dose, drug)
        which, until = blocked(doses)
        if drug.limits and not doses.is_recorded:
            which, until = pl.lit("not_recorded"), pl.lit(None, pl.Int64)
        return {
            "drug": pl.lit(drug.key),
            "dose": pl.when(which.is_null()).then(number),
            "dose_unit": pl.lit(drug.unit),
            "arithmetic": arithmetic,
            "schedule": pl.lit(_schedule(rule)) if _schedule(rule) else pl.lit(None),
            "limits": counts(doses),
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
    inside = {grade for grade in rule.grades if 0 <= grade <= _HIGHEST}
    whole = [(a, b) for a in sorted(inside) for b in range(a, _HIGHEST + 1) if set(range(a, b + 1)) <= inside]
    now = reduce(or_, [(low == a) & (high == b) for a, b in whole], pl.lit(value=False))
    is_range = (low < high) & ~now
    yield "now", now, low
    yield "if_lower", is_range & low.is_in(sorted(inside)), low
    yield "if_higher", is_range & high.is_in(sorted(inside)), high
    after = sorted({grade - 1 for grade in inside if grade >= 1} - inside)
    yield "next", (low == high) & low.is_in(after), low + 1


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
    if state != "now":
        return pl.lit("note")
    held = pl.when(pl.col("holds") == "possible").then(pl.lit("note")).when(pl.col("blocked_by").is_not_null())
    return held.then(pl.lit("limit")).otherwise(pl.lit("alert" if rule.alert else "advice"))


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
