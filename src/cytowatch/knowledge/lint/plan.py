"""Do monitoring and work-up make sense: concepts that can show them, days in order, facts and look-alikes there are?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cytowatch.knowledge.advice import Cited as Row
from cytowatch.knowledge.conditions import AgeYears
from cytowatch.knowledge.lint.finding import Findings, Place, of_kind
from cytowatch.knowledge.lint.symptoms import CitedRow
from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.plan import SCALES, MonitoringItem, PlanHead, Shows, Watched, WorkUpTest

# only a reading is charted whether it is normal or not; what is charted by exception shows no check
_SHOWING = ("reading",)
# nothing is measured at grade 5
_WORST = 4


def check_plans(knowledge: Knowledge) -> Findings:
    """Every row of monitoring and of work-up."""
    for plan in knowledge.plans.monitoring.values():
        yield from _check_head(Place(f"monitoring/{plan.head.key}.toml", plan.head.key), plan.head, knowledge)
        for item in plan.items:
            yield from _check_item(Place(f"monitoring/{plan.head.key}.toml", f"item.{item.id}"), item, knowledge)
    for work_up in knowledge.plans.work_up.values():
        yield from _check_head(Place(f"workup/{work_up.head.key}.toml", work_up.head.key), work_up.head, knowledge)
        for test in work_up.tests:
            yield from _check_test(Place(f"workup/{work_up.head.key}.toml", f"test.{test.id}"), test, knowledge)


def plan_rows(knowledge: Knowledge) -> Iterator[CitedRow]:
    """What rests on a source: every head and every row."""
    for place, row in _rows(knowledge):
        yield place, row.source, row.locator, row.evidence


def _rows(knowledge: Knowledge) -> Iterator[tuple[Place, Row]]:
    for key, plan in knowledge.plans.monitoring.items():
        yield Place(f"monitoring/{key}.toml", key), plan.head.cited
        yield from ((Place(f"monitoring/{key}.toml", f"item.{item.id}"), item.cited) for item in plan.items)
    for key, work_up in knowledge.plans.work_up.items():
        yield Place(f"workup/{key}.toml", key), work_up.head.cited
        yield from ((Place(f"workup/{key}.toml", f"test.{test.id}"), test.cited) for test in work_up.tests)


def _check_head(place: Place, head: PlanHead, knowledge: Knowledge) -> Findings:
    if not head.triggers:
        yield place.error("triggers", "The plan is for no exposure.", "Name concepts of kind trigger.")
    for name in head.triggers:
        yield from of_kind(place, "triggers", name, ("trigger",), knowledge)


def _check_item(place: Place, item: MonitoringItem, knowledge: Knowledge) -> Findings:
    yield from _check_words(place, item.label, item.action)
    yield from _check_shows(place, item.shows, knowledge)
    yield from _check_hours(place, item)
    yield from _check_anchor(place, item, knowledge)
    yield from _check_for_whom(place, item, knowledge)
    yield from _check_products(place, item.products, item.classes, knowledge)
    if item.ends_with and item.ends_with not in knowledge.advice.facts:
        yield place.error("ends_with", f"There is no fact `{item.ends_with}`.", "Add it to advice/facts.toml.")
    if item.holds_from and item.holds_to and item.holds_from >= item.holds_to:
        yield place.error("holds_to", "It ends before it begins.", "Put the earlier date first.")
    if any(number < 1 for number in item.doses):
        yield place.error("doses", "Doses are counted from 1.")


def _check_hours(place: Place, item: MonitoringItem) -> Findings:
    span = None if item.to_hours is None else item.to_hours - item.from_hours
    if span is not None and span <= 0:
        yield place.error("days", "It ends before it begins.", "Put the earlier day first.")
    if item.every_hours is not None and not 0 < item.every_hours <= (span or item.every_hours):
        yield place.error(
            "every_hours", "A window is above 0 and no longer than the whole time.", "Correct one of them."
        )
    if item.times < 1 or (item.times > 1 and item.every_hours is None):
        yield place.error("times", "So often in what? A number of times needs a window.", "Add `every_hours`.")
    if item.from_hours < 0 and (item.every_hours is not None or item.anchor.toxicity or item.anchor.fact):
        yield place.error("days", "Only what is done once can lie before the exposure.", "Begin at 0.")


def _check_anchor(place: Place, item: MonitoringItem, knowledge: Knowledge) -> Findings:
    anchor = item.anchor
    yield from _check_grade(place, anchor.toxicity, anchor.grade, knowledge)
    if anchor.fact and anchor.fact not in knowledge.advice.facts:
        yield place.error("while", f"There is no fact `{anchor.fact}`.", "Add it to advice/facts.toml.")
    if anchor.fall_of:
        yield from of_kind(place, "while", anchor.fall_of, _SHOWING, knowledge)
        if item.to_hours is None:
            yield place.error("while", "A fall has no end: until when after it?", "Add `hours = [0, 2]`.")


def _check_grade(place: Place, toxicity: Watched | None, grade: int, knowledge: Knowledge) -> Findings:
    if toxicity is None:
        return
    scale = knowledge.scales.get(SCALES[toxicity])
    if scale is None or not 1 <= grade <= _WORST or grade not in scale.grades:
        yield place.error("while", f"{grade} is no grade of `{SCALES[toxicity]}`.", "Use 1, 2, 3 or 4.")


def _check_for_whom(place: Place, item: MonitoringItem, knowledge: Knowledge) -> Findings:
    fact = knowledge.advice.facts.get(item.for_whom)
    if item.for_whom and (fact is None or not isinstance(fact.when, AgeYears)):
        yield place.error("for_whom", f"`{item.for_whom}` is no fact of age.", "Name one such as `adult`.")


def _check_test(place: Place, test: WorkUpTest, knowledge: Knowledge) -> Findings:
    yield from _check_words(place, test.label, test.action)
    yield from _check_shows(place, test.shows, knowledge)
    yield from _check_grade(place, test.toxicity, test.grade, knowledge)
    yield from _check_products(place, test.products, test.classes, knowledge)
    if test.toxicity is None and not test.needs:
        yield place.error("needs", "Nothing triggers this test.", "Name a grade (`while`) or a fact (`needs`).")
    yield from _unknown(place, "needs", test.needs, knowledge.advice.facts)
    yield from _unknown(place, "look_alikes", test.look_alikes, knowledge.lookalikes)


def _check_words(place: Place, label: str, action: str) -> Findings:
    if not label.strip():
        yield place.error("label", "The label is empty.")
    if not action.strip().endswith("."):
        yield place.error("action", "The action is no sentence.", "End it with a period.")


def _check_shows(place: Place, shows: Shows, knowledge: Knowledge) -> Findings:
    for group in shows:
        for name in group:
            yield from of_kind(place, "shows", name, _SHOWING, knowledge)


def _check_products(place: Place, products: Iterable[str], classes: Iterable[str], knowledge: Knowledge) -> Findings:
    yield from _unknown(place, "products", products, knowledge.products)
    yield from _unknown(place, "classes", classes, {part.product_class for part in knowledge.products.values()})


def _unknown(place: Place, key: str, names: Iterable[str], known: Iterable[str]) -> Findings:
    for name in sorted(set(names) - set(known)):
        yield place.error(key, f"`{name}` is not known.", "Correct it, or add it.")
