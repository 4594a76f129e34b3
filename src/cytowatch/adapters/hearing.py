"""What an observation under a code of no table speaks of: a device, a pressor, or nothing (decision 0034).

One rule for each place where words stand. The *name* of a code asks: a word of a plan, of the past or of a laboratory
test in it mutes the code, and the answer decides (`Ventilator` = no; `Weaned from ventilator` = no). An *answer* is a
no, or speaks itself. In both a word that is denied right before is not heard, and a faint word (`o2`) yields to one of
a measurement (`saturation`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.parse import fold

LONGEST_TEXT = 20_000
# longer texts are those that people wrote, each only once
LONGEST_REMEMBERED = 200
REMEMBERED = 100_000
# so many words in a row may be one name
_MOST_WORDS = 3
# what is written in one clause denies nothing in another; `Vent. rate` is one
_CLAUSE = re.compile(r"[,;:!?]+(?=\s|$)|(?<!\bvent)\.+(?=\s|$)|[;\n\r()]|\s[-–—]+\s", re.IGNORECASE)
# `vent.mode`, `VentMode`; but `0.1`, `FiO2`, `BiPAP`
_POINT = re.compile(r"(?<!\d)\.|\.(?!\d)")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z]{2})")
_ZERO = re.compile(r"0+([.,]0+)?\s*(%|[^\W\d].*)?", re.DOTALL)
_NUMBER = re.compile(r"[<>=]*\s*\d+([.,]\d+)?\s*%?")
# `desaturated on room air, now 2 L`: more than these words tell a story
_MOST_OF_ROOM_AIR = 5
_LITERS = re.compile(r"\d\s*l", re.IGNORECASE)
_WITH = ("w", "with")
# a cannula with more liters a minute counts as more
_LOW_FLOW = 6
# air has 21 % of oxygen
_AIR = 0.21
# fever reducers are given to everybody
_COMMON = ("acetaminophen", "ibuprofen")

Turn = Literal["plain", "turned", "always"]


class _Name(NamedTuple):
    """What the names of a code ask for; ``turn``: which answer says that it is so; ``share``: inspired oxygen alone."""

    concept: str = ""
    turn: Turn = "plain"
    share: bool = False
    mute: bool = False
    words: frozenset[str] = frozenset()


class _Answer(NamedTuple):
    concept: str
    is_no: bool
    words: frozenset[str]


class _Word(NamedTuple):
    """A word (or up to three) that stands in a text; ``denied``: right before it stands that it is not so."""

    words: str
    denied: bool


@dataclass(frozen=True)
class Sounds:
    """The words of `codes/near_words.csv` by their kind, and the names of devices and drugs that are listened for.

    ``asked``: what speaks of a device only as the name of a code (`Extubated`).
    """

    devices: dict[str, str]
    drugs: dict[str, str]
    asked: dict[str, str]
    kinds: dict[str, frozenset[str]]

    def of(self, kind: str) -> frozenset[str]:
        """The words of one kind that is no name of a therapy."""
        return self.kinds.get(kind, frozenset())


def heard_drugs(knowledge: Knowledge) -> set[str]:
    """The drugs that are listened for: what runs, and what treats the syndrome or waives its fever in a scale."""
    running = {key for key, concept in knowledge.concepts.items() if concept.kind == "infusion"}
    waiving = {key for scale in knowledge.scales.values() for key in scale.episode.waived_by}
    return running | waiving - set(_COMMON)


class Hearing:
    """Listens to names and answers of observations; each distinct one is looked at once."""

    def __init__(self, sounds: Sounds) -> None:
        self._sounds = sounds
        self._names: dict[tuple[str, ...], _Name] = {}
        self._answers: dict[str, _Answer] = {}

    def about(self, names: Iterable[str | None]) -> str:
        """The device or drug that the names of a code ask for, whatever the answer; nothing if none."""
        return self._name(names).concept

    def observed(
        self, names: Iterable[str | None], words: Iterable[str | None] = (), codes: Iterable[str | None] = ()
    ) -> str:
        """The device or drug that an observation speaks of; nothing if it says that there is none.

        ``names``: the words of its code, and the code. ``words``: its value in words or as a number. ``codes``: its
        value as codes; they, and numbers, are asked for a no only where no word stands.
        """
        name = self._name(names)
        given = [word for word in words if word]
        coded = [code for code in codes if code]
        spoken = (
            "" if name.mute else next((one for text in (*given, *coded) if (one := self._answer(text).concept)), "")
        )
        return name.concept if name.concept and self._is_so(name, given, coded) else spoken

    def is_mild(
        self, names: Iterable[str | None], words: Iterable[str | None] = (), codes: Iterable[str | None] = ()
    ) -> bool:
        """Whether it says no more than that there is some oxygen, or some pressor: any that is charted explains it."""
        answers = [one for one in (*words, *codes) if one]
        said = self._name(names).words.union(*(self._answer(one).words for one in answers))
        rest = [one for one in answers if not self._answer(one).words]
        numbers = [] if said <= self._sounds.of("any") else [one for one in rest if _is_low_flow(one)]
        some = said <= self._sounds.of("any") or said <= self._sounds.of("mild")
        return some and all(one in numbers or fold(one) in self._sounds.of("yes") for one in rest)

    def _is_so(self, name: _Name, given: list[str], coded: list[str]) -> bool:
        """Whether the answer to a question about a therapy says that there is one; so does none to a plain one."""
        worded = [word for word in given if not _NUMBER.fullmatch(word.strip())]
        answers = worded or [*given, *coded]
        is_no = bool(answers) and all(self._answer(one).is_no or (name.share and _is_air(one)) for one in answers)
        if name.turn == "plain":
            return not is_no
        # `not yet` is no end either
        return bool(answers) and (is_no or name.turn == "always" or not all(map(self._is_yes, answers)))

    def _name(self, names: Iterable[str | None]) -> _Name:
        key = tuple(name for name in names if name)
        known = self._names.get(key)
        if known is None:
            known = self._read_name(key)
            if len(self._names) < REMEMBERED and sum(map(len, key)) <= LONGEST_REMEMBERED:
                self._names[key] = known
        return known

    def _answer(self, text: str) -> _Answer:
        known = self._answers.get(text)
        if known is None:
            concept, words = self._in_text(text[:LONGEST_TEXT])
            known = _Answer(concept, not concept and self._is_no(text[:LONGEST_TEXT]), words)
            if len(text) <= LONGEST_REMEMBERED and len(self._answers) < REMEMBERED:
                self._answers[text] = known
        return known

    # ---------------------------------------------------------------- the name of a code

    def _read_name(self, names: tuple[str, ...]) -> _Name:
        sounds = self._sounds
        each = [_tokens(name) for name in names]
        written = {gram for tokens in each for gram in _grams(tokens)}
        if not sounds.of("question").isdisjoint(written):
            return _Name(mute=True)
        found = [word for tokens in each for word in self._devices(tokens, written)]
        asked = [_Word(words, denied=False) for words in sorted(written & sounds.asked.keys())]
        found = [*found, *asked]
        found = found or [word for tokens in each for word in self._drugs(tokens, written, is_name=True)]
        if not found:
            return _Name()
        said = next((word for word in found if not word.denied), found[0])
        words = {word.words for word in found}
        concept = sounds.devices.get(said.words) or sounds.asked.get(said.words) or sounds.drugs[said.words]
        share = not sounds.of("share").isdisjoint(words) and words <= sounds.of("share") | sounds.of("gas")
        turn = self._turn(written, denied=said.denied)
        return _Name(concept, turn, share and "flow" not in written, words=frozenset(words))

    def _turn(self, written: set[str], *, denied: bool) -> Turn:
        """`Ventilator`: a yes says that it is on. `Weaned from ventilator`: a no. `Unable to be weaned`: any answer."""
        is_turned = not self._sounds.of("turned").isdisjoint(written)
        if is_turned and not self._sounds.of("undone").isdisjoint(written):
            return "always"
        # `Ventilator on/off` is no such question
        return "turned" if denied or (is_turned and "on" not in written) else "plain"

    # ---------------------------------------------------------------- an answer

    def _in_text(self, text: str) -> tuple[str, frozenset[str]]:
        """The first device or drug that a text speaks of, and all the words of such."""
        each = [self._in_clause(clause) for clause in _CLAUSE.split(text)]
        words = [word for found in each for word in found]
        names = self._sounds.devices | self._sounds.drugs if words else {}
        return (names[words[0]] if words else ""), frozenset(words)

    def _in_clause(self, clause: str) -> list[str]:
        """The words of devices, else of drugs, that one clause speaks of."""
        tokens = _tokens(clause)
        written = set(_grams(tokens))
        devices = [word.words for word in self._devices(tokens, written) if not word.denied]
        return devices or [word.words for word in self._drugs(tokens, written) if not word.denied]

    def _is_no(self, text: str) -> bool:
        """Whether an answer without a word of a therapy says no: `None (Room air)`, `0 L/min`, `RA 21%`, `-`."""
        noes = self._sounds.of("answer")
        bare = text.strip()
        if _ZERO.fullmatch(bare) or not re.search(r"\w", bare) or fold(bare) in noes:
            return True
        tokens = _tokens(bare)
        grams = set(_grams(tokens))
        if _LITERS.search(bare) or not self._sounds.of("thing").isdisjoint(grams):
            return False
        first = next((part for part in _CLAUSE.split(bare) if part and not part.isspace()), "")
        if "_".join(_tokens(first)) in noes:
            return True
        is_plain = len(tokens) <= _MOST_OF_ROOM_AIR and self._sounds.of("undone").isdisjoint(grams)
        return is_plain and not self._sounds.of("air").isdisjoint(grams)

    def _is_yes(self, text: str) -> bool:
        """Whether an answer to a question of the end says that it came: a yes, or when, or for how many days."""
        return text.strip()[:1].isdecimal() or not self._sounds.of("yes").isdisjoint((fold(text), _tokens(text)[0]))

    # ---------------------------------------------------------------- words of therapies

    def _devices(self, tokens: list[str], written: set[str]) -> Iterator[_Word]:
        """The words of devices in a row of words; faint ones only where no word of a measurement was written."""
        sounds = self._sounds
        faint = frozenset() if sounds.of("measure").isdisjoint(written) else sounds.of("faint")
        for words, at in _placed(tokens):
            if words in sounds.devices and words not in faint:
                yield _Word(words, self._is_denied(tokens, at, words))

    def _drugs(self, tokens: list[str], written: set[str], *, is_name: bool = False) -> Iterator[_Word]:
        """The same of drugs: in a name a laboratory test, or a form that acts where it is applied, mutes them all."""
        sounds = self._sounds
        if is_name and not (sounds.of("local") | sounds.of("assay")).isdisjoint(written):
            return
        for words, at in _placed(tokens):
            if words in sounds.drugs and not self._is_local(tokens, at, words):
                yield _Word(words, self._is_denied(tokens, at, words))

    def _is_local(self, tokens: list[str], at: int, words: str) -> bool:
        """Whether a word right beside a drug says that it acts where it is: `lidocaine with epinephrine`."""
        before = tokens[:at]
        if before and before[-1] in _WITH:
            before.pop()
        return not self._sounds.of("local").isdisjoint((*before[-1:], *_behind(tokens, at, words)[:1]))

    def _is_denied(self, tokens: list[str], at: int, words: str) -> bool:
        """Whether right before a word (`the` left out) it is denied, planned or past; or right behind it."""
        sounds = self._sounds
        behind = _behind(tokens, at, words)
        if not sounds.of("stands").isdisjoint(behind[:1]):
            # `no ventilator alarms`
            return False
        if not sounds.of("behind").isdisjoint(("_".join(behind[:1]), "_".join(behind))):
            return True
        place = at
        while place and tokens[place - 1] in sounds.of("filler"):
            place -= 1
        before = tokens[max(0, place - _MOST_WORDS) : place]
        for many in range(1, _MOST_WORDS + 1):
            said = "_".join(before[-many:]) if many <= len(before) else ""
            if said in sounds.of("turned_before"):
                # `not off the ventilator` denies nothing
                return sounds.of("undone").isdisjoint(tokens)
            if said in sounds.of("denial"):
                return True
        return False


def _behind(tokens: list[str], at: int, words: str) -> list[str]:
    """The two words behind one, or behind two or three in a row."""
    return tokens[at + words.count("_") + 1 :][:2]


def _tokens(text: str) -> list[str]:
    """The words of a text, folded."""
    return fold(_HUMP.sub(" ", _POINT.sub(" ", text))).split("_")


def _placed(tokens: list[str]) -> Iterator[tuple[str, int]]:
    """Up to three words in a row, the longest first, with the place of their first."""
    for many in range(_MOST_WORDS, 0, -1):
        for at in range(len(tokens) - many + 1):
            yield "_".join(tokens[at : at + many]), at


def _grams(tokens: list[str]) -> Iterator[str]:
    return (words for words, _ in _placed(tokens))


def _is_low_flow(text: str) -> bool:
    """Whether an answer is a number of liters that any device gives."""
    found = _NUMBER.match(text.strip())
    return found is not None and float(found[0].strip(" <>=%").replace(",", ".")) <= _LOW_FLOW


def of_number(number: pl.Expr) -> pl.Expr:
    """What counts of a number that is an answer: the least of these that it does not pass, or that it is more."""
    steps = (0, _AIR, 1, _LOW_FLOW, 100 * _AIR)
    many = [pl.when(number <= step).then(pl.lit(f"{step:g}")) for step in steps]
    return pl.coalesce(*many, pl.lit("100"))


def _is_air(text: str) -> bool:
    """Whether a share of inspired oxygen is that of air, as a part of one or in percent."""
    if not _NUMBER.fullmatch(text.strip()):
        return False
    share = float(text.strip(" <>=%").replace(",", "."))
    return share <= _AIR or 1 < share <= 100 * _AIR
