"""Random patients written as OMOP tables and read again: the same timelines, as far as the format goes."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.generative.random_patients import HOUR, MINUTE, random_patients

from cytowatch import cli
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.omop import read_omop
from cytowatch.engine.settle import in_doubt
from cytowatch.errors import ArgumentError, InputError
from cytowatch.exports.omop import write_omop
from cytowatch.exports.omop.losses import WHY
from cytowatch.exports.omop.wall import Wall
from cytowatch.exports.options import Options
from cytowatch.knowledge import load
from cytowatch.pipeline import Outcome, grade_intake
from cytowatch.results import write_results
from cytowatch.schema import LEDGER, REJECTS

KNOWLEDGE = load()
SCALES = ["crs.astct-2019", "icans.astct-2019"]
SHOWN = ["patient", "scale", "start", "end", "grade", "at_least", "at_most", "criteria", "missing", "episode"]
KINDS = {key: concept.kind for key, concept in KNOWLEDGE.concepts.items()}


def off_midnight(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Without the rows that begin or end at midnight, which readers take for a day without a time."""
    wall = Wall(zone)
    return rows.filter(~wall.at_midnight("time"), ~wall.at_midnight("until"))


def carried(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Rows that the format can carry: those that ``losses.csv`` would name are made into ones that it would not."""
    kind = pl.col("concept").replace_strict(KINDS, return_dtype=pl.String)
    doubtful = pl.any_horizontal((kind == one) & in_doubt(one) for one in ("infusion", "dose", "device"))
    rows = rows.filter(~doubtful, pl.col("concept") != "unread_finding", kind != "death", pl.col("status") == "final")
    rows = rows.with_columns(time=pl.col("time") + 17 * MINUTE, until=pl.col("until") + 17 * MINUTE)
    rows = off_midnight(rows, zone)
    # what was not given is carried by nothing but silence, which does not say when a person was seen
    zero = kind.is_in(["infusion", "dose"]) & (pl.col("value") == 0).fill_null(value=False)
    read = pl.col("time").filter(kind == "reading")
    seen = pl.col("time").is_between(read.min().over("patient"), read.max().over("patient"), closed="none")
    ends = (pl.col("until") < read.max().over("patient")).fill_null(value=True)
    rows = rows.filter(~zero | (seen & ends).fill_null(value=False))
    # an open rate goes to the next moment at which its drug is charted; the last word of all is given an end
    drug = ["patient", "concept"]
    times = rows.select(*drug, "time").unique().sort("time")
    following = times.with_columns(later=pl.col("time").shift(-1).over(drug, order_by="time"))
    rows = rows.join(following, on=[*drug, "time"], how="left", maintain_order="left")
    gap = (pl.col("later") - pl.col("time") > 24 * HOUR).fill_null(value=True)
    lapses = (kind == "infusion") & pl.col("until").is_null() & gap
    rows = rows.with_columns(
        until=pl.when(lapses).then(pl.col("time") + 8 * HOUR).when(kind.is_in(["infusion", "device"])).then("until"),
        available=pl.lit(None, pl.Int64),
        comparator=pl.when(~kind.is_in(["infusion", "dose", "trigger"])).then("comparator"),
    ).drop("later")
    return off_midnight(rows, zone)


def outcome_of(rows: pl.DataFrame, people: pl.DataFrame, zone: str) -> Outcome:
    """The rows graded, as a run would grade them."""
    ledger = pl.DataFrame([("ward", "used", "", rows.height)], schema=LEDGER.schema, orient="row")
    last = int(rows["row"].max() or 0) + 1  # type: ignore[arg-type]
    intake = Intake(rows, people, REJECTS.empty(), ledger, "time", zone, frozenset(), (("ward", 0, last),))
    return grade_intake(intake, KNOWLEDGE, SCALES)


def there_and_back(tmp_path: Path, seed: int, count: int, zone: str) -> tuple[Outcome, Outcome, pl.DataFrame]:
    """Some random patients graded; the same after a way through the tables; and the losses."""
    rows, people = random_patients(count, seed)
    people = people.with_columns(
        age_years=pl.when(pl.col("birth_date").is_null()).then(pl.col("age_years").clip(30)),
        developmental_delay=pl.lit(None, pl.Boolean), sbp_threshold=pl.lit(None, pl.Float64),
        baseline_oxygen_device=pl.lit(None, pl.String), baseline_ice=pl.lit(None, pl.Float64),
    )  # fmt: skip
    first = outcome_of(carried(rows, zone), people, zone)
    write_results(first, tmp_path / "graded")
    write_omop(tmp_path / "graded", tmp_path / "cdm", KNOWLEDGE, Options())
    intake = read_omop(str(tmp_path / "cdm"), KNOWLEDGE, zone=zone)
    # what a source never charts at all is not known to be absent: the random ward charts everything
    whole = Intake(**{**vars(intake), "not_recorded": frozenset()})
    second = grade_intake(whole, KNOWLEDGE, SCALES)
    return first, second, pl.read_csv(tmp_path / "cdm" / "losses.csv")


def by_name(outcome: Outcome, folder: Path) -> pl.DataFrame:
    """The timeline, its patients under the names that they had before they became numbers."""
    names = pl.read_csv(folder / "person_map.csv", schema_overrides={"patient": pl.String, "person_id": pl.String})
    back = outcome.timeline.with_columns(person_id=pl.col("patient").cast(pl.String)).drop("patient")
    return back.join(names, on="person_id").select(SHOWN).sort("patient", "scale", "start")


def watched(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """The rows of a timeline within the time that both of them watch."""
    ends = pl.concat([one, other]).group_by("patient", "scale").agg(last=pl.col("end").max())
    for frame in (one, other):
        own = frame.group_by("patient", "scale").agg(own=pl.col("end").max())
        ends = ends.join(own, on=["patient", "scale"]).with_columns(last=pl.min_horizontal("last", "own")).drop("own")
    within = one.join(ends, on=["patient", "scale"]).filter(pl.col("start") < pl.col("last"))
    return within.with_columns(end=pl.min_horizontal("end", "last")).drop("last").sort("patient", "scale", "start")


def compare(tmp_path: Path, seed: int, count: int, zone: str = "UTC") -> tuple[Outcome, pl.DataFrame]:
    first, second, losses = there_and_back(tmp_path, seed, count, zone)
    before = first.timeline.with_columns(pl.col("patient").cast(pl.String)).select(SHOWN)
    after = by_name(second, tmp_path / "cdm")
    assert set(before["patient"]) == set(after["patient"])
    assert_frame_equal(watched(after, before), watched(before, after))
    # of whom the record ends elsewhere, the losses say so
    ends = [frame.group_by("patient", "scale").agg(pl.col("end").max()) for frame in (before, after)]
    moved = ends[0].join(ends[1], on=["patient", "scale", "end"], how="anti")["patient"].n_unique()
    assert moved <= losses.filter(pl.col("loss") == "last_word")["rows"].sum()
    allowed = {"source", "superseded", "stop_row", "dose_of_zero", "not_shown_grade", "age_in_years", "no_age",
               "text_beside_number", "baseline", "last_word"}  # fmt: skip
    assert set(losses["loss"]) <= allowed
    return first, losses


@pytest.mark.parametrize(("seed", "zone"), [(1, "UTC"), (2, "America/New_York")])
def test_random_patients_come_back_with_the_same_timelines(tmp_path: Path, seed: int, zone: str) -> None:
    first, losses = compare(tmp_path, seed, 60, zone)
    assert first.timeline.filter(pl.col("at_least") > 0).height > 50
    assert losses.filter(pl.col("loss") == "superseded")["rows"].sum() > 0


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 120))
def test_many_random_patients_come_back(tmp_path: Path, seed: int) -> None:
    compare(tmp_path, seed, 500)


# ---------------------------------------------------------------- what is written, and what is not

WARD = """patient,time,until,concept,value,unit,comparator,text,status,source
A,2026-03-01T08:00:00Z,,car_t_infusion,,,,axicabtagene_ciloleucel,,a1
A,2026-03-02T08:00:00Z,,body_temperature,38.6,Cel,,,,a2
A,2026-03-02T08:00:00Z,,body_temperature,38.4,Cel,,,,a3
A,2026-03-02T08:00:00Z,,systolic_bp,84,mm[Hg],,,,a4
A,2026-03-02T09:00:00Z,2026-03-02T15:00:00Z,norepinephrine,0.1,ug/kg/min,,,,a5
A,2026-03-02T09:30:00Z,,oxygen_device,,,,nasal_cannula,,a6
A,2026-03-02T09:30:00Z,,oxygen_flow,2,L/min,,,,a7
A,2026-03-02T10:00:00Z,,tocilizumab,560,mg,,,,a8
A,2026-03-02T10:00:00Z,,ferritin,1500,ug/L,>,,,a9
A,2026-03-02T10:00:00Z,,ice_score,8,,,,,a10
A,2026-03-02T11:00:00Z,2026-03-02T12:00:00Z,attribution_fever,,,,infection,,a11
A,2026-03-03T08:00:00Z,,body_temperature,36.9,Cel,,,,a12
A,2026-03-03T08:00:00Z,,systolic_bp,118,mm[Hg],,,,a13
B,2026-03-01T08:00:00Z,,car_t_infusion,,,,axicabtagene_ciloleucel,,b1
B,2026-03-01T10:00:00Z,,body_temperature,36.8,Cel,,,,b2
B,2026-03-04T10:00:00Z,,death,,,,progression,,b3
"""


@pytest.fixture
def cdm(tmp_path: Path) -> Path:
    """The ward graded and written."""
    (tmp_path / "ward.csv").write_text(WARD, encoding="utf-8")
    (tmp_path / "people.csv").write_text("patient,age_years,sex,weight_kg\nA,61,female,70\n", encoding="utf-8")
    arguments = ["--patients", str(tmp_path / "people.csv"), "--out", str(tmp_path / "graded"), "--quiet"]
    assert cli.run(["grade", str(tmp_path / "ward.csv"), *arguments]) == 0
    assert cli.run(["export", str(tmp_path / "graded"), "--to", "omop", "--out", str(tmp_path / "cdm")]) == 0
    return tmp_path / "cdm"


def table(cdm: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(cdm / f"{name}.csv", infer_schema=False)


def test_facts_stand_in_the_tables_of_the_model(cdm: Path) -> None:
    drug = table(cdm, "drug_exposure").filter(pl.col("drug_concept_id") == "1321341").to_dicts()[0]
    assert drug["drug_exposure_start_datetime"] == "2026-03-02 09:00:00"
    assert drug["drug_exposure_end_datetime"] == "2026-03-02 15:00:00"
    assert (drug["quantity"], drug["dose_unit_source_value"]) == ("0.1", "ug/kg/min")
    ferritin = table(cdm, "measurement").filter(pl.col("measurement_source_value") == "ferritin").to_dicts()[0]
    assert (ferritin["measurement_concept_id"], ferritin["unit_concept_id"]) == ("3001122", "8748")
    assert (ferritin["operator_concept_id"], ferritin["value_source_value"]) == ("4172704", ">1500.0")
    assert table(cdm, "device_exposure")["device_source_value"].to_list() == ["nasal_cannula"]
    assert table(cdm, "death")["death_datetime"].to_list() == ["2026-03-04 10:00:00"]
    cells = table(cdm, "drug_exposure").filter(pl.col("drug_source_value") == "axicabtagene_ciloleucel")
    assert cells["drug_concept_id"].unique().to_list() == ["792844"]


def test_each_table_has_keys_of_its_own_and_persons_that_exist(cdm: Path) -> None:
    people = set(table(cdm, "person")["person_id"])
    for name in ("measurement", "observation", "drug_exposure", "device_exposure"):
        frame = table(cdm, name)
        assert frame[f"{name}_id"].n_unique() == frame.height
        assert set(frame["person_id"]) <= people
    assert set(table(cdm, "cohort")["subject_id"]) <= people


def test_local_ids_are_told_by_the_concept_rows(cdm: Path) -> None:
    told = set(table(cdm, "concept")["concept_id"])
    used = {
        number
        for name in ("measurement", "observation", "drug_exposure", "device_exposure")
        for column in table(cdm, name).columns
        if column.endswith("_concept_id")
        for number in table(cdm, name)[column].drop_nulls()
        if int(number) >= 2_000_000_000
    }
    assert used
    assert used <= told


def test_cohorts_tell_certain_grades_from_those_not_excluded(cdm: Path) -> None:
    names = dict(table(cdm, "cohort_definition").select("cohort_definition_name", "cohort_definition_id").iter_rows())
    members = table(cdm, "cohort")

    def of(grade: int, how: str) -> pl.DataFrame:
        number = names[f"crs.astct-2019 grade {grade} or more, {how}"]
        return members.filter(pl.col("cohort_definition_id") == number)

    numbers = dict(table(cdm, "person_map").iter_rows())
    for grade in (1, 2, 3):
        assert of(grade, "reached for certain")["subject_id"].to_list() == [numbers["A"]]
    three = of(3, "reached for certain").to_dicts()[0]
    assert (three["cohort_start_date"], three["cohort_end_date"]) == ("2026-03-02", "2026-03-02")
    # B was not measured for days: nothing is certain, and nothing is excluded
    assert numbers["B"] in of(2, "not excluded")["subject_id"].to_list()
    assert of(4, "reached for certain").is_empty()


def test_every_change_of_a_grade_is_an_observation(cdm: Path) -> None:
    rows = table(cdm, "observation").filter(pl.col("observation_source_value") == "crs.astct-2019")
    said = rows.filter(pl.col("person_id") == dict(table(cdm, "person_map").iter_rows())["A"])
    assert said["value_as_string"].is_in(["grade 3"]).any()
    assert said.filter(pl.col("value_as_string") == "grade 3")["value_as_number"].to_list() == ["3.0"]
    ranges = rows.filter(pl.col("value_as_string").str.contains("not settled"))
    assert ranges.height > 0
    assert ranges["value_as_number"].null_count() == ranges.height


def test_grades_that_were_written_are_not_evidence_when_read_again(cdm: Path) -> None:
    intake = read_omop(str(cdm), KNOWLEDGE, zone="UTC")
    why = intake.ledger.filter(pl.col("file") == "observation", pl.col("fate") == "ignored")["reason"].to_list()
    assert why == ["a grade that cytowatch wrote: it is not evidence for one"]
    assert not (intake.observations["concept"] == "reported_grade").any()


def test_losses_are_counted_and_said(cdm: Path) -> None:
    losses = {(row["loss"], row["concept"]): row for row in table(cdm, "losses").to_dicts()}
    assert losses["superseded", "body_temperature"]["rows"] == "1"
    assert losses["end_of_state", "attribution_fever"]["rows"] == "1"
    assert losses["cause_of_death", "death"]["rows"] == "1"
    assert losses["baseline", ""]["rows"] == "1"
    assert losses["age_in_years", "age_years"]["rows"] == "1"
    assert losses["no_age", ""]["rows"] == "1"
    assert all(row["why"] == WHY[loss] for (loss, _), row in losses.items())


def test_persons_keep_their_numbers_from_one_export_to_the_next(cdm: Path, tmp_path: Path) -> None:
    before = dict(table(cdm, "person_map").iter_rows())
    more = WARD + "AA,2026-03-01T08:00:00Z,,body_temperature,37,Cel,,,,c1\n"
    (tmp_path / "more.csv").write_text(more, encoding="utf-8")
    assert cli.run(["grade", str(tmp_path / "more.csv"), "--out", str(tmp_path / "graded"), "--quiet"]) == 0
    assert cli.run(["export", str(tmp_path / "graded"), "--to", "omop", "--out", str(cdm)]) == 0
    after = dict(table(cdm, "person_map").iter_rows())
    assert {name: after[name] for name in before} == before
    assert len(set(after.values())) == 3
    (cdm / "person_map.csv").write_text("patient\nA\n", encoding="utf-8")
    with pytest.raises(InputError, match="map of persons"):
        write_omop(tmp_path / "graded", cdm, KNOWLEDGE, Options())


def test_hours_need_a_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hours.csv").write_text(
        "patient,hours,concept,value,unit,text\nA,0,car_t_infusion,,,axicabtagene_ciloleucel\n"
        "A,20,body_temperature,38.6,Cel,\n", encoding="utf-8",
    )  # fmt: skip
    assert cli.run(["grade", str(tmp_path / "hours.csv"), "--out", str(tmp_path / "graded"), "--quiet"]) == 0
    export = ["export", str(tmp_path / "graded"), "--to", "omop", "--out", str(tmp_path / "cdm")]
    assert cli.run(export) == 4
    assert "--zero" in capsys.readouterr().err
    assert cli.run([*export, "--zero", "2026-03-01T08:00:00"]) == 4
    assert cli.run([*export, "--zero", "2026-03-01T09:00:00+01:00"]) == 0
    times = table(tmp_path / "cdm", "measurement")["measurement_datetime"].to_list()
    assert times == ["2026-03-02 04:00:00"]
    with pytest.raises(ArgumentError, match="calendar"):
        write_omop(_calendar(tmp_path), tmp_path / "other", KNOWLEDGE, Options(zero="2026-03-01T08:00:00Z"))


def test_a_run_remembers_the_zone_of_its_times(tmp_path: Path) -> None:
    (tmp_path / "local.csv").write_text(WARD.replace("Z,", ","), encoding="utf-8")
    for zone, told in (("America/New_York", "America/New_York"), ("UTC", "UTC")):
        out = tmp_path / zone
        assert cli.run(["grade", str(tmp_path / "local.csv"), "--zone", zone, "--out", str(out), "--quiet"]) == 0
        assert json.loads((out / "run.json").read_text(encoding="utf-8"))["zone"] == told
    assert json.loads((_calendar(tmp_path) / "run.json").read_text(encoding="utf-8"))["zone"] == "UTC"


def test_days_and_times_are_those_of_the_zone_of_the_run(tmp_path: Path) -> None:
    """A fever at 20:00 in New York is one of that day, and not of the next one as in UTC."""
    text = "patient,time,concept,value,unit,text\n" + "".join(
        f"A,{moment},{fact}\n"
        for moment, fact in (
            ("2026-03-01T08:00:00", "car_t_infusion,,,axicabtagene_ciloleucel"),
            ("2026-03-04T20:00:00", "body_temperature,38.6,Cel,"),
            ("2026-03-04T22:00:00", "body_temperature,36.6,Cel,"),
            ("2026-11-01T05:30:00Z", "body_temperature,36.6,Cel,"),
        )
    )  # fmt: skip
    (tmp_path / "local.csv").write_text(text, encoding="utf-8")
    zone = ["--zone", "America/New_York"]
    assert cli.run(["grade", str(tmp_path / "local.csv"), *zone, "--out", str(tmp_path / "graded"), "--quiet"]) == 0
    export = ["export", str(tmp_path / "graded"), "--to", "omop", "--out"]
    assert cli.run([*export, str(tmp_path / "cdm")]) == 0
    measured = table(tmp_path / "cdm", "measurement")
    assert measured["measurement_datetime"].to_list()[:2] == ["2026-03-04 20:00:00", "2026-03-04 22:00:00"]
    assert measured["measurement_date"].to_list()[1] == "2026-03-04"
    assert "America/New_York" in table(tmp_path / "cdm", "cdm_source")["source_description"][0]
    # half past one on the night on which the clock is put back is there twice
    losses = dict(table(tmp_path / "cdm", "losses").select("loss", "rows").iter_rows())
    assert losses["told_twice"] == "1"
    said = table(tmp_path / "cdm", "observation").filter(pl.col("observation_source_value") == "crs.astct-2019")
    assert said["observation_datetime"].to_list()[:2] == ["2026-03-01 08:00:00", "2026-03-04 20:00:00"]
    assert cli.run([*export, str(tmp_path / "utc"), "--zone", "UTC"]) == 0
    assert table(tmp_path / "utc", "measurement")["measurement_date"].to_list()[1] == "2026-03-05"
    for folder, day in (("cdm", "2026-03-04"), ("utc", "2026-03-05")):
        names = table(tmp_path / folder, "cohort_definition").select("cohort_definition_name", "cohort_definition_id")
        number = dict(names.iter_rows())["crs.astct-2019 grade 1 or more, reached for certain"]
        members = table(tmp_path / folder, "cohort").filter(pl.col("cohort_definition_id") == number)
        assert members["cohort_start_date"].to_list() == [day]
    assert cli.run([*export, str(tmp_path / "mars"), "--zone", "Mars/Olympus"]) == 4


def test_a_zero_for_calendar_times_is_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = ["export", str(_calendar(tmp_path)), "--to", "omop", "--out", str(tmp_path / "cdm")]
    assert cli.run([*export, "--zero", "2026-03-01T08:00:00Z"]) == 4
    said = capsys.readouterr().err
    assert "--zero does not go with calendar times" in said
    assert "hours" in said
    assert not (tmp_path / "cdm").exists()


def _calendar(tmp_path: Path) -> Path:
    (tmp_path / "ward.csv").write_text(WARD, encoding="utf-8")
    assert cli.run(["grade", str(tmp_path / "ward.csv"), "--out", str(tmp_path / "calendar"), "--quiet"]) == 0
    return tmp_path / "calendar"


def test_every_concept_product_and_scale_has_a_number_of_its_own() -> None:
    """A number stays; a new concept needs a new row in ``codes/omop_local.csv`` (tools/omop_numbers.py)."""
    rows = KNOWLEDGE.codes["omop_local"]
    numbers = [row["concept_id"] for row in rows]
    assert len(set(numbers)) == len(numbers)
    assert [int(number) for number in numbers] == sorted(map(int, numbers))
    known = {(row["kind"], row["key"], row["detail"]) for row in rows}
    needed = {("concept", key, "") for key in KNOWLEDGE.concepts} | {("scale", key, "") for key in KNOWLEDGE.scales}
    needed |= {("product", product.concept, key) for key, product in KNOWLEDGE.products.items()}
    needed |= {("category", key, one) for key, concept in KNOWLEDGE.concepts.items() for one in concept.categories}
    assert not needed - known


def test_an_infusion_without_an_end_is_written_open(tmp_path: Path) -> None:
    """From its last word on nobody knows whether it still runs: a row whose end is its start says so."""
    text = WARD.replace(",2026-03-02T15:00:00Z,norepinephrine", ",,norepinephrine")
    (tmp_path / "ward.csv").write_text(text, encoding="utf-8")
    assert cli.run(["grade", str(tmp_path / "ward.csv"), "--out", str(tmp_path / "graded"), "--quiet"]) == 0
    write_omop(tmp_path / "graded", tmp_path / "cdm", KNOWLEDGE, Options())
    rows = table(tmp_path / "cdm", "drug_exposure").filter(pl.col("drug_concept_id") == "1321341").to_dicts()
    spans = [(row["drug_exposure_start_datetime"], row["drug_exposure_end_datetime"]) for row in rows]
    assert spans == [("2026-03-02 09:00:00", "2026-03-03 09:00:00"), ("2026-03-03 09:00:00", "2026-03-03 09:00:00")]
    read = read_omop(str(tmp_path / "cdm"), KNOWLEDGE, zone="UTC").observations
    last = read.filter(pl.col("concept") == "norepinephrine").sort("time").to_dicts()[-1]
    assert (last["value"], last["comparator"], last["until"]) == (0.0, ">=", None)
