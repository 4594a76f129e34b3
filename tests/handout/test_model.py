"""What a handout says: for whom, on which day, in which language, and never an amount of a drug."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

import cytowatch as cw
from cytowatch.errors import ArgumentError, KnowledgeError
from cytowatch.handout.model import Handout
from cytowatch.knowledge import load, show
from cytowatch.knowledge.lint.education import AMOUNT

TABLES = load()
PHONE = "+1 555 0100"
LANGUAGES = list(TABLES.education.languages)


def content(product: str, language: str = "en", day: str | None = None) -> Handout:
    """A handout in words."""
    return cw.handout(product, phone=PHONE, language=language, date=day, knowledge=TABLES).content


def ids(made: Handout, section: str) -> list[str]:
    """The blocks of a section."""
    return [line.id for line in made.section(section).lines]


@pytest.mark.parametrize(
    ("product", "day", "section", "told", "not_told"),
    [
        ("Kymriah", None, "driving", "drive_2025", "drive_before"),
        ("Kymriah", "2025-06-26", "driving", "drive_2025", "drive_before"),
        ("Kymriah", "2025-06-25", "driving", "drive_before", "drive_2025"),
        ("Kymriah", "2025-06-25", "home", "near_before", "near_2025"),
        ("Carvykti", "2026-11-29", "partner", "partner_2025", "partner_before"),
        # no rule on driving was read for these two
        ("Aucatzyl", None, "driving", "drive_ask", "drive_2025"),
        ("Tecelra", None, "home", "site_tecelra", "near_2025"),
        ("Tecvayli", None, "home", "stay_teclistamab", "stay_talquetamab"),
        ("Tecvayli", None, "driving", "drive_steps", "drive_2025"),
        ("Imdelltra", None, "partner", "partner_tarlatamab", "partner_ask"),
        ("Blincyto", None, "temperature", "fever_often_other", "fever_often_engager"),
        ("Kimmtrak", None, "calendar", "cal_tebentafusp_first", "cal_week_1"),
        ("rituximab", None, "when", "onset_antibody", "onset_checkpoint"),
        ("nivolumab", None, "when", "onset_checkpoint", "onset_antibody"),
        ("flu", None, "what", "trigger_infection", "what_icans"),
        # the study of 475 adults with lymphoma is told of two products only
        ("Yescarta", None, "when", "risk_car_t", "late_movement"),
        ("Breyanzi", None, "questions", "q_long_car_t", "q_long_cells"),
        ("Kymriah", None, "when", "onset_tisagenlecleucel", "risk_car_t"),
        ("Tecelra", None, "questions", "q_long_cells", "q_long_car_t"),
        # late trouble with movement belongs to cells against BCMA
        ("Abecma", None, "when", "late_movement", "risk_car_t"),
        ("Carvykti", None, "partner", "partner_late_movement", "partner_child"),
        ("Aucatzyl", None, "when", "second_infusion_count", "risk_car_t"),
        ("Aucatzyl", None, "calendar", "cal_first_weeks_ask", "cal_week_1"),
        ("Kymriah", None, "temperature", "fever_child", "fever_at_home"),
        ("Kymriah", None, "partner", "partner_child", "partner_late_movement"),
    ],
)
def test_a_product_and_a_day_choose_the_rules(
    product: str, day: str | None, section: str, told: str, not_told: str
) -> None:
    found = ids(content(product, day=day), section)
    assert told in found
    assert not_told not in found


def test_driving_is_two_weeks_now_and_was_eight_before_and_the_old_number_is_marked() -> None:
    now = content("Yescarta").section("driving").lines[0]
    before = content("Yescarta", day="2025-01-01").section("driving").lines[0]
    assert ("2 weeks" in now.text, now.marked) == (True, False)
    assert ("8 weeks" in before.text, before.marked) == (True, True)


def test_red_flags_say_the_numbers_as_they_were_read() -> None:
    for language in LANGUAGES:
        text = {line.id: line.text for line in content("Tecvayli", language).section("red_flags").lines}
        assert "38\N{NO-BREAK SPACE}°C (100.4\N{NO-BREAK SPACE}°F)" in text["red_fever"]
        assert re.search(r"90\D.*10", text["red_pressure"])
        assert "90\N{NO-BREAK SPACE}%" in text["red_oxygen"]
        # fainting has no number
        assert not re.search(r"\d", text["red_faint"])


@pytest.mark.parametrize(("language", "room"), [("en", "go to the emergency room"), ("es", "vaya a urgencias")])
def test_the_emergency_box_sends_to_the_emergency_room_and_names_breath_and_fainting(language: str, room: str) -> None:
    made = content("rituximab", language)
    assert room in made.words["emergency_title"]
    assert {"emergency_breath", "emergency_faint"} <= {line.id for line in made.of_kind("emergency")}


def test_steroids_at_home_are_told_together_with_steroids_in_care() -> None:
    told = {line.id: line.text for line in content("Abecma").section("drugs").lines}["drugs_steroids"]
    assert "Call first" in told
    assert "Your team may give you steroids for CRS" in told


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("product", list(TABLES.products))
def test_every_product_has_its_whole_handout_and_no_amount_of_a_drug(product: str, language: str) -> None:
    made = cw.handout(product, phone=PHONE, language=language, knowledge=TABLES)
    page, card = made.html(), made.card_html()
    assert PHONE in page
    assert PHONE in card
    texts = [line.text + line.title for section in made.content.sections for line in section.lines]
    texts += [line.text for line in (*made.content.card_staff, *made.content.card_english)]
    texts += [text for part in made.content.body for text in part.lines]
    assert [text for text in texts if AMOUNT.search(text)] == []
    assert [text for text in texts if "{" in text] == []
    assert made.content.product in page
    assert len(made.content.of_kind("call")) == 13


@pytest.mark.parametrize(
    ("text", "is_amount"),
    [
        ("Take 650 mg.", True), ("1 g of it", True), ("8 mg/kg", True), ("30mL/kg", True), ("2 tablets", True),
        ("una pastilla", True), ("10 mcg", True), ("0.5 µg", True), ("1,5 ml", True), ("5 units", True),
        ("48 hours", False), ("38 °C (100.4 °F)", False), ("90 %", False), ("7 days", False), ("dose 1, dose 2", False),
        ("352 people", False), ("3 grupos", False),
    ],
)  # fmt: skip
def test_what_counts_as_an_amount_of_a_drug(text: str, is_amount: bool) -> None:
    assert bool(AMOUNT.search(text)) == is_amount


def test_a_card_in_another_language_has_its_staff_text_in_english_too() -> None:
    spanish, english = content("Kymriah", "es"), content("Kymriah", "en")
    assert [line.text for line in spanish.card_english] == [line.text for line in english.card_staff]
    assert english.card_english == ()


def test_what_was_not_read_is_marked_and_only_that() -> None:
    recalled = {part.id for part in TABLES.education.blocks.values() if part.cited.evidence == "recalled"}
    for product in ("Kymriah", "Tecvayli", "rituximab"):
        made = content(product)
        lines = [line for section in made.sections for line in section.lines]
        assert {line.id for line in lines if line.marked} == {line.id for line in lines} & recalled


def test_the_sheet_says_of_which_edition_and_day_it_is() -> None:
    assert TABLES.version in content("Kymriah").as_of
    assert "2025-01-01" in content("Kymriah", day="2025-01-01").as_of
    assert content("Kymriah").day == TABLES.education.newest_change() == date(2025, 6, 26)


# ---------------------------------------------------------------- what cannot be asked for


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"product": "Tecvaily"}, "teclistamab (Tecvayli"),
        ({"product": "zzzz"}, "knowledge list product"),
        ({"language": "xx"}, "en (English), es (Español)"),
        ({"phone": None}, "must say whom to call"),
        ({"phone": "call us"}, "no telephone number"),
        ({"phone": "+1 555 <b>"}, "no telephone number"),
        ({"phone": "12"}, "no telephone number"),
        ({"date": "29.11.2026"}, "2026-11-29"),
        ({"center": "x" * 81}, "at most 80"),
        ({"center": "a\x07b"}, "printable"),
        ({"paper": "a3"}, "letter or a4"),
    ],
)
def test_what_cannot_be_used_is_told(wrong: dict[str, str | None], said: str) -> None:
    asked = {"product": "Kymriah", "phone": PHONE, "knowledge": TABLES} | wrong
    with pytest.raises(ArgumentError) as error:
        cw.handout(**asked)
    assert said in str(error.value)


@pytest.mark.parametrize("phone", ["+1 (555) 010-0100", "555 0100 ext 12", "(555) 010.0100", "112", "0800/123-456"])
def test_numbers_as_hospitals_print_them(phone: str) -> None:
    assert cw.handout("Kymriah", phone=phone, knowledge=TABLES).content.phone == phone


@pytest.mark.parametrize("name", ["teclistamab", "Tecvayli", "TECVAYLI", "tecvayli "])
def test_a_product_by_any_of_its_names(name: str) -> None:
    assert content(name.strip()).product == "teclistamab (Tecvayli)"


def site(folder: Path, name: str, text: str) -> str:
    """A folder of a site's tables."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder)


def test_a_center_lays_its_own_words_over_ours(tmp_path: Path) -> None:
    over = site(tmp_path, "education/en.toml", '[text]\nhome_phone = "Call us on line 3."\n')
    made = cw.handout("Kymriah", phone=PHONE, knowledge=over).content
    assert "Call us on line 3." in [line.text for line in made.section("home").lines]


def test_a_language_with_a_gap_is_refused(tmp_path: Path) -> None:
    begun = 'language = "fr"\nname = "Français"\n[words]\n[sections]\n[systems]\n[text]\nred_fever = "Fièvre."\n'
    over = site(tmp_path, "education/fr.toml", begun)
    with pytest.raises(KnowledgeError, match="no words for"):
        cw.handout("Kymriah", phone=PHONE, language="fr", knowledge=over)
    assert "Fièvre." in show(load(over), "education.fr")


def test_a_product_of_a_class_without_a_group_is_refused(tmp_path: Path) -> None:
    product = '[product.new]\nlabel = "New"\nclass = "car_nk"\nconcept = "car_t_infusion"\nbrands = ["Newcell"]\n'
    over = site(tmp_path, "products/site.toml", product)
    with pytest.raises(ArgumentError, match="`car_nk` is in no group"):
        cw.handout("Newcell", phone=PHONE, knowledge=over)
