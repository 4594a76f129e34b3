"""Do risk factors and interventions make sense: numbers in order, directions that follow from them, scales, names?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cytowatch.knowledge.lint.finding import Findings, Place
from cytowatch.knowledge.lint.products import NOT_SAID
from cytowatch.knowledge.lint.symptoms import KEY, CitedRow
from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.prevention import Effect, Intervention, StudyResult

_FACTORS, _INTERVENTIONS, _CONFLICTS = (f"prevention/{n}.toml" for n in ("risk_factors", "interventions", "conflicts"))
# a rate of something of a grade, or severe, hangs on a grading scale
_GRADED = re.compile(r"\b(grades? \d|severe)\b")
_RATIOS = ("HR", "OR")


def check_prevention(knowledge: Knowledge) -> Findings:
    """Every effect, result, recommendation and conflict."""
    for key, factor in knowledge.prevention.factors.items():
        if not KEY.fullmatch(key) or not factor.label.strip() or not factor.effects:
            place = Place(_FACTORS, f"factor.{key}")
            yield place.error("effect", "A factor needs a key in snake_case, a label and an effect.")
        for effect in factor.effects:
            yield from _check_effect(Place(_FACTORS, f"factor.{key}.effect.{effect.id}"), effect, knowledge)
    for key, part in knowledge.prevention.interventions.items():
        yield from _check_intervention(Place(_INTERVENTIONS, f"intervention.{key}"), part, knowledge)
    for key, conflict in knowledge.prevention.conflicts.items():
        place = Place(_CONFLICTS, f"conflict.{key}")
        yield from _unknown(place, "one", (*conflict.one, *conflict.other), knowledge.prevention.interventions)


def prevention_rows(knowledge: Knowledge) -> Iterator[CitedRow]:
    """What rests on a source: every effect, result, recommendation and conflict."""
    prevention = knowledge.prevention
    for key, factor in prevention.factors.items():
        for effect in factor.effects:
            place = Place(_FACTORS, f"factor.{key}.effect.{effect.id}")
            yield place, effect.cited.source, effect.cited.locator, effect.cited.evidence
    for key, part in prevention.interventions.items():
        rows = [(f"result.{row.id}", row.cited) for row in part.results]
        rows += [(f"recommendation.{row.id}", row.cited) for row in part.recommendations]
        for name, cited in rows:
            yield Place(_INTERVENTIONS, f"intervention.{key}.{name}"), cited.source, cited.locator, cited.evidence
    for key, conflict in prevention.conflicts.items():
        cited = conflict.cited
        yield Place(_CONFLICTS, f"conflict.{key}"), cited.source, cited.locator, cited.evidence


def _check_effect(place: Place, effect: Effect, knowledge: Knowledge) -> Findings:
    yield from _check_numbers(place, effect)
    yield from _check_direction(place, effect)
    yield from _check_grading(place, effect, knowledge)
    yield from _check_whom(place, effect.products, effect.classes, knowledge)
    if not (effect.products or effect.classes or effect.direction == "not_studied"):
        yield place.error("classes", "It does not say of which products it is told.", "Name products or classes.")


def _check_numbers(place: Place, effect: Effect) -> Findings:
    ends = [number for number in (effect.low, effect.value, effect.high) if number is not None]
    if ends != sorted(ends):
        yield place.error("value", f"{ends} are not in order.", "low, then value, then high.")
    if effect.measure in _RATIOS and (not ends or min(ends) <= 0):
        yield place.error("value", "A ratio is above 0.")
    if effect.measure == "percent" and not all(0 <= number <= 100 for number in ends):
        yield place.error("value", f"{ends} are no percentages.", "From 0 to 100.")
    if effect.p is not None and not 0 <= effect.p <= 1:
        yield place.error("p", f"{effect.p:g} is no probability.")
    if (effect.measure in ("none_given", "none_found", "p_only")) != (effect.value is None):
        yield place.error("measure", "A number without a measure, or a measure without its number.")


def _check_direction(place: Place, effect: Effect) -> Findings:
    """A direction that its own number contradicts; no number, no gap that is called a finding."""
    if (effect.measure == "none_found") and effect.direction != "not_studied":
        yield place.error("direction", "Nothing was found: that is no effect seen either.", "Write not_studied.")
    if effect.direction == "not_studied" and effect.value is not None:
        yield place.error("direction", "It has a number, so somebody has looked.", "Write what the number says.")
    if effect.measure not in _RATIOS or effect.value is None:
        return
    spans_one = effect.low is not None and effect.high is not None and effect.low <= 1 <= effect.high
    if spans_one and effect.direction in ("raises", "lowers"):
        yield place.error("direction", "Its interval holds 1: the number does not settle it.", "Write unclear.")
    if (effect.direction == "raises" and effect.value <= 1) or (effect.direction == "lowers" and effect.value >= 1):
        yield place.error("direction", f"{effect.value:g} does not say `{effect.direction}`.", "Correct one of them.")


def _check_grading(place: Place, row: Effect | StudyResult, knowledge: Knowledge) -> Findings:
    if _GRADED.search(row.label) and not row.grading:
        text = "The number hangs on a grading scale, and none is named."
        yield place.error("grading", text, f"The id of a scale, or {NOT_SAID}.")
    if row.grading and row.grading != NOT_SAID and row.grading not in knowledge.scales:
        yield place.error("grading", f"There is no scale `{row.grading}`.", f"Use the id of a scale, or {NOT_SAID}.")


def _check_intervention(place: Place, part: Intervention, knowledge: Knowledge) -> Findings:
    if not KEY.fullmatch(part.key) or not part.what.rstrip().endswith("."):
        yield place.error("what", "It needs a key in snake_case, and a sentence that says what is done.")
    yield from _check_whom(place, part.products, part.classes, knowledge)
    if not (part.products or part.classes):
        yield place.error("products", "It does not say with which products.", "Name products or classes.")
    for row in part.results:
        inner = Place(place.file, f"{place.table}.result.{row.id}")
        yield from _check_grading(inner, row, knowledge)
        yield from _check_result(inner, row)
    if part.status not in {row.status for row in part.recommendations}:
        yield place.error("status", f"No recommendation says `{part.status}`.", "Add it, or correct the status.")
    if {row.status for row in part.recommendations if row.cited.evidence == "recalled"} & {"label", "guideline"}:
        yield place.error("recommendation", "What was not read is told as a label or a guideline.", "Read it first.")


def _check_result(place: Place, row: StudyResult) -> Findings:
    numbers = [*(row.percent or ()), *(row.versus or ())]
    if not all(0 <= number <= 100 for number in numbers):
        yield place.error("percent", f"{numbers} are no percentages.", "From 0 to 100.")
    if row.percent and row.low is not None and row.high is not None and not row.low <= row.percent[0] <= row.high:
        yield place.error("low", "The interval does not hold its number.")
    if (row.versus is None) == bool(row.versus_what):
        yield place.error("versus", "A comparison needs its number and what it is with.")
    if row.percent is None and not row.note:
        yield place.error("percent", "It has neither a number nor a word.", "Say what was seen in `note`.")


def _check_whom(place: Place, products: Iterable[str], classes: Iterable[str], knowledge: Knowledge) -> Findings:
    yield from _unknown(place, "products", products, knowledge.products)
    yield from _unknown(place, "classes", classes, {part.product_class for part in knowledge.products.values()})


def _unknown(place: Place, key: str, names: Iterable[str], known: Iterable[str]) -> Findings:
    for name in sorted(set(names) - set(known)):
        yield place.error(key, f"`{name}` is not known.", "Correct it, or add it.")
