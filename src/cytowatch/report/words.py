"""Ids in words: criteria, flags, missing things, concepts, units, values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytowatch.knowledge.model import Knowledge

_UNITS = {
    "Cel": "°C",
    "mm[Hg]": "mmHg",
    "1": "",
    "{score}": "",
    "10*9/L": "×10⁹/L",
    "[IU]/min": "IU/min",
    "[IU]/L": "IU/L",
    "ug/L": "µg/L",
    "ug": "µg",
    "ug/min": "µg/min",
    "ug/kg/min": "µg/kg/min",
}


def grade(at_least: int | None, at_most: int | None) -> str:
    """``2``, a range ``1–3``, or ``not graded``."""
    if at_least is None or at_most is None:
        return "not graded"
    return str(at_least) if at_least == at_most else f"{at_least}–{at_most}"


def plain(key: str) -> str:
    """An id as plain words."""
    return key.replace("_", " ")


def sentence(text: str) -> str:
    """The text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def unit(name: str | None) -> str:
    """A UCUM unit as a reader writes it."""
    return _UNITS.get(name or "", name or "")


class Words:
    """Looks up the label of everything that a report names, in the tables of one knowledge version."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def scale(self, scale: str) -> str:
        """``CRS`` or ``ICANS`` with the edition, from the id of the scale; the short name of a rule scale."""
        if self._is_rules(scale):
            return self.short(scale)
        family, _, edition = scale.partition(".")
        name, _, year = edition.partition("-")
        return f"{family.upper()} ({name.upper()} {year})" if year else scale

    def family(self, scale: str) -> str:
        """``CRS`` or ``ICANS``; the short name of a rule scale, which may be one of several of its family."""
        if self._is_rules(scale):
            return self.short(scale)
        return scale.partition(".")[0].upper()

    def short(self, scale: str) -> str:
        """The name of a scale where there is little room."""
        found = self._knowledge.scales.get(scale)
        return (found.short if found else "") or scale

    def full(self, scale: str) -> str:
        """The title of a scale."""
        found = self._knowledge.scales.get(scale)
        return found.title if found else scale

    def criterion(self, scale: str, key: str) -> str:
        """The label of a criterion, or of the domain of an ``<domain>_grade_<g>`` id; a view has the viewed ones."""
        found = self._knowledge.scales.get(scale)
        if found is None:
            return self._message("criterion", key)
        if found.view_of:
            return self.criterion(found.view_of, key)
        own = next((item.label for item in found.criteria if item.id == key), "")
        domain, _, grade_text = key.rpartition("_grade_")
        scored = next((item.label for item in found.domains if item.id == domain), "")
        return own or (f"{scored}: grade {grade_text}" if scored else self._message("criterion", key))

    def flag(self, scale: str, key: str) -> str:
        """What a flag says, in a sentence."""
        found = self._knowledge.scales.get(scale)
        if found and found.view_of and key not in found.flags:
            return self.flag(found.view_of, key)
        return (found.flags.get(key) if found else "") or self._message("flag", key)

    def missing(self, key: str) -> str:
        """What would settle a grade, in words."""
        return self._message("missing", key)

    def concept(self, key: str) -> str:
        """The label of a concept."""
        found = self._knowledge.concepts.get(key)
        return found.label if found else sentence(plain(key))

    def product(self, key: str | None) -> str:
        """The label of a trigger product."""
        found = self._knowledge.products.get(key or "")
        return found.label if found else plain(key or "")

    def value(self, row: Mapping[str, Any]) -> str:
        """The value of an observation with its comparator and unit, or its category."""
        if row["value"] is None:
            return plain(row["text"] or "")
        number = f"{row['comparator'] or ''}{row['value']:.6g} {unit(row['unit'])}".strip()
        return f"{number} ({plain(row['text'])})" if row["text"] else number

    def _is_rules(self, scale: str) -> bool:
        return self._has(scale) and self._knowledge.scales[scale].method in {"rules", "view"}

    def _has(self, scale: str) -> bool:
        return scale in self._knowledge.scales

    def _message(self, kind: str, key: str) -> str:
        messages = self._knowledge.messages
        found = messages.get(f"{kind}.{key}") or messages.get(key)
        return found or sentence(self._knowledge.concepts[key].label if key in self._knowledge.concepts else plain(key))
