"""Do the concepts make sense: units that convert, ranges for each unit, names that mean one thing?"""

from __future__ import annotations

from fractions import Fraction

from cytowatch.knowledge.lint.finding import Findings, Place
from cytowatch.knowledge.model import Concept, Knowledge, Unit
from cytowatch.units import spelled

NONE = "none"


def check_concepts(knowledge: Knowledge) -> Findings:
    """Every concept by itself, then the names of all of them."""
    for key, concept in knowledge.concepts.items():
        place = Place("concepts.toml", f"concept.{key}")
        yield from _check_units(concept, place)
        yield from _check_smallest(concept, place)
        yield from _check_kind(concept, place)
        yield from _check_categories(concept, place)
        if concept.valid_for_us is None or concept.valid_for_us <= 0:
            yield place.error(
                "valid_for_hours", "How long a row speaks is not said.", "Give a number of hours above 0."
            )
    yield from _check_aliases(knowledge)


def _check_units(concept: Concept, place: Place) -> Findings:
    meanings: dict[str, tuple[str, Fraction, Fraction]] = {}
    for unit in concept.accepted:
        yield from _check_unit(unit, concept, place)
        meaning = (unit.to, unit.factor, unit.shift)
        if meanings.setdefault(spelled(unit.name), meaning) != meaning:
            yield place.error("unit_set", f"The unit {unit.name!r} has two meanings.", "Take one spelling out.")
    for unit_name in concept.units:
        # doses are counted, so a dose of any size is plausible
        if unit_name not in concept.plausible and concept.kind != "dose":
            yield place.error("plausible", f"There is no plausible range in {unit_name!r}.", "Give [low, high].")


def _check_smallest(concept: Concept, place: Place) -> Findings:
    """It leaves 0 out, and takes nothing away that a laboratory's limit of normal or a plausible range speaks of."""
    if not concept.smallest:
        return
    low, high = concept.plausible.get(concept.units[0], (0.0, 0.0)) if concept.units else (0.0, 0.0)
    if not (low == 0 < concept.smallest < high):
        text = f"The least that is not 0 is {concept.smallest:g}, and the plausible range is {low:g} to {high:g}."
        yield place.error("smallest", text, "It goes with a range that begins at 0, and lies inside.")


def _check_unit(unit: Unit, concept: Concept, place: Place) -> Findings:
    if unit.to not in concept.units:
        yield place.error("unit_set", f"The unit {unit.name!r} becomes {unit.to!r}, which is not canonical here.")
    if unit.whole_below < 0:
        yield place.error("unit_set", f"`whole_below` of {unit.name!r} is below 0.")
    if unit.factor <= 0:
        yield place.error("unit_set", f"The factor of {unit.name!r} must be above 0.")


def _check_kind(concept: Concept, place: Place) -> Findings:
    if concept.kind == "infusion" and not concept.units:
        yield place.error("unit_set", "An infusion needs units for its rate.")
    if concept.kind == "reading" and not (concept.units or concept.categories or concept.free_text):
        yield place.error("unit_set", "A reading needs a unit or categories.")
    if concept.kind in {"device", "attribution", "exception", "switch", "death"} and not concept.categories:
        yield place.error("categories", f"A concept of kind {concept.kind} needs categories.")
    if concept.kind == "exception" and concept.categories[:1] != (NONE,):
        yield place.error("categories", "What is charted by exception begins with the category `none`.")
    if concept.text_needed and not (concept.categories or concept.free_text):
        yield place.error("text_needed", "Text is needed, and none is allowed.")


def _check_categories(concept: Concept, place: Place) -> Findings:
    for category in concept.categories:
        if concept.categories.count(category) > 1:
            yield place.error("categories", f"The category `{category}` is there twice.")
    for alias, category in concept.category_aliases.items():
        if alias in concept.categories and alias != category:
            yield place.error("category_aliases", f"{alias!r} is a category and an alias of `{category}`.")


def _check_aliases(knowledge: Knowledge) -> Findings:
    owners: dict[str, str] = {}
    for key, concept in knowledge.concepts.items():
        for name in (key, *concept.aliases):
            other = owners.setdefault(name.casefold(), key)
            if other != key:
                place = Place("concepts.toml", f"concept.{key}")
                yield place.error("aliases", f"{name!r} already means `{other}`.", "Take it out of one of the two.")
