"""The part of a patient's section where every scale stands beside the others: strips, joint state, findings, why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.probability import probability_in_words
from cytowatch.report import clock as clocks
from cytowatch.report import joint, words
from cytowatch.report.course import Row
from cytowatch.report.data import Clock
from cytowatch.report.drawing import TimeAxis
from cytowatch.report.embed import Dictionary, merged, patient_content
from cytowatch.report.lanes import PLOT_LEFT, PLOT_WIDTH, Axis
from cytowatch.report.order import ordered
from cytowatch.report.signs import ScaleSigns
from cytowatch.report.strips import Strip, StripFigure, rest_in_words, strip_of
from cytowatch.schema import HOUR_US

# Room at the right of the strips for the worst grade; the course above is as wide, so that both shrink alike.
TOTAL_WIDTH = PLOT_LEFT + PLOT_WIDTH + 70


@dataclass(frozen=True)
class Room:
    """How much of one patient goes on the page; none of these changes a number."""

    # narrower stretches of a strip are drawn together (pixels)
    least: float
    # rows of the scales that the page carries for comparing them
    rows: int
    # strips of the scales that never were above 0 as well
    everything: bool


@dataclass(frozen=True)
class Beside:
    """Makes the part of one patient; ``timeline``: rows by scale in time order."""

    knowledge: Knowledge
    clock: Clock
    origin: int
    axis: Axis
    timeline: Mapping[str, list[dict[str, Any]]]
    joint: Sequence[Row]

    def context(self, name: str, who: str, room: Room) -> dict[str, Any]:
        """Strips, what is not drawn, the joint state, and the worst of each scale in words."""
        strips = [
            strip_of(scale, self.timeline[scale], self.knowledge) for scale in ordered(self.timeline, self.knowledge)
        ]
        shown = [item for item in strips if item.shown]
        rest = [item for item in strips if not item.shown]
        figure = StripFigure(self._axis(), self.knowledge, self._places(), TOTAL_WIDTH)
        return {
            "strips": self._drawn(figure, shown, f"{name}-strips", f"{len(shown)} scales of patient {who}", room.least),
            "worst": [self._worst(item) for item in shown],
            "shown": len(shown),
            "rest": rest_in_words(rest, self.knowledge),
            "rest_count": len(rest),
            "rest_strips": self._drawn(
                figure, rest, f"{name}-rest", f"The other {len(rest)} scales of patient {who}", room.least
            )
            if room.everything
            else None,
            "joint": joint.block(
                self.joint,
                figure,
                self._axis(),
                self._places(),
                TOTAL_WIDTH,
                f"{name}-joint",
                f"CRS, ICANS, IEC-HS and ICAHT of patient {who} at once over time",
            ),
            "joint_rows": self._joint_rows(),
        }

    def _drawn(
        self, figure: StripFigure, strips: Sequence[Strip], name: str, label: str, least: float
    ) -> Markup | None:
        if not strips:
            return None
        return figure.draw(strips, name, f"{label} over time, one strip each", least)

    def _axis(self) -> TimeAxis:
        return TimeAxis(self.axis.low, self.axis.high, self.axis.title, PLOT_LEFT, PLOT_WIDTH)

    def _places(self) -> dict[int, float]:
        rows = [row for own in self.timeline.values() for row in own] + list(self.joint)
        moments = {moment for row in rows for moment in (row["start"], row["end"])}
        return {moment: clocks.axis(moment, self.origin, self.clock) for moment in moments}

    def _worst(self, strip: Strip) -> dict[str, Any]:
        """The worst of one scale: when it began, what made it, and what would settle it where it is a range."""
        names, own = words.Words(self.knowledge), self.timeline[strip.scale]
        first = next((row for row in own if row["at_least"] == strip.at_least), own[0])
        widest = next((row for row in own if row["at_most"] == strip.at_most), first)
        signs = ScaleSigns(strip.scale, self.knowledge)
        deciding = signs.deciding(first["criteria"] or [], first["at_least"])
        found = self.knowledge.scales.get(strip.scale)
        open_ = strip.at_least != strip.at_most
        return {
            "scale": strip.scale,
            "short": names.short(strip.scale),
            "title": names.full(strip.scale),
            "sum": signs.is_sum,
            "at_least": strip.at_least,
            "at_most": strip.at_most,
            "since": clocks.moment(first["start"], self.clock) if strip.at_least else "",
            "machine": clocks.machine(first["start"], self.clock),
            "criteria": [names.criterion(strip.scale, key) for key in deciding],
            "missing": [names.missing(key) for key in widest["missing"] or []] if open_ else [],
            "probability": probability_in_words(found, strip.at_least, strip.at_most) if found else "",
        }

    def _joint_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "start": clocks.moment(row["start"], self.clock),
                "machine": clocks.machine(row["start"], self.clock),
                "end": clocks.moment(row["end"], self.clock),
                "lanes": [(row[f"{lane}_at_least"], row[f"{lane}_at_most"]) for lane in joint.LANES],
            }
            for row in self.joint
        ]

    def embedded(
        self,
        dictionary: Dictionary,
        shown: Sequence[str],
        values: Mapping[str, Sequence[str]],
        concepts: Mapping[str, frozenset[str]],
    ) -> dict[str, Any]:
        """The rows of these scales for comparing them on the page."""
        rows = {scale: merged(self.timeline[scale]) for scale in shown}
        moments = {moment for own in rows.values() for row in own for moment in (row["start"], row["end"])}
        base = 0 if self.clock == "hours" else self.origin
        at = {moment: round((moment - base) / HOUR_US, 4) for moment in moments}
        zero = None if self.clock == "hours" else round(self.origin / 1000)
        return patient_content(rows, dictionary, at, zero, values, concepts)

    def carried(self, room: Room) -> tuple[list[str], list[str]]:
        """The scales that the page can compare, as many as there is room for, and the shown ones left out."""
        strips = [
            strip_of(scale, self.timeline[scale], self.knowledge) for scale in ordered(self.timeline, self.knowledge)
        ]
        wanted = [item.scale for item in strips if item.shown or (room.everything and item.standing != "none")]
        taken: list[str] = []
        left: list[str] = []
        used = 0
        for scale in wanted:
            rows = len(merged(self.timeline[scale]))
            fits = used + rows <= room.rows
            (taken if fits else left).append(scale)
            used += rows if fits else 0
        return taken, left
