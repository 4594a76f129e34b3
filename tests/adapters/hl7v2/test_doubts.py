"""What nobody can tell of a drug leaves a range, never a certain lower grade: through the door, and in the grade."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.lib.hl7 import given, message, msh, pid, read, rules, rxa, told
from tests.lib.hl7_grades import NOREPI, at, chart, grade, grades, ras

from cytowatch.adapters.vocabulary import Code

SALINE = rxa("99^saline^L", "1000", "mL")
KNOWN = rxa("161^acetaminophen^RXNORM", "500", "mg")


def test_the_base_patient_has_grade_1(tmp_path: Path) -> None:
    drip = ras(rxa(NOREPI, start=at(10), end=at(12)), hour=10)
    assert grades(chart(tmp_path, drip), [(9, 2), (11, 2), (13, 2)]) == [(1, 1), (3, 3), (1, 1)]


# ---------------------------------------------------------------- drugs that no table knows


@pytest.mark.parametrize("drug", ["8812^NOREPI 8MG/250ML D5W^L", "^LEVO GTT^L", "7^PRESSOR^NDC"])
def test_words_of_a_pressor_open_the_range(tmp_path: Path, drug: str) -> None:
    intake = chart(tmp_path, ras(rxa(drug, start=at(10)), hour=10))
    assert rules(intake) == ["unknown_code"]
    assert grades(intake, [(9, 2), (11, 2)]) == [(1, 1), (1, 3)]


def test_a_doubt_ends_where_the_unknown_infusion_ends(tmp_path: Path) -> None:
    intake = chart(tmp_path, ras(rxa("8812^NOREPI 8MG/250ML D5W^L", start=at(10), end=at(12)), hour=10))
    assert grades(intake, [(9, 2), (11, 2), (13, 2)]) == [(1, 1), (1, 3), (1, 1)]


def test_a_correction_that_nobody_can_read_either_leaves_the_doubt(tmp_path: Path) -> None:
    bag = "8812^NOREPI 8MG/250ML D5W^L"
    again = ras(rxa(bag, "0.2", start=at(10), action="U"), hour=10.5)
    intake = chart(tmp_path, ras(rxa(bag, start=at(10)), hour=10), again)
    assert grades(intake, [(9, 2), (11, 2)]) == [(1, 1), (1, 3)]


def test_a_code_without_words_may_be_any_drug(tmp_path: Path) -> None:
    # it may be several pressors: up to grade 4. 1 of 21 RXA is less than 5 %, so drugs are recorded at other times
    others = [ras(rxa("99^saline^L", start=at(4, 2), sub=str(number)), hour=4, order="S") for number in range(19)]
    intake = chart(tmp_path, *others, ras(rxa("8812^^L", start=at(10), end=at(12)), hour=10))
    assert rules(intake) == ["unknown_code"]
    assert {"norepinephrine", "epinephrine", "tocilizumab"} <= set(intake.in_doubt["concept"])
    assert "norepinephrine" not in intake.not_recorded
    assert grades(intake, [(9, 2), (11, 2), (13, 2)]) == [(1, 1), (1, 4), (1, 1)]
    back = ras(rxa("8812^^L", start=at(10), end=at(12), action="D"), hour=11)
    taken_back = chart(tmp_path, *others, ras(rxa("8812^^L", start=at(10), end=at(12)), hour=10), back)
    assert grade(taken_back, 11) == (1, 1)


@pytest.mark.parametrize("drug", ["Aspirin^^99L", "Heparin 5000^^99L", "77^^99L^Racemic mix^^99L"])
def test_a_drug_that_is_named_by_its_code(tmp_path: Path, drug: str) -> None:
    intake = chart(tmp_path, ras(rxa(drug, start=at(10)), hour=10))
    assert rules(intake) == []
    assert told(intake, "drug in no table: ")
    assert grade(intake, 11) == (1, 1)


def test_words_of_a_pressor_in_the_code_open_the_range(tmp_path: Path) -> None:
    intake = chart(tmp_path, ras(rxa("NOREPI 8MG/250^^99L", start=at(10)), hour=10))
    assert intake.in_doubt["concept"].unique().to_list() == ["norepinephrine"]
    assert grades(intake, [(9, 2), (11, 2)]) == [(1, 1), (1, 3)]


@pytest.mark.parametrize("drug", ["NOREP4250^^99L", "ASA^^99L", "0409-3375^^NDC"])
def test_a_code_that_is_no_word_may_be_any_drug(tmp_path: Path, drug: str) -> None:
    others = [ras(rxa("99^saline^L", start=at(4, 2), sub=str(number)), hour=4, order="S") for number in range(19)]
    intake = chart(tmp_path, *others, ras(rxa(drug, start=at(10), end=at(12)), hour=10))
    assert rules(intake) == ["unknown_code"]
    assert grades(intake, [(9, 2), (11, 2), (13, 2)]) == [(1, 1), (1, 4), (1, 1)]


@pytest.mark.parametrize(
    ("drug", "kind"),
    [
        ("140^^CVX", "RAS^O17"), ("141^Influenza^HL70292", "RAS^O17"), ("77^^L^140^^CVX", "RAS^O17"),
        ("140^^CVX", "VXU^V04"), ("77^^L", "VXU^V04"), ("77^Influenza^L", "VXU^V04"),
    ],
)  # fmt: skip
def test_a_vaccine_is_no_therapy(tmp_path: Path, drug: str, kind: str) -> None:
    shot = ras(rxa(drug, "999", "", start=at(10)), hour=10).replace("RAS^O17", kind)
    intake = chart(tmp_path, shot)
    assert rules(intake) == []
    assert told(intake, "a vaccine")
    assert "infection_onset" not in intake.observations["concept"]
    assert grade(intake, 11) == (1, 1)
    # a code that a table or the site's list knows stays what it says
    site = [Code("CVX", "140", "norepinephrine"), Code("L", "77", "norepinephrine"), Code("HL70292", "141", "dopamine")]
    assert not told(chart(tmp_path, shot, codes=site), "a vaccine")


def test_vaccines_alone_record_no_drugs(tmp_path: Path) -> None:
    assert "norepinephrine" in read(tmp_path, given(rxa("140^^CVX", "999", ""))).not_recorded
    assert "norepinephrine" not in read(tmp_path, given(rxa("140^^CVX", "999", ""), SALINE)).not_recorded


def test_too_many_drugs_that_nobody_can_tell(tmp_path: Path) -> None:
    # 2 of 20 is more than 5 %, so the silence about pressors proves nothing at any time
    known = [rxa("99^saline^L", start=at(4), sub=str(number)) for number in range(17)]
    untold = [rxa(f"{number}^^L", start=at(23, 3)) for number in (1, 2)]
    intake = chart(tmp_path, ras(*known, hour=4), ras(*untold, hour=23, day=3, order="U"))
    assert {"norepinephrine", "tocilizumab"} <= intake.not_recorded
    assert told(intake, "2 of 20 RXA are of drugs that nobody can tell: none counts as not given")
    assert grade(intake, 9) == (1, 4)
    # those that were refused, and vaccinations, are not among them
    none = chart(tmp_path, ras(*known, rxa("1^^L", done="RE"), hour=4), given(rxa("8^^CVX"), kind="VXU^V04"))
    assert "norepinephrine" not in none.not_recorded


def test_what_breaks_off_in_the_name_of_a_drug_may_be_any(tmp_path: Path) -> None:
    cut = message(msh(at(10), control="C", kind="RAS^O17"), pid(), "ORC|RE||RX1", f"RXA|0|1|{at(10)}||77^NOR", end="\n")
    intake = chart(tmp_path, cut.rstrip())
    assert rules(intake) == ["unknown_code"]
    assert grade(intake, 11) == (1, 4)


def test_unknown_drugs_are_named_the_most_frequent_first(tmp_path: Path) -> None:
    drugs = [f"{number}^DRUG {number:02}^L" for number in range(40)]
    intake = read(tmp_path, given(*(rxa(drug) for drug in [*drugs, *drugs[30:], KNOWN.split("|")[5]])))
    named = intake.ledger.filter(pl.col("reason").str.starts_with("drug in no table"))
    assert named.height == 26
    assert named["rows"].sum() == 50
    assert dict(named.select("reason", "rows").rows())["drug in no table: DRUG 39"] == 2
    assert told(intake, "drug in no table: 15 others")
