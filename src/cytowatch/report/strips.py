"""Every scale of one patient beside the others: one thin strip a scale, by family, on the time axis of the course."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from markupsafe import Markup

from cytowatch.knowledge.model import Knowledge, Scale
from cytowatch.report import words
from cytowatch.report.course import Row, Segment, segments
from cytowatch.report.drawing import Drawing, TimeAxis, hatched, number
from cytowatch.report.order import by_family, family_of
from cytowatch.report.theme import GRADE_FILL, GRADE_TEXT, INK, NOT_GRADED_FILL, SCORE_FILL, SCORE_TEXT, UNKNOWN_FILL

# above: certainly above 0 at some time; possible: not excluded, and something measured speaks for it;
# untold: 0 wherever it could be told, the widest range elsewhere; silent: the widest range throughout
Standing = Literal["above", "possible", "untold", "silent", "zero", "none"]
ROW, _BAR, _HEADING = 18.0, 13.0, 21.0
_LETTER = 6.3
_LABEL_LETTERS = 33
# A toxicity of these families is what the patient is watched for: what is not excluded is shown.
_WATCHED_FAMILIES = ("crs", "icans")


@dataclass(frozen=True)
class Strip:
    """One scale of one patient: its bounds over time and the worst of them."""

    scale: str
    segments: tuple[Segment, ...]
    at_least: int | None
    at_most: int | None
    standing: Standing
    # the points that a sum score can reach; 0 for a scale of grades
    top: int = 0

    @property
    def shown(self) -> bool:
        """True for what is drawn at first."""
        return self.standing in {"above", "possible"}


def strip_of(scale: str, rows: Iterable[Row], knowledge: Knowledge) -> Strip:
    """The strip of one patient's rows on one scale, in time order."""
    parts = tuple(segments(rows))
    low = max((part.at_least for part in parts if part.at_least is not None), default=None)
    high = max((part.at_most for part in parts if part.at_most is not None), default=None)
    found = knowledge.scales.get(scale)
    standing = _standing(parts, family_of(scale, knowledge))
    return Strip(scale, parts, low, high, standing, most_points(found) if found else 0)


def _standing(parts: Sequence[Segment], family: str) -> Standing:
    bounds = {(part.at_least, part.at_most) for part in parts if part.at_least is not None}
    if not bounds:
        return "none"
    if any(low for low, _ in bounds):
        return "above"
    highs = {high or 0 for _, high in bounds}
    if highs == {0}:
        return "zero"
    if family in _WATCHED_FAMILIES or len(highs - {0}) > 1:
        return "possible"
    return "untold" if 0 in highs else "silent"


def most_points(scale: Scale) -> int:
    """The most points that a sum score can reach; 0 for a scale of grades."""
    if scale.scoring != "sum":
        return 0
    best: dict[str, int] = {}
    for criterion in scale.criteria:
        best[criterion.domain] = max(best.get(criterion.domain, 0), criterion.grade)
    return sum(best.values())


def color_of(strip: Strip, value: int) -> tuple[str, str]:
    """Fill and text color of a certain grade, or of points on the palette of sum scores."""
    if not strip.top:
        return GRADE_FILL[min(value, len(GRADE_FILL) - 1)], GRADE_TEXT[min(value, len(GRADE_TEXT) - 1)]
    steps = len(SCORE_FILL) - 1
    step = 0 if value <= 0 else min(1 + (value - 1) * steps // max(strip.top, 1), steps)
    return SCORE_FILL[step], SCORE_TEXT[step]


def drawable(parts: Sequence[Segment], axis: TimeAxis, least: float, at: Mapping[int, float]) -> list[Segment]:
    """Segments no narrower than ``least`` pixels: shorter ones are drawn together, as the worst of them.

    ``at``: the place of every start and end on the axis.
    """
    out: list[Segment] = []
    for part in parts:
        last = out[-1] if out else None
        narrow = last is not None and axis.at(at[last.end]) - axis.at(at[last.start]) < least
        if last is not None and narrow and last.end == part.start:
            out[-1] = replace(
                last,
                end=part.end,
                at_least=_worse(last.at_least, part.at_least),
                at_most=_worse(last.at_most, part.at_most),
            )
        else:
            out.append(part)
    return out


def _worse(first: int | None, second: int | None) -> int | None:
    return max((value for value in (first, second) if value is not None), default=None)


class StripFigure:
    """Draws strips; ``places`` maps every start and end (microseconds) to the axis."""

    def __init__(self, axis: TimeAxis, knowledge: Knowledge, places: Mapping[int, float], total: float) -> None:
        self._axis, self._knowledge, self._places, self._total = axis, knowledge, places, total
        self._words = words.Words(knowledge)

    def draw(self, strips: Sequence[Strip], name: str, label: str, least: float) -> Markup:
        """The strips under headings of their families, with the time axis under them."""
        drawing = Drawing(self._total)
        own = {strip.scale: strip for strip in strips}
        groups = by_family(own, self._knowledge)
        bottom = 16 + len(groups) * _HEADING + len(own) * ROW
        self._axis.grid(drawing, 14, bottom)
        drawing.text(self._axis.left + self._axis.width + 8, 11, "worst", look="cw-soft")
        y = 16.0
        for title, scales in groups.items():
            drawing.text(2, y + 14, title, look="cw-b")
            y += _HEADING
            # what is certain stands above what is only possible
            for scale in sorted(scales, key=lambda name: own[name].standing != "above"):
                self._strip(drawing, own[scale], y, least)
                y += ROW
        y = self._axis.labels(drawing, y + 2)
        more = (
            f' class="strips" data-low="{self._axis.low:g}" data-high="{self._axis.high:g}" '
            f'data-left="{number(self._axis.left)}" data-width="{number(self._axis.width)}"'
        )
        return drawing.svg(name, label, y, more)

    def _strip(self, drawing: Drawing, strip: Strip, y: float, least: float) -> None:
        label = self._words.short(strip.scale)
        shown = label if len(label) <= _LABEL_LETTERS else label[: _LABEL_LETTERS - 1] + "…"
        drawing.text(self._axis.left - 8, y + 12, shown, anchor="end")
        self.bar(drawing, strip, y + 2, _BAR, least)
        drawing.text(
            self._axis.left + self._axis.width + 8, y + 12, words.grade(strip.at_least, strip.at_most), look="cw-b"
        )

    def bar(self, drawing: Drawing, strip: Strip, y: float, height: float, least: float) -> None:
        """One strip from ``y`` down: certain grades as fill, what is only possible hatched, no grade gray."""
        parts = drawable(strip.segments, self._axis, least, self._places)
        by_fill: dict[tuple[str, bool], list[tuple[float, float, float, float]]] = {}
        for part in parts:
            x, x2 = self._axis.at(self._places[part.start]), self._axis.at(self._places[part.end])
            by_fill.setdefault(self._fill(strip, part), []).append((x, y, max(x2 - x, 0.3), height))
        for (fill, unknown), boxes in by_fill.items():
            if unknown:
                hatched(drawing, boxes, fill, faint=fill == UNKNOWN_FILL)
            else:
                drawing.boxes(boxes, fill, "#ffffff" if fill not in _PALE else "#b8c2cc", 0.5)
        for part in parts:
            self._number(drawing, strip, part, y + height / 2 + 3.6)

    @staticmethod
    def _fill(strip: Strip, part: Segment) -> tuple[str, bool]:
        if part.at_least is None:
            return NOT_GRADED_FILL, False
        if part.unknown and not part.at_least:
            return UNKNOWN_FILL, True
        return color_of(strip, part.at_least)[0], part.unknown

    def _number(self, drawing: Drawing, strip: Strip, part: Segment, baseline: float) -> None:
        x, x2 = self._axis.at(self._places[part.start]), self._axis.at(self._places[part.end])
        label = "no grade" if part.at_least is None else part.label
        if x2 - x < _LETTER * len(label) + 3 or part.label == "0":
            return
        if part.unknown:
            drawing.text((x + x2) / 2, baseline, label, look="cw-n cw-h")
            return
        color = color_of(strip, part.at_least or 0)[1]
        drawing.text((x + x2) / 2, baseline, label, fill="" if color == INK else color, look="cw-n")


_PALE = {GRADE_FILL[0], SCORE_FILL[0], NOT_GRADED_FILL}


def rest_in_words(strips: Sequence[Strip], knowledge: Knowledge) -> list[tuple[str, list[str]]]:
    """What is not drawn, by why: a sentence and the short names of the scales."""
    said: dict[Standing, str] = {
        "untold": "0 wherever it could be told, not known in between",
        "zero": "0 throughout",
        "silent": "could never be told, as nothing that settles it was charted",
        "none": "not graded, as no trigger is recorded",
    }
    names = words.Words(knowledge)
    order = [scale for scales in by_family([item.scale for item in strips], knowledge).values() for scale in scales]
    ranked = sorted(strips, key=lambda item: order.index(item.scale))
    found = [(text, [names.short(item.scale) for item in ranked if item.standing == key]) for key, text in said.items()]
    return [(text, scales) for text, scales in found if scales]
