"""Can limits of normal that were printed in another unit than their value be taken for limits? Proved by concept.

A limit L of the concept's band, printed in one unit and read in another, becomes another number of the canonical unit.
The whole band goes to another band in this way (conversions are straight lines). If the two have no point in common, no
limit in the wrong unit passes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from cytowatch.knowledge.conditions import Compare, Node, Relative
from cytowatch.knowledge.lint.finding import Findings, Place
from cytowatch.knowledge.lint.rule_tree import conditions, walk
from cytowatch.knowledge.model import Concept, Knowledge, Unit

# units nearer to each other than this are told apart only where the limits of a concept are narrow enough
FAR = 5
_KEYS = {"lln": "limit_low", "uln": "limit_high"}
_WORDS = {"limit_low": "the lower", "limit_high": "the upper"}


class Mistaken(NamedTuple):
    """A limit printed in one unit, taken in another: whether it can pass for a limit."""

    limit: str  # limit_low or limit_high
    printed: Unit
    taken: Unit
    passes: bool

    @property
    def is_far(self) -> bool:
        """Whether the mistake makes a number that is several times another, or moves the zero."""
        ratio = self.taken.factor / self.printed.factor
        return max(ratio, 1 / ratio) >= FAR or self.taken.shift != self.printed.shift


def check_limits(knowledge: Knowledge) -> Findings:
    """Bands within the plausible range that tell far units apart, and one for each limit that a condition reads."""
    yield from check_site_limits(knowledge)
    read = _read(knowledge)
    for concept in knowledge.concepts.values():
        yield from _check_bands(concept)
        yield from _check_read(concept, read.get(concept.key, set()))


def check_site_limits(knowledge: Knowledge) -> Findings:
    """The limits of normal that a site states for all its patients: of what is measured, and where limits can lie."""
    place = Place("policy.toml", "policy.reference_ranges")
    value = knowledge.policies["reference_ranges"].value if "reference_ranges" in knowledge.policies else {}
    for name, pair in value.items() if isinstance(value, dict) else ():
        concept = knowledge.concepts.get(name)
        if concept is None or concept.kind != "reading":
            hint = "Use a key of concepts.toml."
            yield place.error("value", f"`{name}` is no measured concept: it has no limits of normal.", hint)
        elif not concept.units:
            yield place.error("value", f"`{name}` has no number, so no limits of normal.", "Take it out.")
        elif not _is_pair(pair):
            yield place.error("value", f"The limits of `{name}` are no [low, high].", "Two numbers, the lower first.")
        else:
            yield from _check_site_limit(concept, dict(zip(_KEYS.values(), map(float, pair), strict=True)), place)


def _is_pair(pair: object) -> bool:
    numbers = pair if isinstance(pair, list | tuple) else ()
    are = all(isinstance(part, int | float) and not isinstance(part, bool) for part in numbers)
    return are and len(numbers) == 2 and numbers[0] < numbers[1]


def _check_site_limit(concept: Concept, limits: dict[str, float], place: Place) -> Findings:
    unit = concept.units[0]
    for name, limit in limits.items():
        low, high = bands(concept).get(name) or concept.plausible.get(unit, (-math.inf, math.inf))
        is_nothing = name == "limit_low" and limit == 0
        if not (low <= limit <= high or is_nothing):
            text = f"No laboratory has {limit:g} {unit} as {_WORDS[name]} limit of `{concept.key}`."
            yield place.error("value", text, f"It lies between {low:g} and {high:g}; write it in {unit}.")


def _check_read(concept: Concept, limits: set[str]) -> Findings:
    for limit in sorted(limits) if _has_far_units(concept) else ():
        if getattr(concept, _KEYS[limit]) is None:
            yield Place("concepts.toml", f"concept.{concept.key}").error(
                _KEYS[limit],
                f"A condition measures `{concept.key}` against its {limit}, and where that can lie is not said.",
                "Say it as [least, most]: limits printed in another unit would make a grade.",
            )


def _check_bands(concept: Concept) -> Findings:
    place = Place("concepts.toml", f"concept.{concept.key}")
    for name, band in bands(concept).items():
        low, high = concept.plausible.get(concept.units[0], band) if concept.units else (1.0, 0.0)
        if not (low <= band[0] and band[1] <= high):
            yield place.error(name, "Limits of normal outside the plausible range.", "Correct one of the two.")
    for mistake in mistakes(concept):
        if mistake.is_far and mistake.passes:
            text = f"A limit in {mistake.printed.name!r} can pass for one in {mistake.taken.name!r}."
            yield place.error(mistake.limit, text, "Make it narrower: most over least below the ratio of the units.")


def bands(concept: Concept) -> dict[str, tuple[float, float]]:
    """The bands that a concept has, by their key."""
    given = {name: getattr(concept, name) for name in _KEYS.values()}
    return {name: band for name, band in given.items() if band is not None}


def units_of(concept: Concept) -> list[Unit]:
    """One name of each different conversion into the first canonical unit, which comes first."""
    own = [unit for unit in concept.accepted if concept.units and unit.to == concept.units[0]]
    first: dict[tuple[Fraction, Fraction], Unit] = {}
    for unit in own:
        first.setdefault((unit.factor, unit.shift), unit)
    return list(first.values())


def mistakes(concept: Concept) -> Iterator[Mistaken]:
    """Every way to read a limit of the concept in another accepted unit than it was printed in."""
    units = units_of(concept)
    for name, band in bands(concept).items():
        for printed in units:
            for taken in units:
                if printed != taken:
                    low, high = (_misread(Fraction(str(end)), printed, taken) for end in band)
                    passes = low <= Fraction(str(band[1])) and Fraction(str(band[0])) <= high
                    yield Mistaken(name, printed, taken, passes)


def _misread(limit: Fraction, printed: Unit, taken: Unit) -> Fraction:
    """What a limit becomes if the number printed in one unit is taken in another."""
    return (limit / printed.factor - printed.shift + taken.shift) * taken.factor


def _has_far_units(concept: Concept) -> bool:
    factors = [unit.factor for unit in units_of(concept)]
    return bool(factors) and max(factors) / min(factors) >= FAR


def _read(knowledge: Knowledge) -> dict[str, set[str]]:
    """The limits that conditions of scales and look-alikes read, by concept."""
    found: dict[str, set[str]] = {}
    for node in _nodes(knowledge):
        if isinstance(node, Compare):
            found.setdefault(node.concept, set()).update({node.times, node.plus} & _KEYS.keys())
        elif isinstance(node, Relative):
            found.setdefault(node.concept, set()).add(node.limit)
    return found


def _nodes(knowledge: Knowledge) -> Iterator[Node]:
    whole = [condition for scale in knowledge.scales.values() for condition in conditions(scale)]
    whole += [fact.when for found in knowledge.lookalikes.values() for fact in found.facts]
    return (node for condition in whole for node in walk(condition))
