"""By which way a drug was given (RXR): what acts where it is applied is no dose and no infusion."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lib.hl7 import KNOWLEDGE, fates, given, read, rules, rxa, stated, told
from tests.lib.hl7_grades import CART, NOREPI, at, chart, grade, ras

from cytowatch.knowledge.view_doors import coverage

DEXA = rxa("3264^dexamethasone^RXNORM", "4", "mg")
SYSTEMIC = [("dexamethasone", 4.0, "mg")]


@pytest.mark.parametrize(
    "route",
    ["RXR|OP^Ophthalmic^HL70162", "RXR|OP", "RXR|^Ophthalmic", "RXR|55^eye drops^L", "RXR|IH^Inhalation^HL70162"],
)
def test_local_route(tmp_path: Path, route: str) -> None:
    intake = read(tmp_path, given(DEXA, route))
    assert stated(intake) == []
    assert told(intake, "the drug acts where it is applied")
    assert fates(intake) == {"ignored": 5}


@pytest.mark.parametrize(
    "route",
    ["RXR|IV^Intravenous^HL70162", "RXR|PO", "RXR|IN^Intravenous^L", "RXR|QQ", "RXR|", "ZRX|1", "RXR|OP\nwrong"],
)
def test_any_other_route_changes_nothing(tmp_path: Path, route: str) -> None:
    assert stated(read(tmp_path, given(DEXA, route))) == SYSTEMIC


def test_whose_route_it_is(tmp_path: Path) -> None:
    eyes = "RXR|OP^Ophthalmic^HL70162"
    # of an order, of another drug, and one of two ways
    assert stated(read(tmp_path, given("RXE|1|x", eyes, DEXA))) == SYSTEMIC
    assert stated(read(tmp_path, given(DEXA, rxa("99^tears^L"), eyes))) == SYSTEMIC
    assert stated(read(tmp_path, given(DEXA, eyes, "RXR|IV"))) == SYSTEMIC
    # the grammar of the message: several RXA, then the RXR
    assert stated(read(tmp_path, given(DEXA, DEXA.replace("0800", "1200"), "NTE|1||both", eyes))) == []
    assert stated(read(tmp_path, given(DEXA, eyes, DEXA.replace("0800", "1200"), "RXR|IV"))) == SYSTEMIC
    # a cell product into the nose is no less a trigger
    assert len(stated(read(tmp_path, given(rxa(CART, "999", ""), "RXR|NS")))) == 1


def test_a_route_that_is_corrected(tmp_path: Path) -> None:
    eyes = "RXR|OP^Ophthalmic^HL70162"
    later = {"sent": "202503011200+0100", "control": "A2"}
    changed = read(tmp_path, given(DEXA), given(DEXA.replace("|CP|A", "|CP|U"), eyes, **later))
    assert changed.observations["status"].to_list() == ["final", "entered-in-error"]
    back = read(tmp_path, given(DEXA, eyes), given(DEXA.replace("|CP|A", "|CP|D"), eyes, **later))
    assert rules(back) == []


def test_inhaled_epinephrine_is_no_pressor(tmp_path: Path) -> None:
    drip = rxa("3992^epinephrine^RXNORM", "0.1", start=at(10), end=at(12))
    assert grade(chart(tmp_path, ras(drip, "RXR|IV^Intravenous^HL70162", hour=10)), 11) == (3, 3)
    assert grade(chart(tmp_path, ras(drip, "RXR|IH^Inhalation^HL70162", hour=10)), 11) == (1, 1)
    drops = rxa("8^PHENYLEPHRINE 10%^L", "1", "", start=at(10))
    assert grade(chart(tmp_path, ras(drops, hour=10)), 11) == (1, 3)
    assert grade(chart(tmp_path, ras(drops, "RXR|OP", hour=10)), 11) == (1, 1)
    assert grade(chart(tmp_path, ras(rxa(NOREPI, start=at(10), end=at(12)), hour=10)), 11) == (3, 3)


def test_the_manifest_tells_which_drugs_are_read_by_name(tmp_path: Path) -> None:
    kinds = {key: KNOWLEDGE.concepts[key].kind for key in KNOWLEDGE.doors["hl7v2"].concepts}
    doses = sorted(key for key, kind in kinds.items() if kind == "dose")
    segments = [rxa(f"X{key}^{key.replace('_', ' ')}^L", "999", "") for key in doses]
    assert [row[0] for row in stated(read(tmp_path, given(*segments)))] == doses
    assert {coverage(KNOWLEDGE.doors["hl7v2"], KNOWLEDGE.concepts[key], KNOWLEDGE) for key in kinds} == {"yes"}
