"""Risk factors and interventions as a person reads them: the number, its direction, in whom, and its standing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cytowatch.knowledge.model import Knowledge, Product
from cytowatch.knowledge.prevention import (
    Direction,
    Effect,
    Favors,
    Intervention,
    PreventionConflict,
    RiskFactor,
    Status,
    StudyResult,
)
from cytowatch.knowledge.view_products import known_as
from cytowatch.knowledge.view_scale import table

RISK, INTERVENTION = "risk.", "intervention."
DIRECTIONS: dict[Direction, str] = {
    "raises": "raises",
    "lowers": "lowers",
    "no_effect": "no effect found",
    "unclear": "unclear",
    "not_studied": "not studied: a gap",
}
STATUSES: dict[Status, str] = {
    "label": "in the label",
    "guideline": "in a guideline",
    "expert": "advised by experts",
    "selected_centers": "selected centers",
    "investigational": "investigational",
    "not_recommended": "not recommended",
    "practice": "practice",
}
FAVORS: dict[Favors, str] = {"for": "for", "against": "against", "neither": ""}
_WITHOUT_NUMBER = {"none_given": "no number given", "none_found": "nothing found", "p_only": "no difference"}
# how keys of classes of products begin, in words; an engager of every target needs no list of them
_KINDS = {"car_t_": "CAR-T cells", "bispecific_": "T-cell engagers", "immtac_": "ImmTAC"}
_ALL_TARGETS = {"bispecific_": {"CD19", "CD20", "BCMA", "GPRC5D", "DLL3"}}
EFFECT_HEAD = ("outcome", "direction", "effect", "in whom", "known as", "source, locator")
RESULT_HEAD = ("outcome", "result", "compared with", "speaks", "known as", "source, locator")


def prevention_items(knowledge: Knowledge) -> Iterator[tuple[str, str, str, str, str]]:
    """A line of the list for each risk factor and intervention: kind, id, title, source, evidence."""
    for key, factor in knowledge.prevention.factors.items():
        cited = factor.effects[0].cited
        yield "prevention", f"{RISK}{key}", factor.label, cited.source, cited.evidence
    for key, part in knowledge.prevention.interventions.items():
        cited = part.recommendations[0].cited
        yield "prevention", f"{INTERVENTION}{key}", part.label, cited.source, cited.evidence


def prevention_parts(knowledge: Knowledge, name: str) -> list[str] | None:
    """The title and parts of `risk.<key>` or `intervention.<key>`; None for any other name."""
    factor = knowledge.prevention.factors.get(name.removeprefix(RISK)) if name.startswith(RISK) else None
    if factor is not None:
        return [f"{factor.label} (`{RISK}{factor.key}`)", factor_table(factor)]
    key = name.removeprefix(INTERVENTION)
    part = knowledge.prevention.interventions.get(key) if name.startswith(INTERVENTION) else None
    return None if part is None else [f"{part.label} (`{INTERVENTION}{key}`)", *intervention_parts(part, knowledge)]


def factor_table(factor: RiskFactor) -> str:
    """The effects of one factor."""
    return table(EFFECT_HEAD, (effect_row(effect) for effect in factor.effects))


def effect_row(effect: Effect) -> tuple[str, ...]:
    """One effect as the cells of ``EFFECT_HEAD``."""
    cited = effect.cited
    return (
        effect.label,
        DIRECTIONS[effect.direction],
        effect_words(effect),
        _in_whom(effect),
        known_as(cited.evidence),
        f"{cited.source}, {cited.locator}",
    )


def effect_words(effect: Effect) -> str:
    """The number as printed, with its interval, probability, step and scale; in words where there is none."""
    value = "" if effect.value is None else f"{effect.value:g}"
    told = f"{effect.measure} {value}"
    if effect.measure == "percent":
        told = f"{value} %" + (f" against {effect.versus:g} %" if effect.versus is not None else "")
    told = _WITHOUT_NUMBER.get(effect.measure, told)
    interval = f"({effect.low:g} to {effect.high:g})" if effect.low is not None and effect.high is not None else ""
    p = f"p = {effect.p:g}" if effect.p is not None else ""
    grading = "scale not said" if effect.grading == "not_said" else f"by {effect.grading}" if effect.grading else ""
    number = "; ".join(part for part in (f"{told} {interval}".strip(), p, effect.per, grading) if part)
    return f"{number}. {effect.note}" if effect.note else number


def _in_whom(effect: Effect) -> str:
    who = told_of(effect.products, effect.classes)
    number = f", n = {effect.n}" if effect.n is not None else ""
    return f"{effect.population}{number}{f' [{who}]' if who else ''}"


def told_of(products: Iterable[str], classes: Iterable[str]) -> str:
    """Products and classes of products in plain words, such as `CAR-T cells against CD19 or BCMA`."""
    found = [name.replace("_", " ") for name in products]
    rest = list(classes)
    for start, words in _KINDS.items():
        own = [name.removeprefix(start).upper() for name in rest if name.startswith(start)]
        rest = [name for name in rest if not name.startswith(start)]
        if own:
            found.append(words if set(own) == _ALL_TARGETS.get(start) else f"{words} against {' or '.join(own)}")
    return ", ".join((*found, *(name.replace("_", " ") for name in rest)))


def intervention_parts(part: Intervention, knowledge: Knowledge) -> Iterator[str]:
    """One intervention in full: what, with whom, its numbers, its recommendations, and what contradicts it."""
    number = f", n = {part.n}" if part.n is not None else ""
    yield f"{part.what} In: {part.population}{number} [{told_of(part.products, part.classes)}]."
    yield f"Standing: **{STATUSES[part.status]}**."
    yield table(RESULT_HEAD, (result_row(row) for row in part.results))
    yield table(
        ("standing", "recommendation", "known as", "source, locator"),
        (
            (STATUSES[row.status], row.text, known_as(row.cited.evidence), f"{row.cited.source}, {row.cited.locator}")
            for row in part.recommendations
        ),
    )
    for conflict in conflicts_of(part.key, knowledge):
        yield conflict_words(conflict)
    yield table(("not encoded", "what is done instead"), part.not_encoded)


def result_row(row: StudyResult) -> tuple[str, ...]:
    """One result as the cells of ``RESULT_HEAD``."""
    grading = "scale not said" if row.grading == "not_said" else f"by {row.grading}" if row.grading else ""
    interval = f" ({row.low:g} to {row.high:g})" if row.low is not None and row.high is not None else ""
    percent = "" if row.percent is None else f"{_range(*row.percent)} %{interval}"
    versus = "" if row.versus is None else f"{_range(*row.versus)} %, {row.versus_what}"
    number = "; ".join(part for part in (percent, grading) if part)
    told = ". ".join(part for part in (number, row.note) if part)
    cited = row.cited
    return row.label, told, versus, FAVORS[row.favors], known_as(cited.evidence), f"{cited.source}, {cited.locator}"


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def conflicts_of(key: str, knowledge: Knowledge) -> list[PreventionConflict]:
    """The conflicts that name an intervention."""
    return [part for part in knowledge.prevention.conflicts.values() if key in (*part.one, *part.other)]


def conflict_words(part: PreventionConflict) -> str:
    """Both sides of a conflict, and what it asks for."""
    sides = f"{part.says_one} ({', '.join(part.one)}) {part.says_other} ({', '.join(part.other)})"
    return f"**Not to be read as one: {part.topic}.** {sides} {part.proposal} {part.cited.locator}."


def concerns(products: tuple[str, ...], classes: tuple[str, ...], product: Product | None) -> bool:
    """Whether a row is about a product: it names it or its class, or names none; every row without a product."""
    if product is None or not (products or classes):
        return True
    return product.key in products or product.product_class in classes
