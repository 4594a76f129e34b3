"""What the page carries so that any two scales can be compared at any hour: rows and words, as JSON without markup."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.probability import probability_in_words
from cytowatch.report import why, words
from cytowatch.report.course import Row
from cytowatch.report.order import FAMILIES, family_of
from cytowatch.report.signs import ScaleSigns

_SAID = ("at_least", "at_most", "criteria", "missing")
# A pointer to a whole resource can stand for many rows; the first ones tell which it is.
_VALUES = 3


def merged(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows of one scale in time order, neighbors joined that say the same; the evidence is that of the first."""
    out: list[dict[str, Any]] = []
    for row in rows:
        last = out[-1] if out else None
        if last and last["end"] == row["start"] and all(last[name] == row[name] for name in _SAID):
            last["end"] = row["end"]
        else:
            out.append(dict(row))
    return out


def as_json(value: object) -> Markup:
    """JSON that no HTML parser can mistake for markup."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    # No letter is left that could open a tag or end the element.
    return Markup(text)  # noqa: S704


@dataclass
class Places:
    """Numbers things in the order in which they come, so that rows can name them by number."""

    found: dict[str, int] = field(default_factory=dict)

    def of(self, key: str) -> int:
        """The number of a thing."""
        return self.found.setdefault(key, len(self.found))


@dataclass
class Dictionary:
    """The words that every patient of a page shares: scales, signs, what is missing, concepts."""

    knowledge: Knowledge
    signs: dict[str, dict[str, Any]] = field(default_factory=dict)
    readers: dict[str, ScaleSigns] = field(default_factory=dict)
    missing: Places = field(default_factory=Places)
    concepts: Places = field(default_factory=Places)
    axes: Places = field(default_factory=Places)
    keys: dict[str, Places] = field(default_factory=dict)

    def scale(self, scale: str) -> ScaleSigns:
        """The signs of a scale, made once."""
        if scale not in self.readers:
            self.readers[scale] = ScaleSigns(scale, self.knowledge)
            self.signs[scale] = {}
            self.keys[scale] = Places()
        return self.readers[scale]

    def sign(self, scale: str, key: str) -> int:
        """The number of a sign of a scale."""
        own = self.scale(scale)
        if key not in self.signs[scale]:
            found = own.sign(key)
            concepts = [self.concepts.of(name) for name in sorted(found.concepts)]
            self.signs[scale][key] = [found.label, found.grade, concepts, found.place, self.axes.of(found.axis)]
        return self.keys[scale].of(key)

    def content(self) -> dict[str, Any]:
        """What stands on the page once."""
        names = words.Words(self.knowledge)
        known = set(self.concepts.found)
        return {
            "scales": {
                scale: {
                    "short": names.short(scale),
                    "title": names.full(scale),
                    "family": family_of(scale, self.knowledge),
                    "subject": reader.subject,
                    "sum": reader.is_sum,
                    "reads": sorted(self.concepts.of(name) for name in reader.reads & known),
                    "signs": [self.signs[scale][key] for key in self.keys[scale].found],
                }
                for scale, reader in self.readers.items()
            },
            "families": FAMILIES,
            "missing": [names.missing(key) for key in self.missing.found],
            "sentences": why.SENTENCES,
            "gaps": why.GAPS,
            "tags": why.TAGS,
            "between": why.BETWEEN,
        }


def patient_content(
    by_scale: Mapping[str, Sequence[Row]],
    dictionary: Dictionary,
    at: Mapping[int, float],
    zero: int | None,
    values: Mapping[str, Sequence[str]],
    concepts: Mapping[str, frozenset[str]],
) -> dict[str, Any]:
    """One patient's rows for the page: ``by_scale`` merged rows; ``at`` hours of each moment; ``zero``: UTC of hour 0.

    A row is [start, end, at least, at most, signs that make the grade, other signs, missing, evidence, probability].
    """
    sources = Places()
    rows: dict[str, list[list[Any]]] = {}
    for scale, own in by_scale.items():
        reader = dictionary.scale(scale)
        rows[scale] = [_row(row, scale, reader, dictionary, at, sources) for row in own]
    evidence = [
        [key, list(values.get(key, ()))[:_VALUES], sorted(dictionary.concepts.of(c) for c in concepts.get(key, ()))]
        for key in sources.found
    ]
    return {"zero": zero, "rows": rows, "evidence": evidence}


def _row(
    row: Row, scale: str, reader: ScaleSigns, dictionary: Dictionary, at: Mapping[int, float], sources: Places
) -> list[Any]:
    deciding = reader.deciding(row["criteria"] or [], row["at_least"])
    others = [key for key in row["criteria"] or [] if key not in deciding]
    found = dictionary.knowledge.scales.get(scale)
    chance = probability_in_words(found, row["at_least"], row["at_most"]) if found else ""
    out: list[Any] = [
        at[row["start"]],
        at[row["end"]],
        row["at_least"],
        row["at_most"],
        [dictionary.sign(scale, key) for key in deciding],
        [dictionary.sign(scale, key) for key in others],
        [dictionary.missing.of(key) for key in row["missing"] or []],
        [sources.of(key) for key in row["evidence"] or []],
    ]
    return [*out, chance] if chance else out
