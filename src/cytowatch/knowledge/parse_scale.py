"""From a scale file to the dataclasses of ``model``: its axes, its criteria, and the tree of each criterion."""

from __future__ import annotations

from typing import get_args

from cytowatch.knowledge.model import (
    Band,
    Criterion,
    Domain,
    EpisodeRule,
    Family,
    FlagRule,
    NotEncoded,
    Scale,
    Staged,
)
from cytowatch.knowledge.parse import EVIDENCE
from cytowatch.knowledge.parse_node import Library, node
from cytowatch.knowledge.shape import Reader

_FAMILIES: tuple[Family, ...] = get_args(Family)
_NO_EPISODE = {"opens_with": "", "floor": 0, "death_cause": "", "death_criterion": "", "waived_by": []}


def scale(reader: Reader, library: Library) -> Scale:
    """One scale; a row without a source of its own rests on the scale's. ``library``: criteria of other scales."""
    source = reader.text("source")
    meaning = _grades(reader.table("grades"))
    has_episodes = reader.has("episode")
    own: Library = {}
    is_sum = reader.word("scoring", ("worst", "sum"), "worst") == "sum"
    criteria: list[Criterion] = []
    for part in reader.tables("criterion", ()):
        one = _criterion(part, source, library | {reader.text("id"): own.get("", {})})
        criteria.append(one)
        own.setdefault("", {})[one.id] = (None if is_sum else one.grade, one.when)
    found = Scale(
        id=reader.text("id"),
        title=reader.text("title"),
        family=reader.word("family", _FAMILIES),
        revision=reader.whole("revision"),
        status=reader.word("status", ("draft", "reviewed", "retired")),
        source=source,
        grades=tuple(sorted(meaning)),
        grade_meaning=meaning,
        domains=tuple(_domain(part, source) for part in reader.tables("domain")),
        criteria=tuple(criteria),
        episode=_episode(reader.table("episode", _NO_EPISODE)),
        flags=_texts_by_key(reader.table("flags", {})),
        not_encoded=tuple(_not_encoded(part) for part in reader.tables("not_encoded", ())),
        file=reader.document.name,
        method=reader.word("method", ("fever_led", "neuro", "rules", "view"), "fever_led"),
        scoring=reader.word("scoring", ("worst", "sum"), "worst"),
        watch=reader.word("watch", ("exposure", "record"), "exposure"),
        window_days=_window(reader),
        has_episodes=has_episodes,
        flag_rules=tuple(
            _flag_rule(part, library | {reader.text("id"): own.get("", {})}) for part in reader.tables("flag", ())
        ),
        probability=_probability(reader),
        view_of=reader.text("view_of", ""),
        view={int(key): grade for key, grade in _categories(reader.table("view", {})).items()},
        short=reader.text("short", ""),
    )
    reader.finish()
    _check_names(reader, found)
    return found


def _check_names(reader: Reader, found: Scale) -> None:
    if not reader.path and reader.document.name.rsplit("/", 1)[-1] != f"{found.id}.toml":
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


def _window(reader: Reader) -> tuple[float, float] | None:
    given = reader.any("window_days", None)
    if given is None:
        return None
    numbers = [float(part) for part in given if type(part) in (int, float)] if isinstance(given, list) else []
    if len(numbers) != 2 or not 0 <= numbers[0] < numbers[1]:
        reader.fail("`window_days` must be [from, to] in days after the exposure, 0 or more.", "window_days")
    return numbers[0], numbers[1]


def _probability(reader: Reader) -> tuple[tuple[float, float], ...]:
    given = reader.any("probability", ())
    pairs = given if isinstance(given, list | tuple) else (None,)
    if not all(isinstance(pair, list) and all(type(part) in (int, float) for part in pair) for pair in pairs):
        reader.fail("`probability` must be a list of [score, per cent].", "probability")
    return tuple((float(pair[0]), float(pair[1])) for pair in pairs)


def _flag_rule(reader: Reader, library: Library) -> FlagRule:
    found = FlagRule(id=reader.text("id"), when=node(reader.table("when"), library))
    reader.finish()
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
        staged=_staged(reader.table("staged", {})),
        under_sedation=reader.word("under_sedation", ("graded", "unknown"), "graded"),
        instrument=reader.word("instrument", ("", "child", "adult"), ""),
        holds_open=reader.truth("holds_open", True),
        source=reader.text("source", source),
        locator=reader.text("locator", ""),
        evidence=reader.word("evidence", EVIDENCE, "house"),
    )
    reader.finish()
    return found


def _staged(reader: Reader) -> Staged | None:
    if not reader.data:
        return None
    found = Staged(
        concept=reader.text("concept"),
        low=reader.number("from"),
        grade=reader.whole("grade"),
        locator=reader.text("locator"),
        evidence=reader.word("evidence", EVIDENCE),
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


def _criterion(reader: Reader, source: str, library: Library) -> Criterion:
    found = Criterion(
        id=reader.text("id"),
        label=reader.text("label"),
        domain=reader.text("domain"),
        grade=reader.whole("grade"),
        when=node(reader.table("when"), library),
        source=reader.text("source", source),
        locator=reader.text("locator"),
        evidence=reader.word("evidence", EVIDENCE),
    )
    reader.finish()
    return found
