"""The value of an OBX by its type, its unit and its reference range, as written; admission judges and converts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cytowatch.adapters.hl7v2.syntax import (
    NULL,
    Separators,
    components,
    is_truncated,
    plain,
    repetitions,
    subcomponents,
    unescape,
)
from cytowatch.adapters.resolve import find_category, find_unit
from cytowatch.adapters.vocabulary import LOCAL, Vocabulary
from cytowatch.knowledge.model import Concept

_TEXTS = ("", "ST", "TX", "FT", "IS", "ID")
_CODED = ("CE", "CWE", "CNE", "CF")
_DATES = ("DT", "TM", "TS", "DTM", "DR")
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_BOTH = re.compile(rf"({_NUMBER})\s*(?:-|–|to)\s*({_NUMBER})")
_ONE = re.compile(rf"(<=|>=|<|>|≤|≥)\s*{_NUMBER}")
# 10^3/uL cut by its own component separator
_POWER = re.compile(r"\d{1,2}(?:/\S+)?")


@dataclass(frozen=True)
class Value:
    """What OBX-5 says; ``rule`` where it cannot be used, ``absent`` where it says that there is nothing."""

    value: str | None = None
    comparator: str | None = None
    text: str | None = None
    rule: str = ""
    reason: str = ""
    hint: str = ""
    absent: bool = False


_AS_ONE = "send one plain number for each OBX"


def read_value(kind: str, raw: str, concept: Concept, vocabulary: Vocabulary, separators: Separators) -> Value:
    """OBX-5 of the type ``kind`` (OBX-2) for a concept."""
    parts = repetitions(raw, separators)
    if not parts or all(part.strip() in ("", NULL) for part in parts):
        return Value(absent=True)
    if len(parts) > 1:
        return Value(
            rule="several_values", reason="OBX-5 holds several values, and which of them counts is not said",
            hint="send one OBX for each value, with its own time or sub-id",
        )  # fmt: skip
    if is_truncated(parts[0], separators):
        return Value(rule="truncated_value", reason="the value was cut off by the sender", hint="send the whole value")
    return _of_type(kind.upper(), parts[0], concept, vocabulary, separators)


def _of_type(kind: str, raw: str, concept: Concept, vocabulary: Vocabulary, separators: Separators) -> Value:
    if kind == "NM":
        return _plain(components(raw, separators)[0], concept, separators)
    if kind == "SN":
        return _structured(raw, separators)
    if kind in _CODED:
        return _coded(raw, concept, vocabulary, separators)
    if kind in _TEXTS:
        return _plain(raw, concept, separators)
    what = "a date or a time" if kind in _DATES else "a document, a picture, a curve or another thing without a number"
    return Value(rule="value_type", reason=f"{kind} is {what}, not a value of {concept.key}", hint=_AS_ONE)


def _plain(raw: str, concept: Concept, separators: Separators) -> Value:
    text = unescape(raw, separators).strip()
    return Value(text=text) if concept.categories or concept.text_needed else Value(value=text)


def _structured(raw: str, separators: Separators) -> Value:
    """Comparator, number, separator, number; with a second number it is a range or a ratio, no value."""
    comparator, first, between, second = [
        *(plain(part, separators) for part in components(raw, separators)), "", "", "", "",
    ][:4]  # fmt: skip
    if between or second:
        return Value(
            rule="range_or_ratio", reason="the result is a range, a ratio or a class, not one number", hint=_AS_ONE
        )
    return Value(value=first or None, comparator=comparator or None, absent=not first)


def _coded(raw: str, concept: Concept, vocabulary: Vocabulary, separators: Separators) -> Value:
    """A coded answer: by its code where a table has it, else by its words."""
    parts = [plain(part, separators) for part in components(raw, separators)]
    known = [code for pair in codings(parts) if (code := vocabulary.code(*pair)) is not None]
    named = next((code.category for code in known if code.concept == concept.key and code.category), None)
    words = [word for word in (*parts[1:2], *parts[4:5], *parts[8:9], *parts[0:1]) if word]
    if concept.categories or concept.text_needed:
        if named:
            return Value(text=named)
        fits = next((word for word in words if find_category(concept, word)), None)
        return Value(text=fits or next(iter(words), None), absent=not words)
    return Value(rule="coded_value", reason=f"{concept.key} is a number, and a code was sent", hint=_AS_ONE)


def codings(parts: list[str]) -> list[tuple[str, str]]:
    """The (system, code) pairs of a coded element, each alternative, a local one also under the site's own system.

    Parts 1 to 3 and 4 to 6; from version 2.7 on also 10 to 12.
    """
    found = []
    for start in (0, 3, 9):
        code, system = (parts[place] if place < len(parts) else "" for place in (start, start + 2))
        if code:
            found.append((system or LOCAL, code))
            if not system or system.upper() == "L" or system.startswith("99"):
                found.append((LOCAL, code))
    return found


def read_unit(raw: str, concept: Concept, separators: Separators) -> str | None:
    """The unit of OBX-6: the UCUM code where one is sent, else the first of code and words that the concept accepts."""
    parts = [subcomponents(part, separators)[0] for part in components(raw, separators)]
    if parts[0] == "10" and len(parts) > 1 and _POWER.fullmatch(parts[1]):
        # an unescaped `10^3/uL`
        parts = [f"10^{parts[1]}", *parts[2:]]
    parts += [""] * (6 - len(parts))
    for code, system in ((parts[0], parts[2]), (parts[3], parts[5])):
        if code and system.upper() == "UCUM":
            return code
    said = [part for part in (parts[0], parts[1], parts[3], parts[4]) if part and part != NULL]
    return next((part for part in said if find_unit(concept, part)), next(iter(said), None))


def read_range(raw: str, separators: Separators) -> tuple[str | None, str | None]:
    """The limits of normal of OBX-7; anything but numbers (a word, a list by age) gives none."""
    text = unescape(raw, separators).strip()
    both = _BOTH.fullmatch(text)
    if both:
        return both[1], both[2]
    if _ONE.fullmatch(text):
        return (text, None) if text[0] in ">≥" else (None, text)
    return None, None
