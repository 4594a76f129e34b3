"""Do the tables of drugs make sense: units, amounts, concepts, groups, steroids, and nothing recalled sold as read?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cytowatch.knowledge.advice import Cited
from cytowatch.knowledge.drug_rows import REFERENCE_MG, Dosing, DrugRows, Interaction, Steroid, SteroidCount
from cytowatch.knowledge.lint.finding import Findings, Place, of_kind
from cytowatch.knowledge.lint.rule_nodes import check_condition
from cytowatch.knowledge.lint.symptoms import KEY, CitedRow
from cytowatch.knowledge.model import Concept, Knowledge

# the drug in whose strength the others are told
REFERENCE = "dexamethasone"


def check_drugs(knowledge: Knowledge) -> Findings:
    """Every dosing, note, measure, steroid, count, group and interaction."""
    formulary = knowledge.formulary
    for key, rows in formulary.rows.items():
        drug = knowledge.advice.drugs.get(key)
        yield from _check_rows(
            Place("drugs", f"drug.{key}"), rows, knowledge.concepts.get(drug.concept if drug else "")
        )
    for key, measure in formulary.measures.items():
        place = Place("drugs", f"measure.{key}")
        if key in knowledge.advice.drugs:
            yield place.error("key", f"`{key}` is a drug as well.", "Give the measure another key.")
        yield from _unknown(place, "concepts", measure.concepts, knowledge.concepts)
        yield from _check_rows(place, measure.rows, None)
    yield from _check_steroids(knowledge)
    for key, group in formulary.groups.items():
        place = Place("drugs/interactions.toml", f"group.{key}")
        if key in knowledge.concepts or not group.concepts:
            yield place.error("concepts", "A group names drugs, and has a key that no concept has.")
        for name in group.concepts:
            yield from of_kind(place, "concepts", name, ("dose",), knowledge)
    for key, interaction in formulary.interactions.items():
        yield from _check_interaction(Place("drugs/interactions.toml", f"interaction.{key}"), interaction, knowledge)


def drug_row_sources(knowledge: Knowledge) -> Iterator[CitedRow]:
    """What rests on a source: every row of the tables of drugs that is not part of advice."""
    for place, cited in drug_rows_cited(knowledge):
        yield place, cited.source, cited.locator, cited.evidence


def drug_rows_cited(knowledge: Knowledge) -> Iterator[tuple[Place, Cited]]:
    """Every such row with its place."""
    formulary = knowledge.formulary
    for key, rows in formulary.rows.items():
        yield from _cited_rows("drug", key, rows)
    for key, measure in formulary.measures.items():
        yield Place("drugs", f"measure.{key}"), measure.cited
        yield from _cited_rows("measure", key, measure.rows)
    named = {
        "steroid": formulary.steroids, "steroid_count": formulary.steroid_counts,
        "group": formulary.groups, "interaction": formulary.interactions,
    }  # fmt: skip
    for table, parts in named.items():
        yield from ((Place("drugs", f"{table}.{key}"), part.cited) for key, part in parts.items())  # type: ignore[attr-defined]


def _cited_rows(table: str, key: str, rows: DrugRows) -> Iterator[tuple[Place, Cited]]:
    for dosing in rows.dosings:
        yield Place("drugs", f"{table}.{key}.dosing.{dosing.id}"), dosing.cited
    for note in rows.notes:
        yield Place("drugs", f"{table}.{key}.note.{note.id}"), note.cited


def _check_rows(place: Place, rows: DrugRows, concept: Concept | None) -> Findings:
    for dosing in rows.dosings:
        yield from _check_dosing(Place(place.file, f"{place.table}.dosing.{dosing.id}"), dosing, concept)
    for note in rows.notes:
        if not note.text.strip().endswith("."):
            yield Place(place.file, f"{place.table}.note.{note.id}").error("text", "It is no sentence.", "End it.")


def _check_dosing(place: Place, dosing: Dosing, concept: Concept | None) -> Findings:
    low, high = dosing.amount
    if not 0 < low <= high:
        yield place.error("amount", f"{low:g} to {high:g} is no amount.", "Above 0, the least first.")
    if dosing.every is not None and not 0 < dosing.every[0] <= dosing.every[1]:
        yield place.error("every_hours", "Hours are above 0, the shortest first.")
    if dosing.most is not None and dosing.most <= 0:
        yield place.error("most", "The most of a dose is above 0.")
    if concept is not None:
        known = {*concept.units, *(unit.name for unit in concept.accepted)}
        if dosing.unit not in known:
            yield place.error("unit", f"{dosing.unit!r} is no unit of `{concept.key}`.", f"One of: {sorted(known)}.")
        yield from _check_plausible(place, dosing, concept)


def _check_plausible(place: Place, dosing: Dosing, concept: Concept) -> Findings:
    """A dose that admission would refuse is mistyped here, or the range is too narrow there."""
    named = {"dose": dosing.unit, "kg": f"{dosing.unit}/kg", "m2": f"{dosing.unit}/m2"}.get(dosing.per, "")
    if named in concept.plausible and dosing.amount[1] > concept.plausible[named][1]:
        most = concept.plausible[named][1]
        yield place.error("amount", f"{dosing.amount[1]:g} {named} is over what is accepted ({most:g}).")


def _check_steroids(knowledge: Knowledge) -> Findings:
    steroids = knowledge.formulary.steroids
    file = "drugs/steroid_equivalents.toml"
    for key, steroid in steroids.items():
        yield from _check_steroid(Place(file, f"steroid.{key}"), key, steroid, knowledge)
    if steroids and REFERENCE not in steroids:
        yield Place(file, "steroid").error(REFERENCE, "The drug that the others are held against is missing.")
    counted = knowledge.policies["steroids"].value if "steroids" in knowledge.policies else []
    named = {steroid.concept for steroid in steroids.values()}
    for name in counted if isinstance(counted, list | tuple) else []:
        if steroids and name not in named:
            yield Place(file, "steroid").error(
                str(name), "The policy `steroids` counts it, and its strength is not here."
            )
    for key, count in knowledge.formulary.steroid_counts.items():
        yield from _check_count(Place(file, f"steroid_count.{key}"), count, knowledge)


def _check_steroid(place: Place, key: str, steroid: Steroid, knowledge: Knowledge) -> Findings:
    yield from of_kind(place, "concept", steroid.concept, ("dose",), knowledge)
    if not 0 < steroid.equal[0] <= steroid.equal[1]:
        yield place.error("equal", "Amounts are above 0, the least first.")
    if key == REFERENCE and set(steroid.equal) != {REFERENCE_MG}:
        yield place.error("equal", f"{REFERENCE_MG} mg of it are {REFERENCE_MG} mg of it.")


def _check_count(place: Place, count: SteroidCount, knowledge: Knowledge) -> Findings:
    possible = count.last_day - count.first_day + 1
    if count.least_mg <= 0 or count.first_day < 0 or not 1 <= count.days <= possible:
        yield place.error(
            "days", f"{count.days} of {possible} days cannot be counted.", "Look at the first and the last."
        )
    for name in count.triggers:
        yield from of_kind(place, "triggers", name, ("trigger",), knowledge)


def _check_interaction(place: Place, part: Interaction, knowledge: Knowledge) -> Findings:
    formulary = knowledge.formulary
    if not KEY.fullmatch(part.key) or not part.label.strip():
        yield place.error("label", "An interaction needs a key in snake_case and a label.")
    for name in (name for side in part.sides for name in side if name not in formulary.groups):
        yield from of_kind(place, "sides", name, ("dose",), knowledge)
    if part.at_least > 1 and (len(part.sides) > 1 or part.at_least > len(formulary.concepts_of(part.sides[0]))):
        yield place.error("at_least", "So many different drugs need one side that has them.")
    alone = len(part.sides) == 1 and part.at_least == 1
    if alone and part.when is None and not part.after:
        yield place.error("sides", "One drug by itself meets nothing.", "Add a side, `at_least`, `when` or `after`.")
    shared = [set(formulary.concepts_of(side)) for side in part.sides]
    if len(shared) > 1 and set.intersection(*shared):
        yield place.error("sides", "A drug stands on both sides.", "Take it out of one.")
    if part.within_hours <= 0:
        yield place.error("within_hours", "A drug counts for more than 0 hours.")
    for name in (*part.after, *part.never_after):
        yield from of_kind(place, "after", name, ("trigger",), knowledge)
    if not (part.why.strip().endswith(".") and part.action.strip().endswith(".")):
        yield place.error("why", "`why` and `action` are sentences.", "End them with a period.")
    if part.when is not None:
        yield from check_condition(place, part.when, knowledge)


def _unknown(place: Place, key: str, names: Iterable[str], known: Iterable[str]) -> Findings:
    for name in sorted(set(names) - set(known)):
        yield place.error(key, f"`{name}` is not known.", "Correct it, or add it to concepts.toml.")
