"""Wrong parts that many rules share: facts about a patient, drugs with their doses and limits, and conflicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.mutations.advice_mutations import Pair, Wrong, without
from tests.mutations.table_mutations import CONDITIONS, exchanged, places

from cytowatch.knowledge import Knowledge
from cytowatch.knowledge.advice import Advice, AdviceFact, AdviceRule, Drug, Guideline, GuidelineConflict, Regimen

FACT, DRUG, CAUTION = "a wrong fact", "a wrong drug", "a wrong caution"
LONG = 4
SHOWN = {
    DRUG: ("dose", "level", "blocked_by", "free", "given"),
    CAUTION: ("cautions",),
}


@dataclass(frozen=True)
class WrongConflict:
    """A conflict with one error."""

    name: str
    right: GuidelineConflict
    wrong: GuidelineConflict

    def __str__(self) -> str:
        return self.name


# ---------------------------------------------------------------- facts


def wrong_facts(knowledge: Knowledge) -> tuple[dict[str, AdviceFact], list[Wrong], list[WrongConflict]]:
    """Facts with an error, under keys of their own, and for each the rules or the conflicts that read it."""
    facts, errors, conflicts = {}, [], []
    for key, name, wrong in _facts(knowledge):
        pairs = [pair for part in knowledge.advice.guidelines.values() for pair in _reading(part, key, wrong.key)]
        standing = [part for part in knowledge.advice.conflicts.values() if key in part.needs]
        if pairs or standing:
            facts[wrong.key] = wrong
        if pairs:
            errors.append(Wrong(name, FACT, tuple(pairs)))
        for part in standing if not pairs else ():
            needs = tuple(wrong.key if fact == key else fact for fact in part.needs)
            conflicts.append(WrongConflict(f"{part.key}: {name}", part, replace(part, needs=needs)))
    return facts, errors, conflicts


def _facts(knowledge: Knowledge) -> Iterator[tuple[str, str, AdviceFact]]:
    """Key, what is wrong, and the wrong fact; what a scale's criterion says is made wrong with that scale."""
    by_scales = {part.when for scale in knowledge.scales.values() for part in scale.criteria}
    for key, fact in knowledge.advice.facts.items():
        found: dict[object, str] = {}
        for node in () if fact.when in by_scales else dict.fromkeys(places(fact.when)):
            for kind, types, change in CONDITIONS:
                made = list(change(node)) if isinstance(node, types) else []
                # of a long list (devices) the first and the last are forgotten
                for other in made if len(made) <= LONG else (made[0], made[-1]):
                    found.setdefault(exchanged(fact.when, node, other), kind)
        found.pop(fact.when, None)
        for number, (when, kind) in enumerate(found.items()):
            wrong: Any = when
            yield key, f"fact {key}: {kind} ({number})", replace(fact, key=f"{key} wrong {number}", when=wrong)


def _reading(guideline: Guideline, key: str, wrong: str) -> Iterator[Pair]:
    """The rules of a guideline that read a fact, with the wrong one in its place."""
    if guideline.population == key:
        population: Any = wrong
        edited = replace(guideline, population=population)
        yield from (Pair(guideline, rule, edited, rule) for rule in guideline.rules)
    for rule in guideline.rules:
        if key in (*rule.needs, *rule.unless):
            yield Pair(guideline, rule, guideline, _with_fact(rule, key, wrong))


def _with_fact(rule: AdviceRule, key: str, wrong: str) -> AdviceRule:
    needs, unless = (tuple(wrong if name == key else name for name in names) for names in (rule.needs, rule.unless))
    return replace(rule, needs=needs, unless=unless)


# ---------------------------------------------------------------- drugs


def wrong_drugs(knowledge: Knowledge) -> tuple[dict[str, Drug], list[Wrong]]:
    """Drugs with an error, under keys of their own, and for each the rules that give it."""
    drugs, errors = {}, []
    for key, drug in knowledge.advice.drugs.items():
        for number, (kind, part, edited) in enumerate((*_amounts(drug), *_limits(drug), *_cautions(drug))):
            wrong = replace(edited, key=f"{key} wrong {number}")
            pairs = tuple(
                Pair(guideline, rule, guideline, replace(rule, dose=replace(rule.dose, drug=wrong.key)))
                for guideline in knowledge.advice.guidelines.values()
                for rule in guideline.rules
                if rule.dose and rule.dose.drug == key
            )
            if pairs:
                drugs[wrong.key] = wrong
                errors.append(Wrong(f"drug {key}: {part}", kind, pairs))
    return drugs, errors


Made = Iterator[tuple[str, str, Drug]]


def _amounts(drug: Drug) -> Made:
    for regimen in drug.regimens:
        for name, wrong in _regimens(regimen):
            regimens = tuple(wrong if part is regimen else part for part in drug.regimens)
            yield DRUG, f"{regimen.id}: {name}", replace(drug, regimens=regimens)


def _regimens(regimen: Regimen) -> Iterator[tuple[str, Regimen]]:
    bands = regimen.bands
    for place, band in enumerate(bands):
        more = replace(band, per_kg=band.per_kg + 1)
        yield f"more for each kg from {band.low:g} kg on", replace(regimen, bands=_with(bands, place, more))
    for place in range(len(bands) - 1):
        for step in (1, -1):
            edge = bands[place].high + step
            moved = _with(bands, place, replace(bands[place], high=edge))
            moved = _with(moved, place + 1, replace(bands[place + 1], low=edge))
            yield f"another band begins at {edge:g} kg", replace(regimen, bands=moved)
    if regimen.cap:
        yield "no most", replace(regimen, cap=None)
        yield "a lower most", replace(regimen, cap=regimen.cap - 50)
        yield "a higher most", replace(regimen, cap=regimen.cap + 50)


def _with(parts: tuple[Any, ...], place: int, wrong: object) -> tuple[Any, ...]:
    return (*parts[:place], wrong, *parts[place + 1 :])


def _limits(drug: Drug) -> Made:
    for place, limit in enumerate(drug.limits):
        edits = {"is forgotten": drug.limits[:place] + drug.limits[place + 1 :]}
        for step, word in ((1, "more"), (-1, "less")):
            if limit.hours:
                edits[f"one hour {word}"] = _with(drug.limits, place, replace(limit, hours=limit.hours + step))
            if limit.times + step > 0 and limit.times:
                edits[f"one dose {word}"] = _with(drug.limits, place, replace(limit, times=limit.times + step))
        for name, limits in edits.items():
            yield DRUG, f"{limit.id}: {name}", replace(drug, limits=limits)


def _cautions(drug: Drug) -> Made:
    for place, caution in enumerate(drug.cautions):
        less = drug.cautions[:place] + drug.cautions[place + 1 :]
        yield CAUTION, f"{caution.id} is forgotten", replace(drug, cautions=less)
        if caution.fact:
            always = _with(drug.cautions, place, replace(caution, fact=""))
            yield CAUTION, f"{caution.id} for everyone", replace(drug, cautions=always)


# ---------------------------------------------------------------- conflicts


def wrong_conflicts(conflicts: Iterable[GuidelineConflict]) -> list[WrongConflict]:
    """Every conflict with a rule of a side, a fact, a product, a class or an exposure forgotten, or at any grade."""
    found = []
    for part in conflicts:
        for column in ("one", "other", "needs", "products", "classes", "triggers"):
            names = getattr(part, column)
            for name in names if column != "triggers" or names[1:] else ():
                edit: dict[str, Any] = {column: without(names, name)}
                found.append(WrongConflict(f"{part.key}: {column} without {name}", part, replace(part, **edit)))
            if names[1:] and column in ("products", "classes"):
                found.append(WrongConflict(f"{part.key}: any of the {column}", part, replace(part, **{column: ()})))
        if part.grades:
            found.append(WrongConflict(f"{part.key}: at any grade", part, replace(part, grades=())))
    return found


def with_parts(knowledge: Knowledge, facts: dict[str, AdviceFact], drugs: dict[str, Drug]) -> Knowledge:
    """The tables with more facts and drugs."""
    advice: Advice = knowledge.advice
    return replace(knowledge, advice=replace(advice, facts={**advice.facts, **facts}, drugs={**advice.drugs, **drugs}))
