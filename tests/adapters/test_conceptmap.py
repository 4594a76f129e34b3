"""A site's codes as a FHIR ConceptMap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.lib.fhir import amount, coded, counts, facts, ndjson, observation, tables

from cytowatch.adapters.doors import Asked, read_source, site_codes
from cytowatch.errors import InputError

SITE = "http://hospital.example/flowsheet"


def write(folder: Path, *elements: tuple[str, str, str], target: str = "urn:x-cytowatch:concept") -> Path:
    path = folder / "map.json"
    rows = [{"code": code, "target": [{"code": to, "equivalence": how}]} for code, to, how in elements]
    path.write_text(
        json.dumps({"resourceType": "ConceptMap", "group": [{"source": SITE, "target": target, "element": rows}]})
    )
    return path


def told(path: Path) -> list[tuple[Any, ...]]:
    return [(code.code, code.concept, code.category, code.fate) for code in site_codes((path,), tables())]


def test_only_safe_relations_are_followed(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ("T", "body_temperature", "equal"),
        ("RECTAL", "body_temperature", "wider"),
        ("VITAL", "heart_rate", "narrower"),
        ("NEAR", "heart_rate", "inexact"),
        ("X", "heart_rate", "unmatched"),
    )
    assert told(path) == [
        ("T", "body_temperature", None, "map"),
        ("RECTAL", "body_temperature", None, "map"),
        ("X", "", None, "ignore"),
    ]


def test_targets_may_be_public_codes_and_products(tmp_path: Path) -> None:
    assert told(
        write(tmp_path, ("T", "8310-5", "equivalent"), ("U", "99999-9", "equal"), target="http://loinc.org")
    ) == [("T", "body_temperature", None, "map")]
    assert told(write(tmp_path, ("Y", "teclistamab", "equal"), target="urn:x-cytowatch:product")) == [
        ("Y", "t_cell_engager_dose", "teclistamab", "map")
    ]


@pytest.mark.parametrize("content", ["", "<html>", "[]", '{"resourceType": "ValueSet"}', "[" * 100_000])
def test_what_is_no_concept_map_is_a_clear_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "map.json"
    path.write_text(content)
    with pytest.raises(InputError) as error:
        site_codes((path,), tables())
    assert error.value.hint


def test_a_misspelled_concept_and_a_code_with_two_meanings_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no concept `temp`"):
        site_codes((write(tmp_path, ("T", "temp", "equal")),), tables())
    with pytest.raises(InputError, match="two different things"):
        site_codes((write(tmp_path, ("T", "spo2", "equal"), ("T", "heart_rate", "equal")),), tables())


def test_it_goes_with_the_fhir_door(tmp_path: Path) -> None:
    path = tmp_path / "in.ndjson"
    path.write_text(ndjson(observation(coded("O2", SITE), valueQuantity=amount(91, "%"))))
    asked = Asked((str(path),), codes=(write(tmp_path, ("O2", "spo2", "equal")),))
    intake = read_source("fhir", asked, tables())
    assert facts(intake, "concept", "value") == [("spo2", 91.0)]
    assert counts(intake) == {"used": 1}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            "local,8812,norepinefrine,",
            "codes.csv:2: there is no concept `norepinefrine`; did you mean `norepinephrine`?",
        ),
        ("local,8812,car_t_infusion,yeskarta", "car_t_infusion has no product `yeskarta`"),
        ("local,8812,oxygen_device,nasal_prong_x", "oxygen_device has no category `nasal_prong_x`: it has room_air"),
    ],
)
def test_a_list_that_names_what_does_not_exist_is_refused_with_its_line(tmp_path: Path, row: str, said: str) -> None:
    """Passed over, the rows of that code would read as "not given"."""
    path = tmp_path / "codes.csv"
    path.write_text(f"system,code,concept,category\n{row}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        site_codes((path,), tables())
    assert said in f"{path.name}:{(caught.value.where or '').rpartition(':')[2]}: {caught.value}"


def test_a_product_of_no_table_may_stand_for_itself(tmp_path: Path) -> None:
    """The code list of an export names the product under study, and is to be read again."""
    path = tmp_path / "codes.csv"
    path.write_text(
        "system,code,concept,category\nEXTRT,TRIAL_PRODUCT,car_t_infusion,trial_product\n", encoding="utf-8"
    )
    assert [(code.concept, code.category) for code in site_codes((path,), tables())] == [
        ("car_t_infusion", "trial_product")
    ]
    path.write_text("system,code,concept,category\nEXTRT,KYMRIAH,car_t_infusion,yescarta\n", encoding="utf-8")
    assert site_codes((path,), tables())[0].category == "axicabtagene_ciloleucel"
    # a word that the tables have means what they say
    path.write_text("system,code,concept,category\nEXTRT,KYMRIAH,t_cell_engager_dose,kymriah\n", encoding="utf-8")
    with pytest.raises(InputError, match="has no product `kymriah`"):
        site_codes((path,), tables())
