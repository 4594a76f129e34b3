"""Wrong rules of advice: every small error that a table of a guideline allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from cytowatch.knowledge.advice import AdviceRule, AdvisedDose, Guideline, NoBetter

ALERT = "an alert too much or too little"
# columns of an expected table in which an error shows; the others change when or for whom a rule speaks
SHOWS = {
    "another topic": "topic",
    "another strength": "strength",
    ALERT: "level",
    "read, not recalled, or the reverse": "level",
    "no longer an alternative": "choice",
    "another drug": "drug",
    "twice the dose": "dose",
    "twice the upper dose": "dose",
    "the dose is forgotten": "dose",
    "another interval": "schedule",
    "the interval is forgotten": "schedule",
    "the schedule is forgotten": "schedule",
    "the route is forgotten": "route",
    "one dose more": "dose",
}


@dataclass(frozen=True)
class Wrong:
    """One rule with one error."""

    guideline: str
    rule: AdviceRule
    kind: str
    part: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (f"{self.guideline}.{self.rule.id}: {self.kind}", self.part) if part)


def wrong_rules(guideline: Guideline) -> list[Wrong]:
    """Every wrong version of each rule of a guideline."""
    return [
        Wrong(guideline.key, edited, kind, part)
        for rule in guideline.rules
        for made in (_grades, _circumstances, _exposures, _course, _beside, _words, _doses)
        for kind, part, edited in made(rule)
    ]


Made = Iterator[tuple[str, str, AdviceRule]]


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(part for part in names if part != name)


def _grades(rule: AdviceRule) -> Made:
    low, high = min(rule.grades), max(rule.grades)
    if low > 1:
        yield "a lower grade too", "", replace(rule, grades=(low - 1, *rule.grades))
    if high < 4:
        yield "a higher grade too", "", replace(rule, grades=(*rule.grades, high + 1))
    if low < high:
        yield "the lowest grade is forgotten", "", replace(rule, grades=rule.grades[1:])
        yield "the highest grade is forgotten", "", replace(rule, grades=rule.grades[:-1])


def _circumstances(rule: AdviceRule) -> Made:
    for name in rule.needs:
        yield "a circumstance is forgotten", name, replace(rule, needs=_without(rule.needs, name))
    for name in rule.unless:
        yield "an exception is forgotten", name, replace(rule, unless=_without(rule.unless, name))


def _exposures(rule: AdviceRule) -> Made:
    for column in ("products", "not_products", "classes"):
        names = getattr(rule, column)
        for name in names:
            edit: dict[str, Any] = {column: _without(names, name)}
            yield f"one of the {column.replace('_', ' ')} is forgotten", name, replace(rule, **edit)


def _course(rule: AdviceRule) -> Made:
    if rule.onset:
        low, high = rule.onset
        yield "any onset", "", replace(rule, onset=None)
        yield "an earlier end of the onset", "", replace(rule, onset=(low, high - 1))
        yield "a later end of the onset", "", replace(rule, onset=(low, high + 1))
    if rule.no_better:
        drugs, hours = rule.no_better.drugs, rule.no_better.hours
        yield "better or not", "", replace(rule, no_better=None)
        yield "sooner", "", replace(rule, no_better=NoBetter(drugs, hours - 1))
        yield "later", "", replace(rule, no_better=NoBetter(drugs, hours + 1))
        for drug in drugs if len(drugs) > 1 else ():
            yield "a drug is forgotten", drug, replace(rule, no_better=NoBetter(_without(drugs, drug), hours))


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


def _wrong_doses(dose: AdvisedDose) -> Iterator[tuple[str, AdvisedDose | None]]:
    yield "another drug", replace(dose, drug="anakinra" if dose.drug != "anakinra" else "dexamethasone", regimen="")
    if dose.route:
        yield "the route is forgotten", replace(dose, route="")
    if dose.amount or dose.per_kg or dose.regimen:
        yield "the dose is forgotten", AdvisedDose(dose.drug, every=dose.every, schedule=dose.schedule)
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
