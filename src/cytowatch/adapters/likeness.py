"""What words may speak of that no table knows: only ever a reason for doubt, never for a fact.

`NOREPI 8MG/250ML D5W` under a local code is no norepinephrine that can be graded. Passed over, it would read as "not
given", in a source where drugs are recorded. So it is told, and the therapy is in doubt from then on.
"""

from __future__ import annotations

from itertools import pairwise

from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.parse import fold

_DRUGS = ("infusion", "dose", "trigger")
# shorter names are words of other things
_SHORTEST_NAME = 5


class Likeness:
    """The words that are looked for: names of needed drugs and products, and those of `codes/near_words.csv`."""

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
        self._known: dict[tuple[bool, str], str] = {}

    def drug(self, *words: str | None) -> str:
        """The concept of a drug, one of whose names is a whole word (or two in a row) of these texts; else nothing."""
        return next((found for text in words if text and (found := self._found(text, devices=False))), "")

    def device(self, *words: str | None) -> str:
        """The same for oxygen, ventilation and kidney replacement, unless a word says that it is none."""
        return next((found for text in words if text and (found := self._found(text, devices=True))), "")

    def fluid(self, *words: str | None) -> bool:
        """Whether a text names a fluid by its usual abbreviation (NS, D5W), which is too short for a word."""
        return any(not self._fluids.isdisjoint(fold(text).split("_")) for text in words if text)

    def _found(self, text: str, *, devices: bool) -> str:
        known = self._known.get((devices, text))
        if known is None:
            known = self._known[devices, text] = self._looked_for(text, devices=devices)
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
