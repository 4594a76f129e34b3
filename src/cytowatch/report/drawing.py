"""Hand-made SVG: many small shapes in few bytes, on the time axis of a patient's course."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil, floor, log10, sqrt

from markupsafe import Markup, escape

from cytowatch.report.theme import FONT, GRID, HATCH, INK, MUTED

OUTLINE = "#7b8794"
_TICKS = 20


def number(value: float) -> str:
    """A coordinate with no more digits than a screen shows."""
    return f"{value:.1f}".removesuffix(".0")


@dataclass
class Drawing:
    """Collects shapes from top to bottom and gives them back as one ``<svg role="img">``."""

    width: float
    parts: list[str] = field(default_factory=list)

    def boxes(
        self,
        boxes: Iterable[tuple[float, float, float, float]],
        fill: str,
        stroke: str = "",
        thin: float = 0.6,
        opacity: float = 1.0,
    ) -> None:
        """Rectangles of one look: x, y, width, height of each."""
        outline = "".join(f"M{number(x)} {number(y)}h{number(w)}v{number(h)}h-{number(w)}z" for x, y, w, h in boxes)
        if outline:
            line = f' stroke="{stroke}" stroke-width="{thin:g}"' if stroke else ""
            line += f' opacity="{opacity:g}"' if opacity < 1 else ""
            self.parts.append(f'<path fill="{fill}"{line} d="{outline}"/>')

    def lines(self, lines: Iterable[tuple[float, float, float, float]], color: str = GRID, thin: float = 1.0) -> None:
        """Straight lines of one look: x, y, x2, y2 of each."""
        path = "".join(f"M{number(x)} {number(y)}L{number(x2)} {number(y2)}" for x, y, x2, y2 in lines)
        if path:
            self.parts.append(f'<path fill="none" stroke="{color}" stroke-width="{thin:g}" d="{path}"/>')

    def text(
        self, x: float, y: float, text: str, *, anchor: str = "", fill: str = "", size: float = 0, look: str = ""
    ) -> None:
        """A line of text on its baseline; ``anchor`` middle or end, ``look`` names classes of the page's style."""
        given = {"text-anchor": anchor, "fill": fill, "font-size": f"{size:g}" if size else "", "class": look}
        told = "".join(f' {name}="{value}"' for name, value in given.items() if value)
        self.parts.append(f'<text x="{number(x)}" y="{number(y)}"{told}>{escape(text)}</text>')

    def raw(self, element: str) -> None:
        """An element made elsewhere in this house, already escaped."""
        self.parts.append(element)

    def svg(self, name: str, label: str, height: float, more: str = "") -> Markup:
        """The finished figure; ``name`` is unique on the page, ``label`` says in a sentence what it shows."""
        wide, high = number(self.width), number(height)
        size = f'width="{wide}" height="{high}" viewBox="0 0 {wide} {high}"'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{name}-title" {size} '
            f'font-family="{FONT}" font-size="11" fill="{INK}"{more}><title id="{name}-title">{escape(label)}</title>'
        )
        # Every text went through escape above.
        return Markup(head + "".join(self.parts) + "</svg>")  # noqa: S704


@dataclass(frozen=True)
class TimeAxis:
    """The time axis of strips: its ends, its title, and where its plot lies in the drawing (pixels)."""

    low: float
    high: float
    title: str
    left: float
    width: float

    def at(self, value: float) -> float:
        """The pixel of a moment, kept inside the plot."""
        span = self.high - self.low
        part = (value - self.low) / span if span > 0 else 0.0
        return self.left + min(max(part, 0.0), 1.0) * self.width

    def ticks(self) -> list[float]:
        """Round moments."""
        return round_steps(self.low, self.high)

    def grid(self, drawing: Drawing, top: float, bottom: float) -> None:
        """Faint lines at the round moments."""
        drawing.lines([(self.at(tick), top, self.at(tick), bottom) for tick in self.ticks()])

    def labels(self, drawing: Drawing, top: float) -> float:
        """The numbers of the axis and its title under ``top``; where they end."""
        drawing.lines([(self.left, top, self.left + self.width, top)], color="#9aa5b1")
        for tick in self.ticks():
            drawing.lines([(self.at(tick), top, self.at(tick), top + 4)], color="#9aa5b1")
            drawing.text(self.at(tick), top + 15, f"{tick:,.6g}", anchor="middle")
        drawing.text(self.left + self.width / 2, top + 30, self.title, anchor="middle", fill=MUTED)
        return top + 36


def round_steps(low: float, high: float, wanted: int = _TICKS) -> list[float]:
    """Round numbers from ``low`` to ``high``, about ``wanted`` of them, as the figures of the course choose them."""
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** floor(log10(span / wanted))
    rest = span / wanted / power
    step = power * (10 if rest >= sqrt(50) else 5 if rest >= sqrt(10) else 2 if rest >= sqrt(2) else 1)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(place * step, 9) for place in range(first, last + 1)]


def hatched(
    drawing: Drawing, boxes: list[tuple[float, float, float, float]], under: str, *, faint: bool = False
) -> None:
    """Boxes of what is not known: a fill, the page's hatching, an outline; faint where nothing is certain."""
    drawing.boxes(boxes, under)
    drawing.boxes(boxes, HATCH, OUTLINE, 0.5, opacity=0.5 if faint else 1.0)
