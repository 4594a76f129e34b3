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


@pytest.mark.parametrize(
    ("name", "answer", "concept"),
    [
        ("O2 Delivery Device", "Endotracheal tube", "oxygen_device"),
        ("Mechanically ventilated", "Yes", "oxygen_device"),
        ("Ventilator Mode", "CMV", "oxygen_device"),
        ("PEEP", "5", "oxygen_device"),
        ("Respiratory", "Bi-PAP", "oxygen_device"),
        ("Note", "No distress, intubated. SpO2 98", "oxygen_device"),
        ("Norepinephrine dose", "0.08", "norepinephrine"),
        ("Vaso infusion rate", "2.4", "vasopressin"),
        ("Mechanically ventilated", "No", ""),
        ("O2 Delivery Device", "Room air", ""),
        ("Norepinephrine dose", "0", ""),
        ("Note", "not mechanically ventilated", ""),
        ("Code status", "DNI, no intubation", ""),
        ("Oxygen saturation", "98", ""),
        ("PO2 arterial", "80", ""),
        ("Oxygen content in Venous blood", "12", ""),
        ("Norepinephrine [Mass/volume] in Plasma", "300", ""),
        ("Dexamethasone suppression test", "1", ""),
        ("CAR-T cells infused", "yes", ""),
        ("Carbon dioxide", "24", ""),
    ],
)
def test_what_an_observation_speaks_of(name: str, answer: str, concept: str) -> None:
    """The question alone is enough, unless the answer is no; laboratory tests, plans and denials say nothing."""
    assert LIKENESS.observed([name], [answer]) == concept
