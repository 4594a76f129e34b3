"""Deliberate faults in monitoring and work-up, one at a time: each is found, and named by file, table and key."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from cytowatch.errors import KnowledgeError
from cytowatch.knowledge import Knowledge, load, show
from cytowatch.knowledge.lint.plan import check_plans, plan_rows
from cytowatch.knowledge.parse_plan import monitoring, work_up
from cytowatch.knowledge.plan import Anchor, Plans
from cytowatch.knowledge.shape import Document, Reader


def with_item(name: str, **changes: Any) -> Knowledge:
    """The tables with one item of monitoring changed."""
    tables = load()
    key, _, item = name.partition(".")
    part = tables.plans.monitoring[key]
    items = tuple(replace(row, **changes) if row.id == item else row for row in part.items)
    return replace(tables, plans=Plans({key: replace(part, items=items)}, {}))


def with_test(name: str, **changes: Any) -> Knowledge:
    """The tables with one test of a work-up changed."""
    tables = load()
    key, _, test = name.partition(".")
    part = tables.plans.work_up[key]
    tests = tuple(replace(row, **changes) if row.id == test else row for row in part.tests)
    return replace(tables, plans=Plans({}, {key: replace(part, tests=tests)}))


VITALS, CULTURE = "nccn-car-t-2026.vitals-8h", "asco-2021.blood-culture"
ITEM_FAULTS = [
    ({"shows": (("pulse_rate",),)}, "shows", "no concept `pulse_rate`"),
    # weakness is charted by exception: nothing charted shows no check
    ({"shows": (("motor_weakness",),)}, "shows", "a reading is needed"),
    ({"from_hours": 48.0, "to_hours": 24.0}, "days", "ends before it begins"),
    ({"every_hours": 0.0}, "every_hours", "above 0"),
    ({"every_hours": 400.0}, "every_hours", "no longer than"),
    ({"every_hours": None, "times": 2}, "times", "needs a window"),
    ({"from_hours": -24.0}, "days", "before the exposure"),
    ({"anchor": Anchor("crs", 5)}, "while", "no grade"),
    ({"anchor": Anchor("icans", 0)}, "while", "no grade"),
    ({"anchor": Anchor(fact="feever")}, "while", "no fact `feever`"),
    ({"anchor": Anchor(fall_of="seizure")}, "while", "a reading is needed"),
    ({"anchor": Anchor(fall_of="ice_score"), "to_hours": None}, "while", "no end"),
    ({"for_whom": "neutropenia"}, "for_whom", "no fact of age"),
    ({"products": ("axi",)}, "products", "`axi` is not known"),
    ({"classes": ("cars",)}, "classes", "`cars` is not known"),
    ({"ends_with": "well"}, "ends_with", "no fact `well`"),
    ({"holds_from": date(2025, 6, 26), "holds_to": date(2025, 6, 26)}, "holds_to", "ends before"),
    ({"doses": (0,)}, "doses", "from 1"),
    ({"label": " "}, "label", "empty"),
    ({"action": "Measure"}, "action", "no sentence"),
]
TEST_FAULTS = [
    ({"shows": (("seizure",),)}, "shows", "a reading is needed"),
    ({"grade": 6}, "while", "no grade"),
    ({"toxicity": None, "needs": ()}, "needs", "Nothing triggers"),
    ({"needs": ("feever",)}, "needs", "`feever` is not known"),
    ({"look_alikes": ("sepsiss",)}, "look_alikes", "`sepsiss` is not known"),
    ({"classes": ("cars",)}, "classes", "`cars` is not known"),
]


@pytest.mark.parametrize(("changes", "key", "said"), ITEM_FAULTS)
def test_a_fault_of_an_item_is_found(changes: dict[str, Any], key: str, said: str) -> None:
    (finding, *_) = check_plans(with_item(VITALS, **changes))
    assert (finding.file, finding.table, finding.key) == ("monitoring/nccn-car-t-2026.toml", "item.vitals-8h", key)
    assert said in finding.problem


@pytest.mark.parametrize(("changes", "key", "said"), TEST_FAULTS)
def test_a_fault_of_a_test_is_found(changes: dict[str, Any], key: str, said: str) -> None:
    (finding, *_) = check_plans(with_test(CULTURE, **changes))
    assert (finding.file, finding.table, finding.key) == ("workup/asco-2021.toml", "test.blood-culture", key)
    assert said in finding.problem


def test_the_tables_have_no_fault_and_every_row_its_source() -> None:
    tables = load()
    assert list(check_plans(tables)) == []
    assert all(source in tables.sources and locator for _, source, locator, _ in plan_rows(tables))
    head = next(iter(tables.plans.monitoring.values())).head
    part = replace(next(iter(tables.plans.monitoring.values())), head=replace(head, triggers=("crp",)))
    (finding, *_) = check_plans(replace(tables, plans=Plans({head.key: part}, {})))
    assert finding.key == "triggers"


HEAD: dict[str, Any] = {
    "id": "x", "title": "X", "edition": "1", "effective_from": date(2025, 1, 1), "triggers": ["car_t_infusion"],
    "source": "house", "locator": "decision 0022", "evidence": "house",
}  # fmt: skip
ROW: dict[str, Any] = {
    "id": "a", "label": "A", "action": "Do.", "topic": "laboratory", "locator": "l", "evidence": "house",
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"days": [0, 1], "hours": [0, 1]}, "not both"),
        ({"days": 3}, r"\[from\]"),
        ({"shows": "crp"}, "list of concepts"),
        ({"shows": [[]]}, "list of concepts"),
        ({"shows": [[3]]}, "by their keys"),
        ({"while": {"crs": 1, "icans": 1}}, "one thing"),
        ({"while": {"iec_hs": 1}}, "iec_hs"),
        ({"doses": [1.5]}, "whole numbers"),
        ({"holds_from": "2025"}, "must be a date"),
        ({"every_hour": 3}, "unknown here"),
        ({"topic": "blood"}, "topic"),
    ],
)
def test_a_row_of_the_wrong_shape_is_refused(row: dict[str, Any], said: str) -> None:
    content = {**HEAD, "item": [{**ROW, **row}]}
    with pytest.raises(KnowledgeError, match=said):
        monitoring(Reader(Document("monitoring/x.toml", content, ()), (), content))


def test_a_row_twice_and_a_test_that_hangs_on_a_fall_are_refused() -> None:
    twice = {**HEAD, "item": [ROW, ROW]}
    with pytest.raises(KnowledgeError, match="twice"):
        monitoring(Reader(Document("monitoring/x.toml", twice, ()), (), twice))
    fall = {**HEAD, "test": [{**ROW, "while": {"fall_of": "ice_score"}}]}
    with pytest.raises(KnowledgeError, match="triggered by a grade"):
        work_up(Reader(Document("workup/x.toml", fall, ()), (), fall))


def test_a_plan_is_shown_row_by_row() -> None:
    tables = load()
    for key, part in tables.plans.monitoring.items():
        page = show(tables, f"monitoring.{key}")
        assert all(f"| {item.id} | {item.action} |" in page for item in part.items)
    page = show(tables, "monitoring.ice-nursing")
    assert "every 30 min | from 0 h to 2 h after a fall of ICE score" in page
    assert "Blood culture" in show(tables, "workup.asco-2021")
    assert "until: CD4 cells over 200/µL" in show(tables, "monitoring.late-follow-up")
