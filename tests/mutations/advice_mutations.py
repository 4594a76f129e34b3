"""Wrong advice: every small error that the table of a guideline allows, in a rule or in its head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from cytowatch.knowledge.advice import AdviceRule, AdvisedDose, Guideline

# in which columns of an expected table an error shows: a word that differs wherever the rule is shown, or what must be
# told to be seen; the other errors change when or for whom a rule speaks
ALERT = "an alert too much or too little"
DOSE, COUNTED = ("dose",), ("dose", "blocked_by", "given", "level")
WORDS = {
    "another topic": ("topic",),
    "another strength": ("strength",),
    "read, not recalled, or the reverse": ("level",),
    "no longer an alternative": ("choice",),
    ALERT: ("level",),
    "another drug": ("drug",),
    "another interval": ("schedule",),
    "the interval is forgotten": ("schedule",),
    "the schedule is forgotten": ("schedule",),
}
TOLD = {
    "twice the dose": DOSE,
    "twice the upper dose": DOSE,
    "the dose is forgotten": DOSE,
    "the route is forgotten": ("route",),
    "one dose more": COUNTED,
    "one dose less": COUNTED,
    "as many doses as the drug allows": COUNTED,
    "another wait": ("free",),
    "no wait": ("free",),
}
_SCALES = {
    "crs": ("crs.astct-2019", "crs.cartox-2018", "crs.mahadeo-2019"),
    "icans": ("icans.astct-2019", "cres.cartox-2018"),
}


@dataclass(frozen=True)
class Pair:
    """A rule as it is, and with an error in it or in the head of its guideline."""

    guideline: Guideline
    right: AdviceRule
    edited: Guideline
    wrong: AdviceRule


@dataclass(frozen=True)
class Wrong:
    """One error, with the rules that come out otherwise; one of them must be noticed."""

    name: str
    kind: str
    pairs: tuple[Pair, ...]

    def __str__(self) -> str:
        return self.name


def wrong_advice(guideline: Guideline) -> list[Wrong]:
    """Every wrong version of each rule of a guideline, and of its head."""
    found = [
        _of_rule(guideline, rule, kind, part, edited)
        for rule in guideline.rules
        for made in (_grades, _circumstances, _exposures, _course, _times, _beside, _words, _doses)
        for kind, part, edited in made(rule)
    ]
    return found + [_of_head(guideline, kind, edited) for kind, edited in _heads(guideline)]


def _of_rule(guideline: Guideline, rule: AdviceRule, kind: str, part: str, edited: AdviceRule) -> Wrong:
    name = " ".join(part for part in (f"{guideline.key}.{rule.id}: {kind}", part) if part)
    return Wrong(name, kind, (Pair(guideline, rule, guideline, edited),))


def _of_head(guideline: Guideline, kind: str, edited: Guideline) -> Wrong:
    pairs = tuple(Pair(guideline, rule, edited, rule) for rule in guideline.rules)
    return Wrong(f"{guideline.key}: {kind}", kind, pairs)


Made = Iterator[tuple[str, str, AdviceRule]]


def without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The names but one."""
    return tuple(part for part in names if part != name)


# ---------------------------------------------------------------- the head of a guideline


def _heads(guideline: Guideline) -> Iterator[tuple[str, Guideline]]:
    for other in ("adult", "child", "any"):
        if other != guideline.population:
            yield f"for {other}", replace(guideline, population=other)
    for name in guideline.products:
        yield f"{name} is forgotten", replace(guideline, products=without(guideline.products, name))
    if guideline.products[1:]:
        yield "any product", replace(guideline, products=())
    for toxicity, scale in guideline.scales.items():
        for other in _SCALES.get(toxicity, ()):
            if other != scale and any(rule.grades and rule.toxicity == toxicity for rule in guideline.rules):
                yield f"graded by {other}", replace(guideline, scales={**guideline.scales, toxicity: other})


# ---------------------------------------------------------------- when and for whom


def _grades(rule: AdviceRule) -> Made:
    if not rule.grades:
        yield "only in a reaction", "", replace(rule, grades=(1, 2, 3, 4))
        return
    low, high = min(rule.grades), max(rule.grades)
    # what is worse than at a dose in the reaction is grade 2 at the least: grade 1 too would change nothing
    if low > (2 if rule.no_better and rule.no_better.worse else 1):
        yield "a lower grade too", "", replace(rule, grades=(low - 1, *rule.grades))
    if high < 4:
        yield "a higher grade too", "", replace(rule, grades=(*rule.grades, high + 1))
    if low < high:
        yield "the lowest grade is forgotten", "", replace(rule, grades=rule.grades[1:])
        yield "the highest grade is forgotten", "", replace(rule, grades=rule.grades[:-1])


def _circumstances(rule: AdviceRule) -> Made:
    for name in rule.needs:
        yield "a circumstance is forgotten", name, replace(rule, needs=without(rule.needs, name))
    for name in rule.unless:
        yield "an exception is forgotten", name, replace(rule, unless=without(rule.unless, name))


def _exposures(rule: AdviceRule) -> Made:
    for column in ("products", "not_products", "classes"):
        names = getattr(rule, column)
        for name in names:
            edit: dict[str, Any] = {column: without(names, name)}
            yield f"one of the {column.replace('_', ' ')} is forgotten", name, replace(rule, **edit)
        if names[1:]:
            yield f"all {column.replace('_', ' ')} are forgotten", "", replace(rule, **{column: ()})


def _course(rule: AdviceRule) -> Made:
    if rule.onset:
        low, high = rule.onset
        yield "any onset", "", replace(rule, onset=None)
        yield "an earlier end of the onset", "", replace(rule, onset=(low, high - 1))
        yield "a later end of the onset", "", replace(rule, onset=(low, high + 1))
    if rule.no_better:
        asked = rule.no_better
        yield "better or not", "", replace(rule, no_better=None)
        if asked.hours:
            yield "sooner", "", replace(rule, no_better=replace(asked, hours=asked.hours - 1))
        yield "later", "", replace(rule, no_better=replace(asked, hours=asked.hours + 1))
        yield "worse for no better, or the reverse", "", replace(rule, no_better=replace(asked, worse=not asked.worse))
        for drug in asked.drugs if len(asked.drugs) > 1 else ():
            less = replace(asked, drugs=without(asked.drugs, drug))
            yield "a drug is forgotten", drug, replace(rule, no_better=less)
    if rule.measured_since:
        since = rule.measured_since
        yield "measured since or not", "", replace(rule, measured_since=None)
        for name in since.concepts if len(since.concepts) > 1 else ():
            less_signs = replace(since, concepts=without(since.concepts, name))
            yield "a sign is forgotten", name, replace(rule, measured_since=less_signs)


def _times(rule: AdviceRule) -> Made:
    if rule.lasting_hours is not None:
        yield "however short", "", replace(rule, lasting_hours=None)
        yield "a shorter reaction", "", replace(rule, lasting_hours=rule.lasting_hours - 1)
        yield "a longer reaction", "", replace(rule, lasting_hours=rule.lasting_hours + 1)
    if rule.wait_hours is not None:
        yield "another wait", "", replace(rule, wait_hours=rule.wait_hours + 1)
        yield "no wait", "", replace(rule, wait_hours=None)
    if rule.when == "after":
        yield "while it lasts, not after it", "", replace(rule, when="during", wait_hours=None)
    elif rule.topic == "next_dose":
        yield "after it, not while it lasts", "", replace(rule, when="after")


def _beside(rule: AdviceRule) -> Made:
    for column in ("alongside", "without"):
        asked: dict[str, int] = getattr(rule, column)
        for scale, grade in asked.items():
            edits = {"forgotten": {key: value for key, value in asked.items() if key != scale}}
            edits |= {"one grade less": {**asked, scale: grade - 1}} if grade > 1 else {}
            edits |= {"one grade more": {**asked, scale: grade + 1}}
            for kind, edit in edits.items():
                found: dict[str, Any] = {column: edit}
                yield f"{column}, {kind}", scale, replace(rule, **found)


# ---------------------------------------------------------------- what is said


def _words(rule: AdviceRule) -> Made:
    yield "another topic", "", replace(rule, topic="approach" if rule.topic == "oxygen" else "oxygen")
    read = rule.cited.evidence != "recalled"
    word = "recalled" if read else "secondary"
    yield "read, not recalled, or the reverse", "", replace(rule, cited=replace(rule.cited, evidence=word))
    if rule.topic == "gap":
        return
    yield "another strength", "", replace(rule, strength="consider" if rule.strength == "do" else "do")
    if read:
        yield ALERT, "", replace(rule, alert=not rule.alert)
    if rule.choice:
        yield "no longer an alternative", "", replace(rule, choice="")


def _doses(rule: AdviceRule) -> Made:
    if rule.dose is None:
        return
    for kind, dose in _wrong_doses(rule.dose):
        yield kind, "", replace(rule, dose=dose)


def _wrong_doses(dose: AdvisedDose) -> Iterator[tuple[str, AdvisedDose]]:
    yield "another drug", replace(dose, drug="anakinra" if dose.drug != "anakinra" else "dexamethasone", regimen="")
    if dose.route:
        yield "the route is forgotten", replace(dose, route="")
    if dose.amount or dose.per_kg or dose.regimen:
        yield "the dose is forgotten", replace(dose, amount=None, amount_most=None, per_kg=None, regimen="")
    if dose.amount is not None:
        yield "twice the dose", replace(dose, amount=2 * dose.amount)
    if dose.amount_most is not None:
        yield "twice the upper dose", replace(dose, amount_most=2 * dose.amount_most)
    if dose.per_kg is not None:
        yield "twice the dose", replace(dose, per_kg=2 * dose.per_kg)
    if dose.every:
        shortest, longest = dose.every
        yield "another interval", replace(dose, every=(shortest, longest + 1))
        yield "the interval is forgotten", replace(dose, every=None)
    if dose.schedule:
        yield "the schedule is forgotten", replace(dose, schedule="")
    if dose.most_doses:
        yield "one dose more", replace(dose, most_doses=dose.most_doses + 1)
        yield "one dose less", replace(dose, most_doses=dose.most_doses - 1)
        yield "as many doses as the drug allows", replace(dose, most_doses=0)
