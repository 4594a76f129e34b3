"""From checked tables to the dataclasses of ``model``; sense across tables is left to ``lint``."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any, get_args

from cytowatch.knowledge.model import (
    Concept,
    Evidence,
    Kind,
    Policy,
    Quantity,
    Source,
    Term,
    Threshold,
    ThresholdBand,
    Unit,
)
from cytowatch.knowledge.shape import Reader
from cytowatch.schema import HOUR_US

EVIDENCE = get_args(Evidence)
KINDS = get_args(Kind)


def fold(name: str) -> str:
    """The form in which names are compared: lower case, everything but letters, digits, `+` and `.` one `_`."""
    return re.sub(r"[^\w+.]+", "_", name.strip().lower()).strip("_")


def spellings(aliases: dict[str, str]) -> dict[str, str]:
    """Every alias as written and folded, so that an exact look-up and a folded one both find it."""
    return {**{fold(alias): key for alias, key in aliases.items() if fold(alias)}, **aliases}


def source(key: str, reader: Reader) -> Source:
    """One source of `sources.toml`."""
    return Source(
        key=key,
        title=reader.text("title"),
        citation=reader.text("citation", ""),
        doi=reader.text("doi", ""),
        url=reader.text("url", ""),
        year=reader.maybe_whole("year"),
        note=reader.text("note", ""),
    )


def _cited(reader: Reader, source_key: str = "house", evidence: str = "house") -> dict[str, Any]:
    return {
        "source": reader.text("source", source_key),
        "locator": reader.text("locator", ""),
        "evidence": reader.word("evidence", EVIDENCE, evidence),
    }


UnitSet = tuple[tuple[str, ...], tuple[Unit, ...]]


def unit_set(reader: Reader) -> UnitSet:
    """The canonical units of a set, and every accepted name: canonical ones, converted ones, and their aliases."""
    units = reader.texts("units")
    if not units:
        reader.fail("A set of units needs at least one canonical unit.", "units")
    accepted = {name: Unit(name, name) for name in units}
    for part in reader.tables("accepted", ()):
        unit = _unit(part, units)
        if unit.name in accepted:
            part.fail(f"The unit {unit.name!r} is there twice.", "name")
        accepted[unit.name] = unit
    aliases = reader.table("aliases", {})
    for name in aliases.data:
        for alias in aliases.texts(name):
            _add_alias(aliases, accepted, name, alias)
    return units, tuple(accepted.values())


def _unit(part: Reader, units: tuple[str, ...]) -> Unit:
    unit = Unit(
        name=part.text("name"),
        to=part.word("to", units, units[0]),
        factor=part.fraction("factor", "1"),
        shift=part.fraction("shift", "0"),
        whole_below=part.number("whole_below", 0.0),
    )
    if unit.factor <= 0:
        part.fail(f"The factor of {unit.name!r} must be above 0.", "factor")
    part.finish()
    return unit


def _add_alias(reader: Reader, accepted: dict[str, Unit], name: str, alias: str) -> None:
    if name not in accepted:
        reader.fail(f"Aliases are given for {name!r}, which is not an accepted unit of this set.", name)
    if alias in accepted:
        reader.fail(f"The unit {alias!r} is there twice.", name)
    unit = accepted[name]
    accepted[alias] = replace(unit, name=alias)


def concept(key: str, reader: Reader, sets: dict[str, UnitSet]) -> Concept:
    """One concept of `concepts.toml`; its units come from the set it names."""
    kind = reader.word("kind", KINDS)
    units, accepted = _units_of(reader, sets)
    categories = reader.texts("categories", ())
    return Concept(
        key=key,
        label=reader.text("label"),
        kind=kind,
        group=reader.text("group"),
        units=units,
        accepted=accepted,
        plausible=_plausible(reader, units),
        limit_low=_limit(reader, "limit_low"),
        limit_high=_limit(reader, "limit_high"),
        smallest=reader.number("smallest", 0.0),
        valid_for_us=_hours(reader, "valid_for_hours"),
        categories=categories,
        category_aliases=_category_aliases(reader, categories),
        free_text=reader.truth("free_text", False),
        whole=reader.truth("whole", False),
        ends_unread=reader.truth("ends_unread", False),
        value_needed=reader.truth("value_needed", kind == "reading" and bool(units)),
        text_needed=reader.truth("text_needed", bool(categories)),
        worse=reader.word("worse", ("high", "low"), "high"),
        aliases=reader.texts("aliases", ()),
        **_cited(reader),
    )


def _units_of(reader: Reader, sets: dict[str, UnitSet]) -> UnitSet:
    if not reader.has("unit_set"):
        reader.text("unit_set", "")
        return (), ()
    return sets[reader.word("unit_set", tuple(sets))]


def _hours(reader: Reader, key: str) -> int:
    hours = reader.number(key)
    if not 0 < hours < math.inf:
        reader.fail(f"`{key}` must be above 0, and finite.", key)
    return round(hours * HOUR_US)


def _plausible(reader: Reader, units: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    given = reader.any("plausible", {})
    ranges = {units[0]: given} if isinstance(given, list) and units else given
    if not isinstance(ranges, dict):
        reader.fail("`plausible` must be [low, high], or a table from unit to [low, high].", "plausible")
    found = {}
    for unit, pair in ranges.items():
        if unit not in units:
            reader.fail(f"`plausible` names {unit!r}, which is not a canonical unit of this concept.", "plausible")
        numbers = tuple(part for part in pair if type(part) in (int, float)) if isinstance(pair, list) else ()
        if len(numbers) != 2 or not numbers[0] < numbers[1]:
            reader.fail(f"`plausible` of {unit!r} must be [low, high], low first.", "plausible")
        found[unit] = (float(numbers[0]), float(numbers[1]))
    return found


def _limit(reader: Reader, key: str) -> tuple[float, float] | None:
    """Where a limit of normal can lie, in the first canonical unit."""
    if not reader.has(key):
        reader.any(key, None)
        return None
    pair = reader.any(key)
    numbers = [float(part) for part in pair if type(part) in (int, float)] if isinstance(pair, list) else []
    if len(numbers) != 2 or not numbers[0] < numbers[1] < math.inf:
        reader.fail(f"`{key}` must be [least, most], least first.", key)
    return numbers[0], numbers[1]


def _category_aliases(reader: Reader, categories: tuple[str, ...]) -> dict[str, str]:
    table = reader.table("category_aliases", {})
    found: dict[str, str] = {}
    for category in table.data:
        if category not in categories:
            table.fail(f"Aliases are given for {category!r}, which is not a category here.", category)
        for alias in table.texts(category):
            if found.get(fold(alias), category) != category or alias in categories:
                table.fail(f"The alias {alias!r} already means something else here.", category)
            found |= spellings({alias: category})
    return found


def policy(key: str, reader: Reader) -> Policy:
    """One policy: its value must be one of its options where it has any."""
    found = Policy(
        key=key,
        question=reader.text("question"),
        value=_plain(reader.any("value")),
        options=_answers(reader, "options"),
        considered=_answers(reader, "considered"),
        applied_by=reader.text("applied_by", ""),
        unit=reader.text("unit", ""),
        **_cited(reader),
    )
    if found.options and found.value not in found.options:
        reader.fail(
            f"`value` is {found.value!r}.",
            "value",
            why="This version cannot carry out that answer.",
            hint=f"Use one of: {', '.join(map(str, found.options))}; or overlay the rule itself: {found.applied_by}.",
        )
    _check_amounts(reader, found.value)
    return found


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _answers(reader: Reader, key: str) -> tuple[object, ...]:
    given = reader.any(key, ())
    if not isinstance(given, list | tuple):
        reader.fail(f"`{key}` must be a list.", key)
    return tuple(_plain(part) for part in given)


def _check_amounts(reader: Reader, value: object) -> None:
    for part in value.values() if isinstance(value, dict) else (value,):
        if isinstance(part, int | float) and not 0 <= part < math.inf:
            reader.fail("`value` must be 0 or more, and finite.", "value")


def threshold(key: str, reader: Reader) -> Threshold:
    """One cut-off that depends on age."""
    return Threshold(
        key=key,
        concept=reader.text("concept"),
        unit=reader.text("unit"),
        bands=tuple(_threshold_band(part) for part in reader.tables("bands")),
        own=reader.text("own", ""),
        unless=reader.text("unless", ""),
        **_cited(reader),
    )


def _threshold_band(reader: Reader) -> ThresholdBand:
    band = ThresholdBand(
        base=reader.number("base"),
        per_year=reader.number("per_year", 0.0),
        from_years=reader.maybe_number("from_years"),
        to_years=reader.maybe_number("to_years"),
        from_days=reader.maybe_whole("from_days"),
        to_days=reader.maybe_whole("to_days"),
        locator=reader.text("locator", ""),
        evidence=reader.word("evidence", EVIDENCE, "house"),
    )
    reader.finish()
    return band


def quantity(key: str, reader: Reader) -> Quantity:
    """One quantity that is computed from several concepts."""
    return Quantity(
        key=key,
        label=reader.text("label"),
        kind=reader.word("kind", ("sum", "ratio", "inspired_oxygen")),
        unit=reader.text("unit"),
        terms=tuple(_term(part) for part in reader.tables("terms", ())),
        constant=reader.number("constant", 0.0),
        room_air=reader.number("room_air", 0.21),
        at_no_flow=reader.number("at_no_flow", 0.0),
        per_liter=reader.number("per_liter", 0.0),
        half_width=reader.number("half_width", 0.0),
        flow_devices=reader.texts("flow_devices", ()),
        **_cited(reader),
    )


def _term(reader: Reader) -> Term:
    found = Term(
        concept=reader.text("concept"),
        unit=reader.text("unit"),
        factor=reader.number("factor", 1.0),
        rate=reader.truth("rate", False),
    )
    reader.finish()
    return found
