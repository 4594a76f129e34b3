"""From ``drugs/*.toml`` and ``advice/*.toml`` to the dataclasses of ``advice``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TypeVar, get_args

from cytowatch.knowledge.advice import (
    AdviceFact,
    AdviceRule,
    AdvisedDose,
    Caution,
    Cited,
    DoseLimit,
    Drug,
    Guideline,
    GuidelineConflict,
    LimitKind,
    MeasuredSince,
    NoBetter,
    Population,
    Regimen,
    Strength,
    Topic,
    Toxicity,
    WeightBand,
    When,
)
from cytowatch.knowledge.parse import EVIDENCE
from cytowatch.knowledge.parse_node import Library, node
from cytowatch.knowledge.shape import Reader

Row = TypeVar("Row", Regimen, DoseLimit, Caution, AdviceRule)
_HEAVIEST = 1000.0
_KINDS = ("guideline", "label", "institution")


def drug(key: str, reader: Reader) -> Drug:
    """One drug; its rows rest on its source unless they name their own."""
    source = reader.text("source")
    return Drug(
        key=key,
        label=reader.text("label"),
        concept=reader.text("concept"),
        unit=reader.text("unit", "mg"),
        route=reader.text("route"),
        regimens=_unique(reader, "regimen", [_regimen(part, source) for part in _rows(reader, "regimen")]),
        limits=_unique(reader, "limit", [_limit(part, source) for part in _rows(reader, "limit")]),
        cautions=_unique(reader, "caution", [_caution(part, source) for part in _rows(reader, "caution")]),
        not_encoded=_not_encoded(reader),
        cited=_cited(reader, source),
    )


def fact(key: str, reader: Reader, library: Library) -> AdviceFact:
    """One fact about a patient."""
    return AdviceFact(
        key, reader.text("label"), node(reader.table("when"), library), _cited(reader, reader.text("source"))
    )


def guideline(reader: Reader) -> Guideline:
    """One file of ``advice/``: a guideline with its rules."""
    source = reader.text("source")
    found = Guideline(
        key=reader.text("id"),
        title=reader.text("title"),
        kind=reader.word("kind", _KINDS),  # type: ignore[arg-type]
        edition=reader.text("edition"),
        effective_from=_date(reader, "effective_from"),
        effective_to=_date(reader, "effective_to") if reader.has("effective_to") else None,
        superseded_by=reader.texts("superseded_by", ()),
        population=reader.word("population", get_args(Population)),
        triggers=reader.texts("triggers"),
        products=reader.texts("products", ()),
        scales=_texts_by_name(reader, "scales"),
        rules=_unique(reader, "rule", [_rule(part, source) for part in _rows(reader, "rule")]),
        not_encoded=_not_encoded(reader),
        note=reader.text("note", ""),
        cited=_cited(reader, source),
    )
    reader.finish()
    return found


def conflict(key: str, reader: Reader) -> GuidelineConflict:
    """One matter on which two sides differ: rules that meet, or what an exposure brings with it."""
    found = GuidelineConflict(
        key=key,
        topic=reader.word("topic", get_args(Topic)),
        one=reader.texts("one", ()),
        other=reader.texts("other", ()),
        between=reader.texts("between", ()),
        triggers=reader.texts("triggers", ()),
        products=reader.texts("products", ()),
        classes=reader.texts("classes", ()),
        needs=reader.texts("needs", ()),
        grades=_wholes(reader, "grades") if reader.has("grades") else (),
        says_one=reader.text("says_one"),
        says_other=reader.text("says_other"),
        proposal=reader.text("proposal"),
        cited=_cited(reader, reader.text("source")),
    )
    reader.asked.append("grades")
    of_rules, standing = bool(found.one and found.other), bool(found.triggers and len(found.between) == 2)
    if of_rules == standing:
        reader.fail("A conflict names rules of two sides (`one`, `other`), or `triggers` and the two sides `between`.")
    return found


def _rule(reader: Reader, source: str) -> AdviceRule:
    found = AdviceRule(
        id=reader.text("id"),
        toxicity=reader.word("toxicity", get_args(Toxicity)),
        grades=_wholes(reader, "grades"),
        topic=reader.word("topic", get_args(Topic)),
        strength=reader.word("strength", get_args(Strength)),
        action=reader.text("action"),
        dose=_dose(reader.table("dose")) if reader.has("dose") else None,
        needs=reader.texts("needs", ()),
        unless=reader.texts("unless", ()),
        products=reader.texts("products", ()),
        not_products=reader.texts("not_products", ()),
        classes=reader.texts("classes", ()),
        when=reader.word("when", get_args(When)) if reader.has("when") else "during",
        onset=_pair(reader, "onset_hours"),
        no_better=_no_better(reader.table("no_better")) if reader.has("no_better") else None,
        measured_since=_measured(reader.table("measured_since")) if reader.has("measured_since") else None,
        lasting_hours=reader.maybe_number("lasting_hours"),
        worst_below=reader.maybe_whole("worst_below"),
        wait_hours=reader.maybe_number("wait_hours"),
        choice=reader.text("choice", ""),
        alongside=_grades_by_name(reader, "alongside"),
        without=_grades_by_name(reader, "without"),
        then=reader.text("then", ""),
        alert=reader.truth("alert", False),
        cited=_cited(reader, reader.text("source", source)),
    )
    reader.asked += ["dose", "no_better", "measured_since", "when"]
    reader.finish()
    if found.wait_hours is not None and found.when != "after":
        reader.fail('`wait_hours` counts from the end of the reaction: the rule needs `when = "after"`.', "wait_hours")
    return found


def _no_better(reader: Reader) -> NoBetter:
    found = NoBetter(
        reader.texts("drugs"), reader.number("hours"), reader.truth("worse", False), reader.truth("before", False)
    )
    reader.finish()
    return found


def _measured(reader: Reader) -> MeasuredSince:
    found = MeasuredSince(reader.texts("concepts"), reader.texts("drugs"), reader.text("missing"))
    reader.finish()
    return found


def _dose(reader: Reader) -> AdvisedDose:
    least, most = _amounts(reader)
    found = AdvisedDose(
        drug=reader.text("drug"),
        regimen=reader.text("regimen", ""),
        amount=least,
        amount_most=most,
        per_kg=reader.maybe_number("per_kg"),
        every=_pair(reader, "every_hours"),
        schedule=reader.text("schedule", ""),
        route=reader.text("route", ""),
        most_doses=reader.whole("most_doses", 0),
    )
    given = [bool(found.regimen), found.amount is not None, found.per_kg is not None]
    if sum(given) > 1:
        reader.fail("A dose is a regimen, an amount or an amount for each kg: one of them.")
    reader.finish()
    return found


def _amounts(reader: Reader) -> tuple[float | None, float | None]:
    """One amount, or the least and the most."""
    if not isinstance(reader.any("amount", None), list | tuple):
        return reader.maybe_number("amount"), None
    both = _pair(reader, "amount")
    return both if both else (None, None)


def _pair(reader: Reader, key: str) -> tuple[float, float] | None:
    """Two numbers in order, or nothing."""
    value = reader.any(key, [])
    if not isinstance(value, list | tuple) or len(value) not in (0, 2) or not all(map(_is_number, value)):
        reader.fail(f"`{key}` must be two numbers, the least and the most.", key)
    if value and value[0] > value[1]:
        reader.fail(f"The first number of `{key}` is larger than the second.", key)
    return (float(value[0]), float(value[1])) if value else None


def _regimen(reader: Reader, source: str) -> Regimen:
    bands = [
        WeightBand(part.number("from_kg", 0.0), part.number("to_kg", _HEAVIEST), part.number("per_kg"))
        for part in reader.tables("bands")
    ]
    found = Regimen(
        reader.text("id"),
        tuple(bands),
        reader.maybe_number("cap"),
        _cited(reader, reader.text("source", source)),
    )
    reader.finish()
    return found


def _limit(reader: Reader, source: str) -> DoseLimit:
    found = DoseLimit(
        id=reader.text("id"),
        kind=reader.word("kind", get_args(LimitKind)),
        hours=reader.number("hours", 0.0),
        times=reader.whole("times", 0),
        cited=_cited(reader, reader.text("source", source)),
    )
    needs_hours, needs_times = found.kind != "in_all", found.kind != "interval"
    if (found.hours > 0) != needs_hours or (found.times > 0) != needs_times:
        reader.fail("An interval has hours, a number in some hours has both, a number in all has times.", "kind")
    reader.finish()
    return found


def _caution(reader: Reader, source: str) -> Caution:
    found = Caution(
        id=reader.text("id"),
        text=reader.text("text"),
        fact=reader.text("fact", ""),
        cited=_cited(reader, reader.text("source", source)),
        ask=reader.truth("ask", False),
    )
    reader.finish()
    return found


def _cited(reader: Reader, source: str) -> Cited:
    return Cited(source, reader.text("locator"), reader.word("evidence", EVIDENCE))


def _rows(reader: Reader, key: str) -> list[Reader]:
    return reader.tables(key, ())


def _not_encoded(reader: Reader) -> tuple[tuple[str, str], ...]:
    found = []
    for part in _rows(reader, "not_encoded"):
        found.append((part.text("text"), part.text("handled")))
        part.finish()
    return tuple(found)


def _unique(reader: Reader, key: str, rows: Iterable[Row]) -> tuple[Row, ...]:
    found = tuple(rows)
    ids = [part.id for part in found]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice:
        reader.fail(f"The row `{twice}` is there twice.", key)
    return found


def _date(reader: Reader, key: str) -> date:
    value = reader.any(key)
    if not isinstance(value, date):
        reader.fail(f"`{key}` must be a date, such as 2021-11-01.", key)
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wholes(reader: Reader, key: str) -> tuple[int, ...]:
    value = reader.any(key)
    if not isinstance(value, list | tuple) or not all(_is_number(part) and int(part) == part for part in value):
        reader.fail(f"`{key}` must be a list of grades.", key)
    return tuple(int(part) for part in value)


def _grades_by_name(reader: Reader, key: str) -> dict[str, int]:
    inner = reader.table(key, {})
    found = {name: inner.whole(name) for name in inner.data}
    unknown = set(found) - set(get_args(Toxicity))
    if unknown:
        inner.fail(f"{sorted(unknown)[0]!r} is no toxicity.", hint=f"Use one of: {', '.join(get_args(Toxicity))}.")
    return found


def _texts_by_name(reader: Reader, key: str) -> dict[str, str]:
    inner = reader.table(key)
    return {name: inner.text(name) for name in inner.data}
