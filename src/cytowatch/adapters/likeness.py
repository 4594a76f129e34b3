"""What words may speak of that no table knows: only ever a reason for doubt, never for a fact.

`NOREPI 8MG/250ML D5W` under a local code is no norepinephrine that can be graded. Passed over, it would read as "not
given", in a source where drugs are recorded. So it is told, and the therapy is in doubt from then on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.parse import fold

_DRUGS = ("infusion", "dose", "trigger")
# shorter names are words of other things
_SHORTEST_NAME = 5
_SHORTEST_DEVICE = 3
# what is written in one clause may deny what stands in it, and nothing in another
_CLAUSE = re.compile(r"[.,;:!?]+(?=\s|$)|[;\n\r]")
_LONGEST_TEXT = 20_000
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
}  # fmt: skip
# codes of five digits may be any system's; those of these two have a form that no other code has
_UNMISTAKABLE = ("icd10pcs", "ops")
# more different texts than a code list has are texts that people wrote
_REMEMBERED = 100_000


class Likeness:
    """The words that are looked for: names of needed drugs and products, and those of `codes/near_words.csv`.

    Codes of procedures that say without a word that a device was used stand in `codes/near_codes.csv`.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        rows = knowledge.codes.get("near_words", ())
        mapped = [row for row in rows if row["fate"] == "map" and row["concept"] in knowledge.concepts]
        named = {fold(row["words"]): row["concept"] for row in mapped if row["kind"] == "drug"}
        self._drugs = _drug_names(knowledge) | named
        self._devices = {fold(row["words"]): row["concept"] for row in mapped if row["kind"] == "device"}
        self._neither = {
            devices: {fold(row["words"]) for row in rows if row["fate"] == "ignore" and row["kind"] == kind}
            for devices, kind in ((True, "device"), (False, "drug"))
        }
        self._fluids = {fold(row["words"]) for row in rows if row["kind"] == "fluid"}
        self._noes = {fold(row["words"]) for row in rows if row["kind"] == "answer"}
        self._denials = {fold(row["words"]) for row in rows if row["kind"] == "denial"}
        self._asked = {fold(row["words"]) for row in rows if row["kind"] == "question"}
        self._supports = _device_names(knowledge) | self._devices
        self._no_device = self._neither[True]
        self._no_drug = self._neither[False] | {fold(row["words"]) for row in rows if row["kind"] == "assay"}
        triggers = {key for key, concept in knowledge.concepts.items() if concept.kind == "trigger"}
        self._therapies = {name: key for name, key in self._drugs.items() if key not in triggers}
        self._coded = {
            row["code"].upper(): (row["system"], row["concept"])
            for row in knowledge.codes.get("near_codes", ())
            if row["concept"] in knowledge.concepts
        }
        self._known: dict[tuple[bool, str], str] = {}
        self._read: dict[str, str] = {}

    def drug(self, *words: str | None) -> str:
        """The concept of a drug, one of whose names is a whole word (or two in a row) of these texts; else nothing."""
        return next((found for text in words if text and (found := self._found(text, devices=False))), "")

    def device(self, *words: str | None) -> str:
        """The same for oxygen, ventilation and kidney replacement, unless a word says that it is none."""
        return next((found for text in words if text and (found := self._found(text, devices=True))), "")

    def observed(self, names: Iterable[str | None], answers: Iterable[str | None] = ()) -> str:
        """The device or drug that an observation under a code of no table speaks of; nothing if it answers no.

        ``names``: the words of its code. ``answers``: its value as words or as a number (``0`` is a no). A word that
        stands right after a denial (`not intubated`) is not heard; nor are words of tests and questionnaires.
        """
        given = [answer for answer in answers if answer]
        if any(fold(answer[:_LONGEST_TEXT]) in self._noes for answer in given):
            return ""
        return next((found for text in (*names, *given) if text and (found := self._spoken(text))), "")

    def coded(self, system: str | None, code: str | None) -> str:
        """The device that a code of a procedure says was used, though no table knows when it is on; else nothing.

        ``system`` by its URI, OID, HL7 v2 name or OMOP vocabulary; without a known one only a code of a form that no
        other system has. What follows the point of an OPS code says more of the same thing.
        """
        whole = (code or "").strip().upper()
        of, concept = self._coded.get(whole) or self._coded.get(whole.partition(".")[0], ("", ""))
        given = _SYSTEMS.get((system or "").strip().lower(), "")
        return concept if given == of or (not given and of in _UNMISTAKABLE) else ""

    def fluid(self, *words: str | None) -> bool:
        """Whether a text names a fluid by its usual abbreviation (NS, D5W), which is too short for a word."""
        return any(not self._fluids.isdisjoint(fold(text).split("_")) for text in words if text)

    def _found(self, text: str, *, devices: bool) -> str:
        known = self._known.get((devices, text))
        if known is None:
            known = self._known[devices, text] = self._looked_for(text, devices=devices)
        return known

    def _spoken(self, text: str) -> str:
        known = self._read.get(text)
        if known is None:
            clauses = _CLAUSE.split(text[:_LONGEST_TEXT])
            known = next((found for clause in clauses if (found := self._in_clause(clause))), "")
            if len(self._read) < _REMEMBERED:
                self._read[text] = known
        return known

    def _in_clause(self, clause: str) -> str:
        """The device, else the drug, that one clause of an observation speaks of."""
        single = fold(clause).split("_")
        pairs = list(map("_".join, pairwise(single)))
        words = {*single, *pairs}
        if not self._asked.isdisjoint(words):
            return ""
        # each word with the word, and the two words, before it
        before = zip(["", *single], ["", "", *pairs], strict=False)
        stated = [self._denials.isdisjoint(both) for both in before]
        heard = [one for one, said in zip(single, stated, strict=False) if said]
        heard = [one for one, said in zip(pairs, stated, strict=False) if said] + heard
        for names, none in ((self._supports, self._no_device), (self._therapies, self._no_drug)):
            if none.isdisjoint(words):
                found = next((names[one] for one in heard if one in names), "")
                if found:
                    return found
        return ""

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
    return {name: key for name, key in found.items() if len(name) >= _SHORTEST_DEVICE}
