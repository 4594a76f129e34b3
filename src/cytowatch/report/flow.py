"""How the grades of the same patients flow from one scale to the next: columns of grades and ribbons between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from cytowatch.report.discordance import FamilyTable, Pair
from cytowatch.report.drawing import OUTLINE, Drawing, hatched, number
from cytowatch.report.theme import GRADE_FILL, GRADE_TEXT, MUTED, UNKNOWN_FILL
from cytowatch.report.words import Words

_WIDTH, _HEIGHT, _TOP, _BOTTOM = 1040.0, 300.0, 24.0, 34.0
_COLUMN, _GAP, _LEFT = 46.0, 7.0, 8.0
_LEAST = 1.2
_NAMES_IN_LINE = 10
Grade = int | None


@dataclass
class _Column:
    """One scale: its grades from the worst at the top to 0 and not known at the bottom, with their places."""

    scale: str
    counts: dict[Grade, int]
    x: float
    # top and height of each grade's block, and how much of either side is already taken by ribbons
    place: dict[Grade, tuple[float, float]] = field(default_factory=dict)
    taken: dict[tuple[Grade, str], float] = field(default_factory=dict)


def flow_figure(table: FamilyTable, words: Words, name: str, label: str) -> Markup | None:
    """The figure of one family and basis; None unless neighbors in the order were compared."""
    pairs = table.next_to_each_other()
    if not pairs or len(pairs) < len(table.scales) - 1:
        return None
    drawing = Drawing(_WIDTH)
    columns = _columns(table.scales, pairs)
    per_patient = _place(columns)
    for pair, left, right in zip(pairs, columns, columns[1:], strict=False):
        _ribbons(drawing, pair, left, right, per_patient)
    # names that would touch stand on two lines in turn
    stagger = 13.0 if len(columns) > _NAMES_IN_LINE else 0.0
    for place, column in enumerate(columns):
        _blocks(drawing, column, words, stagger * (place % 2))
    return drawing.svg(name, label, _TOP + _HEIGHT + _BOTTOM + stagger)


def _columns(scales: Sequence[str], pairs: Sequence[Pair]) -> list[_Column]:
    # room for the names under the first and the last column
    step = (_WIDTH - 2 * _LEFT - _COLUMN - 80) / max(len(scales) - 1, 1)
    out = []
    for place, scale in enumerate(scales):
        # patients need not be the same in both pairs of a column: it is as high as the larger of the two
        sides = [_totals(pairs[place - 1], 1)] if place else []
        sides += [_totals(pairs[place], 0)] if place < len(pairs) else []
        grades = {grade for side in sides for grade in side}
        counts = {grade: max(side.get(grade, 0) for side in sides) for grade in grades}
        out.append(_Column(scale, counts, _LEFT + 32 + place * step))
    return out


def _totals(pair: Pair, side: int) -> dict[Grade, int]:
    found: dict[Grade, int] = {}
    for grades, n in pair.counts.items():
        found[grades[side]] = found.get(grades[side], 0) + n
    return found


def _order(grade: Grade) -> int:
    return -1 if grade is None else grade


def _place(columns: Sequence[_Column]) -> float:
    """Give every block its place; how many pixels one patient takes."""
    most = max(sum(column.counts.values()) for column in columns)
    blocks = max(len(column.counts) for column in columns)
    per_patient = (_HEIGHT - (blocks - 1) * _GAP) / max(most, 1)
    for column in columns:
        used = sum(column.counts.values()) * per_patient + (len(column.counts) - 1) * _GAP
        y = _TOP + _HEIGHT - used
        for grade in sorted(column.counts, key=_order, reverse=True):
            height = column.counts[grade] * per_patient
            column.place[grade] = (y, height)
            y += height + _GAP
    return per_patient


def _ribbons(drawing: Drawing, pair: Pair, left: _Column, right: _Column, per_patient: float) -> None:
    """The same grade faint, another grade strong: what flows across is what the eye shall find."""
    ordered = sorted(pair.counts.items(), key=lambda item: (-_order(item[0][0]), -_order(item[0][1])))
    for (one, other), n in ordered:
        y, y2 = _take(left, one, "right", n * per_patient), _take(right, other, "left", n * per_patient)
        thick = max(n * per_patient, _LEAST)
        x, x2 = left.x + _COLUMN, right.x
        middle = (x + x2) / 2
        there = _curve(middle, y, x2, y2)
        back = _curve(middle, y2 + thick, x, y + thick)
        path = f"M{number(x)} {number(y)}{there}v{number(thick)}{back}z"
        known = one is not None and other is not None
        fill = GRADE_FILL[min(max(_order(one), _order(other)), 5)] if known else "#c3cad2"
        strength = 0.85 if known and one != other else 0.35
        drawing.raw(f'<path fill="{fill}" fill-opacity="{strength}" d="{path}"/>')


def _curve(middle: float, y: float, x2: float, y2: float) -> str:
    return "C" + " ".join(number(value) for value in (middle, y, middle, y2, x2, y2))


def _take(column: _Column, grade: Grade, side: str, height: float) -> float:
    taken = column.taken.get((grade, side), 0.0)
    column.taken[grade, side] = taken + height
    return column.place[grade][0] + taken


def _blocks(drawing: Drawing, column: _Column, words: Words, lower: float) -> None:
    """The blocks of one column, worst grade on top, and its name and number of patients under it."""
    for grade, (y, height) in column.place.items():
        box = [(column.x, y, _COLUMN, max(height, _LEAST))]
        if grade is None:
            hatched(drawing, box, UNKNOWN_FILL)
        else:
            drawing.boxes(box, GRADE_FILL[min(grade, 5)], OUTLINE, 0.6)
        said = f"{'?' if grade is None else grade}: {column.counts[grade]}"
        inside = height >= 12
        color = GRADE_TEXT[min(grade, 5)] if grade is not None and inside else ""
        x = column.x + _COLUMN / 2
        if inside:
            drawing.text(x, y + height / 2 + 4, said, anchor="middle", fill=color, look="cw-h" if grade is None else "")
        else:
            drawing.text(column.x + _COLUMN + 3, y + height / 2 + 3.5, said, size=9.5, look="cw-h2")
    x, y = column.x + _COLUMN / 2, _TOP + _HEIGHT + lower
    drawing.text(x, y + 16, words.short(column.scale), anchor="middle", look="cw-b")
    drawing.text(x, y + 29, f"n = {sum(column.counts.values())}", anchor="middle", fill=MUTED, size=10)
