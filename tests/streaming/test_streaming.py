"""Streaming: whatever the order and the files, the folder is the one of a run in memory, also after a crash."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.acceptance.ward import COLUMNS, Row, at, calm, engager, fact, shock, stray
from tests.streaming.big import MERGE, PART, RUN, run_of, same_folder, table

from cytowatch import cli
from cytowatch.adapters.bucket import BucketOptions
from cytowatch.adapters.parcels import PARCEL_ROWS
from cytowatch.errors import InputError
from cytowatch.knowledge import load
from cytowatch.report.folder import BEING_REPLACED, read_folder, read_parts
from cytowatch.streaming import find_large, inputs, plan, stream
from cytowatch.streaming.plan import rows_of_part

CRS = "crs.astct-2019"
Capture = pytest.CaptureFixture[str]


def cohort() -> list[Row]:
    """A ward of eight, with bad rows, a row of nobody, rows without a pointer, a doubtful therapy, reported grades."""
    rows: list[Row] = []
    for number in range(2):
        rows += calm(f"c{number}") + shock(f"s{number}") + engager(f"e{number}") + stray(f"x{number}")
    for row in rows[::5]:
        del row["source"]
    odd: list[Row] = [
        {"patient": "s0", "time": at(15), "concept": "bogus"},
        {"patient": "c1", "time": "yesterday", "concept": "body_temperature", "value": "37", "unit": "Cel"},
        {"patient": "", "time": at(15), "concept": "body_temperature", "value": "37", "unit": "Cel"},
        {"patient": "s1", "time": at(21), "concept": "norepinephrine", "value": "0.1", "unit": "stone"},
        fact("s0", 13, "reported_grade", value="2", text=CRS),
        fact("s1", 37, "reported_grade", value="1", text=CRS),
        fact("c0", 13, "reported_grade", value="0", text="icans.astct-2019"),
    ]
    # the same fact twice
    return [*rows, *odd, dict(rows[1]), dict(rows[40])]


def frame(rows: list[Row]) -> pl.DataFrame:
    cells = [{name: row.get(name) or None for name in COLUMNS} for row in rows]
    return pl.DataFrame(cells, schema=dict.fromkeys(COLUMNS, pl.String))


def shuffled(rows: pl.DataFrame, seed: int = 1) -> pl.DataFrame:
    return rows.sample(fraction=1.0, shuffle=True, seed=seed)


def lay(folder: Path, files: dict[str, pl.DataFrame]) -> Path:
    for name, rows in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        rows.write_parquet(folder / name)
    return folder


def people(folder: Path) -> Path:
    """More patients than the ward has, one twice, one without a name, a broken line, and a wrong age."""
    lines = ["patient,age_years,birth_date", "s1,55,", "c0,61,", "never,40,", "e0,70,", "c0,,1960-02-02", ",30,"]
    lines += ["x1,very old,", "half a line", "e1,66,2044-01-01", "s0,12,"]
    path = folder / "ages.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def grade(source: Path, out: Path, *options: object) -> int:
    return cli.run([str(word) for word in ("grade", source, "--out", out, "--quiet", *options)])


def in_memory(source: Path, out: Path, *options: object) -> Path:
    """The same command, its limits as they are: so few rows are held in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "LARGE_ROWS", 10**9)
        assert grade(source, out, *options) == 0
    return out


def left(place: Path) -> list[Path]:
    """Work folders that are left over."""
    return [path for path in place.rglob(".work*") if path.exists()]


# ---------------------------------------------------------------- one answer, however the rows lie


def sorted_files() -> dict[str, pl.DataFrame]:
    rows = frame(cohort()).sort("patient", maintain_order=True, nulls_last=True)
    return {"a.parquet": rows[:140], "b.parquet": rows[140:]}


def numbered_files() -> dict[str, pl.DataFrame]:
    """Together, but not in the order in which ids are sorted as text; a row of nobody in the middle of a patient."""
    rows = frame(cohort())
    names = rows["patient"].drop_nulls().unique(maintain_order=True).to_list()
    numbers = {name: 9 + place for place, name in enumerate(names)}
    nobody = rows.filter(pl.col("patient").is_null())
    known = rows.filter(pl.col("patient").is_not_null())
    placed = known.with_columns(pl.col("patient").replace_strict(numbers, return_dtype=pl.Int64)).sort(
        "patient", maintain_order=True
    )
    nameless = nobody.with_columns(pl.lit(None, pl.Int64).alias("patient"))
    return {"a.parquet": pl.concat([placed[:33], nameless, placed[33:]])}


def shuffled_files() -> dict[str, pl.DataFrame]:
    rows = shuffled(frame(cohort()))
    return {"a.parquet": rows[:90], "b.parquet": rows[90:]}


def hive_files() -> dict[str, pl.DataFrame]:
    """Partitioned by concept, which only the folders name; a partition without rows; other names of columns."""
    rows = shuffled(frame(cohort()), 2).rename({"patient": " Patient", "time": "TIME"})
    parts = {
        f"concept={name}/part-0.parquet": part.drop("concept")
        for (name,), part in rows.group_by("concept", maintain_order=True)
    }
    return {**parts, "concept=weight/part-0.parquet": rows.clear().drop("concept")}


def files_of_two_kinds() -> dict[str, pl.DataFrame]:
    """Numbers and moments typed in one file, text in the other, and a column that is not read."""
    rows = shuffled(frame(cohort()), 3)
    plain = rows[:100].filter(pl.col("time") != "yesterday")
    typed = plain.with_columns(
        pl.col("value").cast(pl.Float64), pl.col("time").str.to_datetime(time_zone="UTC"), pl.lit(1).alias("ward")
    )
    return {"day=1/x.parquet": typed, "day=2/x.parquet": rows[100:], "day=3/x.parquet": rows.clear()}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "files",
    [sorted_files, numbered_files, shuffled_files, hive_files, files_of_two_kinds],
    ids=lambda make: make.__name__,
)
def test_the_folder_is_the_one_of_a_run_in_memory(files: Callable[[], dict[str, pl.DataFrame]], tmp_path: Path) -> None:
    source = lay(tmp_path / "in", files())
    ages = people(tmp_path)
    whole = in_memory(source, tmp_path / "whole", "--patients", ages)
    assert grade(source, tmp_path / "graded", "--patients", ages) == 0
    same_folder(tmp_path / "graded", whole)
    # it was not one part, and the rejects name lines of files
    assert len(list((tmp_path / "graded" / "observations.parquet").iterdir())) > 1
    assert table(tmp_path / "graded", "rejects").height >= 6
    assert left(tmp_path) == []


@pytest.mark.long
@pytest.mark.usefixtures("small")
def test_every_option_is_heard(tmp_path: Path) -> None:
    rows = frame([row for row in cohort() if row.get("concept") not in ("car_t_infusion", "t_cell_engager_dose")])
    source = lay(tmp_path / "in", {"a.parquet": shuffled(rows)})
    options = ("--scale", "crs.astct-2019", "crs.lee-2014", "icans.astct-2019", "--look-alikes")
    options += ("--as-of", at(40), "--assume-trigger", "tecartus", "--not-recorded", "oxygen", "--format", "csv")
    whole = in_memory(source, tmp_path / "whole", *options)
    assert grade(source, tmp_path / "graded", *options) == 0
    same_folder(tmp_path / "graded", whole)
    assert table(whole, "findings").height
    assert table(whole, "discordance").height


@pytest.mark.usefixtures("small")
def test_hours_and_numbered_patients(tmp_path: Path) -> None:
    rows = frame(cohort()).filter(pl.col("time") != "yesterday", pl.col("patient").is_not_null())
    start = pl.col("time").str.to_datetime(time_zone="UTC")
    names = {name: 10.0 + place for place, name in enumerate(rows["patient"].unique().sort().to_list())}
    hours = rows.select(
        pl.col("patient").replace_strict(names, return_dtype=pl.Float64),
        ((start - start.min()).dt.total_seconds() / 3600).alias("hours"),
        *("concept", "value", "unit", "text", "status", "source"),
    )
    source = lay(tmp_path / "in", {"a.parquet": shuffled(hours)})
    whole = in_memory(source, tmp_path / "whole")
    assert grade(source, tmp_path / "graded", "--as-of", 90) == 0
    assert grade(source, tmp_path / "graded") == 0
    same_folder(tmp_path / "graded", whole)
    assert table(whole, "timeline").schema["start"] == pl.Float64
    assert table(whole, "timeline")["patient"].unique().sort().to_list()[0] == "10"


@pytest.mark.usefixtures("small")
def test_numbers_of_a_user_and_numbers_beyond_the_integers(tmp_path: Path) -> None:
    """A column `_row` or `_line` in a file is not read; ids beyond 9.2e18 are told apart as in memory."""
    rows = shuffled(frame(cohort())).filter(pl.col("patient").is_not_null())
    names = {name: (10 + place) * 1e18 for place, name in enumerate(rows["patient"].unique().sort().to_list())}
    odd = rows.with_columns(
        pl.col("patient").replace_strict(names, return_dtype=pl.Float64),
        pl.int_range(pl.len()).reverse().alias("_row"),
        pl.lit(7).alias("_line"),
    )
    source = lay(tmp_path / "in", {"a.parquet": odd})
    whole = in_memory(source, tmp_path / "whole")
    assert grade(source, tmp_path / "graded") == 0
    same_folder(tmp_path / "graded", whole)
    assert table(whole, "timeline")["patient"].n_unique() == len(names)
    assert table(whole, "ledger").filter(pl.col("reason").str.contains("of the file")).height == 2


@pytest.mark.usefixtures("small")
def test_limits_left_out_are_told_once_with_the_first_row(tmp_path: Path) -> None:
    rows = frame(cohort()).with_columns(
        pl.when(pl.col("concept") == "systolic_bp").then(pl.lit("140")).alias("range_low"),
        pl.when(pl.col("concept") == "systolic_bp").then(pl.lit("90")).alias("range_high"),
    )
    source = lay(tmp_path / "in", {"a.parquet": shuffled(rows)})
    whole = in_memory(source, tmp_path / "whole")
    assert grade(source, tmp_path / "graded") == 0
    same_folder(tmp_path / "graded", whole)
    assert table(whole, "ledger")["reason"].str.contains("first in").sum() == 1


@pytest.mark.usefixtures("small")
def test_a_patient_with_more_rows_than_a_part_holds(tmp_path: Path) -> None:
    many = [fact("s0", 24 + number / 60, "heart_rate", value="80", unit="/min") for number in range(2 * PART)]
    for name, rows in {"sorted": frame([*many, *cohort()]).sort("patient"), "mixed": frame([*cohort(), *many])}.items():
        source = lay(tmp_path / name, {"a.parquet": rows})
        whole = in_memory(source, tmp_path / f"whole-{name}")
        assert grade(source, tmp_path / f"graded-{name}") == 0
        same_folder(tmp_path / f"graded-{name}", whole)


@pytest.mark.usefixtures("small")
def test_files_of_other_formats_are_held_in_memory_and_it_is_told(tmp_path: Path, capfd: Capture) -> None:
    rows = frame(cohort())
    source = lay(tmp_path / "in", {"a.parquet": rows[:60]})
    rows[60:].write_csv(source / "b.csv")
    assert cli.run(["grade", str(source), "--out", str(tmp_path / "graded")]) == 0
    assert "Held in memory: 60 rows of Parquet beside files of other formats." in capfd.readouterr().err
    assert (tmp_path / "graded" / "observations.parquet").is_file()


# ---------------------------------------------------------------- what cannot be read, or written


@pytest.mark.usefixtures("small")
def test_a_truncated_partition_is_named_before_anything_is_graded(tmp_path: Path, capfd: Capture) -> None:
    source = lay(tmp_path / "in", {"day=1/a.parquet": frame(cohort()), "day=2/b.parquet": frame(cohort())})
    broken = source / "day=2" / "b.parquet"
    broken.write_bytes(broken.read_bytes()[:-100])
    assert grade(source, tmp_path / "graded") == 2
    told = capfd.readouterr().err
    assert "b.parquet" in told
    assert "cannot be read as Parquet" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


@pytest.mark.usefixtures("small")
def test_a_damaged_page_leaves_the_results_as_they_were(tmp_path: Path, capfd: Capture) -> None:
    source = lay(tmp_path / "in", {"a.parquet": shuffled(frame(cohort())), "b.parquet": shuffled(frame(cohort()))})
    assert grade(source / "a.parquet", tmp_path / "graded") == 0
    before = run_of(tmp_path / "graded")
    path = source / "b.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + bytes(len(whole) // 3) + whole[200 + len(whole) // 3 :])
    assert grade(source, tmp_path / "graded") == 2
    assert "b.parquet" in capfd.readouterr().err
    assert run_of(tmp_path / "graded") == before
    # and once it is mended, the same command brings the result
    path.write_bytes(whole)
    assert grade(source, tmp_path / "graded") == 0
    same_folder(tmp_path / "graded", in_memory(source, tmp_path / "whole"))


@pytest.mark.usefixtures("small")
def test_an_input_that_changes_on_the_way_is_no_result(tmp_path: Path) -> None:
    source = lay(tmp_path / "in", shuffled_files())
    large = find_large([source]).large
    assert large is not None

    def advance(what: str, done: float) -> None:
        if what == "grading" and done > 0.6:
            os.utime(source / "b.parquet", (1, 1))

    with pytest.raises(InputError, match="changed while it was graded"):
        stream(
            large,
            None,
            load(),
            BucketOptions("time"),
            tmp_path / "graded",
            "parquet",
            advance=advance,
            say=lambda _: None,
        )
    assert not (tmp_path / "graded").exists()


@pytest.mark.usefixtures("small")
def test_wrong_options_are_told_before_anything_is_read(tmp_path: Path, capfd: Capture) -> None:
    source = lay(tmp_path / "in", shuffled_files())
    for words in (("--scale", "no.such"), ("--as-of", "soon"), ("--assume-trigger", "water"), ("--zone", "Mars/Base")):
        assert grade(source, tmp_path / "graded", *words) == 4
        assert words[0].lstrip("-").split("-")[0] in capfd.readouterr().err.lower()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


@pytest.mark.usefixtures("small")
def test_a_place_that_cannot_be_written_to(tmp_path: Path, capfd: Capture) -> None:
    source = lay(tmp_path / "in", shuffled_files())
    assert grade(source, Path("/proc/1/nowhere/graded")) == 4
    told = capfd.readouterr().err
    assert "The results cannot be written there." in told
    assert "--out" in told


# ---------------------------------------------------------------- cut short, and gone on with

SCRIPT = f"""
import resource, signal, sys
from cytowatch import cli
from cytowatch.streaming import inputs, merge, plan
inputs.LARGE_ROWS, plan.LEAST_ROWS, plan.MOST_ROWS, plan.RUN_ROWS, merge.MERGE_ROWS = 0, {PART}, {PART}, {RUN}, {MERGE}
if sys.argv[1] != "-":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(cli.run(sys.argv[2:]))
"""


def start(source: Path, out: Path, *, room: int | None = None) -> subprocess.Popen[str]:
    """The command in a process of its own, with the same small limits; ``room``: the largest file it may write."""
    environment = {**os.environ, "PYTHONPATH": str(Path(inputs.__file__).parents[2])}
    words = ["-" if room is None else str(room), "grade", str(source), "--out", str(out)]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *words],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(child: subprocess.Popen[str]) -> tuple[int, str]:
    _, told = child.communicate(timeout=120)
    return child.returncode, told


def kill_when(child: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    """End the process by SIGKILL as soon as something is so."""
    until = time.monotonic() + 120
    while not ready() and child.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL


def kept(work: Path) -> dict[str, int]:
    """Finished parts, and when they were finished."""
    return {path.parent.name: path.stat().st_mtime_ns for path in work.glob("parts/[0-9]*/part.json")}


def killed(large: Path, place: Path, moments: list[int]) -> None:
    """Kill the run while it sorts, then each time when so many parts are done; at last let it finish."""
    work, out = place / ".work-graded", place / "graded"
    kill_when(start(large, out), lambda: any(work.glob("runs/run-000001.parquet")))
    assert not out.exists()
    before: dict[str, int] = {}
    for wanted in moments:
        kill_when(start(large, out), lambda wanted=wanted: len(kept(work)) >= wanted)  # type: ignore[misc]
        now = kept(work)
        assert before.items() <= now.items(), "a finished part was graded again"
        before = now
    code, told = finish(start(large, out))
    assert code == 0
    assert f"Going on with a run that was cut short: {len(before)} of" in told
    same_folder(out, in_memory(large, place / "whole"))
    assert left(place) == []


@pytest.mark.usefixtures("small")
def test_killed_while_sorting_and_while_grading_it_goes_on(large: Path, tmp_path: Path) -> None:
    killed(large, tmp_path, [1])


@pytest.mark.long
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments_again_and_again(seed: int, large: Path, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311 - moments, no secrets
    killed(large, tmp_path, sorted(chance.choices(range(4), k=4)))


@pytest.mark.long
@pytest.mark.usefixtures("small")
def test_killed_after_random_times(large: Path, tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    out = tmp_path / "graded"
    for _ in range(6):
        child = start(large, out)
        try:
            child.wait(timeout=chance.uniform(0.5, 6))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        child.communicate()
        # nobody ever sees half a result
        assert not out.exists() or (out / "run.json").exists()
    assert finish(start(large, out))[0] == 0
    same_folder(out, in_memory(large, tmp_path / "whole"))
    assert left(tmp_path) == []


def interrupt(source: Path, out: Path, patients: Path | None = None) -> None:
    """The same run in this process, ended as by Ctrl-C after the first parts are graded."""
    large = find_large([source]).large
    assert large is not None

    def advance(what: str, done: float) -> None:
        if what == "grading" and done > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream(large, patients, load(), BucketOptions("time"), out, "parquet", advance=advance, say=lambda _: None)


@pytest.fixture
def cut_short(large: Path, tmp_path: Path) -> Path:
    """The work folder of a run that was interrupted with some parts done."""
    interrupt(large, tmp_path / "graded")
    return tmp_path / ".work-graded"


@pytest.mark.usefixtures("small")
def test_what_changed_is_told_and_nothing_old_is_used(
    cut_short: Path, large: Path, tmp_path: Path, capfd: Capture
) -> None:
    saved = tmp_path / "saved"
    shutil.copytree(cut_short, saved)
    words = ["grade", str(large), "--out", str(tmp_path / "graded")]
    rows = pl.read_parquet(large / "b.parquet")
    for change, told in (
        (["--zone", "Europe/Berlin"], "the options changed"),
        (["--fresh"], ""),
        ([], "the inputs changed"),
    ):
        shutil.rmtree(tmp_path / "graded", ignore_errors=True)
        shutil.copytree(saved, cut_short, dirs_exist_ok=True)
        if told == "the inputs changed":
            rows.filter(pl.col("patient").str.starts_with("s0").not_()).write_parquet(large / "b.parquet")
        capfd.readouterr()
        assert cli.run([*words, *change]) == 0
        said = capfd.readouterr().err
        assert told in said
        assert "Going on" not in said
    same_folder(tmp_path / "graded", in_memory(large, tmp_path / "whole"))


@pytest.mark.usefixtures("small")
def test_a_part_that_lost_its_rows_is_graded_again(cut_short: Path, large: Path, tmp_path: Path) -> None:
    # as a sudden loss of power may leave it
    first = min(cut_short.glob("parts/[0-9]*"))
    (first / "timeline.parquet").write_bytes(b"")
    assert grade(large, tmp_path / "graded") == 0
    same_folder(tmp_path / "graded", in_memory(large, tmp_path / "whole"))


@pytest.mark.usefixtures("small")
def test_two_runs_into_one_folder(large: Path, tmp_path: Path, capfd: Capture) -> None:
    work = tmp_path / ".work-graded"
    child = start(large, tmp_path / "graded")
    until = time.monotonic() + 60
    while not (work / "plan.json").exists() and time.monotonic() < until:
        time.sleep(0.005)
    child.send_signal(signal.SIGSTOP)
    try:
        assert grade(large, tmp_path / "graded") == 4
        assert f"(process {child.pid})" in capfd.readouterr().err
    finally:
        child.send_signal(signal.SIGCONT)
    assert finish(child)[0] == 0


@pytest.mark.usefixtures("small")
def test_a_lock_that_its_owner_left_is_no_obstacle(large: Path, tmp_path: Path) -> None:
    work = tmp_path / ".work-graded"
    work.mkdir()
    with (work / "lock").open("w") as handle:
        handle.write(str(os.getpid()))
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert grade(large, tmp_path / "graded") == 0


@pytest.mark.long
@pytest.mark.usefixtures("small")
def test_no_room_is_told_and_the_run_goes_on_later(large: Path, tmp_path: Path) -> None:
    code, told = finish(start(large, tmp_path / "graded", room=4_000))
    assert code == 4, told
    assert "There is no room for the results." in told
    assert "run the same command again" in told
    assert "Traceback" not in told
    assert grade(large, tmp_path / "graded") == 0
    same_folder(tmp_path / "graded", in_memory(large, tmp_path / "whole"))


# ---------------------------------------------------------------- what a reader sees


@pytest.mark.usefixtures("small")
def test_results_that_are_there_stay_whole_until_they_are_replaced(large: Path, tmp_path: Path, capfd: Capture) -> None:
    out = tmp_path / "graded"
    source = lay(tmp_path / "one", sorted_files())
    assert grade(source, out, "--format", "csv") == 0
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    (out / "advice.csv").write_text("old", encoding="utf-8")
    before = run_of(out)
    interrupt(large, out)
    assert kept(out / ".work")
    assert run_of(out) == before
    assert cli.run(["drugs", str(out)]) == 0
    (out / BEING_REPLACED).touch()
    capfd.readouterr()
    assert cli.run(["report", str(out)]) == 2
    assert "just being replaced" in capfd.readouterr().err
    assert grade(large, out) == 0
    assert (out / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert not [path for path in out.iterdir() if path.suffix == ".csv" or path.name == ".work"]
    same_folder(out, in_memory(large, tmp_path / "whole"))


@pytest.mark.usefixtures("small")
def test_text_is_read_back_some_patients_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of the parts together is what is told at once, and the text is read once."""
    out = tmp_path / "graded"
    assert grade(lay(tmp_path / "in", shuffled_files()), out, "--format", "csv") == 0
    whole, read = read_folder(out), []
    scan = pl.scan_csv
    monkeypatch.setattr(pl, "scan_csv", lambda path, **options: read.append(path.name) or scan(path, **options))
    parts = list(read_parts(out))
    assert len(parts) > 1
    assert read == ["timeline.csv", "episodes.csv"]
    order = ["scale", "patient", "start"]
    for name, by in (("timeline", order), ("episodes", ["scale", "patient", "onset"]), ("patients", ["patient"])):
        assert_frame_equal(pl.concat([part[name] for part in parts]).sort(by), whole[name].sort(by))


def test_the_rule_for_the_size_of_a_part() -> None:
    gib = 2**30
    assert rows_of_part(64 * gib) == 750_000
    assert 430_000 < rows_of_part(4 * gib) < 460_000
    assert rows_of_part(gib // 8) == 50_000
    assert plan.memory() > gib // 8
    assert PARCEL_ROWS < inputs.LARGE_ROWS
