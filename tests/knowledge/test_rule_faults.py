"""Deliberate faults in small rule scales, one at a time: each is found, and named by file, table and key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.lib.rule_tables import copied, knowledge_of

from cytowatch.errors import KnowledgeError
from cytowatch.knowledge import lint

ORGAN, SHOCK, POINTS, PLAIN = (f"scales/{name}.test.toml" for name in ("organ", "shock", "points", "plain"))
QUANTITIES, MESSAGES = "quantities.toml", "messages.toml"
Edit = Callable[[str], str]


@dataclass(frozen=True)
class Fault:
    """One edit of one file, and the words that the complaint must hold."""

    file: str
    edit: Edit
    table: str
    key: str
    said: str = ""
    found_in: str = ""


def swap(old: str, new: str, inside: str = "") -> Edit:
    """Put ``new`` for the first ``old`` after the line ``inside``."""

    def edit(text: str) -> str:
        place = text.index(old, text.index(inside))
        return text[:place] + new + text[place + len(old) :]

    return edit


def after(identifier: str, old: str, new: str) -> Edit:
    """Put ``new`` for the first ``old`` in or after the row of this id."""
    return swap(old, new, f'id = "{identifier}"')


def fast_heart(*above: int) -> str:
    """A criterion that any of these heart rates (from 100 on) meets."""
    tests = ", ".join(f'{{ concept = "heart_rate", op = ">", value = {100 + rate}, unit = "/min" }}' for rate in above)
    return (
        f'\n[[criterion]]\nid = "fast_{above[0]}"\nlabel = "Fast"\ndomain = "fever"\ngrade = 1\n'
        f'when = {{ any = [{tests}] }}\nlocator = "row"\nevidence = "secondary"\n'
    )


ALT, PLATELETS = "scale.organ.test.alt", "scale.organ.test.platelets"
FAULTS = {
    # ------------------------------------------------------------ concepts, kinds, units, categories
    "unknown concept": Fault(
        POINTS, after("two_lines", '"hemoglobin"', '"haemoglobin"'), "criterion.two_lines", "when", "haemoglobin"
    ),
    "unknown concept in a file of several scales": Fault(
        ORGAN, after("alt_2", '"alt"', '"sgpt_value"'), f"{ALT}.criterion.alt_2", "when", "sgpt_value"
    ),
    "drug read as a number": Fault(
        POINTS, after("two_lines", '"hemoglobin"', '"norepinephrine"'), "criterion.two_lines", "when", "infusion"
    ),
    "categories read as a number": Fault(
        SHOCK, after("drowsy", '"gcs_total"', '"consciousness"'), "criterion.drowsy", "when", "no number"
    ),
    "unit that is not canonical": Fault(
        POINTS, after("two_lines", '"g/dL"', '"g/L"'), "criterion.two_lines", "when", "converted once"
    ),
    "unit of a step that is not canonical": Fault(
        SHOCK, after("creatinine_rise", '"mg/dL"', '"umol/L"'), "criterion.creatinine_rise", "when", "canonical"
    ),
    "cut-off outside the plausible range": Fault(
        POINTS, after("fever_of_the_day", "38.5", "101.3"), "criterion.fever_of_the_day", "when", "plausible"
    ),
    "cut-off that nothing can miss": Fault(
        SHOCK,
        after("drowsy", 'op = "<", value = 13', 'op = "<=", value = 15'),
        "criterion.drowsy",
        "when",
        "never false",
    ),
    "unknown category": Fault(SHOCK, after("drowsy", '"to_touch"', '"to_pain"'), "criterion.drowsy", "when", "to_pain"),
    "room air as a support": Fault(
        SHOCK, after("oxygen", '"simple_mask"', '"room_air"'), "criterion.oxygen", "when", "room_air"
    ),
    "dose that is no dose": Fault(
        SHOCK, after("two_boluses", '"fluid_bolus"', '"oxygen_flow"'), "criterion.two_boluses", "when", "dose"
    ),
    "infusion that is none": Fault(
        SHOCK, after("vasopressor", '"epinephrine"]', '"fluid_bolus"]'), "criterion.vasopressor", "when", "infusion"
    ),
    "more drugs than there are": Fault(
        SHOCK, after("vasopressor", "at_least = 1", "at_least = 3"), "criterion.vasopressor", "when", "at_least is 3"
    ),
    "more parts than there are": Fault(
        POINTS, after("two_lines", "at_least = 2", "at_least = 4"), "criterion.two_lines", "when", "at_least is 4"
    ),
    "no dose at all": Fault(
        SHOCK, after("two_boluses", "times = 2", "times = 0"), "criterion.two_boluses", "when", "1 dose or more"
    ),
    "unknown threshold": Fault(
        SHOCK, after("low_pressure", '"hypotension_sbp"', '"low_sbp"'), "criterion.low_pressure", "when", "low_sbp"
    ),
    "threshold of another concept": Fault(
        SHOCK,
        after("low_pressure", '"hypotension_map"', '"hypotension_sbp"'),
        "criterion.low_pressure",
        "when",
        "one of",
    ),
    "word of the two ASTCT scales": Fault(
        SHOCK,
        after("drowsy", 'unit = "{score}"', 'unit = "{score}", without = "oxygen_device"'),
        "criterion.drowsy",
        "when",
        "without",
    ),
    "limit on the wrong side": Fault(
        ORGAN, after("alt_3", 'relative = ">"', 'relative = "<"'), f"{ALT}.criterion.alt_3", "when", "uln"
    ),
    "factor of nothing": Fault(
        ORGAN, after("alt_3", "normal = 5", "normal = 0"), f"{ALT}.criterion.alt_3", "when", "above 0"
    ),
    "baseline against itself": Fault(
        SHOCK,
        after("creatinine_rise", 'times = "baseline"', 'times = "baseline", of_baseline = true'),
        "criterion.creatinine_rise",
        "when",
        "says nothing",
    ),
    "no time": Fault(SHOCK, after("high_dose", "hours = 3", "hours = 0"), "criterion.high_dose", "when", "no time"),
    "ages beyond life": Fault(
        POINTS, after("fever_of_the_day", "[0, 60]", "[0, 600]"), "criterion.fever_of_the_day", "when", "Ages"
    ),
    # ------------------------------------------------------------ quantities
    "unknown quantity": Fault(
        SHOCK,
        after("high_dose", '"norepinephrine_rate"', '"pressor_rate"'),
        "criterion.high_dose",
        "when",
        "pressor_rate",
    ),
    "quantity that cannot reach the cut-off": Fault(
        SHOCK, after("much_oxygen", "value = 0.4", "value = 40"), "criterion.much_oxygen", "when", "never, or always"
    ),
    "estimate of something that is measured": Fault(
        SHOCK, after("estimated", '"inspired_oxygen"', '"norepinephrine_rate"'), "flag.estimated", "when", "estimate"
    ),
    "term that does not exist": Fault(
        QUANTITIES,
        swap('concept = "norepinephrine"', 'concept = "levophed_rate"'),
        "quantity.norepinephrine_rate",
        "terms",
    ),
    "term in a unit that is not canonical": Fault(
        QUANTITIES,
        swap('unit = "ug/min", rate', 'unit = "mg/h", rate'),
        "quantity.norepinephrine_rate",
        "terms",
        "mg/h",
    ),
    "quantity that is made of itself": Fault(
        QUANTITIES,
        swap(
            '{ concept = "norepinephrine", unit = "ug/min", rate = true }',
            '{ concept = "norepinephrine_rate", unit = "ug/min" }',
        ),
        "quantity.norepinephrine_rate",
        "terms",
        "itself",
    ),
    # ------------------------------------------------------------ domains, grades, deaths
    "unknown domain": Fault(
        SHOCK, after("drowsy", 'domain = "brain"', 'domain = "head"'), "criterion.drowsy", "domain", "head"
    ),
    "domain without a criterion": Fault(
        POINTS, lambda text: text.replace('domain = "fever"', 'domain = "blood"'), "domain.fever", "id", "never graded"
    ),
    "attribution that is none": Fault(
        SHOCK, swap('"attribution_hypoxia"', '"oxygen_device"'), "domain.oxygen", "attribution", "device"
    ),
    "unknown reason": Fault(SHOCK, swap('"procedure"', '"travel"'), "domain.oxygen", "excluding", "travel"),
    "chronic reason that excludes nothing": Fault(
        SHOCK, swap('chronic = ["home_baseline"]', 'chronic = ["sleep_apnea"]'), "domain.oxygen", "chronic"
    ),
    "gap in the grades": Fault(SHOCK, swap('2 = "Low pressure"\n', ""), "grades", "2", "missing between"),
    "grade that only death makes": Fault(
        SHOCK, after("high_dose", "grade = 4", "grade = 5"), "criterion.high_dose", "grade", "by a sign"
    ),
    "scores out of order": Fault(
        POINTS, swap('1 = "Low"\n3 = "High"', '3 = "High"\n1 = "Low"'), "grades", "grades", "rising"
    ),
    "points below nothing": Fault(
        POINTS, after("two_lines", "grade = 2", "grade = -2"), "criterion.two_lines", "grade", "-2 points"
    ),
    "probability that falls": Fault(POINTS, swap("[2, 20]", "[2, 2]"), "probability", "probability", "never falls"),
    "cause of death that nobody charts": Fault(
        SHOCK, swap('death_cause = "crs"', 'death_cause = "shock"'), "episode", "death_cause", "shock"
    ),
    "floor of two between signs": Fault(SHOCK, swap("floor = 0", "floor = 2"), "episode", "floor", "0 or 1, not 2"),
    "window of a scale that watches everything": Fault(
        POINTS, swap('watch    = "record"', 'watch    = "record"\nwindow_days = [0, 7]'), "window_days", "window_days"
    ),
    "grade of a scale that adds points up": Fault(
        SHOCK,
        after("symptoms", "when = ", 'when = { grade_of = ["points.test"], at_least = 2 } #'),
        "criterion.symptoms.when",
        "grade_of",
        "adds points up",
    ),
    "more criteria than one scale can have": Fault(
        POINTS, lambda text: text + "".join(map(fast_heart, range(60))), "criterion", "id", "63 names"
    ),
    "more tests of one concept than one scale can have": Fault(
        POINTS,
        lambda text: text + fast_heart(0, *range(1, 63)),
        "criterion",
        "when",
        "63 different tests read `heart_rate`",
    ),
    "more flags than one scale can have": Fault(
        SHOCK,
        lambda text: (
            text + "".join(f"[[flag]]\nid = 'f{n}'\nwhen = {{ age_years = [0, {n + 1}] }}\n" for n in range(60))
        ),
        "flags",
        "id",
        "62 is the most",
    ),
    # ------------------------------------------------------------ names
    "dead source": Fault(
        SHOCK,
        after("drowsy", 'locator = "table', 'source = "lee2091"\nlocator = "table'),
        "criterion.drowsy",
        "source",
        "lee2091",
    ),
    "flag without a sentence": Fault(
        SHOCK, swap('estimated = "The fraction is an estimate."\n', ""), "flags", "estimated", "no sentence"
    ),
    "sentence that is missing": Fault(
        MESSAGES, swap('creatinine_baseline = "Creatinine from before."\n', ""), "missing", "creatinine_baseline"
    ),
    "sentence that the scale needs": Fault(
        SHOCK,
        after("creatinine_rise", 'times = "baseline"', 'times = "uln"'),
        "missing",
        "creatinine_range",
        "no sentence",
        found_in=MESSAGES,
    ),
    # ------------------------------------------------------------ views
    "grade that a view forgets": Fault(PLAIN, swap("4 = 2\n", ""), "view", "4", "not mapped"),
    "worse grade in milder words": Fault(PLAIN, swap("4 = 2", "4 = 1"), "view", "4", "lower one"),
    "view that means nothing": Fault(PLAIN, swap("5 = 3", "5 = 4"), "view", "5", "no meaning"),
    # ------------------------------------------------------------ what only the proof finds
    "operator turned round": Fault(
        ORGAN,
        after("platelets_3", 'op = "<", value = 50', 'op = ">", value = 50'),
        f"{PLATELETS}.criterion.platelets_3",
        "when",
        "A worse value",
    ),
    "comparison on the good side": Fault(
        POINTS,
        after("fever_of_the_day", 'op = ">", value = 38.5', 'op = "<", value = 38.5'),
        "criterion.fever_of_the_day",
        "when",
        "not worse",
    ),
    "grades in the wrong order": Fault(
        ORGAN,
        after("alt_2", "normal = 3, abnormal = 3", "normal = 30, abnormal = 30"),
        f"{ALT}.criterion.alt_2",
        "grade",
    ),
    "grade that is never made": Fault(
        ORGAN, after("alt_3", "grade = 3", "grade = 2"), f"{ALT}.grades", "3", "No state reaches grade 3"
    ),
    "score that is never made": Fault(POINTS, swap('3 = "High"', '9 = "High"'), "grades", "9", "the highest is 4"),
    "parts that clash": Fault(
        SHOCK,
        after("drowsy", "{ any = [", '{ all = [\n  { concept = "consciousness", in = ["awake"] },'),
        "criterion.drowsy",
        "when",
        "never met",
    ),
    "parts that leave nothing out": Fault(
        SHOCK,
        after("drowsy", "{ any = [", '{ any = [\n  { not = { concept = "consciousness", in = ["to_voice"] } },'),
        "criterion.drowsy",
        "when",
        "never excluded",
    ),
    "cut-offs inside time that clash": Fault(
        SHOCK,
        after(
            "high_dose",
            '{ quantity = "norepinephrine_rate", op = ">=", value = 20 }',
            '{ all = [{ quantity = "norepinephrine_rate", op = ">=", value = 20 },'
            ' { quantity = "norepinephrine_rate", op = "<", value = 10 }] }',
        ),
        "criterion.high_dose",
        "when",
        "Inside its condition over time",
    ),
    "undecided although all is known": Fault(
        SHOCK,
        after("low_pressure", "any_measured = [", "any = ["),
        "criterion.low_pressure",
        "when",
        "Nothing is unknown",
    ),
    "nobody could be well": Fault(
        SHOCK,
        after(
            "vasopressor",
            '{ running = ["norepinephrine", "epinephrine"], at_least = 1 }',
            '{ any = [{ running = ["norepinephrine"] }, { not = { running = ["norepinephrine"] } }] }',
        ),
        "domain.pressure",
        "id",
        "nobody could ever be well",
    ),
}


def complaints(folder: Path) -> list[str]:
    """What the loader or the checks say of the small tables, errors only."""
    try:
        knowledge = knowledge_of(folder)
    except KnowledgeError as error:
        return [str(error)]
    # policies and rates of products name scales that the small tables do not have
    others = ("policy.toml", "products/")
    errors = (finding for finding in lint(knowledge) if finding.severity == "error")
    return [str(finding) for finding in errors if not finding.file.startswith(others)]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_named_by_file_table_and_key(tmp_path: Path, name: str) -> None:
    fault, tables = FAULTS[name], copied(tmp_path)
    file = tables / fault.file
    before = file.read_text("utf-8")
    spoiled = fault.edit(before)
    assert spoiled != before, "the fault changes nothing"
    file.write_text(spoiled, "utf-8")
    said = complaints(tables)
    parts = [fault.found_in or fault.file, f"[{fault.table}]", f"`{fault.key}`", fault.said]
    assert any(all(part in one for part in parts) for one in said), "\n".join(said) or "nothing was found"


def test_the_small_tables_without_a_fault_are_sound(tmp_path: Path) -> None:
    assert complaints(copied(tmp_path)) == []
