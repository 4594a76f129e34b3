"""The page in a real browser: no error on the console, nothing serious that axe-core finds, sorting by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.report import sample as made

from cytowatch import knowledge
from cytowatch.report import write_report

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


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def page(browser: Any, report: Path, heard: list[str]) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.on("console", lambda message: heard.append(message.text) if message.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda error: heard.append(str(error)))
    opened.on(
        "request", lambda request: heard.append(request.url) if not request.url.startswith(("file:", "data:")) else None
    )
    opened.goto(report.as_uri())
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
    assert page.evaluate("document.scripts.length") == 1
    assert heard == []


def test_print_opens_every_section(page: Any) -> None:
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelectorAll('details.patient[open]').length") == 0
