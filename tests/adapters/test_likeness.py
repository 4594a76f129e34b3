"""Words that no table knows: which open a doubt of a drug or device, and which are of ordinary care (decision 0034)."""

from __future__ import annotations

import pytest

from cytowatch.adapters.likeness import Likeness
from cytowatch.knowledge.load import load

LIKENESS = Likeness(load())


@pytest.mark.parametrize(
    ("words", "concept"),
    [
        ("NOREPI 8MG/250ML D5W", "norepinephrine"),
        ("norepinephrine 8 mg in NS", "norepinephrine"),
        ("Levo gtt", "norepinephrine"),
        ("NE drip", "norepinephrine"),
        ("Arterenol", "norepinephrine"),
        ("TOCILIZUMAB-AAZG", "tocilizumab"),
        ("prednisone tablet", "prednisone"),
        ("LEVOTHYROXINE", ""),
        ("Lidocaine w epinephrine", ""),
        ("racemic epinephrine", ""),
        ("phenylephrine nasal spray", ""),
        ("hydrocortisone cream", ""),
        ("INFLUENZA VACCINE", ""),
        ("SODIUM CHLORIDE 0.9 %", ""),
    ],
)
def test_words_of_drugs(words: str, concept: str) -> None:
    assert LIKENESS.drug(words) == concept


@pytest.mark.parametrize(
    ("words", "concept"),
    [
        ("VENTILATOR", "oxygen_device"),
        ("Oxygen by face mask", "oxygen_device"),
        ("HFNC 40 L", "oxygen_device"),
        ("Tracheotomy", "oxygen_device"),
        ("CVVHDF", "kidney_replacement"),
        ("Pulse oximeter", ""),
        ("Oxygen saturation", ""),
        ("Surgical mask", ""),
        ("Airway suction", ""),
        ("Lung ventilation scan", ""),
        ("Intravenous cannula", ""),
        ("Central venous catheter", ""),
        ("Pacemaker", ""),
    ],
)
def test_words_of_devices(words: str, concept: str) -> None:
    assert LIKENESS.device(words) == concept


@pytest.mark.parametrize(("words", "is_one"), [("NS 0.9% 500 mL", True), ("D5W", True), ("8812", False), ("NC", False)])
def test_fluids_by_their_abbreviation(words: str, *, is_one: bool) -> None:
    """A row of saline says what it is, though it has no word of three letters."""
    assert LIKENESS.fluid(words) is is_one
