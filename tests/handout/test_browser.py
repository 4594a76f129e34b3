"""Handout and wallet card in a real browser: no request, no serious accessibility fault, nothing runs over."""

from __future__ import annotations

from pathlib import Path

import pytest

import cytowatch as cw
from cytowatch.knowledge import load

CHROMIUM = Path("/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
LONG = {"center": "Example Cancer Center of the Long Valley", "phone": "+1 (555) 010-0100 ext 12"}
# of each panel, by how many pixels its content is higher than its place
OVER = "Array.from(document.querySelectorAll('.panel'), (part) => part.scrollHeight - part.clientHeight)"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}: the page was not opened"),
]
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: the page was not opened")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")


def test_the_pages_in_a_browser(tmp_path: Path) -> None:
    heard: list[str] = []
    sheet = cw.handout("obecabtagene_autoleucel", language="es", knowledge=load(), **LONG)
    handout, card = sheet.write(tmp_path, "html")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        page = browser.new_page(viewport={"width": 400, "height": 900})
        page.on("console", lambda message: heard.append(message.text))
        page.on("request", lambda request: heard.append(request.url) if not request.url.startswith("file:") else None)
        for path in (handout, card):
            page.goto(path.as_uri())
            found = axe.Axe().run(page).response["violations"]
            serious = [item["id"] for item in found if item["impact"] in {"serious", "critical"}]
            assert (path.name, serious) == (path.name, [])
        assert page.evaluate(OVER) == [0, 0, 0, 0]
        page.goto(handout.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        browser.close()
    assert [line for line in heard if not line.startswith("data:")] == []
