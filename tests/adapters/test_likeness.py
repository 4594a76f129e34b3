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
    assert LIKENESS.hearing.observed([name], [answer]) == concept


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        ("http://www.ama-assn.org/go/cpt", "31500", "oxygen_device"),
        ("CPT4", "94002", "oxygen_device"),
        (None, "CPT4:31500", "oxygen_device"),
        ("CPT4", "94660-26", "oxygen_device"),
        ("ICD9Proc", "96.71", "oxygen_device"),
        ("http://loinc.org", "20124-4", "oxygen_device"),
        ("http://snomed.info/sct", "706172005", "oxygen_device"),
        ("http://h.example", "706172005", ""),
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


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("O2 sat", "97"), ("Cortisol", "12"), ("Patient wearing mask", "yes"), ("Dialysis catheter site", "clean"),
        ("History of respiratory support", "ventilator"), ("Code status", "intubation wanted"),
        ("Mechanically ventilated", "LA32-8"), ("Mechanically ventilated", "373067005"),
    ],
)  # fmt: skip
def test_observations_that_speak_of_nothing(name: str, answer: str) -> None:
    assert not LIKENESS.hearing.observed([name], [answer])


HEARD = [
    # a word of a test, a plan or a measurement mutes only what it belongs to
    ("Vasopressors required to maintain blood pressure", "Yes"), ("Note", "Levophed started for low blood pressure"),
    ("Note", "On norepi and blood cultures sent"), ("Note", "Norepinephrine at 0.1 mcg/kg/min for MAP goal 65"),
    ("Note", "On vent with sedation goal RASS -2"), ("Note", "Pt on levophed with low urine output"),
    ("Vasopressor level", "0.1"), ("Norepinephrine peak dose", "0.1"), ("Note", "Pt intubated and family updated"),
    ("Note", "Remains on levophed at previous rate"), ("Note", "intubated for planned bronchoscopy"),
    ("Note", "Intubated with arterial line in place"), ("Note", "O2 sat 93% on 4 L nasal cannula"),
    ("Note", "SpO2 saturation 95% on BiPAP"), ("Ventilator alarms on", "Yes"), ("ETT suction", "Yes"),
    ("BiPAP mask fit", "good"), ("Note", "On norepi and neb given"),
    # a question of the end, and what is denied of it
    ("Trial off ventilator failed", "Yes"), ("Trial off ventilator failed", "No"), ("Vasopressors off", "No"),
    ("Ventilator discontinued", "No"), ("Not weaned from ventilator", "Yes"), ("Not intubated", "No"),
    ("Unable to be weaned from ventilator", "Yes"), ("Weaned from ventilator", "No"),
    ("Breathing without ventilator", "No"), ("Ventilator free", "No"), ("Ventilator on/off", "On"),
    ("Note", "Trial off ventilator failed"), ("Note", "Not weaned from ventilator"), ("Note", "no ventilator alarms"),
    ("Note", "Unable to be weaned from the ventilator"), ("Ventilator discontinued", "remains on ventilator"),
    ("Weaned from ventilator", "Not yet"), ("Extubated", "No"), ("Failed extubation", "Yes"),
    ("Intubated prior to arrival", "Yes"), ("Vasopressor use within past 24h", "Yes"),
    # an answer that begins with a no and is none
    ("Note", "No distress, intubated"), ("Ventilator", "No change"), ("Note", "Sedation off. On vent"),
    ("Note", "no - on vent"), ("Vent settings", "No changes made"), ("O2 Device", "RA failed, on BiPAP"),
    ("O2 Delivery Device", "Room air to mask 6 L"), ("Extubated", "No, remains on ventilator"),
    ("Note", "weaned levophed to 0.05"), ("Note", "extubated to BiPAP"), ("FiO2", "0.4"), ("FiO2", "60"), ("FiO2", "1"),
    ("O2 flow", "15"), ("Ventilator FiO2", "21"),
    ("Inspired O2 Fraction", "40"),
    # names as systems write them, and more words
    ("vent.mode", "A"), ("VentMode", "A"), ("Pt.intubated", "1"), ("PEEP set", "5"), ("IPAP", "12"), ("EPAP", "5"),
    ("Note", "reintubated overnight"), ("Note", "pt vented"), ("Resp support", "x"), ("Mode", "PRVC"), ("RSBI", "60"),
    ("Note", "bagged and moved"), ("Device", "hi flow 40"), ("Airway", "LMA"), ("Note", "tracheal tube 7.5"),
    ("Vasoactive support", "yes"), ("Inotropes running", "yes"), ("Beatmet", "ja"), ("Patient intubiert", "ja"),
    ("Sauerstoff", "2 l"), ("Katecholamine", "ja"), ("Trachealkanüle", "ja"), ("Non Invasive Ventilation", "yes"),
    ("Device", "Simple mask"), ("Device", "Non-rebreather mask"), ("Positive end expiratory press", "5"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), HEARD)
def test_observations_that_are_heard(name: str, answer: str) -> None:
    assert LIKENESS.hearing.observed([name], [answer])


# names and answers, not to be heard
QUIET = [
    ("Non Invasive Blood Pressure systolic", "110"), ("BP method", "Non-invasive"), ("Vent. Rate", "80"),
    ("EKG VENT RATE", "80"), ("ECG ventricular rate", "80"), ("Note", "Vent. rate 80 bpm"),
    *(("O2 Device", answer) for answer in (
        "None (Room air)", "Room Air (21%)", "RA 21%", "On room air", "Room air, no distress", "None - RA",
        "Not in use", "Not required", "0 L/min", "No, extubated", "Extubated", "-", "nein", "Raumluft", "off",
        "0.000", "0,0",
    )),
    ("PEEP", "0 cmH2O"), ("Norepinephrine rate", "0 mcg/min"), ("Norepinephrine rate", "0.000"),
    ("Vasopressors off", "Yes"), ("Ventilator discontinued", "Yes"), ("Weaned from ventilator", "Yes"),
    ("Extubated", "Yes"), ("Extubation", "2025-03-02 10:00"), ("Note", "extubated"), ("Previous intubation", "Yes"),
    ("Breathing without ventilator", "Yes"), ("Ventilator discontinued", "2025-03-02"), ("Not intubated", "Yes"),
    ("FiO2", "21"), ("FiO2", "0.21"), ("Fraction of inspired oxygen", "21 %"), ("FiO2", "Room air"),
    ("Inspired O2 Fraction", "21"), ("Oxygen concentration", "0.21"),
    ("PaO2/FiO2", "300"), ("A-a O2 gradient", "12"), ("O2 Hgb", "95"), ("FIO2, ARTERIAL", "40"), ("O2 Pulse", "9"),
    ("Norepinephrine, Plasma", "300"), ("Epinephrine, Urine", "12"), ("Norepinephrine in blood", "12"),
    ("Mask worn", "yes"), ("Patient wearing a mask", "yes"), ("Patient wearing face mask", "yes"),
    ("CPAP at home", "yes"), ("Home oxygen use", "yes"), ("Do you use oxygen or CPAP at home?", "yes"),
    ("Easy mask ventilation", "yes"), ("Ventilator free days", "12"), ("POLST", "Intubation yes"),
    ("POLST: Intubation yes", "yes"), ("Note", "consider pressors"), ("AV fistula", "High flow"),
    ("Report", "Interval removal of the endotracheal tube"), ("ETT (stress test)", "normal"),
    ("Note", "uses CPAP at home"), ("Note", "off vent since 8"), ("Note", "not on any supplemental oxygen"),
    ("Note", "no need for a ventilator"), ("Note", "never on ventilator"), ("Blood pressure control", "good"),
    ("CMV IgG", "positive"), ("Levofloxacin", "S"), ("Methotrexate", "0.1"), ("Acetaminophen", "12"),
    ("Vasoactive intestinal polypeptide", "12"), ("Dexamethasone suppression", "1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), QUIET)
def test_observations_that_are_not_heard(name: str, answer: str) -> None:
    assert not LIKENESS.hearing.observed([name], [answer])


@pytest.mark.parametrize(
    ("words", "codes", "is_heard"),
    [
        (["Endotracheal tube"], ["0", "L"], True),
        (["Endotracheal tube"], ["N"], True),
        (["Intubated", "No"], [], True),
        (["0", "Endotracheal tube"], [], True),
        (["Intubated"], ["0"], True),
        (["No"], ["12345"], False),
        (["No"], ["N", "LA32-8"], False),
        ([], ["LA32-8"], False),
        ([], ["ETT"], True),
        ([], ["0"], False),
    ],
)
def test_words_of_an_answer_stand_before_its_codes(words: list[str], codes: list[str], *, is_heard: bool) -> None:
    assert bool(LIKENESS.hearing.observed(["O2 Device"], words, codes)) is is_heard


def test_what_a_code_asks_for_whatever_the_answer() -> None:
    hearing = LIKENESS.hearing
    assert hearing.about(["Ventilator discontinued"]) == "oxygen_device"
    assert hearing.observed(["Ventilator discontinued"]) == ""
    assert hearing.observed(["VENT", "Ventricular rate"]) == ""


def test_long_texts_are_not_kept() -> None:
    hearing = Likeness(load()).hearing
    text = "seen today, " * 30 + "intubated"
    assert hearing.observed(["Note"], [text]) == "oxygen_device"
    assert text not in hearing._answers


@pytest.mark.parametrize(
    ("name", "answer", "is_mild"),
    [
        ("O2 Flow", "2 L/min", True), ("O2 Flow", "2", True), ("Oxygen", "nasal cannula", True),
        ("On vasopressors", "yes", True), ("FiO2", "0.6", False), ("Number of vasopressors", "2", False),
        ("O2 Flow", "10 L/min", False), ("O2 Flow", "60", False), ("On oxygen", "yes", True),
        ("Vasopressors", "", True),
        ("O2 Device", "Trilogy", False), ("O2", "ventilator", False), ("PEEP", "5", False),
        ("Vasopressors", "levophed", False),
    ],
)  # fmt: skip
def test_words_that_say_no_more_than_some(name: str, answer: str, *, is_mild: bool) -> None:
    assert LIKENESS.hearing.is_mild([name], [answer]) is is_mild
