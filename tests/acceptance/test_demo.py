"""The demo: the main job on the real data that ships, its summary, its tables and its three reports."""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import cytowatch.demo
from cytowatch import cli

PARTS = ("cases", "nulisa", "clif")


@dataclass(frozen=True)
class Demo:
    """What the demo printed and where its results lie."""

    code: int
    out: str
    err: str
    folder: Path

    def table(self, part: str, name: str) -> pl.DataFrame:
        return pl.read_csv(self.folder / part / f"{name}.csv", infer_schema=False)

    def run(self, part: str) -> dict[str, Any]:
        return dict(json.loads((self.folder / part / "run.json").read_text(encoding="utf-8")))


def it_ends_well_and_names_its_reports(demo: Demo) -> None:
    assert demo.code == 0
    assert demo.err == ""
    for part in PARTS:
        assert (demo.folder / part / "report.html").stat().st_size > 50_000
        assert str(demo.folder / part / "report.html") in demo.out
    assert "Not a medical device" in demo.out


def every_row_is_accounted_for_and_printed(demo: Demo, part: str) -> None:
    for entry in demo.run(part)["inputs"]:
        assert entry["used"] + entry["superseded"] + entry["ignored"] + entry["rejected"] == entry["read"], entry
        assert f"{entry['read']:,}" in demo.out
    rejected = sum(entry["rejected"] for entry in demo.run(part)["inputs"])
    assert demo.table(part, "rejects").height == rejected
    ledger = demo.table(part, "ledger")
    assert ledger["rows"].cast(pl.Int64).sum() == sum(entry["read"] for entry in demo.run(part)["inputs"])


def the_six_cases(demo: Demo) -> None:
    timeline = demo.table("cases", "timeline").filter(pl.col("scale") == "crs.astct-2019")
    worst = dict(timeline.group_by("patient").agg(pl.col("at_least").cast(pl.Int8).max()).iter_rows())
    assert len(worst) == 6
    assert worst["PMC9294929"] == 4
    assert worst["PMC5380244"] is None


def reported_grades_without_signs_are_never_called_agreement(demo: Demo) -> None:
    assert demo.run("nulisa")["patients"] == 40
    concordance = demo.table("nulisa", "concordance")
    assert concordance.height > 500
    assert "agree" not in concordance["verdict"].to_list()
    assert "not_comparable" in concordance["verdict"].to_list()


def intensive_care_without_a_trigger_is_never_graded(demo: Demo) -> None:
    timeline = demo.table("clif", "timeline")
    assert timeline.height > 100
    assert timeline["grade"].null_count() == timeline.height
    assert timeline["at_least"].null_count() == timeline.height
    assert timeline["flags"].str.contains("no_trigger").all()
    assert demo.table("clif", "episodes").is_empty()
    findings = set("|".join(timeline["criteria"].drop_nulls()).split("|"))
    assert {"fever", "hypotension", "vasopressor", "positive_pressure"} <= findings
    assert "no trigger: no grade" in demo.out


def the_dirt_of_intensive_care_is_named(demo: Demo) -> None:
    rejects = demo.table("clif", "rejects")
    pairs = set(rejects.select("concept", "rule").iter_rows())
    assert ("mean_arterial_pressure", "out_of_range") in pairs
    assert ("norepinephrine", "out_of_range") in pairs
    assert rejects["reason"].null_count() == 0
    assert rejects["hint"].null_count() == 0


def the_reports_need_no_network(demo: Demo, part: str) -> None:
    text = (demo.folder / part / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']https?:""", text)
    assert text.lstrip().lower().startswith("<!doctype html>")


OF_THE_WHOLE = (
    it_ends_well_and_names_its_reports,
    the_six_cases,
    reported_grades_without_signs_are_never_called_agreement,
    intensive_care_without_a_trigger_is_never_graded,
    the_dirt_of_intensive_care_is_named,
)
OF_EACH_PART = (
    every_row_is_accounted_for_and_printed,
    the_reports_need_no_network,
)


def test_the_demo(tmp_path: Path, subtests: pytest.Subtests) -> None:
    # one run for all that is asked of it: it is by far the longest of these tests
    folder = tmp_path / "results"
    said, complained = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(complained):
        code = cli.run(["demo", "--out", str(folder)])
    demo = Demo(code, said.getvalue(), complained.getvalue(), folder)
    for check in OF_THE_WHOLE:
        with subtests.test(check.__name__):
            check(demo)
    for check_part in OF_EACH_PART:
        for part in PARTS:
            with subtests.test(check_part.__name__, part=part):
                check_part(demo, part)


def test_quiet_says_only_where_the_reports_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # one part and no report will do: what they hold is checked above, here only what is printed
    monkeypatch.setattr(cytowatch.demo, "write_report", lambda _data, _tables, path: path)
    monkeypatch.setattr(cytowatch.demo, "_PARTS", {"cases": "Six published cases"})
    assert cli.run(["demo", "--out", str(tmp_path / "results"), "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [line for line in out.splitlines() if line.strip()]
    assert [line.strip() for line in lines[1:-1]] == [str(tmp_path / "results" / "cases" / "report.html")]
