"""The published probability behind a score: read between the points that a paper prints, never beyond them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

from cytowatch.errors import ArgumentError
from cytowatch.knowledge.load import load
from cytowatch.knowledge.model import Knowledge, Scale


@dataclass(frozen=True)
class Probability:
    """A published probability in per cent; ``beyond`` where the score lies outside the published points."""

    percent: float
    beyond: Literal["", "under", "over"] = ""

    def __str__(self) -> str:
        return f"{self.beyond} {self.percent:.0f} %".strip()


def probability_of(scale: Scale, score: float) -> Probability:
    """The probability that the scale's paper gives for a score, in per cent; linear between its published points.

    Below the first point it is only known to be under, above the last over the probability there. Raises
    ArgumentError for a scale without published probabilities, and for a score below 0.
    """
    points = sorted(scale.probability)
    if not points:
        raise ArgumentError(
            f"No probability is published for scores of {scale.id!r}.",
            where="scale",
            why="A probability is read from the table of the paper, and this scale's paper has none.",
            hint="Take a scale that has one, such as hlh.hscore.",
        )
    if not score >= 0:
        raise ArgumentError(f"{score} is no score.", where="score", hint="Give a number of points, 0 or more.")
    if score < points[0][0]:
        return Probability(points[0][1], "under")
    if score > points[-1][0]:
        return Probability(points[-1][1], "over")
    if score == points[-1][0]:
        return Probability(points[-1][1])
    place = bisect_right(points, (score, float("inf")))
    (left, low), (right, high) = points[place - 1], points[place]
    return Probability(low + (high - low) * (score - left) / (right - left))


def probability(scale_id: str, score: float, knowledge: Knowledge | None = None) -> Probability:
    """``probability_of`` by the id of a scale, such as ``hlh.hscore``; ArgumentError for an id that is not known."""
    scales = (knowledge or load()).scales
    if scale_id not in scales:
        known = ", ".join(key for key, scale in scales.items() if scale.probability)
        raise ArgumentError(
            f"There is no scale {scale_id!r}.",
            where="scale_id",
            why="A probability is read from the table of one scale.",
            hint=f"Scales with published probabilities: {known}.",
        )
    return probability_of(scales[scale_id], score)


def probability_in_words(scale: Scale, at_least: int | None, at_most: int | None) -> str:
    """The probability of a score or a range of scores in words; empty where there is none."""
    if not scale.probability or at_least is None or at_most is None:
        return ""
    low, high = str(probability_of(scale, at_least)), str(probability_of(scale, at_most))
    return low if low == high else f"{low} to {high}"
