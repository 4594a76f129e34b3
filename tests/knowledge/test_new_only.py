"""What was so before the exposure leaves a condition open: what `new_only` makes of each kind of condition."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cytowatch.knowledge.model import (
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    ExceptKnown,
    In,
    Node,
    Not,
    Possible,
    Relative,
    Repeated,
    Running,
    Sustained,
)
from cytowatch.knowledge.new_only import as_asked, new_only

HIGH = Compare("creatinine", ">", 1.5, times="uln")
BEFORE = replace(HIGH, of_baseline=True)
RISEN = Compare("creatinine", ">", 1.5, times="baseline")
LATELY = Compare("creatinine", ">", 0.3, "mg/dL", plus="lowest", lookback_hours=48.0)
THINNED = In("anticoagulation", ("therapeutic",))
LONG = Compare("qtc", ">", 500.0, "ms")


def opened(asked: Node, before: Node) -> Node:
    return AnyOf((All((asked, ExceptKnown(before))), Possible(asked, judged=True)))


CASES: dict[str, tuple[Node, Node]] = {
    "over a limit": (HIGH, opened(HIGH, BEFORE)),
    "each alternative by itself": (AnyOf((HIGH, RISEN)), AnyOf((opened(HIGH, BEFORE), RISEN))),
    "over the baseline itself": (RISEN, RISEN),
    "a fall below the baseline": (
        Compare("lvef", "<=", -10.0, "%", plus="baseline"),
        Compare("lvef", "<=", -10.0, "%", plus="baseline"),
    ),
    "over an earlier reading": (LATELY, LATELY),
    "relative to the baseline": (
        Relative("alt", ">", "uln", 3.0, 3.0, ">"),
        Relative("alt", ">", "uln", 3.0, 3.0, ">"),
    ),
    "with something that has no baseline": (
        All((HIGH, THINNED)),
        opened(All((HIGH, THINNED)), All((BEFORE, THINNED))),
    ),
    "with a rise over the baseline": (All((HIGH, RISEN)), All((HIGH, RISEN))),
    # a baseline is always over 0.3 times itself
    "with what the baseline always is": (
        All((HIGH, Compare("creatinine", ">", 0.3, times="baseline"))),
        opened(All((HIGH, Compare("creatinine", ">", 0.3, times="baseline"))), BEFORE),
    ),
    "with a condition over time": (
        All((LONG, Repeated(LONG, 2))),
        opened(All((LONG, Repeated(LONG, 2))), All((replace(LONG, of_baseline=True), Repeated(LONG, 2)))),
    ),
    "the contrary": (Not(HIGH), opened(Not(HIGH), Not(BEFORE))),
    "of several readings": (
        AnyMeasured((HIGH, LONG)),
        opened(AnyMeasured((HIGH, LONG)), AnyOf((BEFORE, replace(LONG, of_baseline=True)))),
    ),
    "only a condition over time": (Sustained(HIGH, 6.0), Sustained(HIGH, 6.0)),
    "a drug": (Running(("norepinephrine",)), Running(("norepinephrine",))),
}


@pytest.mark.parametrize("name", CASES)
def test_what_was_so_before_is_left_open(name: str) -> None:
    asked, expected = CASES[name]
    assert new_only(asked) == expected


@pytest.mark.parametrize("name", CASES)
def test_a_reader_sees_what_was_asked(name: str) -> None:
    asked, expected = CASES[name]
    assert as_asked(expected) == asked


def test_a_possibility_of_another_kind_stays_in_the_words() -> None:
    own = AnyOf((All((HIGH, ExceptKnown(LONG))), Possible(HIGH)))
    assert as_asked(own) == own
