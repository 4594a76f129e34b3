"""What words may speak of that no table knows: only ever a reason for doubt, never for a fact.

`NOREPI 8MG/250ML D5W` under a local code is no norepinephrine that can be graded. Passed over, it would read as "not
given", in a source where drugs are recorded. So it is told, and the therapy is in doubt from then on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from cytowatch.adapters.hearing import LONGEST_REMEMBERED, LONGEST_TEXT, REMEMBERED, Hearing, Sounds, heard_drugs
from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.parse import fold

_OTHER = "other"
_DRUGS = ("infusion", "dose", "trigger")
# shorter names are words of other things
_SHORTEST_NAME = 5
_SHORTEST_DEVICE = 3
# rows of `codes/near_words.csv` that name a device; of observations the faint ones yield, and the things are not heard
_DEVICES = ("device", "faint", "thing")
# the systems of `codes/near_codes.csv` by the names that sources use: FHIR's URIs, OIDs, OMOP's and HL7 v2's names
_SYSTEMS = {
    "http://www.ama-assn.org/go/cpt": "cpt", "urn:oid:2.16.840.1.113883.6.12": "cpt", "cpt": "cpt", "cpt4": "cpt",
    "2.16.840.1.113883.6.12": "cpt", "c4": "cpt", "cptm": "cpt", "hcpcs": "cpt", "hpc": "cpt",
    "http://www.cms.gov/medicare/coding/hcpcsreleasecodesets": "cpt",
    "https://www.cms.gov/medicare/coding/hcpcsreleasecodesets": "cpt",
    "http://www.cms.gov/medicare/coding/icd10": "icd10pcs", "http://hl7.org/fhir/sid/icd-10-pcs": "icd10pcs",
    "https://www.cms.gov/medicare/coding/icd10": "icd10pcs", "urn:oid:2.16.840.1.113883.6.4": "icd10pcs",
    "2.16.840.1.113883.6.4": "icd10pcs", "icd10pcs": "icd10pcs", "i10p": "icd10pcs",
    "http://fhir.de/codesystem/bfarm/ops": "ops", "http://fhir.de/codesystem/dimdi/ops": "ops", "ops": "ops",
    "http://loinc.org": "loinc", "urn:oid:2.16.840.1.113883.6.1": "loinc", "loinc": "loinc", "ln": "loinc",
    "http://snomed.info/sct": "snomed", "urn:oid:2.16.840.1.113883.6.96": "snomed", "snomed": "snomed",
    "sct": "snomed", "http://hl7.org/fhir/sid/icd-9-cm": "icd9cm", "icd9proc": "icd9cm", "i9cp": "icd9cm",
    "urn:oid:2.16.840.1.113883.6.104": "icd9cm", "2.16.840.1.113883.6.104": "icd9cm", "i9c": "icd9cm",
}  # fmt: skip
# a vocabulary before it, a modifier behind it (`CPT4:31500-26`)
_WRITTEN_CODE = re.compile(
    r"(?:(?P<system>CPT4?|HCPCS|ICD10PCS|ICD9PROC|OPS):)?(?P<code>.*?)(?:(?<=\d{5})-\w{2})?", re.DOTALL
)
_SAID_BY_CODES = {"oxygen_device": "ventilator", "kidney_replacement": "hemodialysis"}
# codes of five digits may be any system's; those of these two have a form that no other code has
_UNMISTAKABLE = ("icd10pcs", "ops")


class Likeness:
    """The words that are looked for: names of needed drugs and products, and those of `codes/near_words.csv`.

    Codes of procedures that say without a word that a device was used stand in `codes/near_codes.csv`.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        rows = knowledge.codes.get("near_words", ())
        mapped = [row for row in rows if row["fate"] == "map" and row["concept"] in knowledge.concepts]
        self._drugs = _drug_names(knowledge) | {
            fold(row["words"]): row["concept"] for row in mapped if row["kind"] == "drug"
        }
        self._devices = {fold(row["words"]): row["concept"] for row in mapped if row["kind"] in _DEVICES}
        self._neither = {
            devices: {fold(row["words"]) for row in rows if row["fate"] == "ignore" and row["kind"] == kind}
            for devices, kind in ((True, "device"), (False, "drug"))
        }
        self._fluids = {fold(row["words"]) for row in rows if row["kind"] == "fluid"}
        self._coded = {
            row["code"].upper(): (row["system"], row["concept"])
            for row in knowledge.codes.get("near_codes", ())
            if row["concept"] in knowledge.concepts
        }
        self._known: dict[tuple[bool, str], str] = {}
        self.hearing = Hearing(self._sounds(knowledge))

    def _sounds(self, knowledge: Knowledge) -> Sounds:
        """What is listened for in observations: fewer drugs than are looked for, and more names of devices."""
        kinds: dict[str, set[str]] = {}
        for row in knowledge.codes.get("near_words", ()):
            kinds.setdefault(row["kind"], set()).add(fold(row["words"]))
        kinds |= {"local": self._neither[False], "measure": kinds.get("measure", set()) | self._neither[True]}
        drugs = heard_drugs(knowledge)
        devices = _device_names(knowledge) | self._devices
        return Sounds(
            devices={name: key for name, key in devices.items() if name not in kinds.get("thing", ())},
            drugs={name: key for name, key in self._drugs.items() if key in drugs},
            asked={
                fold(row["words"]): row["concept"]
                for row in knowledge.codes.get("near_words", ())
                if row["kind"] == "asked" and row["concept"] in knowledge.concepts
            },
            kinds={kind: frozenset(words) for kind, words in kinds.items()},
        )

    def drug(self, *words: str | None) -> str:
        """The concept of a drug, one of whose names is a whole word (or two in a row) of these texts; else nothing."""
        return next((found for text in words if text and (found := self._found(text, devices=False))), "")

    def device(self, *words: str | None) -> str:
        """The same for oxygen, ventilation and kidney replacement, unless a word says that it is none."""
        return next((found for text in words if text and (found := self._found(text, devices=True))), "")

    def coded(self, system: str | None, code: str | None) -> str:
        """The device that a code of a procedure or observation says was used, without saying until when; else nothing.

        ``system`` by its URI, OID, HL7 v2 name or OMOP vocabulary; without a known one only a code of a form that no
        other system has. What follows the point of an OPS code says more of the same thing.
        """
        found = _WRITTEN_CODE.fullmatch((code or "").strip().upper())
        whole = found["code"] if found else ""
        of, concept = self._coded.get(whole) or self._coded.get(whole.partition(".")[0], ("", ""))
        given = _SYSTEMS.get((system or (found["system"] if found else "") or "").strip().lower(), "")
        return concept if given == of or (not given and of in _UNMISTAKABLE) else ""

    def as_words(self, codings: Iterable[tuple[str | None, str | None]]) -> list[str]:
        """The words for which codes of observations stand that name a device without a word (system and code)."""
        concepts = (self.coded(system, code) for system, code in codings)
        return [_SAID_BY_CODES[concept] for concept in concepts if concept in _SAID_BY_CODES]

    def fluid(self, *words: str | None) -> bool:
        """Whether a text names a fluid by its usual abbreviation (NS, D5W), which is too short for a word."""
        return any(not self._fluids.isdisjoint(fold(text).split("_")) for text in words if text)

    def _found(self, text: str, *, devices: bool) -> str:
        known = self._known.get((devices, text))
        if known is None:
            known = self._looked_for(text[:LONGEST_TEXT], devices=devices)
            if len(text) <= LONGEST_REMEMBERED and len(self._known) < REMEMBERED:
                self._known[devices, text] = known
        return known

    def _looked_for(self, text: str, *, devices: bool) -> str:
        single = fold(text).split("_")
        words = (*map("_".join, pairwise(single)), *single)
        names = self._devices if devices else self._drugs
        if not self._neither[devices].isdisjoint(words):
            return ""
        return next((names[one] for one in words if one in names), "")


def _drug_names(knowledge: Knowledge) -> dict[str, str]:
    """Names of drugs and products that a therapy or a trigger may go by, folded, with their concept."""
    # an infection is a trigger and no drug: `INFLUENZA VACCINE` names one
    needed = {key for key, concept in knowledge.concepts.items() if concept.kind in _DRUGS and key != "infection_onset"}
    names = {fold(alias): key for alias, key in knowledge.concept_aliases.items() if key in needed}
    names |= {key: key for key in needed}
    for alias, product in knowledge.product_aliases.items():
        names[fold(alias)] = knowledge.products[product].concept
    names |= {key: product.concept for key, product in knowledge.products.items()}
    return {name: key for name, key in names.items() if len(name) >= _SHORTEST_NAME and key in needed}


def _device_names(knowledge: Knowledge) -> dict[str, str]:
    """Other names of devices and of what they may be (`respiratory support`, `bipap`), but for that of none."""
    found: dict[str, str] = {}
    for key, concept in knowledge.concepts.items():
        if concept.kind == "device":
            found |= {fold(alias): key for alias, one in knowledge.concept_aliases.items() if one == key}
            some = {fold(alias): one for alias, one in concept.category_aliases.items() if one != concept.categories[0]}
            found |= dict.fromkeys(some, key)
            # what says nothing of what it is (`other`) is no word of it
            found |= dict.fromkeys((one for one in concept.categories[1:] if one != _OTHER), key)
    return {name: key for name, key in found.items() if len(name) >= _SHORTEST_DEVICE}
