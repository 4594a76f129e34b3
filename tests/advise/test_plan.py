"""What is to be measured and sent, for worked patients on the way of a user: rows in, graded, planned.

Each patient is a small table of text: hours, concept, value. The last row of each is the moment that the plan is of.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import cytowatch as cw
from cytowatch.cli import run
from cytowatch.errors import EXIT_ARGUMENTS, ArgumentError
from cytowatch.knowledge import Knowledge, load
from cytowatch.knowledge.plan import Plans
from cytowatch.report import plan_lines
from cytowatch.results import write_results

UNITS = {
    "body_temperature": "Cel", "heart_rate": "/min", "systolic_bp": "mm[Hg]", "respiratory_rate": "/min", "spo2": "%",
    "ice_score": "{score}", "capd_score": "{score}", "crp": "mg/L", "ferritin": "ug/L", "hemoglobin": "g/L",
    "platelets": "10*9/L", "neutrophils": "10*9/L", "weight": "kg", "cd4_lymphocytes": "10*9/L", "lvef": "%",
    "fluid_bolus": "mL", "lactate": "mmol/L", "creatinine": "mg/dL",
}  # fmt: skip
AXI = "0 car_t_infusion axicabtagene_ciloleucel"
END = "weight 70"

PATIENTS = {
    # temperature, pulse, pressure, breathing, saturation at 1 h; all but the pulse at 9 h; now 17 h
    "vitals": f"""{AXI}
        1 body_temperature 37; 1 heart_rate 80; 1 systolic_bp 120; 1 respiratory_rate 16; 1 spo2 98
        9 body_temperature 37; 9 systolic_bp 120; 9 respiratory_rate 16; 9 spo2 98; 17 {END}""",
    # a blood count before the cells, none on day 0, one on day 1; now exactly at the end of day 1
    "counts": f"""-20 hemoglobin 100; -20 platelets 90; -20 neutrophils 2; {AXI}
        30 hemoglobin 100; 30 platelets 90; 30 neutrophils 2; 48 {END}""",
    # exactly at the edges of the days
    "edges": f"""{AXI}; 0 hemoglobin 100; 0 platelets 90; 0 neutrophils 2
        48 hemoglobin 100; 48 platelets 90; 48 neutrophils 2; 60 {END}""",
    # ICE twice on day 0, once on day 1, a fall at 10 h
    "ice": f"{AXI}; 2 ice_score 10; 10 ice_score 8; 10.5 ice_score 8; 11.2 ice_score 8; 30 ice_score 8; 47 {END}",
    "child": "0 car_t_infusion tisagenlecleucel; 3 capd_score 5; 20 capd_score 5; 23 weight 20",
    # fever from 10 h on, no pressure: at least grade 1, higher grades possible
    "crs": f"{AXI}; 5 crp 10; 10 body_temperature 39; 14 crp 90; 14 ferritin 900; 16 body_temperature 39; 17 {END}",
    "grade2": f"""{AXI}; 10 body_temperature 39; 10 systolic_bp 80; 10 spo2 98; 11 fluid_bolus 500
        12 fluid_bolus 500; 13 lactate 2; 14 systolic_bp 80; 15 body_temperature 39; 16 {END}""",
    "rejected": f"{AXI}; 3 crp plenty; 4 crp 10; 5 hemoglobin many; 30 {END}",
    "unknown_product": f"0 car_t_infusion trial_cells; 30 body_temperature 37; 31 {END}",
    "no_exposure": f"0 body_temperature 39; 5 {END}",
    # the record stops at 10 h and comes back at day 20
    "gap": f"{AXI}; 10 hemoglobin 100; 10 platelets 90; 10 neutrophils 2; 480 {END}",
    "dead": f"{AXI}; 20 death other; 60 {END}",
    "home": f"""-1 care_setting hospital; {AXI}; 17 body_temperature 37; 17 heart_rate 80; 17 systolic_bp 120
        17 respiratory_rate 16; 17 spo2 98; 20 care_setting home; 30 {END}""",
    # CD4 over 200 at day 40: asked for at day 30, never again
    "cd4": f"{AXI}; 960 cd4_lymphocytes 0.3; 2400 {END}",
    "teclistamab": f"""0 t_cell_engager_dose teclistamab; 72 t_cell_engager_dose teclistamab
        144 t_cell_engager_dose teclistamab; 216 t_cell_engager_dose teclistamab; 220 {END}""",
}


EVERY = {
    **{
        f"cells {product}": f"0 car_t_infusion {product}; 10 body_temperature 39; 10 systolic_bp 70; "
        "11 fluid_bolus 500; 12 fluid_bolus 500; 12 norepinephrine x; 13 ice_score 9; 14 ice_score 1; "
        "15 consciousness awake; 16 neutrophils 0.1; 16 ferritin 20000; 20 body_temperature 39; 23 weight 70"
        for product in (
            *("tisagenlecleucel", "axicabtagene_ciloleucel", "brexucabtagene_autoleucel", "idecabtagene_vicleucel"),
            *("ciltacabtagene_autoleucel", "afamitresgene_autoleucel"),
        )
    },
    **{
        f"doses {product}": "; ".join(
            [
                *(f"{hours} t_cell_engager_dose {product}" for hours in range(0, 9 * 72, 72)),
                *(f"{hours} body_temperature 39" for hours in range(0, 9 * 72, 8)),
                "648 weight 70",
            ]
        )
        for product in (
            *("teclistamab", "elranatamab", "talquetamab", "linvoseltamab", "tarlatamab", "tebentafusp"),
            *("glofitamab", "epcoritamab", "blinatumomab"),
        )
    },
}


def table(patients: dict[str, str]) -> pl.DataFrame:
    """Every patient's rows; fields of a row are hours, concept, value or word."""
    rows = []
    for patient, text in patients.items():
        for line in text.replace("\n", ";").split(";"):
            if line.strip():
                hours, concept, value = line.split()
                is_text = concept not in UNITS
                rows.append(
                    {
                        "patient": patient,
                        "hours": float(hours),
                        "concept": concept,
                        "value": None if is_text else value,
                        "unit": UNITS.get(concept),
                        "text": value if is_text else None,
                        "source": f"{patient}:{hours}:{concept}",
                    }
                )
    return pl.DataFrame(rows, infer_schema_length=None)


def graded(patients: dict[str, str], **more: Any) -> cw.Result:
    """The patients graded; all are 50 years old but the child."""
    ages = [6.0 if name == "child" else 50.0 for name in patients]
    return cw.grade(table(patients), pl.DataFrame({"patient": list(patients), "age_years": ages}), **more)


@pytest.fixture(scope="module")
def result() -> cw.Result:
    """Every patient, graded."""
    return graded(PATIENTS | EVERY)


@pytest.fixture(scope="module")
def plan(result: cw.Result) -> pl.DataFrame:
    """The plan of every patient, each at the last moment of the record."""
    return cw.plan(result)


def only(monitoring: list[str], work_up: list[str]) -> Knowledge:
    """The tables with these plans alone: what is left out costs no time."""
    tables = load()
    plans = Plans(
        {key: tables.plans.monitoring[key] for key in monitoring}, {key: tables.plans.work_up[key] for key in work_up}
    )
    return replace(tables, plans=plans)


def of(plan: pl.DataFrame, patient: str, item: str, **named: object) -> list[dict[str, Any]]:
    """The rows of one item, named as plan.item."""
    file, _, key = item.partition(".")
    wanted = {"patient": patient, "plan": file, "item": key, **named}
    return plan.filter([pl.col(name) == value for name, value in wanted.items()]).to_dicts()


def states(plan: pl.DataFrame, patient: str, item: str, **named: object) -> dict[float, str]:
    """State by start, without what is still to come."""
    return {row["start"]: row["state"] for row in of(plan, patient, item, **named) if row["state"] != "upcoming"}


# ---------------------------------------------------------------- windows and states


def test_a_window_is_done_when_every_sign_is_there_and_overdue_when_one_is_not(plan: pl.DataFrame) -> None:
    assert states(plan, "vitals", "nccn-car-t-2026.vitals-8h") == {0.0: "done", 8.0: "overdue", 16.0: "due"}
    done, overdue, due, *_ = of(plan, "vitals", "nccn-car-t-2026.vitals-8h")
    assert "vitals:1:heart_rate" in done["evidence"]
    assert (done["done_at"], done["found"], done["needed"]) == (1.0, 1, 1)
    assert overdue["lacking"] == ["heart_rate"]
    assert len(overdue["evidence"]) == 4
    assert (due["lacking"][0], due["end"]) == ("body_temperature", 24.0)


def test_what_was_measured_before_the_exposure_does_not_count_and_a_later_one_is_late(plan: pl.DataFrame) -> None:
    rows = of(plan, "counts", "nccn-car-t-2026.blood-count")
    assert [row["state"] for row in rows[:3]] == ["late", "done", "due"]
    assert (rows[0]["found"], rows[0]["done_at"]) == (0, 30.0)
    assert rows[0]["evidence"] == ["counts:30:neutrophils", "counts:30:hemoglobin", "counts:30:platelets"]


def test_the_start_of_a_window_is_in_it_and_its_end_is_in_the_next(plan: pl.DataFrame) -> None:
    # measured exactly at 0 h and at 48 h: day 0 and day 2; day 1 was made up on day 2
    assert states(plan, "edges", "nccn-car-t-2026.blood-count") == {0.0: "done", 24.0: "late", 48.0: "done"}
    # now is exactly at the end of day 1 of this patient: day 2 is due
    assert states(plan, "counts", "nccn-car-t-2026.blood-count")[48.0] == "due"
    assert of(plan, "counts", "nccn-car-t-2026.coagulation", start=24.0)[0]["state"] == "overdue"


def test_so_many_times_in_a_window(plan: pl.DataFrame) -> None:
    first, second, *_ = of(plan, "ice", "nccn-car-t-2026.ice")
    assert (first["state"], first["found"], first["needed"]) == ("done", 4, 2)
    assert first["done_at"] == 10.0
    assert (second["state"], second["found"]) == ("due", 1)


def test_after_a_fall_of_ice_the_reading_that_fell_does_not_count(plan: pl.DataFrame) -> None:
    # measured again 30 min later (in time), then after 42 min, then not until the next day
    found = states(plan, "ice", "ice-nursing.ice-after-fall")
    assert found == {10.0: "done", 10.5: "late", 11.0: "done", 11.5: "late"}
    assert of(plan, "ice", "ice-nursing.ice-after-fall")[0]["why"] == ["ice_score 8.0 after 10.0"]
    assert states(plan, "ice", "ice-nursing.ice-after-fall-stable")[12.0] == "late"
    assert of(plan, "crs", "ice-nursing.ice-after-fall") == []


def test_children_have_capd_and_adults_ice(plan: pl.DataFrame) -> None:
    assert states(plan, "child", "nccn-car-t-2026.capd") == {0.0: "done"}
    assert of(plan, "child", "nccn-car-t-2026.ice") == []
    assert of(plan, "ice", "nccn-car-t-2026.capd") == []


def test_during_crs_it_is_daily_from_the_onset(plan: pl.DataFrame) -> None:
    (row,) = of(plan, "crs", "nccn-car-t-2026.crp-ferritin-in-crs")
    assert (row["start"], row["end"], row["state"], row["holds"]) == (10.0, 34.0, "done", "certain")
    assert row["why"] == ["crs 1 or more"]
    assert of(plan, "vitals", "nccn-car-t-2026.crp-ferritin-in-crs", holds="certain") == []


def test_a_range_of_grades_gives_the_stricter_as_possible(plan: pl.DataFrame) -> None:
    before, row = of(plan, "crs", "asco-2021.telemetry")
    # until the fever nothing was known of CRS; from then on it is at least 1
    assert (before["start"], before["at_least"], row["start"]) == (0.0, 0, 10.0)
    assert (row["holds"], row["at_least"], row["state"]) == ("possible", 1, "not_recorded")
    assert row["missing"]
    (sure,) = of(plan, "grade2", "asco-2021.telemetry", holds="certain")
    assert (sure["start"], sure["end"]) == (10.0, None)


def test_a_rejected_row_is_not_done_and_is_told(plan: pl.DataFrame) -> None:
    (week, *_) = of(plan, "rejected", "nccn-car-t-2026.crp-ferritin")
    assert (week["state"], week["rejected"]) == ("due", 1)
    assert of(plan, "rejected", "nccn-car-t-2026.blood-count")[0]["state"] == "overdue"
    assert of(plan, "rejected", "nccn-car-t-2026.blood-count")[0]["rejected"] == 1
    assert of(plan, "rejected", "nccn-car-t-2026.coagulation")[0]["rejected"] == 0


def test_an_unknown_product_has_only_what_is_for_any(plan: pl.DataFrame) -> None:
    own = plan.filter(pl.col("patient") == "unknown_product")
    limited = {
        f"{part.head.key}.{item.id}"
        for part in load().plans.monitoring.values()
        for item in part.items
        if item.products or item.classes
    }
    assert own.height
    assert not limited & set(own.select(pl.concat_str("plan", pl.lit("."), "item"))["plan"])


def test_no_exposure_no_plan(plan: pl.DataFrame) -> None:
    assert plan.filter(pl.col("patient") == "no_exposure").is_empty()


def test_where_nothing_at_all_is_recorded_it_is_unknown(plan: pl.DataFrame) -> None:
    found = states(plan, "gap", "nccn-car-t-2026.blood-count")
    # the record speaks again at the end, so what was missed until then is overdue: nobody measured
    assert (found[0.0], found[24.0]) == ("done", "overdue")
    (before,) = of(plan, "gap", "nccn-car-t-2026.echo-baseline")
    assert before["state"] == "unknown"


def test_the_dead_have_no_plan_from_then_on(plan: pl.DataFrame) -> None:
    own = plan.filter(pl.col("patient") == "dead", pl.col("kind") == "monitoring")
    assert own.height
    assert own["start"].max() < 20.0


def test_late_follow_up_ends_when_it_is_met(plan: pl.DataFrame) -> None:
    assert states(plan, "cd4", "late-follow-up.cd4") == {720.0: "done"}
    assert len(states(plan, "cd4", "late-follow-up.blood-count")) == 3


def test_each_dose_of_an_engager_begins_anew_and_steps_are_counted(plan: pl.DataFrame) -> None:
    assert list(states(plan, "teclistamab", "engager-stay.teclistamab")) == [0.0, 72.0, 144.0]
    starts = states(plan, "teclistamab", "outpatient-engager.temperature-8h")
    assert [start for start in starts if start < 72] == [0.0, 8.0, 16.0, 24.0, 32.0, 40.0]


def test_what_no_concept_shows_is_never_overdue(plan: pl.DataFrame) -> None:
    hidden = [
        item.id for part in load().plans.monitoring.values() for item in part.items if not item.shows
    ]  # fmt: skip
    rows = plan.filter(pl.col("kind") == "monitoring", pl.col("item").is_in(hidden))
    assert set(rows.filter(~pl.col("item").is_in(["blood-count", "ice"]))["state"]) == {"not_recorded", "upcoming"}


def test_the_setting_is_open_until_it_is_told(plan: pl.DataFrame) -> None:
    (row, *_) = of(plan, "vitals", "nccn-car-t-2026.vitals-8h")
    assert (row["holds"], row["missing"]) == ("possible", ["setting"])
    # charted: in hospital until 20 h, at home from then on
    assert {row["holds"] for row in of(plan, "home", "nccn-car-t-2026.vitals-8h")} == {"certain"}
    assert states(plan, "home", "nccn-car-t-2026.vitals-8h") == {0.0: "late", 8.0: "late", 16.0: "done"}
    assert states(plan, "home", "outpatient-car-t.temperature-twice-a-day") == {24.0: "due"}


# ---------------------------------------------------------------- work-up


def test_what_to_send_at_the_onset_and_what_is_there_since(plan: pl.DataFrame) -> None:
    (inflammation,) = of(plan, "crs", "asco-2021.inflammation", holds="certain")
    assert (inflammation["start"], inflammation["state"], inflammation["lacking"]) == (10.0, "due", ["ldh"])
    # the CRP of 5 h was before the onset
    assert inflammation["evidence"] == ["crs:14:crp", "crs:14:ferritin"]
    (culture,) = of(plan, "crs", "asco-2021.blood-culture", holds="certain")
    assert (culture["state"], culture["why"]) == ("due", ["crs 1 or more", "fact.fever"])


def test_triggers_by_grade_and_fact(plan: pl.DataFrame) -> None:
    assert of(plan, "grade2", "nccn-car-t-2026.boluses", holds="certain")
    assert of(plan, "crs", "nccn-car-t-2026.boluses", holds="certain") == []
    (sepsis,) = of(plan, "grade2", "look-alikes.sepsis", holds="certain")
    assert (sepsis["lacking"], sepsis["look_alikes"]) == (["blood_culture"], ["infection_sepsis"])
    (tachycardia,) = of(plan, "grade2", "nccn-car-t-2026.tachycardia", at_least=2)
    assert (tachycardia["holds"], tachycardia["missing"]) == ("possible", ["only_if"])


def test_the_look_alikes_found_stand_beside_with_what_settles_them(plan: pl.DataFrame) -> None:
    (row,) = of(plan, "grade2", "lookalikes.infection_sepsis")
    assert (row["kind"], row["why"]) == ("look_alike", ["low_pressure"])
    assert "blood cultures" in row["action"]


# ---------------------------------------------------------------- other moments, clocks and sources


def test_later_rows_change_nothing_before(result: cw.Result) -> None:
    tables = only(["nccn-car-t-2026", "ice-nursing"], ["asco-2021"])
    whole = cw.plan(result, 12.0, tables)
    known = table(PATIENTS | EVERY).filter(pl.col("hours") <= 12.0)
    people = result.outcome.patients.select("patient", "age_years")
    alone = cw.plan(cw.grade(known, people, ["crs.astct-2019"]), 12.0, tables)
    # rejected rows carry no time: they are counted whenever they were
    assert whole.drop("rejected").equals(alone.drop("rejected"))
    assert set(whole["as_of"]) == {12.0}
    assert "overdue" in whole["state"]


DAYS = {"2025-06-25": "ide-cel", "2025-06-26": "ide-cel", "2025-09-01": "obe-cel", "2026-01-05": "trial_cells"}
STAMPS = pl.DataFrame(
    [
        {"patient": day, "time": f"{day}T{hour}:00:00Z", "concept": concept, "text": text}
        for day, product in DAYS.items()
        for hour, concept, text in (("10", "car_t_infusion", product), ("20", "symptom", "fatigue"))
    ]
    + [{"patient": day, "time": f"{day}T11:00:00Z", "concept": "body_temperature", "text": None} for day in DAYS]
).with_columns(
    pl.when(pl.col("concept") == "body_temperature").then(pl.lit("37")).alias("value"), pl.lit("Cel").alias("unit")
)


def test_the_date_of_the_exposure_decides_between_editions_and_the_source_what_can_be_seen() -> None:
    tables = only(["product-labels", "fda-2025", "nci-2016", "nccn-car-t-2026"], [])
    found = cw.plan(cw.grade(STAMPS, not_recorded=["spo2"]), None, tables, setting="inpatient")
    assert of(found, "2025-06-25", "product-labels.abecma-daily", holds="certain")
    assert of(found, "2025-06-25", "fda-2025.daily-week-1") == []
    assert of(found, "2025-06-26", "product-labels.abecma-daily") == []
    assert of(found, "2025-06-26", "fda-2025.daily-week-1", holds="certain")
    # the six products that had a REMS are named; obecabtagene never had one
    of_six = ("fda-2025", "stay-near", "no-driving", "stay-near-4-weeks", "no-driving-8-weeks")
    own = found.filter(pl.col("patient") == "2025-09-01")
    assert own.height
    assert own.filter(pl.col("plan").is_in(of_six) | pl.col("item").is_in(of_six)).is_empty()
    # told that they are in hospital: nothing is for outpatients, and what is for inpatients is certain
    assert set(found["setting"]) == {"any", "inpatient"}
    (row, *_) = of(found, "2025-06-26", "nci-2016.vitals-4h")
    assert (row["holds"], row["state"]) == ("certain", "overdue")
    # the saturation alone cannot be seen; the age is not known
    assert "spo2" in row["lacking"]
    assert of(found, "2025-06-26", "nccn-car-t-2026.ice")[0]["missing"] == ["for_whom"]


def test_every_row_of_the_tables_is_reached_by_some_patient(plan: pl.DataFrame) -> None:
    reached = set(plan.select(pl.concat_str("kind", pl.lit("."), "plan", pl.lit("."), "item"))["kind"])
    plans = load().plans
    items = {f"monitoring.{key}.{item.id}" for key, part in plans.monitoring.items() for item in part.items}
    tests = {f"work_up.{key}.{test.id}" for key, part in plans.work_up.items() for test in part.tests}
    assert (items | tests) - reached == set()
    assert set(plan.filter(pl.col("basis") == "recalled")["plan"]) >= {"not-verified"}


# ---------------------------------------------------------------- the page and the command


def test_the_page_says_first_what_is_overdue_and_names_its_sources(plan: pl.DataFrame) -> None:
    micro = plan.with_columns(
        (pl.col(name) * 3_600_000_000).round().cast(pl.Int64)
        for name in ("start", "end", "exposure_time", "done_at", "as_of")
    )
    tables = load()
    text = "\n".join(plan_lines(micro.filter(pl.col("patient") == "vitals"), tables, "hours"))
    assert text.startswith("Not a medical device")
    parts = [text.index(word) for word in ("OVERDUE", "DUE NOW", "DAY AFTER THE EXPOSURE", "LATER", "SOURCES")]
    assert parts == sorted(parts)
    assert "Vital signs: was due by 16 h (if in hospital) [" in text
    assert "still lacking: Heart rate" in text
    # what was not verified is not told unless it is asked for
    assert "not verified)" not in text
    assert "not verified)" in "\n".join(
        plan_lines(micro.filter(pl.col("patient") == "vitals"), tables, "hours", all_=True)
    )
    rejected = "\n".join(plan_lines(micro.filter(pl.col("patient") == "rejected"), tables, "hours"))
    assert "1 row for it was rejected" in rejected
    assert "No exposure" in "\n".join(plan_lines(micro.clear(), tables, "hours"))


def test_the_command_asks_back_for_a_patient_who_is_not_there(
    result: cw.Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(result.outcome, tmp_path)
    assert run(["plan", str(tmp_path), "--patient", "nobody"]) == EXIT_ARGUMENTS
    assert "no patient 'nobody'" in capsys.readouterr().err
    assert run(["plan", str(tmp_path), "--at", "noon"]) == EXIT_ARGUMENTS
    said = capsys.readouterr().err
    assert "--at noon is not a number of hours" in said
    assert "--as-of" not in said


def test_a_run_that_let_its_rows_go_is_refused(result: cw.Result) -> None:
    with pytest.raises(ArgumentError, match="does not hold its observations"):
        cw.plan(cw.Result(result.outcome.without_observations()))


def test_a_site_lays_its_own_interval_over_an_item(tmp_path: Path) -> None:
    file = tmp_path / "monitoring" / "nci-2016.toml"
    file.parent.mkdir()
    file.write_text('[[item]]\nid = "vitals-4h"\nevery_hours = 6\n', encoding="utf-8")
    item = next(item for item in load(tmp_path).plans.monitoring["nci-2016"].items if item.id == "vitals-4h")
    assert (item.every_hours, item.to_hours) == (6.0, 216.0)
