"""Settling: which admitted rows count, and which lose to another row (meaning page, section 1)."""

from __future__ import annotations

from cytowatch.engine.reference.rows import FOREVER, Row
from cytowatch.knowledge.model import Concept

_ERROR = "entered-in-error"
# a finding that could not be read; its text is the concept
UNREAD = "unread_finding"
_STATUS = {"amended": 2, "final": 1, "preliminary": 0}
_COMPARATOR = {">": 0, ">=": 1, None: 2, "": 2, "<=": 3, "<": 4}


def counting(rows: list[Row], as_of: int | None) -> list[Row]:
    """The rows that may be known at ``as_of``."""
    if as_of is None:
        return rows
    return [row for row in rows if row.time <= as_of and (row.available is None or row.available <= as_of)]


def standing(rows: list[Row], concepts: dict[str, Concept]) -> list[Row]:
    """The rows that nobody has taken back."""
    withdrawn = _withdrawn(rows)
    return [row for row in rows if row.status != _ERROR and not withdrawn & _pointers(row, concepts)]


def is_in_doubt(row: Row, kind: str) -> bool:
    """Whether the row says only that something was charted, and could not be read."""
    if kind == "reading":
        return row.row < 0
    if row.comparator != ">=":
        return False
    return kind == "device" or (kind in {"infusion", "dose"} and row.value == 0)


def _withdrawn(rows: list[Row]) -> set[tuple[object, ...]]:
    """What the rows entered in error point at."""
    errors = [row for row in rows if row.status == _ERROR]
    return {pointer for row in errors for pointer in (*_names(row), _moment(row))}


def _names(row: Row) -> tuple[tuple[object, ...], ...]:
    """How a row is pointed at: by its source, or by saying the same once more."""
    return ("source", row.source, row.concept), ("fact", row.concept, row.time, row.value, row.text)


def _moment(row: Row) -> tuple[object, ...]:
    return ("moment", row.concept, row.time)


def _pointers(row: Row, concepts: dict[str, Concept]) -> set[tuple[object, ...]]:
    """Every way to point at a row: of what could not be read the moment is enough."""
    if row.concept == UNREAD:
        # it stands for a row of the concept that its text names
        return {*_names(row), ("moment", row.text, row.time), ("source", row.source, row.text)}
    doubtful = is_in_doubt(row, concepts[row.concept].kind)
    return {*_names(row), *((_moment(row),) if doubtful else ())}


def settle(rows: list[Row], concepts: dict[str, Concept]) -> tuple[list[Row], list[int]]:
    """The settled rows of one patient by time, source and number, and the numbers of the superseded rows."""
    withdrawn = _withdrawn(rows)
    facts: dict[tuple[object, ...], list[Row]] = {}
    superseded: list[int] = []
    for row in rows:
        if row.status == _ERROR or withdrawn & _pointers(row, concepts):
            superseded.append(row.row)
        else:
            facts.setdefault(_fact(row, concepts[row.concept]), []).append(row)
    settled = []
    for same in facts.values():
        best = min(same, key=lambda row: _preference(row, concepts[row.concept])) if len(same) > 1 else same[0]
        settled.append(best)
        superseded += [row.row for row in same if row is not best]
    return sorted(settled, key=lambda row: (row.time, row.source, row.row)), superseded


def _fact(row: Row, concept: Concept) -> tuple[object, ...]:
    """What the row is about: rows of one fact exclude each other."""
    lasts = concept.kind in {"infusion", "device"}
    named = concept.kind in {"trigger", "statement"} or concept.free_text
    # a measurement that was written down twice is one fact, whether or not both can be read
    doubtful = concept.kind != "reading" and is_in_doubt(row, concept.kind)
    return row.concept, row.time, row.until if lasts else None, row.text if named else None, doubtful


def _preference(row: Row, concept: Concept) -> tuple[float | str, ...]:
    """Smaller is preferred.

    In turn: status, a reading that can be read, later known, a dose that was given, worse, comparator, later end,
    source, row.
    """
    known = row.time if row.available is None else row.available
    category = concept.categories.index(row.text) if row.text in concept.categories else -1
    return (
        -_STATUS[row.status or "final"],
        concept.kind == "reading" and row.row < 0,
        -known,
        concept.kind == "dose" and row.value == 0,
        -_badness(row.value, concept.worse),
        -category,
        _COMPARATOR[row.comparator],
        -(FOREVER if row.until is None else row.until),
        # text sorts by code point, which is the order of its UTF-8 bytes
        row.source,
        row.row,
    )


def _badness(value: float | None, worse: str) -> float:
    if value is None:
        return float("-inf")
    return value if worse == "high" else -value
