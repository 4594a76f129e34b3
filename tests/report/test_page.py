"""The page itself: whole, self-contained, escaped, small for a large cohort, the same from any folder."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from tests.report import sample as made

from cytowatch import knowledge
from cytowatch.errors import ArgumentError, InputError
from cytowatch.report import Limits, ReportData, render_report, write_report
from cytowatch.report.data import Clock
from cytowatch.schema import HOUR_US

KNOWLEDGE = knowledge.load()
VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr", "base"}


class Page(HTMLParser):
    """Reads a page strictly: every tag closed in order, every id once."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")


@pytest.fixture(scope="module")
def html() -> str:
    return render_report(made.sample([made.mild(made.HOSTILE, 3, 18, 55)]), KNOWLEDGE)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_well_formed(page: Page) -> None:
    assert not page.faults
    assert not page.open
    assert len(page.ids) == len(set(page.ids))


def test_every_link_inside_the_page_arrives(page: Page) -> None:
    targets = {attrs["href"] for tag, attrs in page.tags if tag == "a"}
    assert {str(target)[1:] for target in targets} <= set(page.ids)


def test_nothing_is_loaded_from_elsewhere(html: str, page: Page) -> None:
    loads = [attrs.get(key) for _, attrs in page.tags for key in ("src", "href", "data", "xlink:href", "srcset")]
    assert all(value is None or value.startswith(("#", "data:")) for value in loads)
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)
    assert "default-src 'none'" in html


def test_every_figure_has_a_text_alternative_and_numbers(page: Page, html: str) -> None:
    images = [attrs for tag, attrs in page.tags if tag == "svg" and "aria-hidden" not in attrs]
    assert len(images) > 8
    for image in images:
        assert image["role"] == "img"
        title = re.search(rf'<title id="{image["aria-labelledby"]}">([^<]+)</title>', html)
        assert title
        assert len(title[1]) > 20


def test_tables_name_themselves_and_their_cells(page: Page, html: str) -> None:
    assert html.count("<table") == html.count("<caption")
    assert all(attrs.get("scope") in {"row", "col"} for tag, attrs in page.tags if tag == "th")


def test_headings_skip_no_level(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_hostile_ids_stay_text(html: str, page: Page) -> None:
    assert made.HOSTILE not in html
    assert "&lt;script&gt;alert(" in html
    scripts = [attrs.get("type") for tag, attrs in page.tags if tag == "script"]
    assert scripts.count(None) == 1
    assert set(scripts) == {None, "application/json"}


def test_said_once_that_it_is_no_device(html: str) -> None:
    assert html.count("Not a medical device.") == 1


def test_unknown_is_shown_as_a_range_and_no_trigger_as_no_grade(html: str) -> None:
    assert re.search(r'class="chip range" title="at least 2, at most 3"', html)
    assert html.count("not graded") > 2
    assert "No trigger is recorded" in html


def test_changes_say_why_and_from_which_rows(html: str) -> None:
    assert "Temperature of 38.0 °C or more" in html
    assert "ICE score: grade 3" in html
    assert "Tocilizumab 560 mg" in html
    assert "P-001.csv:" in html


def test_one_patient_alone() -> None:
    html = render_report(made.sample(), KNOWLEDGE, patient="P-002")
    assert "P-001" not in html
    assert "Course of patient P-002" in html
    assert not Page(html).faults


def test_a_patient_who_is_not_there() -> None:
    with pytest.raises(ArgumentError, match="no graded patient 'P-999'"):
        render_report(made.sample(), KNOWLEDGE, patient="P-999")


def test_a_large_cohort_stays_small() -> None:
    crowd = [made.mild(f"M-{number:04d}", number % 40, 10 + number % 30, 60) for number in range(700)]
    html = render_report(made.made_of([made.severe(), *crowd]), KNOWLEDGE)
    assert len(html.encode()) < 3_000_000
    assert "cytowatch report DIR --patient ID" in html
    assert "the 60 most severe of 701 patients" in html
    assert "Temperature of 38.0 °C or more</li>" not in html


def test_limits_are_parameters() -> None:
    html = render_report(made.sample(), KNOWLEDGE, limits=Limits(patient_sections=2, table_patients=3, swimmer_lanes=4))
    assert "the first 3 of 6" in html
    assert "the 4 most severe of 6" in html
    assert '<details class="patient"' not in html


def test_an_empty_run() -> None:
    data = made.sample()
    none = data.timeline.clear()
    html = render_report(ReportData(timeline=none), KNOWLEDGE)
    assert not Page(html).faults


def test_without_observations() -> None:
    data = made.sample()
    html = render_report(ReportData(timeline=data.timeline, episodes=data.episodes), KNOWLEDGE)
    assert "completeness cannot be shown" in html
    assert "P-001.csv:" in html


def test_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_report(made.sample(), KNOWLEDGE, tmp_path / "deep" / "report.html", patient="P-003")
    before = path.read_text(encoding="utf-8")

    def full(*_: object, **__: object) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no space"):
        write_report(made.sample(), KNOWLEDGE, path, patient="P-004")
    assert path.read_text(encoding="utf-8") == before
    assert [item.name for item in path.parent.iterdir()] == ["report.html"]


def saved(folder: Path, data: ReportData, clock: Clock, form: str) -> None:
    """The folder as the command leaves it."""
    times = {"start", "end", "onset", "last_sign", "resolved", "time_of_max", "exposure_time"}
    for name in ("timeline", "episodes", "rejects", "concordance"):
        frame: pl.DataFrame = getattr(data, name)
        for column in times & set(frame.columns):
            shown = (
                pl.col(column) / HOUR_US
                if clock == "hours"
                else pl.from_epoch(column, "us").dt.replace_time_zone("UTC")
            )
            frame = frame.with_columns(shown.alias(column))
        if form == "parquet":
            frame.write_parquet(folder / f"{name}.parquet")
            continue
        stamps = [c for c, t in frame.schema.items() if t.is_temporal()]
        lists = [c for c, t in frame.schema.items() if isinstance(t, pl.List)]
        frame.with_columns(
            *(pl.col(c).dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ") for c in stamps),
            *(pl.col(c).list.join("|") for c in lists),
        ).write_csv(folder / f"{name}.csv")
    for name in ("observations", "patients", "ledger"):
        getattr(data, name).write_parquet(folder / f"{name}.parquet")
    (folder / "run.json").write_text(json.dumps(dict(data.run)), encoding="utf-8")


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("clock", ["time", "hours"])
def test_a_folder_gives_the_same_report(tmp_path: Path, clock: Clock, form: str) -> None:
    data = made.sample()
    saved(tmp_path, data, clock, form)
    read = ReportData.from_folder(tmp_path)
    assert read.clock == clock
    for name in ("timeline", "episodes", "observations", "rejects", "concordance"):
        before, after = getattr(data, name), getattr(read, name)
        assert after.schema == before.schema
        assert after.select(before.columns).equals(before), name
    html = render_report(read, KNOWLEDGE, patient="P-001")
    assert ("Hours (as in the file)" in html) is (clock == "hours")
    assert ("2024-03-02 14:00" in html) is (clock == "time")


def test_a_folder_without_a_timeline(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no graded result"):
        ReportData.from_folder(tmp_path)


def test_a_broken_table(tmp_path: Path) -> None:
    (tmp_path / "timeline.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(InputError, match="cannot be read"):
        ReportData.from_folder(tmp_path)
