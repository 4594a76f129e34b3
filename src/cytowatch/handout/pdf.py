"""A handout and its wallet card as PDF by Typst: tagged for screen readers (PDF/UA-1), fonts inside, no network."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, time
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from cytowatch.errors import ArgumentError
from cytowatch.handout.icons import icons
from cytowatch.handout.model import Handout
from cytowatch.handout.page import DETAILS, DIARY, MINE

Paper = Literal["letter", "a4"]
_TEMPLATES = Path(__file__).parent / "templates"
_FONT = "font_source_sans_pro"
_ACCENT, _RED = "#0b5273", "#a3121d"
_PAPERS = {"letter": "us-letter", "a4": "a4"}


def check_typst() -> None:
    """ArgumentError that says how to install what makes PDF, where it is not there."""
    missing = [name for name in ("typst", _FONT) if find_spec(name) is None]
    if missing:
        raise ArgumentError(
            f"A PDF cannot be made: {' and '.join(missing)} is not installed.",
            where="--format",
            hint="Install it with: pip install 'cytowatch[pdf]'. Or write HTML with --format html, and print that.",
        )


def handout_pdf(handout: Handout, paper: Paper = "letter") -> bytes:
    """The handout as a PDF file; ArgumentError where Typst is not installed."""
    return _compiled("handout.typ", handout, paper)


def card_pdf(handout: Handout, paper: Paper = "letter") -> bytes:
    """The wallet card as a PDF file of one page; ArgumentError where Typst is not installed."""
    return _compiled("card.typ", handout, paper)


def _compiled(template: str, handout: Handout, paper: Paper) -> bytes:
    check_typst()
    import typst

    fonts = find_spec(_FONT)
    folders = list(fonts.submodule_search_locations or ()) if fonts else []
    made = typst.compile(
        _TEMPLATES / template,
        root=_TEMPLATES,
        font_paths=[Path(folder) / "files" for folder in folders],
        # the same pages on every machine
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(_data(handout, paper))},
        pdf_standards=["a-2a", "ua-1"],
        # no clock: the day of the rules
        timestamp=datetime.combine(handout.day, time(), UTC),
        format="pdf",
    )
    if not isinstance(made, bytes):
        raise TypeError("Typst gave back no file.")
    return made


def _data(handout: Handout, paper: Paper) -> dict[str, object]:
    """What the templates read; texts stay texts, so that nothing in them is taken for markup."""
    drawn = {"accent": icons(_ACCENT), "red": icons(_RED)}
    fields = {"mine": MINE, "details": DETAILS, "diary": DIARY}
    colors = {"accent_color": _ACCENT, "red_color": _RED}
    return asdict(handout) | drawn | fields | colors | {"day": handout.day.isoformat(), "paper": _PAPERS[paper]}
