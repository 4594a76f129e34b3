"""The page in a real browser: no error on the console, nothing serious that axe-core finds, keyboard enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.report import many
from tests.report import sample as made

from cytowatch import knowledge
from cytowatch.report import write_report
from cytowatch.report.changes import concepts_behind, values_behind
from cytowatch.report.why import compare, tag_of
from cytowatch.schema import HOUR_US

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}: the page was not opened"),
]
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: the page was not opened")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield running
        running.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    return write_report(made.sample([made.mild(made.HOSTILE, 3, 18, 55)]), knowledge.load(), folder / "report.html")


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    return write_report(many.data(), many.KNOWLEDGE, folder / "report.html")


@pytest.fixture(scope="module")
def one_patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one")
    return write_report(many.data(), many.KNOWLEDGE, folder / "report.html", patient="M-1")


@pytest.fixture
def heard() -> list[str]:
    return []


def opened_page(browser: Any, report: Path, heard: list[str]) -> Any:
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.on("console", lambda message: heard.append(message.text) if message.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda error: heard.append(str(error)))
    opened.on(
        "request", lambda request: heard.append(request.url) if not request.url.startswith(("file:", "data:")) else None
    )
    opened.goto(report.as_uri())
    return opened


@pytest.fixture
def page(browser: Any, report: Path, heard: list[str]) -> Iterator[Any]:
    opened = opened_page(browser, report, heard)
    yield opened
    opened.close()


@pytest.fixture
def wide(browser: Any, side_by_side: Path, heard: list[str]) -> Iterator[Any]:
    opened = opened_page(browser, side_by_side, heard)
    yield opened
    opened.close()


@pytest.fixture
def alone(browser: Any, one_patient: Path, heard: list[str]) -> Iterator[Any]:
    opened = opened_page(browser, one_patient, heard)
    yield opened
    opened.close()


def serious(page: Any) -> list[str]:
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{item['id']} ({item['impact']}): {item['help']}: {item['nodes'][0]['html'][:200]}"
        for item in found
        if item["impact"] in {"serious", "critical"}
    ]


def test_nothing_on_the_console_and_no_request(page: Any, heard: list[str]) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true; })")
    assert heard == []


@pytest.mark.parametrize("width", [1280, 400])
def test_accessible_with_everything_open(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true; })")
    assert serious(page) == []


def test_the_page_itself_never_scrolls_sideways(page: Any) -> None:
    page.set_viewport_size({"width": 400, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_sorting_by_keyboard(page: Any) -> None:
    first = "document.querySelector('table.sortable tbody tr th').textContent"
    assert page.evaluate(first) == "P-001"
    page.locator("table.sortable thead button").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.evaluate(first) == "P-006"
    assert page.evaluate("document.querySelector('th[aria-sort]').getAttribute('aria-sort')") == "descending"


def test_an_unknown_sorts_last_either_way(page: Any) -> None:
    button = page.get_by_role("button", name="CRS onset")
    last = "Array.from(document.querySelectorAll('table.sortable tbody tr')).pop().textContent.includes('P-00')"
    for _ in range(2):
        button.click()
        text = page.evaluate(
            "Array.from(document.querySelectorAll('table.sortable tbody tr')).pop().cells[3].textContent"
        )
        assert text.strip() == "–"
    assert page.evaluate(last)


def test_a_link_opens_the_patient(page: Any) -> None:
    page.get_by_role("link", name="P-002").click()
    page.wait_for_selector("details.patient[open] >> text=P-002")


def test_the_hostile_id_did_nothing(page: Any, heard: list[str]) -> None:
    assert page.evaluate("document.querySelectorAll('script:not([type=\"application/json\"])').length") == 1
    assert heard == []


def test_print_opens_every_section(page: Any) -> None:
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelectorAll('details.patient[open]').length") == 0


# ---------------------------------------------------------------- scales side by side


@pytest.mark.parametrize("width", [1280, 400])
def test_many_scales_are_accessible_with_everything_open(wide: Any, heard: list[str], width: int) -> None:
    wide.set_viewport_size({"width": width, "height": 900})
    wide.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true; })")
    wide.wait_for_selector(".why-out h5")
    assert serious(wide) == []
    assert wide.evaluate("document.documentElement.scrollWidth") <= width
    assert heard == []


def test_comparing_starts_only_where_a_patient_is_opened(wide: Any) -> None:
    assert wide.evaluate("document.querySelectorAll('.why:not([hidden])').length") == 0
    wide.evaluate("document.querySelector('details.patient').open = true")
    wide.wait_for_selector(".why:not([hidden])")
    assert wide.evaluate("document.querySelectorAll('.why:not([hidden])').length") == 1


def shown(page: Any) -> tuple[str, list[list[str]]]:
    """The sentence, and of both sides every sign with what stands behind it."""
    return (
        page.evaluate("document.querySelector('.why-out > p').textContent"),
        page.evaluate(
            """Array.from(document.querySelectorAll('.why-sides > div')).map((side) => {
                const names = ['Made by', 'Also met'];
                const found = [];
                let title = '';
                side.querySelectorAll('dl > *').forEach((item) => {
                    if (item.tagName === 'DT') { title = item.textContent; return; }
                    if (!names.includes(title)) return;
                    const tag = item.querySelector('.tag');
                    found.push(item.firstChild.textContent + (tag ? '|' + tag.textContent : ''));
                });
                return found;
            })"""
        ),
    )


def ask(page: Any, hour: float, first: str, second: str) -> None:
    page.select_option(".why-a", first)
    page.select_option(".why-b", second)
    page.fill(".why-at", str(hour))


def told(side: Any, other: Any) -> list[str]:
    """What ``why.py`` says of one side, in the words of the page."""
    out = []
    for reason in side.reasons:
        kind = "points" if side.is_sum else "grade"
        label = reason.sign.label + (f" ({kind} {reason.sign.grade})" if reason.sign.grade is not None else "")
        tag = tag_of(reason, other.title)
        out.append(label + (f"|{tag}" if tag else ""))
    return out


def test_the_page_says_what_python_says(alone: Any, heard: list[str]) -> None:
    """The same comparison in the browser and in Python: every pair of these scales, at hours all over the course."""
    data = many.data().of_patient("M-1")
    rows, observations = data.timeline.sort("scale", "start").to_dicts(), data.observations.to_dicts()
    values = values_behind(rows, observations, many.KNOWLEDGE, "hours")
    concepts = concepts_behind(observations)
    scales = ["crs.astct-2019", "crs.lee-2014", "crs.penn-2018", "icans.astct-2019", "hlh.hscore", "news2", "lay.stage"]
    starts = data.timeline.filter(pl.col("scale").is_in(scales))["start"].unique().sort().to_list()
    hours = [round(moment / HOUR_US, 4) for moment in starts[::6]] + [1.5, 43.25, 500.0]
    for hour in hours:
        for first, second in zip(scales, [*scales[1:], scales[0]], strict=True):
            found = compare(rows, round(hour * HOUR_US), (first, second), many.KNOWLEDGE, values, concepts)
            ask(alone, hour, first, second)
            sentence, sides = shown(alone)
            assert sentence.partition(": ")[2] == found.sentence, (hour, first, second)
            between = [
                [] if side.row is None or (any(r.decides for r in side.reasons) or not side.row["at_least"]) else 1
                for side in (found.first, found.second)
            ]
            for place, (side, other) in enumerate(((found.first, found.second), (found.second, found.first))):
                assert sides[place][1 if between[place] else 0 :] == told(side, other), (hour, side.scale)
    assert heard == []


def test_comparing_by_keyboard(alone: Any) -> None:
    before = alone.input_value(".why-at")
    alone.focus(".why-on")
    alone.keyboard.press("Enter")
    after = alone.input_value(".why-at")
    assert float(after) > float(before)
    alone.focus(".why-back")
    alone.keyboard.press("Space")
    assert alone.input_value(".why-at") == before
    alone.focus(".why-range")
    alone.keyboard.press("ArrowRight")
    assert float(alone.input_value(".why-at")) != float(before)
    alone.focus(".why-a")
    alone.keyboard.press("ArrowDown")
    assert alone.evaluate("document.querySelector('.why-a').selectedIndex") > 0


def test_it_begins_where_two_scales_of_one_family_differ(alone: Any) -> None:
    sentence, _ = shown(alone)
    assert "They differ" in sentence
    for _ in range(3):
        alone.click(".why-next")
        assert "They differ" in shown(alone)[0] or "none later" in shown(alone)[0]


def test_a_click_into_the_strips_asks_for_that_hour(alone: Any) -> None:
    figure = alone.locator("svg.strips").first
    figure.scroll_into_view_if_needed()
    low, high, left, width = (float(figure.get_attribute(f"data-{name}")) for name in ("low", "high", "left", "width"))
    figure.click(position={"x": left + width / 2, "y": 60})
    assert float(alone.input_value(".why-at")) == pytest.approx((low + high) / 2, rel=0.01)
    line = alone.locator("svg.strips .cursor").first
    assert float(line.get_attribute("x1")) == pytest.approx(left + width / 2, abs=1.5)


def test_without_a_script_everything_but_the_comparison_is_there(browser: Any, one_patient: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(one_patient.as_uri())
    assert not opened.locator(".why").first.is_visible()
    assert opened.locator("table.worst").count() == 1
    context.close()
