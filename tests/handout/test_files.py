"""The four files: HTML that is one file, PDF that is tagged and carries its fonts, and a wallet card of one page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cytowatch as cw
from cytowatch.cli import run
from cytowatch.errors import ArgumentError
from cytowatch.handout import pdf
from cytowatch.handout.page import dial
from cytowatch.knowledge import load

TABLES = load()
PHONE = "+1 555 0100"
# long names, the most lines on the card
LONGEST = {
    "product": "obecabtagene_autoleucel",
    "center": "W" * 40 + " " + "M" * 39,
    "phone": "+1 (555) 010-0100 ext 123456",
}


def pages(made: bytes) -> int:
    """How many pages a PDF has."""
    return len(re.findall(rb"/Type/Page\b", made))


@pytest.mark.parametrize("paper", ["letter", "a4"])
@pytest.mark.parametrize("language", ["en", "es"])
def test_the_wallet_card_is_one_page(language: str, paper: str) -> None:
    assert pages(cw.handout(**LONGEST, language=language, paper=paper, knowledge=TABLES).card_pdf()) == 1


def test_pdf_is_tagged_and_carries_its_fonts_and_is_the_same_twice() -> None:
    sheet = cw.handout("Kymriah", phone=PHONE, language="es", knowledge=TABLES)
    for made in (sheet.pdf(), sheet.card_pdf()):
        assert b"/StructTreeRoot" in made
        assert b"pdfuaid:part" in made
        assert b"/Lang" in made
        assert re.search(rb"/FontFile[23]", made)
    assert sheet.pdf() == sheet.pdf()
    assert 5 <= pages(sheet.pdf()) <= 9


def test_without_the_extra_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pdf, "find_spec", lambda _name: None)
    sheet = cw.handout("Kymriah", phone=PHONE, knowledge=TABLES)
    with pytest.raises(ArgumentError, match=r"pip install 'cytowatch\[pdf\]'"):
        sheet.write(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert [path.name for path in sheet.write(tmp_path / "out", "html")] == ["handout.html", "wallet-card.html"]


def test_html_loads_nothing_and_takes_no_text_for_markup() -> None:
    sheet = cw.handout("Kymriah", phone=PHONE, center="<b>A & B</b>", knowledge=TABLES)
    for page in (sheet.html(), sheet.card_html()):
        assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in page
        assert not re.search(r"""(?:src|href)=["'](?!tel:|data:|#)""", page)
        assert "<script" not in page


def test_typst_takes_no_text_for_markup() -> None:
    assert cw.handout("Kymriah", phone=PHONE, center='#panic("x") $ \\ ] *a', knowledge=TABLES).card_pdf()


def test_the_link_dials_the_number_without_its_extension() -> None:
    numbers = ("+1 (555) 010-0100", "555 0100 ext 12", "555 0100 x12", "555 0100 # 3")
    assert [dial(number) for number in numbers] == ["+15550100100", "5550100", "5550100", "5550100"]


def test_a_blank_number_leaves_a_line_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "ward")
    assert run(["handout", "--product", "Tecvayli", "--phone", "", "--format", "html", "--out", out]) == 0
    assert "write it on each sheet" in capsys.readouterr().out
    assert "Write the number here" in (tmp_path / "ward/handout.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--product", "Tecvayli"], "--phone"),
        (["--product", "Tecvaily", "--phone", PHONE], "Did you mean teclistamab"),
        (["--product", "Tecvayli", "--phone", PHONE, "--language", "xx"], "Español"),
        (["--product", "Tecvayli", "--phone", PHONE, "--format", "docx"], "docx"),
        (["--product", "Tecvayli", "--phone", PHONE, "--date", "soon"], "2026-11-29"),
        (["--phone", PHONE], "product"),
    ],
)
def test_the_command_refuses_and_writes_nothing(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["handout", *arguments, "--out", str(tmp_path / "out")]) == 4
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    arguments = ["handout", "--product", "Tecvayli", "--phone", PHONE, "--out", str(tmp_path / "file" / "out")]
    assert run(arguments) == 4
    assert "Nothing can be written there" in capsys.readouterr().err
