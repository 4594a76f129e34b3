"""From a scale file to the dataclasses of ``model``: its axes, its criteria, and the tree of each criterion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from cytowatch.knowledge.model import (
    All,
    AnyMeasured,
    AnyOf,
    Band,
    Compare,
    Criterion,
    Domain,
    EpisodeRule,
    ExceptKnown,
    In,
    Node,
    Not,
    NotEncoded,
    Possible,
    Running,
    Scale,
)
from cytowatch.knowledge.parse import EVIDENCE
from cytowatch.knowledge.shape import Reader

Operator = Literal["<", "<=", ">", ">=", "=="]
_OPERATORS: tuple[Operator, ...] = get_args(Operator)


def scale(reader: Reader) -> Scale:
    """One scale file; a row without a source of its own rests on the scale's."""
    source = reader.text("source")
    meaning = _grades(reader.table("grades"))
    found = Scale(
        id=reader.text("id"),
        title=reader.text("title"),
        family=reader.word("family", ("crs", "icans")),
        revision=reader.whole("revision"),
        status=reader.word("status", ("draft", "reviewed", "retired")),
        source=source,
        grades=tuple(sorted(meaning)),
        grade_meaning=meaning,
        domains=tuple(_domain(part, source) for part in reader.tables("domain")),
        criteria=tuple(_criterion(part, source) for part in reader.tables("criterion", ())),
        episode=_episode(reader.table("episode")),
        flags=_texts_by_key(reader.table("flags", {})),
        not_encoded=tuple(_not_encoded(part) for part in reader.tables("not_encoded", ())),
        file=reader.document.name,
    )
    reader.finish()
    _check_names(reader, found)
    return found


def _check_names(reader: Reader, found: Scale) -> None:
    if reader.document.name.rsplit("/", 1)[-1] != f"{found.id}.toml":
        reader.fail(f"The file must be called {found.id}.toml after its id.", "id")
    for kind, ids in (("domain", [part.id for part in found.domains]), ("criterion", [p.id for p in found.criteria])):
        twice = next((name for name in ids if ids.count(name) > 1), None)
        if twice:
            reader.fail(f"The {kind} `{twice}` is there twice.", kind)


def _grades(reader: Reader) -> dict[int, str]:
    found = {}
    for key in reader.data:
        if not key.isdigit():
            reader.fail(f"A grade must be a whole number, not {key!r}.", key)
        found[int(key)] = reader.text(key)
    return found


def _texts_by_key(reader: Reader) -> dict[str, str]:
    return {key: reader.text(key) for key in reader.data}


def _episode(reader: Reader) -> EpisodeRule:
    rule = EpisodeRule(
        opens_with=reader.text("opens_with"),
        waived_by=reader.texts("waived_by"),
        floor=reader.whole("floor"),
        death_cause=reader.text("death_cause"),
        death_criterion=reader.text("death_criterion"),
    )
    reader.finish()
    return rule


def _not_encoded(reader: Reader) -> NotEncoded:
    found = NotEncoded(text=reader.text("text"), handled=reader.text("handled"))
    reader.finish()
    return found


def _domain(reader: Reader, source: str) -> Domain:
    found = Domain(
        id=reader.text("id"),
        label=reader.text("label"),
        attribution=reader.text("attribution", ""),
        attributed_at=reader.word("attributed_at", ("moment", "reading"), "moment"),
        excluded_by=reader.text("excluded_by", ""),
        excluding=reader.texts("excluding", ()),
        chronic=reader.texts("chronic", ()),
        beyond_home=reader.texts("beyond_home", ()),
        concept=reader.text("concept", ""),
        bands=tuple(_band(part) for part in reader.tables("bands", ())),
        items=_items(reader),
        categories=_categories(reader.table("categories", {})),
        by_exception=reader.truth("by_exception", False),
        under_sedation=reader.word("under_sedation", ("graded", "unknown"), "graded"),
        instrument=reader.word("instrument", ("", "child", "adult"), ""),
        source=reader.text("source", source),
        locator=reader.text("locator", ""),
        evidence=reader.word("evidence", EVIDENCE, "house"),
    )
    reader.finish()
    return found


def _band(reader: Reader) -> Band:
    low, high = reader.number("from"), reader.number("to")
    band = Band(low=low, high=high, grade=reader.whole("grade"), locator=reader.text("locator", ""))
    reader.finish()
    return band


def _items(reader: Reader) -> tuple[tuple[str, int], ...]:
    given = reader.any("items", ())
    pairs = given if isinstance(given, list | tuple) else (None,)
    if not all(isinstance(pair, list) and [type(part) for part in pair] == [str, int] for pair in pairs):
        reader.fail("`items` must be a list of [concept, maximum].", "items")
    return tuple((name, maximum) for name, maximum in pairs)


def _categories(reader: Reader) -> dict[str, int]:
    return {key: reader.whole(key) for key in reader.data}


def _criterion(reader: Reader, source: str) -> Criterion:
    found = Criterion(
        id=reader.text("id"),
        label=reader.text("label"),
        domain=reader.text("domain"),
        grade=reader.whole("grade"),
        when=node(reader.table("when")),
        source=reader.text("source", source),
        locator=reader.text("locator"),
        evidence=reader.word("evidence", EVIDENCE),
    )
    reader.finish()
    return found


def node(reader: Reader) -> Node:
    """One node of a `when` tree, from the closed vocabulary; anything else is an error."""
    word = next((word for word in _VOCABULARY if reader.has(word)), None)
    if word is None:
        known = ", ".join(_VOCABULARY)
        reader.fail("This condition has no known word.", hint=f"Use one of: {known}; `in` and `op` go with `concept`.")
    found = _VOCABULARY[word](reader)
    reader.finish()
    return found


def _nodes(reader: Reader, key: str) -> tuple[Node, ...]:
    parts = reader.tables(key)
    if not parts:
        reader.fail(f"`{key}` needs at least one condition.", key)
    return tuple(node(part) for part in parts)


def _compare(reader: Reader) -> Compare:
    found = Compare(
        concept=reader.text("concept"),
        op=reader.word("op", _OPERATORS),
        value=reader.maybe_number("value"),
        unit=reader.text("unit", ""),
        threshold=reader.text("threshold", ""),
        without=reader.text("without", ""),
    )
    if (found.value is None) == (not found.threshold):
        reader.fail("A comparison needs either a `value` with its `unit`, or a `threshold`.", "value")
    if found.value is not None and not found.unit:
        reader.fail("A `value` needs its `unit`.", "unit")
    return found


def _in(reader: Reader) -> In:
    return In(reader.text("concept"), reader.texts("in"))


def _running(reader: Reader) -> Running:
    return Running(reader.texts("running"), reader.whole("at_least", 1))


def _any_measured(reader: Reader) -> AnyMeasured:
    parts = reader.tables("any_measured")
    found = tuple(_compare(part) for part in parts)
    for part in parts:
        part.finish()
    return AnyMeasured(found)


# the first word found decides; `in` stands before `op` because both go with `concept`
_VOCABULARY: dict[str, Callable[[Reader], Node]] = {
    "any_measured": _any_measured,
    "all": lambda reader: All(_nodes(reader, "all")),
    "any": lambda reader: AnyOf(_nodes(reader, "any")),
    "not": lambda reader: Not(node(reader.table("not"))),
    "possible": lambda reader: Possible(node(reader.table("possible"))),
    "except_known": lambda reader: ExceptKnown(node(reader.table("except_known"))),
    "running": _running,
    "in": _in,
    "op": _compare,
}
