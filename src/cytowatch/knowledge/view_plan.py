"""Monitoring and work-up as a person reads them: each row with when, for whom, what shows it, and its source."""

from __future__ import annotations

from collections.abc import Iterator

from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.plan import MonitoringItem, MonitoringPlan, PlanHead, Shows, WorkUpPlan, WorkUpTest
from cytowatch.knowledge.view_scale import table

_MONITORING, _WORK_UP = "monitoring.", "workup."
_DAY = 24.0
_NOTICE = "No order, and not verified by a clinician."


def plan_items(knowledge: Knowledge) -> Iterator[tuple[str, str, str, str, str]]:
    """A line of the list for each file: kind, id, title, source, evidence."""
    for key, plan in knowledge.plans.monitoring.items():
        cited = plan.head.cited
        yield "monitoring", f"{_MONITORING}{key}", plan.head.title, cited.source, cited.evidence
    for key, work_up in knowledge.plans.work_up.items():
        cited = work_up.head.cited
        yield "workup", f"{_WORK_UP}{key}", work_up.head.title, cited.source, cited.evidence


def plan_parts(knowledge: Knowledge, name: str) -> list[str] | None:
    """The title and the parts of `monitoring.<id>` or `workup.<id>`; None for any other name."""
    plans = knowledge.plans
    if name.startswith(_MONITORING) and name.removeprefix(_MONITORING) in plans.monitoring:
        return _monitoring(plans.monitoring[name.removeprefix(_MONITORING)], knowledge)
    if name.startswith(_WORK_UP) and name.removeprefix(_WORK_UP) in plans.work_up:
        return _work_up(plans.work_up[name.removeprefix(_WORK_UP)], knowledge)
    return None


def plans_in_full(knowledge: Knowledge) -> list[str]:
    """Every file of both, as the parts of one page."""
    names = [key for _, key, *_ in plan_items(knowledge)]
    pages = [plan_parts(knowledge, name) or [] for name in names]
    return [part for title, *parts in pages for part in (f"## {title}", *parts) if part]


def how_often(item: MonitoringItem) -> str:
    """`every 8 h`, `2 times in 24 h`, `once`."""
    if item.every_hours is None:
        return "once" if item.shows else ""
    return f"every {_span(item.every_hours)}" if item.times == 1 else f"{item.times} times in {_span(item.every_hours)}"


def when(item: MonitoringItem, knowledge: Knowledge) -> str:
    """From when to when, in words."""
    anchor = item.anchor
    end = "" if item.to_hours is None else f" to {_span(item.to_hours)}"
    if anchor.toxicity:
        return f"while {anchor.toxicity.upper()} is of grade {anchor.grade} or more"
    if anchor.fact:
        return f"while: {_fact(anchor.fact, knowledge)}"
    if anchor.fall_of:
        return f"from {_span(item.from_hours)}{end} after a fall of {_concept(anchor.fall_of, knowledge)}"
    if item.from_hours < 0:
        return f"from {_span(-item.from_hours)} before the exposure{end or ' on'}"
    return f"from {_span(item.from_hours)}{end or ' on'} after the exposure"


def shown_by(shows: Shows, knowledge: Knowledge) -> str:
    """What of the record shows it, in words."""
    groups = (" or ".join(_concept(name, knowledge) for name in group) for group in shows)
    return "; ".join(groups) or "nothing (not seen in the record)"


def _monitoring(plan: MonitoringPlan, knowledge: Knowledge) -> list[str]:
    head = ("item", "what", "how often", "when", "for whom", "shown by", "evidence", "source, locator")
    rows = (
        (
            item.id,
            item.action,
            how_often(item),
            when(item, knowledge),
            "; ".join(_for_whom(item, knowledge)),
            shown_by(item.shows, knowledge),
            item.cited.evidence,
            f"{item.cited.source}, {item.cited.locator}",
        )
        for item in plan.items
    )
    return [*_head(plan.head, _MONITORING), table(head, rows), *_not_encoded(plan.head)]


def _work_up(plan: WorkUpPlan, knowledge: Knowledge) -> list[str]:
    head = ("test", "what", "trigger", "shown by", "helps to tell", "evidence", "source, locator")
    rows = (
        (
            test.id,
            ("consider: " if test.strength == "consider" else "") + test.action,
            "; ".join(trigger(test, knowledge)),
            shown_by(test.shows, knowledge),
            ", ".join(knowledge.lookalikes[key].label for key in test.look_alikes if key in knowledge.lookalikes),
            test.cited.evidence,
            f"{test.cited.source}, {test.cited.locator}",
        )
        for test in plan.tests
    )
    return [*_head(plan.head, _WORK_UP), table(head, rows), *_not_encoded(plan.head)]


def trigger(test: WorkUpTest, knowledge: Knowledge) -> Iterator[str]:
    """What must hold for a test to be sent, in words."""
    if test.toxicity:
        yield f"{test.toxicity.upper()} of grade {test.grade} or more"
    yield from (_fact(key, knowledge) for key in test.needs)
    if test.only_if:
        yield f"if {test.only_if}"
    yield from (_product(name, knowledge) for name in test.products)
    yield from test.classes


def _for_whom(item: MonitoringItem, knowledge: Knowledge) -> Iterator[str]:
    yield from (_product(name, knowledge) for name in item.products)
    yield from item.classes
    if item.doses:
        yield f"dose {', '.join(map(str, item.doses))} of the record"
    if item.setting != "any":
        yield item.setting
    if item.for_whom:
        yield _fact(item.for_whom, knowledge)
    if item.only_if:
        yield f"if {item.only_if}"
    if item.ends_with:
        yield f"until: {_fact(item.ends_with, knowledge)}"
    if item.holds_from:
        yield f"exposure on {item.holds_from} or later"
    if item.holds_to:
        yield f"exposure before {item.holds_to}"


def _head(head: PlanHead, prefix: str) -> list[str]:
    about = f"{_NOTICE} Edition {head.edition}, from {head.effective_from}; after: {', '.join(head.triggers)}."
    return [f"{head.title} (`{prefix}{head.key}`)", f"{about} {head.note}".strip()]


def _not_encoded(head: PlanHead) -> list[str]:
    return [table(("not encoded", "what is done instead"), head.not_encoded)]


def _span(hours: float) -> str:
    if hours < 1 and hours:
        return f"{hours * 60:g} min"
    return f"{hours / _DAY:g} d" if hours > _DAY and hours % _DAY == 0 else f"{hours:g} h"


def _fact(key: str, knowledge: Knowledge) -> str:
    return knowledge.advice.facts[key].label if key in knowledge.advice.facts else key


def _concept(key: str, knowledge: Knowledge) -> str:
    return knowledge.concepts[key].label if key in knowledge.concepts else key


def _product(key: str, knowledge: Knowledge) -> str:
    return knowledge.products[key].label if key in knowledge.products else key
