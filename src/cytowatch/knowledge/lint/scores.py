"""Scores in bands, coded signs, and cut-offs by age: without gap, without overlap, in the right order."""

from __future__ import annotations

import math
from itertools import pairwise

from cytowatch.knowledge.lint.finding import Findings, Place
from cytowatch.knowledge.lint.logic import Age, covers, limit
from cytowatch.knowledge.lint.states import ages
from cytowatch.knowledge.model import Band, Concept, Domain, Knowledge, Scale, Threshold

Range = tuple[int, int]
PRESSURES = ("systolic_bp", "diastolic_bp", "mean_arterial_pressure")


def check_score(scale: Scale, domain: Domain, knowledge: Knowledge) -> Findings:
    """A domain in bands: they divide the plausible range in whole points, and the grade follows the score."""
    place = Place(scale.file, f"domain.{domain.id}")
    concept = knowledge.concepts[domain.concept]
    low, high = concept.plausible[concept.units[0]]
    bands = sorted(domain.bands, key=lambda band: band.low)
    yield from _check_edges(bands, low, high, place)
    grades = [band.grade for band in (reversed(bands) if concept.worse == "low" else bands)]
    if any(later <= earlier for earlier, later in pairwise(grades)):
        yield place.error(
            "bands", f"A worse score must make a higher grade; here they go {grades}.", "Correct the grades."
        )
    yield from _check_items(domain, knowledge, high, place)


def _check_edges(bands: list[Band], low: float, high: float, place: Place) -> Findings:
    if any(band.low > band.high or band.low % 1 or band.high % 1 for band in bands):
        yield place.error(
            "bands", "Each band goes from a whole point to the same or a higher one.", "Correct the band."
        )
    expected = low
    for band in bands:
        if band.low > expected:
            yield place.error("bands", f"There is a gap: {expected:g} to {band.low - 1:g} has no grade.", "Close it.")
        if band.low < expected:
            yield place.error("bands", f"Bands overlap, or leave the plausible range, at {band.low:g}.", "Part them.")
        expected = band.high + 1
    if expected != high + 1:
        text = f"The last band ends at {expected - 1:g}, the plausible range at {high:g}."
        yield place.error("bands", text, "Let both end at the highest score.")


def _check_items(domain: Domain, knowledge: Knowledge, top: float, place: Place) -> Findings:
    total = sum(most for _, most in domain.items)
    if domain.items and total != top:
        text = f"The items add up to {total}, the whole score goes to {top:g}."
        yield place.error("items", text, "Correct the maximum of an item.")
    for name, most in domain.items:
        item = knowledge.concepts[name]
        if item.units and item.plausible.get(item.units[0]) != (0, most):
            yield place.error(
                "items", f"`{name}` counts 0 to {most}, but its plausible range differs.", "Let both agree."
            )


def check_coded(scale: Scale, domain: Domain, concept: Concept) -> Findings:
    """A coded domain: each category has one grade, and a later category is never milder."""
    place = Place(scale.file, f"domain.{domain.id}")
    for name in concept.categories:
        if name not in domain.categories:
            yield place.error("categories", f"The category `{name}` of `{concept.key}` has no grade.", "Give it one.")
    for name in domain.categories:
        if name not in concept.categories:
            yield place.error("categories", f"`{concept.key}` has no category `{name}`.", "Correct the name.")
    known = [name for name in concept.categories if name in domain.categories]
    for earlier, later in pairwise(known):
        if domain.categories[later] < domain.categories[earlier]:
            text = f"`{later}` is listed as worse than `{earlier}` and has a lower grade."
            yield place.error("categories", text, "Correct the grade, or the order in concepts.toml.")


def score_ranges(domain: Domain, knowledge: Knowledge) -> tuple[set[Range], set[Range]]:
    """The grades (lowest, highest) of bands or categories: of every bound, and of every exact value."""
    if domain.bands:
        return _band_ranges(domain.bands, knowledge.concepts[domain.concept])
    if domain.categories:
        grades = set(domain.categories.values())
        exact = {(grade, grade) for grade in grades}
        return exact | {(0, max(grades))}, exact
    return {(0, 0)}, {(0, 0)}


def _band_ranges(bands: tuple[Band, ...], concept: Concept) -> tuple[set[Range], set[Range]]:
    """Every whole score, and every range of scores: items that are not charted, or a bound, leave such a range."""
    low, high = concept.plausible[concept.units[0]]
    points = [
        {band.grade for band in bands if band.low <= point <= band.high} for point in range(int(low), int(high) + 1)
    ]
    exact = {(min(grades), max(grades)) for grades in points if grades}
    spans = set()
    for first in range(len(points)):
        seen: set[int] = set()
        for grades in points[first:]:
            seen |= grades
            if seen:
                spans.add((min(seen), max(seen)))
    return spans, exact


def check_threshold(threshold: Threshold, knowledge: Knowledge) -> Findings:
    """A cut-off by age: from its first age on, each age has exactly one, and a plausible one."""
    place = Place("policy.toml", f"threshold.{threshold.key}")
    concept = knowledge.concepts.get(threshold.concept)
    if concept is None:
        yield place.error("concept", f"There is no concept `{threshold.concept}`.", "Use a key of concepts.toml.")
        return
    if threshold.unit not in concept.units:
        yield place.error(
            "unit", f"{threshold.unit!r} is not the canonical unit of `{concept.key}`.", f"Use {concept.units}."
        )
        return
    yield from _check_ages(threshold, place)
    low, high = concept.plausible.get(threshold.unit, (-math.inf, math.inf))
    cuts = [(age, limit(band, age)) for age in ages(threshold) for band in threshold.bands if covers(band, age)]
    for age, cut in cuts:
        if not low < cut < high:
            yield place.error("bands", f"At {age} the cut-off {cut:g} is outside the plausible range.", "Correct it.")
    # of blood pressures it is known; other limits fall with age, or go up and down
    for (_, before), (age, cut) in pairwise(cuts) if concept.key in PRESSURES else ():
        if cut < before:
            yield place.error(
                "bands", f"At {age} the cut-off falls from {before:g} to {cut:g}.", "Limits rise with age."
            )


def _check_ages(threshold: Threshold, place: Place) -> Findings:
    started, last = False, Age(0, 0)
    for age in ages(threshold):
        found = [band for band in threshold.bands if covers(band, age)]
        if len(found) > 1:
            yield place.error("bands", f"Two bands overlap at {age} ({age.days} days).", "`to` is not included.")
        if started and not found:
            yield place.error("bands", f"There is a gap at {age} ({age.days} days), after {last}.", "Let bands touch.")
        started, last = started or bool(found), age
    if not started:
        yield place.error("bands", "No age has a cut-off.", "Add a band.")
