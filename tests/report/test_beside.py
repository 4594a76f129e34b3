"""Every scale beside the others: what is drawn, what is left out, the joint state, findings, what the page carries."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.report import many
from tests.report import sample as made
from tests.report.test_page import Page

from cytowatch.report import Limits, ReportData, render_report
from cytowatch.report.course import Segment
from cytowatch.report.drawing import Drawing, TimeAxis, round_steps
from cytowatch.report.embed import as_json, merged
from cytowatch.report.findings import KINDS, NO_DIAGNOSIS, findings_table
from cytowatch.report.joint import LANES, combinations_of, lanes_of, meetings, onset_orders
from cytowatch.report.order import by_family, by_publication, in_full, ordered
from cytowatch.report.signs import unread
from cytowatch.report.sources import sources_of
from cytowatch.report.strips import Strip, color_of, drawable, most_points, rest_in_words, strip_of
from cytowatch.report.theme import GRADE_FILL, SCORE_FILL
from cytowatch.results import write_results
from cytowatch.schema import FINDINGS, HOUR_US, JOINT, TIMELINE

KNOWLEDGE = many.KNOWLEDGE
CRS, ICANS = "crs.astct-2019", "icans.astct-2019"


@pytest.fixture(scope="module")
def page() -> str:
    return render_report(many.data(), KNOWLEDGE)


@pytest.fixture(scope="module")
def alone() -> str:
    return render_report(many.data(), KNOWLEDGE, patient="M-1")


def rows(*bounds: tuple[int, int | None, int | None]) -> list[dict[str, Any]]:
    """Rows that follow each other: length in hours, at least, at most."""
    out, at = [], 0
    for hours, low, high in bounds:
        out.append({"start": at, "end": at + hours * HOUR_US, "at_least": low, "at_most": high})
        at += hours * HOUR_US
    return out


# ---------------------------------------------------------------- order


def test_families_in_order_and_what_speaks_for_a_family_first() -> None:
    found = ordered(many.SCALES, KNOWLEDGE)
    families = [KNOWLEDGE.scales[scale].family for scale in found]
    wanted = ["crs", "icans", "hyperinflammation", "blood", "organ", "score", "lay"]
    assert families == sorted(families, key=wanted.index)
    assert found[0] == CRS
    assert found.index("organ.ctcae-6.0.anemia") == found.index("organ.ctcae-5.0.anemia") + 1
    assert sum(map(len, by_family(many.SCALES, KNOWLEDGE).values())) == len(many.SCALES)


def test_publication_order_is_by_year() -> None:
    found = by_publication(["crs.astct-2019", "crs.lee-2014", "crs.penn-2018"], KNOWLEDGE)
    assert found == ["crs.lee-2014", "crs.penn-2018", "crs.astct-2019"]


def test_few_scales_are_shown_in_full_of_many_those_that_speak() -> None:
    def run(*scales: str) -> pl.DataFrame:
        return pl.DataFrame([{"patient": "a", "scale": scale} for scale in scales], schema=TIMELINE.schema)

    assert in_full(run(CRS, "crs.lee-2014", ICANS), KNOWLEDGE) == [CRS, "crs.lee-2014", ICANS]
    assert in_full(many.data().timeline, KNOWLEDGE) == [CRS, ICANS]
    # points are no grades
    assert in_full(run(CRS, "hlh.hscore"), KNOWLEDGE) == [CRS]
    organs = [scale for scale in KNOWLEDGE.scales if scale.startswith("organ.ctcae-5.0")][:9]
    assert len(in_full(run(*organs), KNOWLEDGE)) == 2


# ---------------------------------------------------------------- strips


@pytest.mark.parametrize(
    ("scale", "bounds", "standing"),
    [
        ("organ.ctcae-5.0.anemia", [(1, 0, 4), (1, 2, 2)], "above"),
        ("organ.ctcae-5.0.anemia", [(1, 0, 4), (1, 0, 1)], "possible"),
        ("organ.ctcae-5.0.anemia", [(1, 0, 4), (1, 0, 0)], "untold"),
        ("organ.ctcae-5.0.anemia", [(2, 0, 4)], "silent"),
        ("organ.ctcae-5.0.anemia", [(2, 0, 0)], "zero"),
        ("organ.ctcae-5.0.anemia", [(2, None, None)], "none"),
        # a toxicity that the patient is watched for is shown as long as it is not excluded
        (CRS, [(2, 0, 4)], "possible"),
        (CRS, [(1, 0, 0), (1, 0, 2)], "possible"),
    ],
)
def test_what_is_shown_and_what_is_folded(scale: str, bounds: list[Any], standing: str) -> None:
    strip = strip_of(scale, rows(*bounds), KNOWLEDGE)
    assert strip.standing == standing
    assert strip.shown == (standing in {"above", "possible"})


def test_short_stretches_are_drawn_together_as_the_worst() -> None:
    axis = TimeAxis(0, 100, "", 0, 100)
    parts = [Segment(0, 40, 0, 0), Segment(40, 41, 3, 3), Segment(41, 42, 0, 4), Segment(42, 100, 1, 1)]
    at = {moment: float(moment) for part in parts for moment in (part.start, part.end)}
    assert drawable(parts, axis, 0.5, at) == parts
    found = drawable(parts, axis, 2.0, at)
    assert found == [Segment(0, 40, 0, 0), Segment(40, 42, 3, 4), Segment(42, 100, 1, 1)]
    # nothing is drawn across a hole
    assert drawable([Segment(0, 1, 1, 1), Segment(50, 100, 2, 2)], axis, 5.0, at | {1: 1.0, 50: 50.0}) == [
        Segment(0, 1, 1, 1),
        Segment(50, 100, 2, 2),
    ]


def test_the_worst_of_a_patient_stays_whatever_is_drawn_together() -> None:
    axis = TimeAxis(0, 1000, "", 0, 10)
    parts = [Segment(at, at + 1, at % 5, max(at % 5, at % 3)) for at in range(1000)]
    at = {moment: float(moment) for moment in range(1001)}
    found = drawable(parts, axis, 1.6, at)
    assert len(found) < 12
    assert max(part.at_least or 0 for part in found) == 4
    assert (found[0].start, found[-1].end) == (0, 1000)
    assert all(one.end == other.start for one, other in pairwise(found))


def test_points_have_their_own_palette() -> None:
    hscore = KNOWLEDGE.scales["hlh.hscore"]
    by_domain: dict[str, int] = {}
    for criterion in hscore.criteria:
        by_domain[criterion.domain] = max(criterion.grade, by_domain.get(criterion.domain, 0))
    assert most_points(hscore) == sum(by_domain.values()) == 337
    strip = Strip("hlh.hscore", (), 0, 337, "above", 337)
    fills = [color_of(strip, points)[0] for points in (0, 1, 100, 200, 300, 337)]
    assert fills[0] == SCORE_FILL[0]
    assert fills[-1] == SCORE_FILL[-1]
    assert fills == sorted(fills, key=SCORE_FILL.index)
    assert color_of(Strip(CRS, (), 0, 3, "above"), 3)[0] == GRADE_FILL[3]
    assert most_points(KNOWLEDGE.scales[CRS]) == 0


def test_the_axis_has_the_ticks_of_the_course() -> None:
    assert round_steps(0, 7) == [step / 2 for step in range(15)]
    assert round_steps(0, 536)[:3] == [0, 20, 40]
    assert round_steps(-1.3, 1.1, 5) == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert round_steps(3, 3) == [3]


def test_strips_stand_in_line_with_the_course(alone: str) -> None:
    # The plots of the course begin where the strips begin, at the same width, in figures of the same width.
    course = re.search(r'<svg[^>]*aria-labelledby="patient-1-title" width="([\d.]+)".*?</svg>', alone, re.DOTALL)
    strips = re.search(r'<svg[^>]*aria-labelledby="patient-1-strips-title" width="([\d.]+)"[^>]*>', alone)
    assert course
    assert strips
    left = re.search(r'data-left="([\d.]+)"', strips[0])
    width = re.search(r'data-width="([\d.]+)"', strips[0])
    origin = re.search(r'transform="translate\(([\d.]+),', course[0])
    assert left
    assert width
    assert origin
    assert float(left[1]) == float(origin[1])
    assert f'd="M0,0h{width[1]}v' in course[0] or f"M{width[1]}," in course[0] or f"translate({width[1]}," in course[0]
    assert course[1] == strips[1]


def test_every_shown_scale_is_drawn_and_the_rest_is_named(page: str) -> None:
    part = page.split('<details class="patient"')[1]
    drawn = part.split('aria-labelledby="patient-1-strips-title"', 1)[1].split("</svg>", 1)[0]
    assert ">CRS Penn</text>" in drawn
    assert ">HScore</text>" in drawn
    assert ">Anemia CTCAE 6.0</text>" in drawn
    assert ">Hyperkalemia CTCAE 5.0</text>" not in drawn
    assert "Hyperkalemia CTCAE 5.0" in part
    assert 'aria-labelledby="patient-1-rest-title"' not in part


def test_a_patient_alone_shows_the_other_scales_as_well(alone: str) -> None:
    rest = alone.split('aria-labelledby="patient-1-rest-title"', 1)[1].split("</svg>", 1)[0]
    assert ">Hyperkalemia CTCAE 5.0</text>" in rest


def test_the_rest_is_told_by_why() -> None:
    strips = [
        strip_of("organ.ctcae-5.0.anemia", rows((1, 0, 4)), KNOWLEDGE),
        strip_of("organ.ctcae-6.0.anemia", rows((1, 0, 0), (1, 0, 4)), KNOWLEDGE),
        strip_of("news2", rows((1, None, None)), KNOWLEDGE),
    ]
    told = dict(rest_in_words(strips, KNOWLEDGE))
    assert [names for text, names in told.items() if "never be told" in text] == [["Anemia CTCAE 5.0"]]
    assert [names for text, names in told.items() if text.startswith("0 wherever")] == [["Anemia CTCAE 6.0"]]
    assert [names for text, names in told.items() if "no trigger" in text] == [["NEWS2"]]


def test_names_are_escaped_in_hand_made_figures() -> None:
    drawing = Drawing(10)
    drawing.text(1, 2, made.HOSTILE)
    assert "<script" not in drawing.svg("x", made.HOSTILE, 5)


# ---------------------------------------------------------------- joint state


def joint_row(start: int, end: int, patient: str = "a", **bounds: tuple[int, int]) -> dict[str, Any]:
    row: dict[str, Any] = {"patient": patient, "start": start, "end": end}
    for lane in LANES:
        low, high = bounds.get(lane, (None, None))
        row |= {f"{lane}_at_least": low, f"{lane}_at_most": high}
    return row


def test_overlaps_are_marked_certain_and_possible() -> None:
    found = meetings(
        [
            joint_row(0, 1, crs=(1, 1), icans=(0, 0)),
            joint_row(1, 2, crs=(2, 2), icans=(0, 4)),
            joint_row(2, 3, crs=(2, 2), icans=(1, 1)),
            joint_row(3, 4, crs=(1, 1), icans=(3, 3)),
            joint_row(4, 5, crs=(1, 1), icans=(3, 3), icaht=(1, 2)),
        ]
    )
    assert [(item.start, item.end, item.certain, item.possible) for item in found] == [
        (1, 2, 1, 2),
        (2, 4, 2, 2),
        (4, 5, 3, 3),
    ]


def test_lanes_leave_out_what_does_not_grade() -> None:
    both = joint_row(1, 2, crs=(1, 1), icans=(0, 0))
    found = lanes_of([joint_row(0, 1, crs=(1, 1)), both, joint_row(5, 6, icans=(0, 0))])
    assert found == {"crs": [Segment(0, 2, 1, 1)], "icans": [Segment(1, 2, 0, 0), Segment(5, 6, 0, 0)]}


def test_combinations_and_orders_by_hand() -> None:
    table = pl.DataFrame(
        [
            # CRS, then both at once
            joint_row(0, 1, "a", crs=(1, 1), icans=(0, 0)),
            joint_row(1, 2, "a", crs=(1, 1), icans=(2, 2)),
            # one after the other, never at once for certain
            joint_row(0, 1, "b", crs=(0, 0), icans=(1, 1)),
            joint_row(1, 2, "b", crs=(1, 1), icans=(0, 3)),
            # both from the first moment on
            joint_row(0, 1, "c", crs=(1, 1), icans=(1, 1)),
            joint_row(0, 1, "d", crs=(0, 0), icans=(0, 4)),
        ],
        schema=JOINT.schema,
    )
    found = {item.name: (item.at_once, item.at_once_possible, item.over_course) for item in combinations_of(table)}
    assert found["CRS + ICANS"] == (2, 3, 3)
    assert found["CRS"] == (3, 3, 0)
    assert found["ICANS"] == (3, 4, 0)
    assert found["none of them for certain"] == (0, 0, 1)
    assert {row["order"]: row["n"] for row in onset_orders(table)} == {
        "CRS → ICANS": 1,
        "ICANS → CRS": 1,
        "CRS + ICANS": 1,
    }


def test_the_joint_state_of_a_run_is_drawn_and_counted(page: str) -> None:
    joint = many.data().joint
    both = joint.filter((pl.col("crs_at_least") >= 1) & (pl.col("icans_at_least") >= 1))["patient"].n_unique()
    assert both == 2
    row = re.search(r'<th scope="row">CRS \+ ICANS</th><td class="num">(\d+)</td>', page)
    assert row
    assert int(row[1]) == both
    assert 'aria-labelledby="patient-1-joint-title"' in page


# ---------------------------------------------------------------- findings


def finding(**given: Any) -> dict[str, Any]:
    row = {"patient": "a", "kind": "overlap", "finding": "crs_and_icans", "start": 0, "end": HOUR_US, "state": "found"}
    return row | {"facts": [], "missing": [], "evidence": []} | given


def told(**given: Any) -> dict[str, Any]:
    return findings_table([finding(**given)], KNOWLEDGE, "hours", 0, {"a.csv:2": ["Ferritin 900 µg/L"]})[0]


def test_findings_in_words() -> None:
    assert told()["title"] == "CRS and ICANS"
    assert told()["kind"] == KINDS["overlap"]
    order = told(kind="order", finding="icans_without_crs", state="possible", missing=["crs"])
    assert order["title"] == "ICANS without CRS"
    assert order["state"].startswith("possible")
    assert "CRS" in order["settles"][0]


@pytest.mark.parametrize("key", sorted(KNOWLEDGE.lookalikes))
def test_a_look_alike_says_facts_tests_and_papers(key: str) -> None:
    known = KNOWLEDGE.lookalikes[key]
    row = told(kind="look_alike", finding=key, facts=[known.facts[0].id], evidence=["a.csv:2"])
    assert row["title"] == known.label
    first = known.facts[0]
    supports = "" if first.alone else " (supports it, is no finding by itself)"
    assert row["facts"] == [first.label + supports + unread(first.evidence)]
    assert [part.name for part in known.settles] == row["settles"]
    assert row["evidence"][0]["values"] == ["Ferritin 900 µg/L"]


def test_a_finding_that_comes_and_goes_is_one_line() -> None:
    many_times = [finding(start=at * HOUR_US, end=(at + 1) * HOUR_US, evidence=[f"a.csv:{at}"]) for at in range(9)]
    table = findings_table([*many_times, finding(kind="order", finding="biphasic_crs")], KNOWLEDGE, "hours", 0, {})
    assert [row["title"] for row in table] == ["CRS in two phases", "CRS and ICANS"]
    assert len(table[1]["spans"]) + table[1]["more"] == 9
    assert table[1]["spans"][0] == ("0 h", "", "1 h")


def test_an_unknown_finding_still_reads() -> None:
    assert told(kind="look_alike", finding="new_thing", facts=["some_fact"])["facts"] == ["Some fact"]


def test_said_once_that_a_finding_is_no_diagnosis(page: str, alone: str) -> None:
    assert page.count(NO_DIAGNOSIS) == 1
    assert alone.count(NO_DIAGNOSIS) == 1
    without = render_report(made.sample(), KNOWLEDGE)
    assert NO_DIAGNOSIS not in without


# ---------------------------------------------------------------- what the page carries


def carried(html: str, number: int = 1) -> dict[str, Any]:
    part = html.split('<details class="patient"')[number]
    found = re.search(r'<script type="application/json" class="why-rows">(.*?)</script>', part, re.DOTALL)
    assert found
    content: dict[str, Any] = json.loads(found[1])
    return content


def test_rows_that_say_the_same_are_carried_once() -> None:
    base = {"at_least": 1, "at_most": 1, "criteria": ["fever"], "missing": [], "evidence": ["a"]}
    parts = [base | {"start": at, "end": at + 1, "flags": [str(at)]} for at in range(3)]
    parts.append(base | {"start": 5, "end": 6, "flags": []})
    assert [(row["start"], row["end"], row["evidence"]) for row in merged(parts)] == [(0, 3, ["a"]), (5, 6, ["a"])]


def test_the_page_carries_what_it_draws_and_no_more(page: str, alone: str) -> None:
    name = re.search(r'<details class="patient" id="patient-1"[^>]*>\s*<summary><h3>([^<]+)<', page)
    assert name
    own = many.data().timeline.filter(pl.col("patient") == name[1])
    content = carried(page)
    assert "organ.ctcae-5.0.hyperkalemia" not in content["rows"]
    assert "organ.ctcae-5.0.hyperkalemia" in carried(alone)["rows"]
    for scale, parts in content["rows"].items():
        scaled = own.filter(pl.col("scale") == scale).sort("start")
        assert len(parts) <= scaled.height
        assert (parts[0][2], parts[-1][3]) == (scaled["at_least"][0], scaled["at_most"][-1])
        assert max(part[2] for part in parts) == scaled["at_least"].max()


def test_room_for_few_rows_leaves_scales_out_and_says_so() -> None:
    html = render_report(many.data(), KNOWLEDGE, limits=Limits(compared_rows=25))
    assert "Not carried by this page, but by the report of this patient alone" in html
    assert sum(len(parts) for parts in carried(html)["rows"].values()) <= 25


def test_json_can_hold_no_markup() -> None:
    text = as_json({"a": "</script><b>&\u2028"})
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == {"a": "</script><b>&\u2028"}


def test_pages_stay_bounded_with_many_scales() -> None:
    limits = Limits()
    assert limits.sections(2) == 200
    assert limits.sections(130) == 46
    html = render_report(many.data(), KNOWLEDGE, limits=Limits(patient_scales=30))
    assert '<details class="patient"' not in html
    assert f"more than 2 patients on {len(many.SCALES)} scales" in html


def test_pages_of_many_scales_are_whole(page: str, alone: str) -> None:
    for html in (page, alone):
        read = Page(html)
        assert not read.faults
        assert len(read.ids) == len(set(read.ids))
        assert html.count("<table") == html.count("<caption")
        scripts = [attrs.get("type") for tag, attrs in read.tags if tag == "script"]
        assert scripts.count(None) == 1
        assert set(scripts) <= {None, "application/json"}


def test_scores_show_their_published_probability(alone: str) -> None:
    # HScore is certainly 68 and at most 312 points: below the first and above the last published point
    assert "published probability under 1 % to over 99 %" in alone


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("clock", ["hours", "time"])
def test_a_folder_gives_the_new_tables_back(tmp_path: Path, form: str, clock: Any) -> None:
    write_results(replace(many.outcome(), clock=clock), tmp_path, form)
    read = ReportData.from_folder(tmp_path)
    for name in ("discordance", "joint", "findings"):
        before, after = getattr(many.data(), name), getattr(read, name)
        assert after.schema == before.schema
        assert after.equals(before), name
    alone = read.of_patient("M-3")
    assert alone.joint["patient"].unique().to_list() == ["M-3"]
    assert alone.findings["patient"].unique().to_list() == ["M-3"]


def test_a_folder_without_the_new_tables_reads_as_ever(tmp_path: Path) -> None:
    write_results(many.outcome(), tmp_path)
    for name in ("discordance", "joint", "findings"):
        (tmp_path / f"{name}.parquet").unlink()
    read = ReportData.from_folder(tmp_path)
    assert read.joint.is_empty()
    assert read.joint.schema == JOINT.schema
    assert "Every scale beside the others" in render_report(read, KNOWLEDGE)


def test_rules_of_many_scales_are_grouped_and_points_are_points() -> None:
    few, every = sources_of(KNOWLEDGE, [CRS, "hlh.hscore"]), sources_of(KNOWLEDGE, many.SCALES)
    assert list(few["groups"]) == [""]
    assert "points 33" in {rule["makes"] for rule in few["rules"]["hlh.hscore"]}
    assert "Hyperinflammation" in every["groups"]
    assert sum(map(len, every["groups"].values())) == len(many.SCALES)


def test_an_old_folder_has_none_of_it() -> None:
    old = made.sample()
    assert old.findings.is_empty()
    assert old.findings.schema == FINDINGS.schema
    html = render_report(old, KNOWLEDGE)
    assert 'id="joint"' not in html
    assert 'id="discordance"' not in html
