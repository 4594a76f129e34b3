"""The syntax of one segment: fields, repetitions, components, subcomponents, escapes, by the message's own characters.

Which characters separate what is said by the first two fields of the header (MSH, and FHS or BHS of a batch): the
field separator, then component, repetition, escape, subcomponent and, from version 2.7 on, truncation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

NULL = '""'
# what stands for a separator in an escape sequence; the value is the place in `Separators.letters`
_LETTERS = {"F": 0, "S": 1, "R": 2, "E": 3, "T": 4, "P": 5}
# formatting of printed text: a line break or a space; the rest only changes the looks
_BREAK = re.compile(r"\.(?:br|sp|ce)(?:\s*[+-]?\d+)?", re.IGNORECASE)
_LOOKS = re.compile(r"[HN]|\.(?:fi|nf|in|ti|sk)(?:\s*[+-]?\d+)?", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Separators:
    """The characters of one message; an empty text for one that the header does not define."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""
    charset: str = "utf-8"

    @property
    def written(self) -> str:
        """All of them in one word, to tell apart what was written with others."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation

    @property
    def letters(self) -> tuple[str, ...]:
        """In the order of the escape letters F, S, R, E, T, P."""
        return (self.field, self.component, self.repetition, self.escape, self.subcomponent, self.truncation)


@dataclass(slots=True)
class Segment:
    """One segment: its line in the file, its name, and its fields as written; ``fields[n]`` is field n.

    ``damage``: the rule by which nothing in it can be trusted (a raw line break, a control character), or nothing.
    """

    line: int
    name: str
    fields: list[str]
    damage: str = ""

    def __getitem__(self, number: int) -> str:
        return self.fields[number] if number < len(self.fields) else ""


def read_separators(header: str, charset: str = "utf-8") -> Separators | None:
    """The separators that a header segment defines; None if they cannot separate anything."""
    # a feed has few different beginnings of headers: field 1, at most five letters, and field 1 again
    return _separators(header[:10], charset)


@lru_cache(maxsize=256)
def _separators(header: str, charset: str) -> Separators | None:
    """3 to 5 characters after the field separator, all different; no letter, digit, space or quotation mark."""
    field = header[3:4]
    letters, end, _ = header[4:].partition(field) if field else ("", "", "")
    every = field + letters
    if not end or not 3 <= len(letters) <= 5 or len(set(every)) < len(every):
        return None
    if any(letter.isalnum() or letter.isspace() or letter == '"' or ord(letter) < 32 for letter in every):
        return None
    return Separators(field, letters[0], letters[1], letters[2], letters[3:4], letters[4:5], charset)


def read_segment(line: int, text: str, separators: Separators, *, clean: bool = False) -> Segment | None:
    """One line as a segment; None if it has no segment's name (three letters or digits, then a field or nothing).

    ``clean``: it is known to hold no control character, so none is looked for.
    """
    if not _is_name(text[:3]) or text[3:4] not in ("", separators.field):
        return None
    fields = text.split(separators.field)
    fields[0] = fields[0].upper()
    if fields[0] in ("MSH", "FHS", "BHS"):
        # field 1 of a header is the separator itself
        fields.insert(1, separators.field)
    return Segment(line, fields[0], fields, "" if clean or not _CONTROL.search(text) else "control_character")


@lru_cache(maxsize=1024)
def _is_name(name: str) -> bool:
    return len(name) == 3 and name.isascii() and name.isalnum() and name[0].isalpha()


def repetitions(raw: str, separators: Separators) -> list[str]:
    """The repetitions of a field that are not empty."""
    return [part for part in raw.split(separators.repetition) if part]


def components(raw: str, separators: Separators) -> list[str]:
    """The components of one repetition, as written."""
    return raw.split(separators.component)


def component(raw: str, number: int, separators: Separators) -> str:
    """Component ``number`` (from 1) of the first repetition, its first subcomponent, unescaped; empty if missing."""
    if raw.isalnum():
        # most fields are one plain word or number
        return raw if number == 1 else ""
    parts = raw.split(separators.repetition, 1)[0].split(separators.component)
    return plain(parts[number - 1], separators) if number <= len(parts) else ""


def subcomponents(raw: str, separators: Separators) -> list[str]:
    """The subcomponents of a component, unescaped and without spaces around them."""
    parts = raw.split(separators.subcomponent) if separators.subcomponent else [raw]
    return [unescape(part, separators).strip() for part in parts]


def plain(raw: str, separators: Separators) -> str:
    """The first subcomponent, unescaped, without spaces around it; the explicit null is empty."""
    if separators.subcomponent and separators.subcomponent in raw:
        raw = raw.split(separators.subcomponent, 1)[0]
    text = unescape(raw, separators).strip()
    return "" if text == NULL else text


def is_truncated(raw: str, separators: Separators) -> bool:
    """Whether the sender cut the text off, as the last character says."""
    return bool(separators.truncation) and raw.rstrip().endswith(separators.truncation)


def unescape(raw: str, separators: Separators) -> str:
    """Text with its escape sequences resolved; one that is not known stays as it is, so that nothing is guessed."""
    if not separators.escape or separators.escape not in raw:
        return raw
    return _sequence(separators.escape).sub(lambda found: _resolved(found, separators), raw)


@lru_cache(maxsize=64)
def _sequence(escape: str) -> re.Pattern[str]:
    letter = re.escape(escape)
    return re.compile(f"{letter}([^{letter}]*){letter}")


def _resolved(found: re.Match[str], separators: Separators) -> str:
    said = found[1]
    if said in _LETTERS:
        return separators.letters[_LETTERS[said]] or found[0]
    if _BREAK.fullmatch(said):
        return "\n"
    if _LOOKS.fullmatch(said):
        return ""
    if said[:1] == "X":
        return _hexadecimal(said[1:], separators.charset) or found[0]
    return found[0]


def _hexadecimal(digits: str, charset: str) -> str:
    try:
        return bytes.fromhex(digits).decode(charset)
    except (ValueError, LookupError):
        return ""
