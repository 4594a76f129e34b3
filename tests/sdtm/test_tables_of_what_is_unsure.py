"""Trial tables of what is not known: doses without a time, patients nobody assessed, days of a zone; all by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from tests.sdtm.small import KNOWLEDGE, write

from cytowatch.cli import run
from cytowatch.errors import ArgumentError
from cytowatch.exports.sdtm.arms import Arms
from cytowatch.exports.sdtm.derived import derived
from cytowatch.exports.sdtm.doses import with_open_counts
from cytowatch.exports.sdtm.stamps import Stamps
from cytowatch.exports.sdtm.summary import summary
from cytowatch.report import ReportData
from cytowatch.schema import DAY_US, EPISODES, HOUR_US, OBSERVATIONS, TIMELINE, Table

CRS, ICANS = "crs.astct-2019", "icans.astct-2019"
ZONE = "America/New_York"


def vitals(patient: str, days: range, hot: tuple[int, ...], begin: int) -> Iterator[dict[str, object]]:
    """Every four hours at ten past, from the hour ``begin`` of the first of March on; 38.6 on the days ``hot``."""
    for day in days:
        for hour in range(begin if day == 1 else 0, 24, 4):
            heat = "38.6" if day in hot else "36.8"
            for code, value, unit in (("TEMP", heat, "C"), ("SYSBP", "120", "mmHg"), ("OXYSAT", "97", "%")):
                yield {
                    "USUBJID": patient,
                    "VSTESTCD": code,
                    "VSSTRESC": value,
                    "VSSTRESN": value,
                    "VSSTRESU": unit,
                    "VSDTC": f"2024-03-{day:02}T{hour:02}:10",
                }


def air(patient: str) -> dict[str, object]:
    """No oxygen, charted to the ninth: the patient is watched longer than measured."""
    return {"USUBJID": patient, "PRTRT": "ROOM AIR", "PRSTDTC": "2024-03-01T08:00", "PRENDTC": "2024-03-09T08:00"}


def drug(patient: str, name: str, often: str, start: str, end: str) -> dict[str, object]:
    return {
        "USUBJID": patient,
        "CMTRT": name,
        "CMDECOD": name,
        "CMDOSE": "10",
        "CMDOSU": "mg",
        "CMDOSFRQ": often,
        "CMROUTE": "INTRAVENOUS",
        "CMSTDTC": start,
        "CMENDTC": end,
    }


def exported(folder: Path, zone: str, *more: str) -> Path:
    """The study graded and written as tables."""
    graded, tables = str(folder / "graded"), folder / "tables"
    assert run(["grade", str(folder / "study"), "--from", "sdtm", "--zone", zone, "--out", graded, "--quiet"]) == 0
    assert run(["export", graded, "--to", "sdtm", "--out", str(tables), *more]) == 0
    return tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Infused on the first at 20:00 local, vitals every four hours to the eighth; a, b, c hot on the second and third.

    a (arm X): tocilizumab and two days of dexamethasone with dates alone. b (X): tocilizumab with its time. c, d and e
    (Y): no drug; d was never hot, of e nothing is there but the row in DM. Nobody assessed anyone for ICANS.
    """
    folder = tmp_path_factory.mktemp("unsure")
    write(
        folder / "study",
        dm=[{"USUBJID": who, "AGE": 50, "AGEU": "YEARS", "ARM": "X" if who in "ab" else "Y"} for who in "abcde"],
        ex=[{"USUBJID": who, "EXTRT": "KYMRIAH", "EXSTDTC": "2024-03-01T20:00"} for who in "abcd"],
        vs=[row for who in "abcd" for row in vitals(who, range(1, 9), () if who == "d" else (2, 3), 20)],
        cm=[
            drug("a", "TOCILIZUMAB", "ONCE", "2024-03-02", "2024-03-02"),
            drug("a", "DEXAMETHASONE", "QD", "2024-03-02", "2024-03-03"),
            drug("b", "TOCILIZUMAB", "ONCE", "2024-03-02T10:00", "2024-03-02"),
        ],
        pr=[air(who) for who in "abcd"],
    )
    return exported(folder, ZONE, "--arms", str(folder / "study" / "dm.csv"))


def texts(folder: Path, scale: str, arm: str) -> dict[str, str]:
    """What the summary prints."""
    own = pl.read_csv(folder / "summary.csv", infer_schema=False).filter(scale=scale, arm=arm)
    return dict(own.select("statistic", "text").rows())


def rows(folder: Path, name: str, *columns: str, **only: str) -> list[tuple[str | None, ...]]:
    frame = pl.read_csv(folder / "derived" / f"{name}.csv", infer_schema=False)
    return frame.filter(**only).select(columns).rows()


# ---------------------------------------------------------------- doses that nobody could read


def test_a_drug_with_a_date_alone_is_no_certain_none(tables: Path) -> None:
    told = texts(tables, CRS, "X")
    # b for certain, a perhaps
    assert told["tocilizumab in an episode"] == "1 to 2 (50 to 100 %)"
    assert told["steroids in an episode"] == "0 to 1 (0 to 50 %)"
    assert texts(tables, CRS, "Y")["steroids in an episode"] == "0 (0 %)"
    given = rows(tables, "adae", "USUBJID", "ATOCIN", "ATOCINL", "ASTEDYN", "ASTEDYNL")
    assert given == [
        ("a", None, "0.0", None, "0.0"),
        ("b", "1.0", "1.0", "0.0", "0.0"),
        ("c", "0.0", "0.0", "0.0", "0.0"),
    ]


def test_drugs_may_fall_into_an_episode_that_nobody_looked_for(tables: Path) -> None:
    # ICANS is never excluded: the tocilizumab of b and what a may have had may lie in one, and nothing certainly does
    told = texts(tables, ICANS, "X")
    assert told["tocilizumab in an episode"] == "0 to 2 (0 to 100 %)"
    assert told["steroids in an episode"] == "0 to 1 (0 to 50 %)"


def frame(kind: Table, *made: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{**dict.fromkeys(kind.names), **row} for row in made], schema=kind.schema)


def state(start: float, end: float, low: int, high: int, episode: int | None = None) -> dict[str, object]:
    """A state of patient a, in hours from the exposure; where it is open, nobody took the temperature."""
    lists: dict[str, object] = {name: [] for name in ("criteria", "missing", "flags", "evidence")}
    lists["missing"] = ["body_temperature"] if high > low else []
    return {
        "patient": "a",
        "scale": CRS,
        "start": int(start * HOUR_US),
        "end": int(end * HOUR_US),
        "at_least": low,
        "at_most": high,
        "episode": episode,
        **lists,
    }


def an_episode(onset: float, **more: object) -> dict[str, object]:
    counts = {"tocilizumab_doses": 0, "steroid_days": 0, "recurrent": False, "flags": []}
    own = {"patient": "a", "scale": CRS, "episode": 1, "onset": int(onset * HOUR_US), "exposure_time": 0}
    return {**own, "max_at_least": 1, "max_at_most": 1, "state": "ongoing", **counts, **more}


def row(number: int, hour: float, concept: str, **more: object) -> dict[str, object]:
    own = {"row": number, "patient": "a", "time": int(hour * HOUR_US), "concept": concept, "status": "final"}
    return {**own, "source": f"cm.csv:{number}", **more}


def data(states: list[dict[str, object]], episodes: list[dict[str, object]], **more: pl.DataFrame) -> ReportData:
    """One patient, exposed at hour 0; ``charted`` and ``doubts`` are observations besides."""
    exposure = row(1, 0, "car_t_infusion", text="tisagenlecleucel")
    charted = pl.concat([frame(OBSERVATIONS, exposure), more.get("charted", OBSERVATIONS.empty())])
    return ReportData(
        timeline=frame(TIMELINE, *states),
        episodes=frame(EPISODES, *episodes),
        observations=charted,
        in_doubt=more.get("doubts", OBSERVATIONS.empty()),
    )


def doubt(number: int, hour: float, concept: str, **more: object) -> dict[str, object]:
    return row(number, hour, concept, value=0.0, comparator=">=", **more)


def open_counts(made: ReportData) -> tuple[object, ...]:
    table = with_open_counts(made.episodes, made, KNOWLEDGE)
    return table.select("open_tocilizumab", "open_steroid").row(0)


def test_an_episode_between_the_two_ends_of_a_day_in_doubt() -> None:
    # a day is in doubt at 00:00 and at 23:59; the episode is from 05:00 to 20:00, when the record ends
    day = frame(OBSERVATIONS, doubt(-2, 0, "tocilizumab"), doubt(-2, 23.98, "tocilizumab"))
    course = [state(0, 5, 0, 0), state(5, 20, 1, 1, 1)]
    assert open_counts(data(course, [an_episode(5)], doubts=day)) == (True, False)
    # two rows of one dose each, before and after the episode, leave nothing open in it
    apart = frame(OBSERVATIONS, doubt(-2, 0, "tocilizumab"), doubt(-3, 23.98, "tocilizumab"))
    assert open_counts(data(course, [an_episode(5)], doubts=apart)) == (False, False)


def test_doubts_that_do_not_matter() -> None:
    course, inside = [state(0, 5, 0, 0), state(5, 60, 1, 1, 1)], 30.0
    other = frame(OBSERVATIONS, doubt(-2, inside, "anakinra"))
    flagged = an_episode(5, flags=["dose_in_doubt"])
    assert open_counts(data(course, [flagged], doubts=other)) == (False, False)
    # an older folder has the flag and not the row
    assert open_counts(data(course, [flagged])) == (True, True)
    # taken back by its source
    taken = frame(OBSERVATIONS, row(9, inside, "dexamethasone", status="entered-in-error", source="cm.csv:-2"))
    vague = frame(OBSERVATIONS, doubt(-2, inside, "dexamethasone"))
    assert open_counts(data(course, [an_episode(5)], doubts=vague)) == (False, True)
    assert open_counts(data(course, [an_episode(5)], doubts=vague, charted=taken)) == (False, False)


def test_a_dose_in_an_episode_that_is_only_possible() -> None:
    # at most 1 from hour 5 to 60: there may be an episode, and then tocilizumab was given in it
    course = [state(0, 5, 0, 0), state(5, 60, 0, 1, 1), state(60, 90, 0, 0)]
    made = data(course, [an_episode(5, max_at_least=0, tocilizumab_doses=1)])
    told = dict(summary(made, KNOWLEDGE, Arms()).select("statistic", "text").rows())
    assert told["tocilizumab in an episode"] == "0 to 1 (0 to 100 %)"
    # a dose of 0 was not given, and one outside of it is in none
    charted = frame(OBSERVATIONS, row(2, 30, "dexamethasone", value=0.0), row(3, 70, "dexamethasone", value=10.0))
    told = dict(summary(data(course, [], charted=charted), KNOWLEDGE, Arms()).select("statistic", "text").rows())
    assert told["steroids in an episode"] == "0 (0 %)"


# ---------------------------------------------------------------- times to an event that nobody may have looked for


def test_nobody_who_was_never_assessed_is_free_of_the_event(tables: Path) -> None:
    shown = ("USUBJID", "AVAL", "AVALL", "CNSR", "APOSSFL", "EVNTDESC")
    made = rows(tables, "adtte", *shown, PARAMCD="TTONSET", PARCAT1=ICANS)
    assert made == [(who, "0.0", "0.0", "1.0", "Y", "an onset was never excluded") for who in "abcd"]
    told = texts(tables, ICANS, "All subjects")
    assert (told["graded"], told["any grade"]) == ("0 of 5", "0 to 4 (0 to 100 %)")
    assert texts(tables, CRS, "All subjects")["graded"] == "4 of 5"


def test_censored_when_the_event_was_last_excluded(tables: Path) -> None:
    # d: the last vitals on the eighth at 20:10 hold eight hours; from the infusion on 20:00 to 20:10 nothing is known
    shown = ("AVAL", "AVALL", "CNSR", "APOSSFL", "ADTM")
    (made,) = rows(tables, "adtte", *shown, PARAMCD="TTONSET", PARCAT1=CRS, USUBJID="d")
    assert made == (str(round(7 + (8 + 10 / 60) / 24, 6)), "0.0", "1.0", "Y", "2024-03-09T04:10-05:00")


def times(made: ReportData, code: str = "TTONSET") -> list[tuple[object, ...]]:
    table = derived(made, KNOWLEDGE, Stamps(), Arms())["ADTTE"].filter(PARAMCD=code)
    return table.select("AVAL", "AVALL", "CNSR", "APOSSFL", "EVNTDESC").rows()


def death(hour: float) -> pl.DataFrame:
    return frame(OBSERVATIONS, row(8, hour, "death", text="other"))


def test_a_death_comes_first_only_where_an_onset_was_excluded_up_to_it() -> None:
    assert times(data([state(0, 48, 0, 0)], [], charted=death(48))) == [(2.0, 2.0, 2.0, None, "death before the event")]
    # excluded to hour 24, dead at 48: nobody knows which came first
    unseen = data([state(0, 24, 0, 0), state(24, 48, 0, 2)], [], charted=death(48))
    assert times(unseen) == [(1.0, 1.0, 1.0, None, "last moment at which an onset was excluded")]
    # seen again before it, and not in between
    gap = data([state(0, 24, 0, 0), state(24, 36, 0, 2), state(36, 48, 0, 0)], [], charted=death(48))
    assert times(gap) == [(2.0, 1.0, 2.0, "Y", "death before the event")]
    # the death may itself be the event
    cause = data([state(0, 48, 0, 0), {**state(48, 48.5, 0, 5), "missing": ["death_cause"]}], [], charted=death(48))
    assert times(cause) == [(2.0, 2.0, 2.0, "Y", "death before the event")]


def test_an_onset_that_may_have_been_earlier_is_flagged() -> None:
    course = [state(0, 24, 0, 0), state(24, 36, 0, 2), state(36, 72, 0, 0), state(72, 96, 1, 1, 1)]
    assert times(data(course, [an_episode(72)])) == [(3.0, 1.0, 0.0, "Y", "event")]
    # a hole in the timeline excludes nothing
    hole = [state(0, 24, 0, 0), state(36, 72, 0, 0), state(72, 96, 1, 1, 1)]
    assert times(data(hole, [an_episode(72)])) == [(3.0, 1.0, 0.0, "Y", "event")]


def test_without_fever_no_episode_of_astct_opens() -> None:
    # oxygen is in no table of this study: 0 to 4 throughout; no fever at hours 24 to 32 and 40 to 48, unknown otherwise
    def afebrile(start: float, end: float) -> dict[str, object]:
        return {**state(start, end, 0, 4), "missing": ["oxygen_device"]}

    course = [state(0, 24, 0, 4), afebrile(24, 32), state(32, 40, 0, 4), afebrile(40, 48), state(48, 60, 0, 4)]
    # nobody can say that there was no episode: not a day is certain, and something was looked at all the same
    assert times(data(course, [])) == [(2.0, 0.0, 1.0, "Y", "last moment at which an onset was excluded")]
    told = dict(summary(data(course, []), KNOWLEDGE, Arms()).select("statistic", "text").rows())
    assert (told["graded"], told["any grade"]) == ("1 of 1", "0 to 1 (0 to 100 %)")
    # of a scale whose every sign opens an episode that is not enough
    other = data([{**one, "scale": "crs.ctcae-5.0"} for one in course], [])
    assert times(other) == [(0.0, 0.0, 1.0, "Y", "an onset was never excluded")]


def test_an_episode_is_unresolved_up_to_its_last_sign() -> None:
    # the last sign at hour 30, and then 66 hours in which nobody measured anything
    course = [state(0, 24, 0, 0), state(24, 54, 1, 1, 1), state(54, 96, 0, 2, 1)]
    made = data(course, [an_episode(24, last_sign=30 * HOUR_US, state="unknown")])
    assert times(made, "TTRESOL") == [(0.25, None, 1.0, None, "last sign, not resolved")]


# ---------------------------------------------------------------- days


def test_days_are_those_of_the_site(tables: Path) -> None:
    # infused on the first at 20:00 local (01:00 UTC on the second), onset ten past midnight: study day 2
    shown = ("USUBJID", "ASTDTM", "ASTDT", "ASTDY", "AENDTM", "AENDT", "AENDY")
    assert rows(tables, "adae", *shown)[0] == (
        "a",
        "2024-03-02T00:10-05:00",
        "2024-03-02",
        "2.0",
        "2024-03-03T20:10-05:00",
        "2024-03-03",
        "3.0",
    )


def test_grades_by_day_end_with_the_event(tables: Path) -> None:
    # the last fever at 20:10 on the third; the grade stands to the fourth, until that is confirmed
    assert rows(tables, "fa", "FADTC", "FADY", "FASTRESC", USUBJID="a", FATESTCD="TOXGRADE") == [
        ("2024-03-02", "2.0", "1"),
        ("2024-03-03", "3.0", "1"),
    ]
    assert rows(tables, "ae", "AEENDTC", "AEENDY", USUBJID="a") == [("2024-03-03T20:10-05:00", "3.0")]


def test_a_last_sign_at_midnight_has_its_day() -> None:
    course = [state(0, 10, 0, 0), state(10, 24, 2, 2, 1), state(24, 48, 1, 1, 1), state(48, 60, 0, 0)]
    made = data(course, [an_episode(10, resolved=DAY_US, last_sign=DAY_US, state="resolved", max_at_most=2)])
    by_day = derived(made, KNOWLEDGE, Stamps(), Arms())["FA"].filter(FATESTCD="TOXGRADE")
    assert by_day.select("FADTC", "FADY", "FASTRESC").rows() == [("1970-01-01", 1.0, "2"), ("1970-01-02", 2.0, "1")]


def test_another_zone_can_be_asked_for(tables: Path, tmp_path: Path) -> None:
    graded = str(tables.parent / "graded")
    assert run(["export", graded, "--to", "sdtm", "--out", str(tmp_path / "t"), "--zone", "UTC"]) == 0
    assert rows(tmp_path / "t", "adae", "ASTDTM", "ASTDY")[0] == ("2024-03-02T05:10Z", "1.0")


def test_offsets_of_every_kind() -> None:
    # summer and winter in New York, half an hour, and the seconds of Paris before there were zones
    when = [1_720_000_000, 1_700_000_000]
    table = pl.DataFrame({"t": [second * 1_000_000 for second in when]})
    assert table.select(Stamps(zone=ZONE).moment("t")).to_series().to_list() == [
        "2024-07-03T05:46:40-04:00",
        "2023-11-14T17:13:20-05:00",
    ]
    assert table.select(Stamps(zone="Asia/Kolkata").moment("t"))["t"][0] == "2024-07-03T15:16:40+05:30"
    old = pl.DataFrame({"t": [-2_208_988_800_000_000]})
    assert old.select(Stamps(zone="Europe/Paris").moment("t"))["t"][0] == "1900-01-01T00:00Z"


# ---------------------------------------------------------------- from which dose, and what a run has already


def test_onset_from_the_first_and_from_the_latest_dose(tmp_path: Path) -> None:
    # teclistamab on the first and the fourth at 08:00, hot on the fifth at 00:10
    write(
        tmp_path / "study",
        ex=[{"EXTRT": "TECLISTAMAB", "EXSTDTC": f"2024-03-{day}T08:00"} for day in ("01", "04")],
        vs=list(vitals("a", range(1, 9), (5,), 8)),
        cm=[{"CMTRT": "X", "CMSTDTC": "2024-03-02T10:00"}],
        pr=[air("a")],
    )
    made = exported(tmp_path, "UTC")
    told = texts(made, CRS, "All subjects")
    assert told["time to onset, days"] == "3.7 (3.7 to 3.7)"
    assert told["time to onset from the latest dose, days"] == "0.7 (0.7 to 0.7)"
    # 16 hours and 10 minutes, and three days more
    since = round((16 + 10 / 60) / 24, 6)
    kept = [rows(made, "adtte", "AVAL", "STARTDTM", PARAMCD=code, PARCAT1=CRS) for code in ("TTONSET", "TTONSDOS")]
    assert kept == [[(str(3 + since), "2024-03-01T08:00Z")], [(str(since), "2024-03-04T08:00Z")]]
    # without an event no time runs from the latest dose
    assert rows(made, "adtte", "AVAL", PARAMCD="TTONSDOS", PARCAT1=ICANS) == []


def test_worst_grades_of_the_episodes_are_those_of_adae(tables: Path) -> None:
    bounds = rows(tables, "adae", "ATOXGRL", "ATOXGRH", AECAT=CRS)
    assert bounds == [("1.0", "1.0")] * 3
    told = texts(tables, CRS, "All subjects")
    assert told["worst grade 1 of the episodes"] == "3 (75 %)"
    assert told["no episode"] == "1 (25 %)"
    # after the last vitals nobody measured anybody: of the whole watch the worst is 1 or 2, of d 0 to 2
    assert told["worst grade 1 of the whole watch"] == "0 to 4 (0 to 100 %)"


def test_a_zero_for_a_run_with_times_is_refused(
    tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ArgumentError, match="times of its own"):
        Stamps.of("time", "2024-03-01T09:00:00+01:00")
    asked = ["export", str(tables.parent / "graded"), "--to", "sdtm", "--out", str(tmp_path / "t")]
    assert run([*asked, "--zero", "2024-03-01T09:00:00+01:00"]) == 4
    assert "--zero" in capsys.readouterr().err
    assert not (tmp_path / "t").exists()
