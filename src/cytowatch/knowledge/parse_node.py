"""One node of a `when` tree, from the closed vocabulary of the scales; anything else is an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from cytowatch.knowledge.model import (
    AgeYears,
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Count,
    Cumulative,
    DaysSinceExposure,
    Estimated,
    ExceptKnown,
    Given,
    In,
    Limit,
    Node,
    Not,
    Operator,
    Possible,
    QuantityCompare,
    Relative,
    Repeated,
    Running,
    Sustained,
)
from cytowatch.knowledge.new_only import new_only
from cytowatch.knowledge.shape import Reader

_OPERATORS: tuple[Operator, ...] = get_args(Operator)
_LIMITS: tuple[Limit, ...] = get_args(Limit)
_REFERENCES = ("", "uln", "lln", "baseline", "lowest")
_CRITERION, _GRADE = "criterion", "grade_of"
# other scales' criteria by scale and id, to be put in place of a reference; the points of a score are no grade
Library = dict[str, dict[str, tuple[int | None, Node]]]


def node(reader: Reader, library: Library | None = None) -> Node:
    """One node; `criterion` and `grade_of` are replaced by the criteria of ``library`` that they name."""
    word = next((word for word in _VOCABULARY if reader.has(word)), None)
    if word is None:
        known = ", ".join(_VOCABULARY)
        reader.fail(
            "This condition has no known word.",
            next(iter(reader.data), ""),
            hint=f"Use one of: {known}; `in` and `op` go with `concept`.",
        )
    found = _VOCABULARY[word](reader, library or {})
    reader.finish()
    return found


def references(data: object) -> set[str]:
    """The scales that a `when` tree, still unread, takes criteria from."""
    if isinstance(data, list):
        return set().union(*(references(part) for part in data)) if data else set()
    if not isinstance(data, dict):
        return set()
    named = data.get(_CRITERION)
    found = {named.rpartition(".")[0]} if isinstance(named, str) and "." in named else set()
    given = data.get(_GRADE, [])
    found |= {name for name in given if isinstance(name, str)} if isinstance(given, list) else set()
    return found.union(*(references(part) for part in data.values()))


def _nodes(reader: Reader, key: str, library: Library) -> tuple[Node, ...]:
    parts = reader.tables(key)
    if not parts:
        reader.fail(f"`{key}` needs at least one condition.", key)
    return tuple(node(part, library) for part in parts)


def _compare(reader: Reader, _: Library) -> Compare:
    found = Compare(
        concept=reader.text("concept"),
        op=reader.word("op", _OPERATORS),
        value=reader.maybe_number("value"),
        unit=reader.text("unit", ""),
        threshold=reader.text("threshold", ""),
        without=reader.text("without", ""),
        times=reader.word("times", _REFERENCES, ""),  # type: ignore[arg-type]
        plus=reader.word("plus", _REFERENCES, ""),  # type: ignore[arg-type]
        lookback_hours=reader.number("lookback_hours", 0.0),
        over_hours=reader.number("over_hours", 0.0),
        of_baseline=reader.truth("of_baseline", False),
    )
    if (found.value is None) == (not found.threshold):
        reader.fail("A comparison needs either a `value` with its `unit`, or a `threshold`.", "value")
    if found.value is not None and not found.unit and not found.times:
        reader.fail("A `value` needs its `unit`.", "unit")
    if found.times and found.plus:
        reader.fail("A cut-off is `times` a reference or `plus` one, not both.", "times")
    if ("lowest" in (found.times, found.plus)) != (found.lookback_hours > 0):
        reader.fail("`lookback_hours` goes with the reference `lowest`, and only with it.", "lookback_hours")
    return found


def _relative(reader: Reader, _: Library) -> Relative:
    op = reader.word("relative", _OPERATORS)
    return Relative(
        concept=reader.text("concept"),
        op=op,
        limit=reader.word("limit", _LIMITS),
        normal=reader.number("normal"),
        abnormal=reader.number("abnormal"),
        abnormal_op=reader.word("abnormal_op", _OPERATORS, op),
    )


def _quantity(reader: Reader, _: Library) -> QuantityCompare:
    return QuantityCompare(reader.text("quantity"), reader.word("op", _OPERATORS), reader.number("value"))


def _in(reader: Reader, _: Library) -> In:
    return In(reader.text("concept"), reader.texts("in"), reader.number("over_hours", 0.0))


def _running(reader: Reader, _: Library) -> Running:
    return Running(reader.texts("running"), reader.whole("at_least", 1))


def _given(reader: Reader, _: Library) -> Given:
    return Given(reader.texts("given"), reader.whole("times", 1), reader.number("within_hours"))


def _pair(reader: Reader, key: str) -> tuple[float, float]:
    given = reader.any(key)
    numbers = [part for part in given if type(part) in (int, float)] if isinstance(given, list) else []
    if len(numbers) != 2 or not numbers[0] < numbers[1]:
        reader.fail(f"`{key}` must be [from, to], the first below the second.", key)
    return float(numbers[0]), float(numbers[1])


def _any_measured(reader: Reader, library: Library) -> AnyMeasured:
    found = tuple(node(part, library) for part in reader.tables("any_measured"))
    measured = tuple(part for part in found if isinstance(part, Compare | In))
    if len(measured) != len(found) or not found:
        reader.fail("`any_measured` takes comparisons and lists of categories.", "any_measured")
    return AnyMeasured(measured)


def _count(reader: Reader, library: Library) -> Count:
    return Count(_nodes(reader, "count", library), reader.whole("at_least"))


def _sustained(reader: Reader, library: Library) -> Sustained:
    part = node(reader.table("sustained"), library)
    return Sustained(part, reader.number("hours"), reader.number("pause_hours", 0.0))


def _cumulative(reader: Reader, library: Library) -> Cumulative:
    part, days = node(reader.table("cumulative"), library), reader.number("days")
    return Cumulative(part, days, reader.number("bridging_days", 0.0), reader.truth("one_stretch", False))


def _repeated(reader: Reader, library: Library) -> Repeated:
    inner = node(reader.table("repeated"), library)
    if not isinstance(inner, Compare):
        reader.fail("`repeated` takes one comparison.", "repeated")
    return Repeated(inner, reader.whole("times"))


def _criterion_of(reader: Reader, library: Library) -> Node:
    scale, _, name = reader.text("criterion").rpartition(".")
    if name not in library.get(scale, {}):
        reader.fail(f"There is no criterion `{name}` of a scale `{scale}`.", "criterion")
    return library[scale][name][1]


def _grade_of(reader: Reader, library: Library) -> Node:
    at_least = reader.whole("at_least")
    parts: list[Node] = []
    for scale in reader.texts("grade_of"):
        if scale not in library:
            reader.fail(f"There is no scale `{scale}`.", "grade_of")
        if any(grade is None for grade, _ in library[scale].values()):
            reader.fail(
                f"`{scale}` adds points up: its rows have no grades of their own.",
                "grade_of",
                why="The points of one row say nothing of the grade that the sum makes.",
                hint=f'Name the rows that are meant: {{ criterion = "{scale}.<id>" }}.',
            )
        parts += [part for grade, part in library[scale].values() if grade is not None and grade >= at_least]
    if not parts:
        reader.fail(f"None of the scales has a criterion of grade {at_least} or more.", "at_least")
    if reader.truth("new_only", False):
        parts = [new_only(part) for part in parts]
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


# the first word found decides; `in`, `relative` and `op` come last because they go with `concept` or `quantity`
_VOCABULARY: dict[str, Callable[[Reader, Library], Node]] = {
    "any_measured": _any_measured,
    "all": lambda reader, library: All(_nodes(reader, "all", library)),
    "any": lambda reader, library: AnyOf(_nodes(reader, "any", library)),
    "count": _count,
    "not": lambda reader, library: Not(node(reader.table("not"), library)),
    "possible": lambda reader, library: Possible(
        node(reader.table("possible"), library), reader.truth("judged", False)
    ),
    "except_known": lambda reader, library: ExceptKnown(node(reader.table("except_known"), library)),
    "sustained": _sustained,
    "cumulative": _cumulative,
    "repeated": _repeated,
    "running": _running,
    "given": _given,
    "days_since_exposure": lambda reader, _: DaysSinceExposure(*_pair(reader, "days_since_exposure")),
    "age_years": lambda reader, _: AgeYears(*_pair(reader, "age_years")),
    "criterion": _criterion_of,
    "grade_of": _grade_of,
    "estimated": lambda reader, _: Estimated(reader.text("estimated")),
    "quantity": _quantity,
    "in": _in,
    "relative": _relative,
    "op": _compare,
}
