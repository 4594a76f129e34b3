"""The loader refuses what is wrong by file, table and key, and takes a site's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytowatch.errors import KnowledgeError
from cytowatch.knowledge import Knowledge, diff, load
from cytowatch.knowledge.load import TABLES


@pytest.fixture(scope="module")
def tables() -> Knowledge:
    """The package's own tables."""
    return load()


def overlay(folder: Path, **files: str) -> Path:
    """A folder of a site; `__` in a name is a slash, the ending follows the content's room."""
    for name, content in files.items():
        file = folder / (name.replace("__", "/") + (".csv" if name.startswith("codes") else ".toml"))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return folder


# ---------------------------------------------------------------- faults, by file, table and key

CONCEPT = '[concept.{key}]\nlabel = "x"\nkind = "reading"\ngroup = "vital"\nvalid_for_hours = 8\n'
FAULTS = {
    "bad TOML": ({"policy": "[policy.windows\n"}, ["policy.toml", "line 1"]),
    "missing key": ({"sources": "[source.new2026]\nyear = 2026\n"}, ["sources.toml", "source.new2026", "`title`"]),
    "unknown key": (
        {"concepts": "[concept.spo2]\nplausable = [1, 2]\n"},
        ["concepts.toml", "concept.spo2", "`plausable`", "`plausible`"],
    ),
    "wrong type": ({"concepts": '[concept.spo2]\nvalid_for_hours = "8"\n'}, ["concept.spo2", "`valid_for_hours`"]),
    "truth as number": ({"concepts": "[concept.spo2]\nvalid_for_hours = true\n"}, ["`valid_for_hours`"]),
    "infinite time": ({"concepts": "[concept.spo2]\nvalid_for_hours = inf\n"}, ["`valid_for_hours`"]),
    "unknown kind": ({"concepts": '[concept.spo2]\nkind = "readings"\n'}, ["`kind`", "Did you mean `reading`?"]),
    "unknown unit set": ({"concepts": '[concept.spo2]\nunit_set = "furlongs"\n'}, ["concept.spo2", "`unit_set`"]),
    "inexact factor": (
        {"concepts": '[unit_set.volume]\naccepted = [{ name = "drop", factor = "about 1/20" }]\n'},
        ["unit_set.volume.accepted.drop", "`factor`"],
    ),
    "factor of zero": (
        {"concepts": '[unit_set.volume]\naccepted = [{ name = "drop", factor = "0" }]\n'},
        ["unit_set.volume.accepted.drop", "`factor`"],
    ),
    "unit twice": ({"concepts": '[unit_set.volume.aliases]\nL = ["mL"]\n'}, ["unit_set.volume.aliases", "'mL'"]),
    "range upside down": ({"concepts": "[concept.spo2]\nplausible = [100, 40]\n"}, ["concept.spo2", "`plausible`"]),
    "alias taken": (
        {"concepts": CONCEPT.format(key="new_thing") + 'aliases = ["Noradrenaline"]\n'},
        ["new_thing", "norepinephrine"],
    ),
    "alias of no category": (
        {"concepts": '[concept.sedated.category_aliases]\nmaybe = ["perhaps"]\n'},
        ["concept.sedated.category_aliases", "`maybe`"],
    ),
    "unknown policy": ({"policy": "[policy.episode_gap]\nvalue = 48\n"}, ["policy.episode_gap", "episode_gap_hours"]),
    "policy of another type": (
        {"policy": '[policy.episode_gap_hours]\nvalue = "48"\n'},
        ["policy.episode_gap_hours", "`value`"],
    ),
    "policy below zero": ({"policy": "[policy.fever_gap_hours]\nvalue = -1\n"}, ["policy.fever_gap_hours", "`value`"]),
    "answer not carried out": (
        {"policy": "[policy.vasopressin_alone]\nvalue = 2\n"},
        ["policy.vasopressin_alone", "criterion vasopressin"],
    ),
    "window of no trigger": (
        {"policy": "[policy.windows.value]\nmoon_phase = 3\n"},
        ["policy.windows", "`value`"],
    ),
    "product of no trigger": (
        {"products__ours": '[product.ours]\nlabel = "x"\nclass = "x"\nconcept = "spo2"\n'},
        ["products/ours.toml", "product.ours", "`concept`"],
    ),
    "product twice": (
        {"products__ours": '[product.teclistamab]\nlabel = "x"\nclass = "x"\nconcept = "t_cell_engager_dose"\n'},
        ["product.teclistamab", "two files"],
    ),
    "no evidence word": (
        {"scales__crs.astct-2019": '[[criterion]]\nid = "fever"\nevidence = "sure"\n'},
        ["crs.astct-2019.toml", "criterion.fever", "`evidence`"],
    ),
    "view of nothing": (
        {"scales__lay.type": 'view_of = "crs.nothing"\n'},
        ["lay.type", "`view_of`", "crs.nothing"],
    ),
    "unknown word in a condition": (
        {"scales__crs.astct-2019": '[[criterion]]\nid = "fever"\n[criterion.when]\nsometimes = true\n'},
        ["criterion.fever.when", "`sometimes`"],
    ),
    "neither value nor threshold": (
        {
            "scales__crs.astct-2019": '[[criterion]]\nid = "new"\nlabel = "x"\ndomain = "fever"\ngrade = 1\n'
            'locator = "x"\nevidence = "house"\nwhen = { concept = "spo2", op = "<" }\n'
        },
        ["criterion.new.when", "`value`"],
    ),
    "scale under another name": (
        {"scales__crs.mine": "\n".join((TABLES / "scales/crs.astct-2019.toml").read_text("utf-8").splitlines())},
        ["scales/crs.mine.toml", "`id`"],
    ),
    "row of codes too short": ({"codes__loinc": "code,concept\n8310-5\n"}, ["codes/loinc.csv", "line 2"]),
    "column of codes twice": ({"codes__loinc": "code,code\n1,2\n"}, ["codes/loinc.csv", "line 1"]),
    "misspelled file": ({"polices": "[policy.episode_gap_hours]\nvalue = 48\n"}, ["polices.toml", "`policy.toml`"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_by_file_table_and_key(tmp_path: Path, fault: str) -> None:
    files, words = FAULTS[fault]
    with pytest.raises(KnowledgeError) as caught:
        load(overlay(tmp_path, **files))
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message
    assert str(tmp_path) in message, message
    assert caught.value.exit_code == 3


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="no such folder"):
        load(tmp_path / "nowhere")


def test_a_table_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_bytes(b'[policy.windows]\nquestion = "\xff"\n')
    with pytest.raises(KnowledgeError, match="UTF-8"):
        load(tmp_path)


# ---------------------------------------------------------------- a site's folder


def test_a_site_changes_one_number_and_nothing_else(tmp_path: Path, tables: Knowledge) -> None:
    site = load(overlay(tmp_path, policy="[policy.episode_gap_hours]\nvalue = 48\n"))
    assert site.policy("episode_gap_hours") == 48
    assert site.policy("fever_gap_hours") == 24
    assert site.folders == (str(tmp_path.resolve()),)
    assert [(part.key, part.old, part.new) for part in diff(tables, site)] == [
        ("policies.episode_gap_hours.value", "24", "48")
    ]
    assert diff(tables, tables) == []


def test_a_site_changes_one_criterion_by_its_id(tmp_path: Path, tables: Knowledge) -> None:
    text = '[[criterion]]\nid = "vasopressin"\ngrade = 2\nlocator = "our ward"\n'
    site = load(overlay(tmp_path, **{"scales__crs.astct-2019": text}))
    keys = [part.key for part in diff(tables, site)]
    start = "scales.crs.astct-2019.criteria.vasopressin"
    assert keys == [f"{start}.grade", f"{start}.locator"]
    order = [part.id for part in site.scales["crs.astct-2019"].criteria]
    assert order == [part.id for part in tables.scales["crs.astct-2019"].criteria]


def test_a_site_adds_a_product_a_concept_and_a_code(tmp_path: Path, tables: Knowledge) -> None:
    folder = overlay(
        tmp_path,
        products__ours='[product.study_cells]\nlabel = "Study"\nclass = "car_t"\nconcept = "car_t_infusion"\n'
        'window_days = 60\nbrands = ["CT-001"]\n',
        concepts=CONCEPT.format(key="pain_score") + 'unit_set = "score"\n',
        codes__loinc="code,concept,category,unit,evidence,note\n72514-3,pain_score,,,house,ours\n",
    )
    site = load(folder)
    assert site.products["study_cells"].window_days == 60
    assert site.product_aliases["ct_001"] == "study_cells"
    assert site.concepts["pain_score"].value_needed
    assert len(site.codes["loinc"]) == len(tables.codes["loinc"]) + 1


def test_a_site_adds_its_own_words_and_keeps_the_others(tmp_path: Path, tables: Knowledge) -> None:
    text = (
        '[concept.body_temperature]\naliases = ["Temp Core"]\n'
        '[concept.oxygen_device.category_aliases]\nroom_air = ["Raumluft"]\n'
        '[unit_set.volume]\naccepted = [{ name = "dL", factor = "100" }]\n'
        '[unit_set.volume.aliases]\nmL = ["Milliliter"]\n'
    )
    site = load(overlay(tmp_path, concepts=text))
    assert {site.concept_aliases[name] for name in ("temp_core", "Temp Core", "temp")} == {"body_temperature"}
    assert {site.concepts["oxygen_device"].category_aliases[name] for name in ("raumluft", "none")} == {"room_air"}
    assert next(unit.factor for unit in site.concepts["fluid_bolus"].accepted if unit.name == "dL") == 100
    assert len(site.concepts["fluid_bolus"].accepted) == len(tables.concepts["fluid_bolus"].accepted) + 2


def test_a_later_folder_wins(tmp_path: Path) -> None:
    first = overlay(tmp_path / "a", policy="[policy.episode_gap_hours]\nvalue = 48\n")
    second = overlay(tmp_path / "b", policy="[policy.episode_gap_hours]\nvalue = 72\n")
    assert load(first, second).policy("episode_gap_hours") == 72
    assert load(second, first).policy("episode_gap_hours") == 48


def test_the_digest_is_the_content(tmp_path: Path, tables: Knowledge) -> None:
    text = "[policy.episode_gap_hours]\nvalue = 48\n"
    first = load(overlay(tmp_path / "a", policy=text)).digest
    assert first != tables.digest
    assert load(overlay(tmp_path / "b", policy=text)).digest == first
    (tmp_path / "b" / "policy.toml").write_bytes(text.replace("\n", "\r\n").encode())
    assert load(tmp_path / "b").digest == first
    assert load(overlay(tmp_path / "c", policy=text + "# why\n")).digest != first
    assert load().digest == tables.digest


def test_a_site_may_add_a_symptom_to_a_policy_by_concept(tmp_path: Path) -> None:
    text = '[policy.symptom_contradicts]\nvalue = { motor_weakness = ["weakness"], seizure = [] }\n'
    said = load(overlay(tmp_path, policy=text)).policy("symptom_contradicts")
    assert said == {"seizure": [], "consciousness": ["sleepiness"], "motor_weakness": ["weakness"]}


def test_a_key_that_a_policy_does_not_know_is_named(tmp_path: Path) -> None:
    text = '[policy.joint_state]\nvalue = { iechs = ["iechs.hines-2023"] }\n'
    with pytest.raises(KnowledgeError, match="names `iechs`") as caught:
        load(overlay(tmp_path, policy=text))
    assert "iec_hs" in str(caught.value.hint)
