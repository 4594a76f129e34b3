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


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        ("http://www.ama-assn.org/go/cpt", "31500", "oxygen_device"),
        ("CPT4", "94002", "oxygen_device"),
        ("HCPCS", "94660", "oxygen_device"),
        ("C4", "90935", "kidney_replacement"),
        ("http://www.cms.gov/Medicare/Coding/ICD10", "5A1945Z", "oxygen_device"),
        ("ICD10PCS", "5a1d70z", "kidney_replacement"),
        ("I10P", "5A1522G", "oxygen_device"),
        ("http://fhir.de/CodeSystem/bfarm/ops", "8-713.0", "oxygen_device"),
        ("http://fhir.de/CodeSystem/bfarm/ops", "8-854.2", "kidney_replacement"),
        # five digits may be any system's; the forms of the other two are nobody else's
        (None, "8-701", "oxygen_device"),
        ("http://h.example", "0BH17EZ", "oxygen_device"),
        (None, "31500", ""),
        ("http://h.example", "31500", ""),
        ("CPT4", "5A1945Z", ""),
        ("CPT4", "44950", ""),
        ("http://fhir.de/CodeSystem/bfarm/ops", "5-470.1", ""),
        (None, None, ""),
        (None, "", ""),
    ],
)
def test_codes_of_procedures(system: str | None, code: str | None, concept: str) -> None:
    assert LIKENESS.coded(system, code) == concept
