"""Trial tables: the summary of a small trial worked out by hand, the events, and what comes back the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.generative.random_patients import random_patients
from tests.sdtm.small import KNOWLEDGE, fates

from cytowatch.adapters.sdtm import read_sdtm
from cytowatch.adapters.sdtm.files import DomainFile, read_domain
from cytowatch.adapters.vocabulary import Vocabulary, read_code_list
from cytowatch.cli import run
from cytowatch.errors import ArgumentError, InputError
from cytowatch.exports.sdtm import write_sdtm
from cytowatch.exports.sdtm.arms import Arms
from cytowatch.exports.sdtm.derived import derived
from cytowatch.exports.sdtm.labels import label
from cytowatch.exports.sdtm.losses import Losses
from cytowatch.exports.sdtm.stamps import Stamps
from cytowatch.exports.sdtm.summary import concordance_by_arm, summary
from cytowatch.exports.sdtm.write import write_domains
from cytowatch.pipeline import grade, grade_intake
from cytowatch.report import ReportData
from cytowatch.results import write_results
from cytowatch.schema import CONCORDANCE, DAY_US, EPISODES, HOUR_US, OBSERVATIONS, TIMELINE, Table

SCALE = "crs.astct-2019"
SCALES = [SCALE, "icans.astct-2019", "crs.lee-2014"]
ZERO = int(datetime(2024, 3, 1, 22, tzinfo=UTC).timestamp() * 1e6)


def table(kind: Table, rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame([{**dict.fromkeys(kind.names), **row} for row in rows], schema=kind.schema)


def day(number: float) -> int:
    """A moment so many days after the exposure, which is at 22:00 on the first of March."""
    return ZERO + int(number * DAY_US)


def course(patient: str, *states: tuple[float, float, int, int, int | None]) -> list[dict[str, object]]:
    return [
        {
            "patient": patient,
            "scale": SCALE,
            "start": day(begin),
            "end": day(end),
            "at_least": low,
            "at_most": high,
            "episode": episode,
            "criteria": [],
            "missing": [],
            "flags": [],
            "evidence": [],
        }
        for begin, end, low, high, episode in states
    ]


def episode(
    patient: str, onset: float, resolved: float | None, low: int, high: int, **more: object
) -> dict[str, object]:
    """An episode; the state is resolved, or ongoing without an end."""
    ended = resolved is not None
    return {
        "patient": patient,
        "scale": SCALE,
        "episode": 1,
        "onset": day(onset),
        "resolved": day(resolved) if resolved is not None else None,
        "state": "resolved" if ended else "ongoing",
        "max_at_least": low,
        "max_at_most": high,
        "hours": (resolved - onset) * 24 if resolved is not None else None,
        "exposure": "tisagenlecleucel",
        "exposure_time": ZERO,
        "days_from_exposure": onset,
        "tocilizumab_doses": 0,
        "steroid_days": 0,
        "recurrent": False,
        "flags": [],
        **more,
    }


@pytest.fixture(scope="module")
def trial() -> ReportData:
    """Six patients: A and B in arm 1, C, D and E in arm 2, F enrolled in arm 2 and never graded.

    A: grade 2 from day 1 to day 5, tocilizumab twice, again grade 1 on days 8 and 9. B: never anything. C: at least 1,
    at most 3 from day 2 on, not over. D: grade 4 from day 3 to day 10, steroids 4 days. E: nothing certain, grade 1
    possible.
    """
    rows = [
        *course("A", (0, 1, 0, 0, None), (1, 5, 2, 2, 1), (5, 8, 0, 0, None), (8, 9, 1, 1, 2), (9, 20, 0, 0, None)),
        *course("B", (0, 20, 0, 0, None)),
        *course("C", (0, 2, 0, 0, None), (2, 6, 1, 3, 1)),
        *course("D", (0, 3, 0, 0, None), (3, 10, 4, 4, 1), (10, 20, 0, 0, None)),
        *course("E", (0, 4, 0, 0, None), (4, 6, 0, 1, 1), (6, 20, 0, 0, None)),
    ]
    episodes = [
        episode("A", 1, 5, 2, 2, tocilizumab_doses=2),
        episode("A", 8, 9, 1, 1, episode=2, recurrent=True),
        episode("C", 2, None, 1, 3),
        episode("D", 3, 10, 4, 4, steroid_days=4),
        episode("E", 4, 6, 0, 1),
    ]
    given = [
        {
            "row": number,
            "patient": who,
            "time": ZERO,
            "concept": "car_t_infusion",
            "text": "tisagenlecleucel",
            "status": "final",
            "source": "x",
        }
        for number, who in enumerate("ABCDE")
    ]
    pairs = [("A", 2, 2, 2, "agree"), ("B", 1, 0, 0, "differ"), ("C", 2, 1, 3, "compatible"), ("D", 4, 4, 4, "agree")]
    said = [
        {
            "patient": who,
            "scale": SCALE,
            "level": "worst",
            "reported": told,
            "derived_at_least": low,
            "derived_at_most": high,
            "verdict": verdict,
        }
        for who, told, low, high, verdict in pairs
    ]
    return ReportData(
        timeline=table(TIMELINE, rows),
        episodes=table(EPISODES, episodes),
        observations=table(OBSERVATIONS, given),
        concordance=table(CONCORDANCE, said),
    )


ARMS = Arms(pl.DataFrame({"patient": list("ABCDEF"), "arm": ["1", "1", "2", "2", "2", "2"]}), "T1")


def line(frame: pl.DataFrame, arm: str, statistic: str) -> dict[str, object]:
    return frame.filter(arm=arm, statistic=statistic).row(0, named=True)


def test_the_summary_of_a_small_trial_by_hand(trial: ReportData) -> None:
    made = summary(trial, KNOWLEDGE, ARMS)
    every = "All subjects"
    assert line(made, "1", "graded")["text"] == "2 of 2"
    assert line(made, "2", "graded")["text"] == "3 of 4"
    assert line(made, every, "graded")["text"] == "5 of 6"
    # certain in A, C, D; possible in E besides
    assert line(made, every, "any grade")["text"] == "3 to 4 (60 to 80 %)"
    assert line(made, "1", "any grade")["text"] == "1 (50 %)"
    assert line(made, "2", "any grade")["text"] == "2 to 3 (66.7 to 100 %)"
    # D for certain, C not excluded
    assert line(made, every, "grade 3 or higher")["text"] == "1 to 2 (20 to 40 %)"
    assert line(made, every, "recurrent")["text"] == "1 (20 %)"
    # 1, 2 and 3 days; the possible onset of E is none
    assert line(made, every, "time to onset, days")["text"] == "2.0 (1.0 to 3.0)"
    # 4 days in A and 7 in D; C is not over, and the second episode of A is not its first
    assert line(made, every, "duration, days")["text"] == "5.5 (4.0 to 7.0)"
    assert line(made, every, "not resolved when last seen")["text"] == "1 of 3"
    assert line(made, "1", "tocilizumab in an episode")["text"] == "1 (50 %)"
    assert line(made, "2", "steroids in an episode")["text"] == "1 (33.3 %)"
    worst = [line(made, every, f"worst grade {grade} of the whole watch") for grade in range(6)]
    assert [(one["n"], one["n_possible"]) for one in worst] == [(1, 2), (0, 2), (1, 2), (0, 1), (1, 1), (0, 0)]
    # B has no episode at all, and E one that may be none
    found = [line(made, every, f"worst grade {grade} of the episodes") for grade in range(6)]
    assert [(one["n"], one["n_possible"]) for one in found] == [(0, 1), (0, 2), (1, 2), (0, 1), (1, 1), (0, 0)]
    assert line(made, every, "no episode")["text"] == "1 (20 %)"


def test_concordance_by_arm_by_hand(trial: ReportData) -> None:
    made = concordance_by_arm(trial, ARMS)
    columns = ("rows", "agree", "differ", "compatible", "not_comparable", "kappa_pairs")
    assert made.filter(arm="1").select(columns).rows() == [(2, 1, 1, 0, 0, 2)]
    assert made.filter(arm="All subjects").select(columns).rows() == [(4, 2, 1, 1, 0, 3)]
    # reported 2, 1, 4 against derived 2, 0, 4, weights that fall with the square of the distance
    pairs = [(2, 2), (1, 0), (4, 4)]
    weights = [1 - ((a - b) / 5) ** 2 for a, b in pairs]
    chance = sum(1 - ((a - b) / 5) ** 2 for a, _ in pairs for _, b in pairs) / 9
    kappa = (sum(weights) / 3 - chance) / (1 - chance)
    assert made.filter(arm="All subjects")["kappa"][0] == pytest.approx(kappa)


def test_events_and_analysis_tables(trial: ReportData) -> None:
    made = derived(trial, KNOWLEDGE, Stamps(), ARMS)
    events = made["AE"]
    assert events.select("USUBJID", "AEDECOD", "AEOUT").rows()[0] == (
        "A",
        "CYTOKINE RELEASE SYNDROME",
        "RECOVERED/RESOLVED",
    )
    # an exposure at 22:00 and an onset 24 h later: study day 2; nothing of ASTCT stands in the variable of CTCAE
    assert events["AESTDY"].to_list() == [2, 9, 3, 4, 5]
    assert events["AETOXGR"].null_count() == events.height
    assert events["AESTDTC"][0] == "2024-03-02T22:00Z"
    grades = {
        row["USUBJID"] + row["IDVARVAL"] + row["QNAM"]: row["QVAL"] for row in made["SUPPAE"].iter_rows(named=True)
    }
    assert grades["A1ASTCTGR"] == "2"
    assert (grades["C1GRATLST"], grades["C1GRATMST"]) == ("1", "3")
    # a range is no grade
    assert "C1ASTCTGR" not in grades
    analysis = made["ADAE"].filter(USUBJID="A")
    assert analysis.select("ADURN", "AOCCFL", "ARECURFL", "ATOCIN").rows() == [
        (4.0, "Y", None, 2.0),
        (1.0, None, "Y", 0.0),
    ]
    by_day = made["FA"].filter(USUBJID="C", FATESTCD="TOXGRMAX")
    # from 22:00 of the third to 22:00 of the seventh of March: five dates
    assert by_day["FADTC"].to_list() == [f"2024-03-0{number}" for number in range(3, 8)]
    assert by_day["FADY"].to_list() == [3, 4, 5, 6, 7]


def test_times_to_event_and_censoring(trial: ReportData) -> None:
    times = derived(trial, KNOWLEDGE, Stamps(), ARMS)["ADTTE"]
    onset = times.filter(PARAMCD="TTONSET").select("USUBJID", "AVAL", "AVALL", "CNSR", "APOSSFL").rows()
    assert onset == [
        ("A", 1.0, 1.0, 0.0, None),
        ("B", 20.0, 20.0, 1.0, None),
        ("C", 2.0, 2.0, 0.0, None),
        ("D", 3.0, 3.0, 0.0, None),
        # excluded again up to day 20, and not on days 4 to 6
        ("E", 20.0, 4.0, 1.0, "Y"),
    ]
    ended = times.filter(PARAMCD="TTRESOL").select("USUBJID", "AVAL", "CNSR").rows()
    assert ended == [("A", 4.0, 0.0), ("C", 4.0, 1.0), ("D", 7.0, 0.0)]


def test_a_trial_without_anybody_is_written_all_the_same() -> None:
    empty = ReportData(timeline=TIMELINE.empty())
    assert summary(empty, KNOWLEDGE, Arms()).is_empty()
    assert all(frame.is_empty() for frame in derived(empty, KNOWLEDGE, Stamps(), Arms()).values())


def test_texts_that_xpt_cannot_hold_are_counted(tmp_path: Path) -> None:
    losses = Losses()
    frame = pl.DataFrame({"USUBJID": ["a", "b"], "AETERM": ["ü" * 150, "short"]})
    write_domains({"AE": frame}, tmp_path, losses)
    assert losses.frame().rows() == [("XPT", "AE.AETERM: text cut to 200 bytes", 1)]
    read = read_domain(DomainFile(tmp_path / "xpt" / "ae.xpt", "ae.xpt", "ae")).frame
    assert read["AETERM"].to_list() == ["ü" * 100, "short"]
    assert pl.read_csv(tmp_path / "ae.csv")["AETERM"][0] == "ü" * 150


# ---------------------------------------------------------------- there and back


def carried(observations: pl.DataFrame) -> pl.DataFrame:
    """Of random rows those that SDTM can say: what is left out stands in losses.csv and in the how-to."""
    kinds = pl.col("concept").replace_strict({key: concept.kind for key, concept in KNOWLEDGE.concepts.items()})
    products = {key: product.concept for key, product in KNOWLEDGE.products.items()}
    own = pl.col("text").replace_strict(products, default="car_t_infusion", return_dtype=pl.String)
    given = kinds.is_in(["infusion", "dose", "trigger", "device"])
    return observations.filter(
        pl.col("status") == "final",
        pl.col("available").is_null(),
        ~pl.col("concept").is_in(["symptom", "comorbidity", "unread_finding"]),
        ~(given & pl.col("comparator").is_not_null()),
        ~(kinds.is_in(["dose", "trigger"]) & pl.col("until").is_not_null()),
        (kinds != "trigger") | pl.col("text").is_null() | (own == pl.col("concept")),
    )


def there_and_back(
    patients: int, seed: int, folder: Path, zone: str | None = None
) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """The timeline of random patients, and those of the same after a way through CSV and through XPT."""
    observations, people = random_patients(patients, seed=seed)
    times = [pl.from_epoch(name, time_unit="us").dt.replace_time_zone("UTC").alias(name) for name in ("time", "until")]
    raw = carried(observations).drop("row", "available").with_columns(times)
    first = grade(raw, people.select("patient", "age_years", "birth_date", "sex"), scales=SCALES).outcome
    write_results(first, folder / "graded")
    write_sdtm(folder / "graded", folder / "trial", KNOWLEDGE, zone=zone)
    assert pl.read_csv(folder / "trial" / "losses.csv", infer_schema=False).filter(pl.col("table") != "XPT").is_empty()
    own = folder / "trial" / "codes.csv"
    codes = read_code_list(own, KNOWLEDGE) if own.exists() else []
    again = {}
    for form, place in (("csv", folder / "trial" / "sdtm"), ("xpt", folder / "trial" / "sdtm" / "xpt")):
        intake = read_sdtm([place], KNOWLEDGE, Vocabulary(KNOWLEDGE, codes))
        assert set(fates(intake)) == {"used"}
        again[form] = compared(grade_intake(intake, KNOWLEDGE, SCALES).timeline)
    return compared(first.timeline), again


def compared(timeline: pl.DataFrame) -> pl.DataFrame:
    """What must be the same: everything but the pointers into the files."""
    return timeline.drop("evidence", "knowledge", "engine").sort("patient", "scale", "start")


@pytest.mark.parametrize(("seed", "zone"), [(1, None), (2, "America/New_York")])
def test_random_patients_come_back_with_the_same_timelines(tmp_path: Path, seed: int, zone: str | None) -> None:
    first, again = there_and_back(25, seed, tmp_path, zone)
    assert first.height > 250
    for form, timeline in again.items():
        assert first.equals(timeline), form


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 20))
def test_thousands_of_random_patients_come_back(tmp_path: Path, seed: int) -> None:
    first, again = there_and_back(500, seed, tmp_path)
    for form, timeline in again.items():
        assert first.equals(timeline), form


def lost(tmp_path: Path, *rows: dict[str, object]) -> dict[str, int]:
    start = datetime(2024, 3, 1, tzinfo=UTC)
    raw = pl.DataFrame(
        [{"patient": "a", "time": start + timedelta(hours=number), **row} for number, row in enumerate(rows)],
        infer_schema_length=None,
    )
    write_results(grade(raw, scales=SCALES).outcome, tmp_path / "g")
    write_sdtm(tmp_path / "g", tmp_path / "t", KNOWLEDGE)
    found = pl.read_csv(tmp_path / "t" / "losses.csv").filter(pl.col("table") != "XPT")
    return dict(found.select("why", "rows").rows())


def test_what_cannot_be_carried_is_counted(tmp_path: Path) -> None:
    found = lost(
        tmp_path,
        {"concept": "body_temperature", "value": 39.0, "unit": "Cel"},
        {"concept": "body_temperature", "value": 38.0, "unit": "Cel", "available": datetime(2024, 3, 1, 9, tzinfo=UTC)},
        {"concept": "body_temperature", "value": 39.0, "unit": "Cel", "status": "preliminary"},
        {"concept": "symptom", "text": "headache", "value": 2.0},
        {"concept": "norepinephrine", "value": 900.0, "unit": "mL/h"},
        {"concept": "car_t_infusion", "text": "tisagenlecleucel", "until": datetime(2024, 3, 2, tzinfo=UTC)},
    )
    assert found == {
        "the end of a dose is written, and only its start is read back": 1,
        "rejected rows in doubt are not written: read back, a therapy counts as not given, and of a vital sign the one "
        "before counts on": 1,
        "status preliminary or amended": 1,
        "symptom: no domain here carries it": 1,
        "when a result became known (available)": 1,
    }


# ---------------------------------------------------------------- the command


def test_the_command_with_hours_and_arms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hours = pl.DataFrame(
        {
            "patient": ["a"] * 3,
            "hours": [0.0, 1.0, 30.5],
            "concept": ["car_t_infusion", "body_temperature", "body_temperature"],
            "value": [None, 37.0, 39.0],
            "unit": ["", "Cel", "Cel"],
            "text": ["tisagenlecleucel", None, None],
        }
    )
    hours.write_csv(tmp_path / "in.csv")
    graded, trial = str(tmp_path / "g"), str(tmp_path / "t")
    assert run(["grade", str(tmp_path / "in.csv"), "--out", graded, "--quiet"]) == 0
    assert run(["export", graded, "--to", "sdtm", "--out", trial]) == 4
    assert "--zero" in capsys.readouterr().err
    (tmp_path / "arms.csv").write_text("USUBJID,ARM\na,High\nb,High\n")
    zero, arms = ["--zero", "2024-03-01T09:00:00+01:00"], ["--arms", str(tmp_path / "arms.csv")]
    assert run(["export", graded, "--to", "sdtm", "--out", trial, *zero, *arms]) == 0
    assert "summary.csv" in capsys.readouterr().out
    vitals = pl.read_csv(tmp_path / "t" / "sdtm" / "vs.csv")
    assert vitals["VSDTC"].to_list() == ["2024-03-01T09:00Z", "2024-03-02T14:30Z"]
    assert pl.read_csv(tmp_path / "t" / "sdtm" / "dm.csv").select("USUBJID", "ARM").rows() == [
        ("a", "High"),
        ("b", "High"),
    ]
    # the domains without a row are there, and say that no drug was given
    assert (
        run(["grade", str(tmp_path / "t" / "sdtm"), "--from", "sdtm", "--out", str(tmp_path / "again"), "--quiet"]) == 0
    )
    assert run(["grade", str(tmp_path / "t" / "sdtm"), "--from", "sdtm", "--mapping", "x.toml"]) == 4


@pytest.mark.parametrize(
    ("zero", "text"), [(None, "hours"), ("2024-03-01", "moment"), ("soon", "moment"), ("2024-03-01T10:00", "moment")]
)
def test_a_zero_that_is_no_moment_is_refused(zero: str | None, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        Stamps.of("hours", zero)


@pytest.mark.parametrize("content", ["USUBJID,SEX\na,F\n", "USUBJID,ARM\na,1\na,2\n"])
def test_arms_that_cannot_be_used(tmp_path: Path, content: str) -> None:
    from cytowatch.exports.sdtm.arms import read_arms

    path = tmp_path / "arms.csv"
    path.write_text(content)
    with pytest.raises(InputError):
        read_arms(path)
    with pytest.raises(InputError):
        read_arms(tmp_path / "none.csv")


def test_labels_are_short_enough_for_xpt(trial: ReportData) -> None:
    names = {column for frame in derived(trial, KNOWLEDGE, Stamps(), ARMS).values() for column in frame.columns}
    assert all(len(name) <= 8 and len(label(name)) <= 40 and label(name) != name for name in names)


def test_stamps_keep_every_part_of_a_second() -> None:
    moments = pl.DataFrame({"t": [0, 1, 1_000_000, HOUR_US, -1]}).select(Stamps(ZERO).moment("t"))
    assert moments.to_series().to_list() == [
        "2024-03-01T22:00Z",
        "2024-03-01T22:00:00.000001Z",
        "2024-03-01T22:00:01Z",
        "2024-03-01T23:00Z",
        "2024-03-01T21:59:59.999999Z",
    ]
