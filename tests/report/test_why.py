"""Why two scales say what they say: what makes a grade, what only one counts, what is missing; and its errors."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.report import many

from cytowatch.errors import ArgumentError
from cytowatch.knowledge import load
from cytowatch.report.changes import concepts_behind, values_behind
from cytowatch.report.signs import ScaleSigns
from cytowatch.report.why import SENTENCES, TAGS, Reason, Said, compare, row_at, tag_of, verdict_of
from cytowatch.report.why_text import moment_of, why_lines
from cytowatch.schema import HOUR_US

KNOWLEDGE = many.KNOWLEDGE
CRS, LEE, PENN, ICANS = "crs.astct-2019", "crs.lee-2014", "crs.penn-2018", "icans.astct-2019"


def row(scale: str, low: int | None, high: int | None, *criteria: str, **lists: Any) -> dict[str, Any]:
    base = {"scale": scale, "start": 0, "end": 10 * HOUR_US, "at_least": low, "at_most": high}
    return base | {"criteria": list(criteria), "missing": [], "flags": [], "evidence": []} | lists


def reasons(side: Said) -> dict[str, Reason]:
    return {reason.sign.id: reason for reason in side.reasons}


def test_the_criteria_of_the_highest_certain_grade_make_it() -> None:
    signs = ScaleSigns(CRS, KNOWLEDGE)
    met = ["fever", "fever_waived", "vasopressor", "supplemental_oxygen", "high_flow_oxygen"]
    assert signs.deciding(met, 3) == ["vasopressor", "high_flow_oxygen"]
    assert signs.deciding(["fever", "fever_waived"], 1) == ["fever", "fever_waived"]
    # without fever the vasopressor is met and makes nothing: the episode alone holds grade 1
    assert signs.deciding(["vasopressor"], 1) == []
    assert signs.deciding(met, 0) == []
    assert signs.deciding(["fever", "death_from_crs"], 5) == ["death_from_crs"]


def test_scored_axes_and_death_are_signs_as_well() -> None:
    signs = ScaleSigns(ICANS, KNOWLEDGE)
    assert signs.deciding(["ice_grade_2", "consciousness_grade_3"], 3) == ["consciousness_grade_3"]
    assert signs.sign("ice_grade_2").grade == 2
    assert "ice_score" in signs.sign("ice_grade_2").concepts
    # with the age unknown the instrument has no grade of its own; it is named where nothing else makes it
    assert signs.deciding(["ice"], 1) == ["ice"]


def test_of_a_sum_score_the_best_of_each_item_counts() -> None:
    scale = KNOWLEDGE.scales["hlh.hscore"]
    signs = ScaleSigns(scale.id, KNOWLEDGE)
    ids = [item.id for item in scale.criteria]
    chosen = signs.deciding(ids, 337)
    assert sum(signs.sign(key).grade or 0 for key in chosen) == 337
    assert len(chosen) == len({item.domain for item in scale.criteria})


def test_a_view_has_the_signs_of_what_it_words_anew() -> None:
    view = ScaleSigns("lay.stage", KNOWLEDGE)
    assert view.sign("vasopressor").label == ScaleSigns(CRS, KNOWLEDGE).sign("vasopressor").label
    assert view.sign("vasopressor").grade == KNOWLEDGE.scales["lay.stage"].view[3]
    assert view.reads == ScaleSigns(CRS, KNOWLEDGE).reads


@pytest.mark.parametrize(
    ("first", "second", "comparable", "verdict"),
    [
        ((2, 2), (2, 2), True, "same"),
        ((3, 3), (2, 2), True, "differ"),
        ((3, 4), (1, 2), True, "disjoint"),
        ((1, 3), (2, 2), True, "open"),
        ((0, 0), (0, 0), True, "same"),
        (None, (1, 1), True, "none"),
        ((2, 2), (2, 2), False, "apart"),
    ],
)
def test_verdicts(first: Any, second: Any, comparable: bool, verdict: str) -> None:
    assert verdict_of(first, second, comparable=comparable) == verdict
    assert verdict_of(second, first, comparable=comparable) == verdict
    assert verdict in SENTENCES


def test_what_only_one_scale_counts_by_hand() -> None:
    """One vasopressor: grade 3 by ASTCT, 2 by Lee; a low hemoglobin is an organ toxicity that only Lee looks at."""
    organ = next(item for item in KNOWLEDGE.scales[LEE].criteria if item.domain == "organ" and item.grade == 2)
    rows = [
        row(CRS, 3, 3, "fever", "vasopressor", evidence=["t", "v"]),
        row(LEE, 2, 4, "fever", "vasopressor", organ.id, evidence=["t", "v", "c"], missing=["age"]),
    ]
    behind = {"t": "body_temperature", "v": "norepinephrine", "c": "creatinine"}
    concepts = {source: frozenset({name}) for source, name in behind.items()}
    found = compare(rows, HOUR_US, (CRS, LEE), KNOWLEDGE, {"v": ["Norepinephrine 0.06"]}, concepts)
    first, second = reasons(found.first), reasons(found.second)
    assert [key for key, reason in first.items() if reason.decides] == ["vasopressor"]
    assert (first["vasopressor"].standing, first["fever"].standing) == ("otherwise", "same")
    assert first["vasopressor"].elsewhere[0].grade == 2
    assert "grade 2" in tag_of(first["vasopressor"], "CRS Lee")
    assert second[organ.id].standing == "alone"
    assert second[organ.id].decides
    assert tag_of(second[organ.id], "CRS ASTCT") == TAGS["alone"].format(b="CRS ASTCT")
    assert found.verdict == "open"
    assert found.second.missing
    assert ("v", ("Norepinephrine 0.06",)) in found.first.evidence


def test_a_milder_sign_of_the_same_axis_is_only_listed() -> None:
    rows = [
        row(CRS, 4, 4, "supplemental_oxygen", "high_flow_oxygen", "positive_pressure"),
        row(LEE, 4, 4, "oxygen"),
    ]
    found = compare(rows, 0, (CRS, LEE), KNOWLEDGE)
    assert [key for key, reason in reasons(found.first).items() if reason.standing] == ["positive_pressure"]


def test_read_by_the_other_and_unmet_there() -> None:
    rows = [row(CRS, 1, 1, "fever"), row(PENN, 0, 0)]
    assert reasons(compare(rows, 0, (CRS, PENN), KNOWLEDGE).first)["fever"].standing == "unmet"


def test_scales_of_different_things_are_not_compared() -> None:
    rows = [row(CRS, 3, 3, "fever"), row("hlh.hscore", 68, 312, "temperature_38_4_or_more")]
    found = compare(rows, 0, (CRS, "hlh.hscore"), KNOWLEDGE)
    assert found.verdict == "apart"
    assert reasons(found.first)["fever"].standing == "shared"
    assert found.second.probability == "under 1 % to over 99 %"
    assert found.second.grade == "68–312 points"
    organs = [row("organ.ctcae-5.0.anemia", 2, 2), row("organ.ctcae-5.0.hyperkalemia", 1, 1)]
    pair = ("organ.ctcae-5.0.anemia", "organ.ctcae-5.0.hyperkalemia")
    assert compare(organs, 0, pair, KNOWLEDGE).verdict == "apart"
    editions = [row("organ.ctcae-5.0.anemia", 2, 2), row("organ.ctcae-6.0.anemia", 3, 3)]
    assert compare(editions, 0, ("organ.ctcae-5.0.anemia", "organ.ctcae-6.0.anemia"), KNOWLEDGE).verdict == "differ"


def test_a_moment_without_watch_or_grade_says_so() -> None:
    rows = [row(CRS, 1, 1, "fever"), row(LEE, None, None, "fever", flags=["no_trigger"])]
    assert "CRS Lee gives no grade here" in compare(rows, 0, (CRS, LEE), KNOWLEDGE).sentence
    late = compare([rows[0], rows[1] | {"start": 20 * HOUR_US, "end": 30 * HOUR_US}], 0, (CRS, LEE), KNOWLEDGE)
    assert "CRS Lee does not watch the patient at this moment" in late.sentence
    assert late.second.row is None
    # the end of a row is not in it
    assert row_at(rows, CRS, 10 * HOUR_US) is None


def test_every_moment_of_a_run_can_be_explained() -> None:
    """On a graded cohort: grades as in the timeline; a certain grade above 0 has its signs, or an open episode."""
    data = many.data()
    for part in data.timeline.partition_by("patient"):
        rows = part.to_dicts()
        moments = sorted({item["start"] for item in rows})[::3]
        scales = [CRS, LEE, PENN, ICANS, "iechs.hines-2023", "news2", "lay.stage"]
        for moment in moments:
            for first, second in pairwise(scales):
                found = compare(rows, moment, (first, second), KNOWLEDGE)
                for side, scale in ((found.first, first), (found.second, second)):
                    own = row_at(rows, scale, moment)
                    assert side.row is own
                    if own and own["at_least"] and own["episode"] is None:
                        assert any(reason.decides for reason in side.reasons), (scale, moment, own)


# ---------------------------------------------------------------- the command


def lines(at: str = "34", *scales: str, patient: str = "M-1") -> list[str]:
    return why_lines(many.data(), KNOWLEDGE, patient, at, scales or (CRS, LEE))


def test_the_lines_of_the_command() -> None:
    text = "\n".join(lines())
    assert "Patient M-1, 34 h" in text
    assert "crs.astct-2019 (CRS ASTCT): grade 3" in text
    assert "made by    At least one vasopressor running (grade 3). CRS Lee counts it otherwise" in text
    assert "M-1.csv:" in text
    assert "Norepinephrine 0.08" in text
    assert "not known" in text


def test_calendar_times_take_hours_since_day_0_or_a_stamp() -> None:
    data = replace(many.data(), clock="time")
    by_hour = why_lines(data, KNOWLEDGE, "M-1", "34", (CRS, LEE))
    by_stamp = why_lines(data, KNOWLEDGE, "M-1", "1970-01-02T11:00:00+01:00", (CRS, LEE))
    assert by_hour == by_stamp
    assert by_hour[0].startswith("Patient M-1, 1970-01-02 10:00 (day 1.4)")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"patient": "nobody"}, "no graded patient 'nobody'"),
        ({"scales": (CRS, "crs.leee-2014")}, "There is no scale 'crs.leee-2014'"),
        ({"scales": (CRS, "qsofa")}, "'qsofa' was not graded in this folder"),
        ({"scales": (CRS,)}, "Two different scales"),
        ({"scales": (CRS, CRS)}, "Two different scales"),
        ({"at": "noon"}, "'noon' is no moment"),
        ({"at": "2024-03-01T14:00:00Z"}, "is no moment"),
        ({"at": "nan"}, "is no moment"),
        ({"at": "-5000"}, "Neither scale watches this patient"),
        ({"at": "1e300"}, "is no moment|Neither scale watches"),
    ],
)
def test_errors_say_what_to_do(given: dict[str, Any], said: str) -> None:
    asked: dict[str, Any] = {"at": "34", "patient": "M-1", "scales": (CRS, LEE)} | given
    with pytest.raises(ArgumentError, match=said) as caught:
        lines(asked["at"], *asked["scales"], patient=asked["patient"])
    assert "what to do" in str(caught.value)


def test_a_stamp_without_a_zone_is_refused() -> None:
    with pytest.raises(ArgumentError, match="is no moment"):
        moment_of("2024-03-01T14:00:00", "time", 0)


def test_a_small_scale_of_a_site_is_explained_as_well(tmp_path: Path) -> None:
    """A scale laid over the tables: what it shares with ASTCT is the same, what it has of its own stands alone."""
    (tmp_path / "scales").mkdir()
    (tmp_path / "scales" / "crs.site.toml").write_text(_SITE_SCALE, encoding="utf-8")
    site = load(tmp_path)
    rows = [
        row(CRS, 1, 1, "fever", evidence=["t"]),
        row("crs.site", 2, 2, "fever", "high_ferritin", evidence=["t", "f"]),
    ]
    concepts = {"t": frozenset({"body_temperature"}), "f": frozenset({"ferritin"})}
    found = compare(rows, 0, (CRS, "crs.site"), site, concepts=concepts)
    assert found.sentence == "They differ: CRS ASTCT says 1, CRS site says 2."
    assert {key: reason.standing for key, reason in reasons(found.second).items()} == {
        "high_ferritin": "alone",
        "fever": "same",
    }


def test_words_and_concepts_behind_sources() -> None:
    data = many.data()
    rows = data.timeline.filter(data.timeline["patient"] == "M-1").to_dicts()
    observations = data.observations.filter(data.observations["patient"] == "M-1").to_dicts()
    concepts = concepts_behind(observations)
    values = values_behind(rows, observations, KNOWLEDGE, "hours")
    assert set(values) <= set(concepts)
    assert all(values[source] for source in values)


_SITE_SCALE = """
id = "crs.site"
title = "A site's own scale"
family = "crs"
method = "rules"
watch = "exposure"
short = "CRS site"
revision = 1
status = "draft"
source = "house"

[grades]
1 = "Fever"
2 = "Fever and high ferritin"

[[domain]]
id = "fever"
label = "Fever"

[[domain]]
id = "laboratory"
label = "Laboratory"

[[criterion]]
id = "fever"
label = "Fever"
domain = "fever"
grade = 1
when = { criterion = "crs.astct-2019.fever" }
locator = "ours"
evidence = "house"

[[criterion]]
id = "high_ferritin"
label = "Ferritin above 500"
domain = "laboratory"
grade = 2
when = { concept = "ferritin", op = ">", value = 500, unit = "ug/L" }
locator = "ours"
evidence = "house"
"""
