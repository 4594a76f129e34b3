"""What is drawn of one patient: stretches on support, lines with gaps, thinning, summaries by patient."""

from __future__ import annotations

from typing import Any

from tests.report import sample as made

from cytowatch import knowledge
from cytowatch.report.changes import direction, flags_of_all
from cytowatch.report.cohort import summarize, worst_counts
from cytowatch.report.course import Segment, line_points, on_stretches, segments, thinned
from cytowatch.report.patient import fever_limit
from cytowatch.report.words import Words
from cytowatch.schema import HOUR_US

KNOWLEDGE = knowledge.load()


def row(
    hour: float, concept: str, value: float | None = None, text: str | None = None, until: float | None = None
) -> Any:
    end = None if until is None else round(until * HOUR_US)
    filled = {"comparator": None, "unit": None, "status": "final", "until": end, "text": text, "value": value}
    return {"time": round(hour * HOUR_US), "concept": concept, **filled}


def test_an_infusion_runs_to_its_next_row_and_then_stops() -> None:
    rows = [row(0, "norepinephrine", 0.1), row(4, "norepinephrine", 0.2), row(9, "norepinephrine", 0)]
    drawn = on_stretches(rows, KNOWLEDGE, 100 * HOUR_US)
    assert [(item.start // HOUR_US, item.end // HOUR_US, item.certain) for item in drawn] == [
        (0, 4, True),
        (4, 9, True),
    ]


def test_an_open_end_becomes_unknown_not_off() -> None:
    drawn = on_stretches([row(0, "norepinephrine", 0.1)], KNOWLEDGE, 30 * HOUR_US)
    assert [(item.start // HOUR_US, item.end // HOUR_US, item.certain) for item in drawn] == [
        (0, 24, True),
        (24, 30, False),
    ]


def test_room_air_is_no_support() -> None:
    assert on_stretches([row(0, "oxygen_device", text="room_air")], KNOWLEDGE, HOUR_US) == []


def test_a_line_breaks_where_nothing_was_known() -> None:
    rows = [row(hour, "spo2", 97) for hour in (0, 7, 16)]
    assert [point["piece"] for point in line_points(rows, 8 * HOUR_US, 0, "time")] == [0, 0, 1]


def test_thinning_keeps_the_extremes() -> None:
    rows = [row(hour, "body_temperature", 37 + (hour == 333) * 3 - (hour == 777)) for hour in range(1000)]
    kept = thinned(rows, 100)
    assert len(kept) <= 100
    assert {40, 36} <= {item["value"] for item in kept}
    assert [item["time"] for item in kept] == sorted(item["time"] for item in kept)


def test_segments_join_equal_bounds_only_without_a_hole() -> None:
    base = {"at_least": 0, "at_most": 1}
    rows = [base | {"start": a, "end": b} for a, b in ((0, 1), (1, 2), (3, 4))]
    assert segments(rows) == [Segment(0, 2, 0, 1), Segment(3, 4, 0, 1)]
    assert [Segment(0, 1, *bounds).label for bounds in ((2, 2), (1, 3), (None, None))] == ["2", "1–3", "?"]


def test_direction_of_the_certain_grade() -> None:
    low, high, none = {"at_least": 1}, {"at_least": 3}, {"at_least": None}
    assert [direction(*pair) for pair in ((low, high), (high, low), (low, low), (None, low), (none, low))] == [
        "up",
        "down",
        "",
        "",
        "",
    ]


def test_a_flag_of_every_row_is_said_once() -> None:
    assert flags_of_all([{"flags": ["a", "b"]}, {"flags": ["b"]}]) == ["b"]
    assert flags_of_all([{"flags": ["a"]}]) == []


def test_summaries_put_the_worst_first_and_keep_bounds() -> None:
    found = summarize(made.sample(), KNOWLEDGE)
    assert [item.patient for item in found][:2] == ["P-001", "P-002"]
    by_name = {item.patient: item for item in found}
    second = by_name["P-002"].scales[made.CRS]
    assert (second.at_least, second.at_most, second.state) == (2, 3, "unknown")
    assert not by_name["P-006"].triggered
    assert by_name["P-006"].scales[made.CRS].at_most is None
    assert by_name["P-001"].tocilizumab_doses == 2
    counts = worst_counts(found, made.CRS)
    assert (counts["graded"], counts["certain_1"], counts["certain_3"], counts["possible_3"]) == (5, 4, 1, 2)


def test_words_come_from_the_tables() -> None:
    words = Words(KNOWLEDGE)
    assert words.criterion(made.ICANS, "ice_grade_2") == "ICE score: grade 2"
    assert words.criterion(made.CRS, "vasopressor") == "At least one vasopressor running"
    assert words.scale(made.CRS) == "CRS (ASTCT 2019)"
    assert fever_limit(KNOWLEDGE) == 38.0
    for scale in KNOWLEDGE.scales.values():
        for flag, text in scale.flags.items():
            assert words.flag(scale.id, flag) == text
