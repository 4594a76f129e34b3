"""Drugs, measures, steroids and interactions as a person reads them: each row with its source and how it is known."""

from __future__ import annotations

from collections.abc import Iterator

from cytowatch.knowledge.advice import Cited
from cytowatch.knowledge.drug_rows import Dosing, DrugRows, Interaction, Measure
from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.view_advice import advice_parts
from cytowatch.knowledge.view_scale import table
from cytowatch.knowledge.view_words import Words

_DRUG, _INTERACTION = "drug.", "interaction."
_PER = {"kg": "/kg", "m2": "/m²", "day": " a day", "kg_day": "/kg a day", "m2_day": "/m² a day", "dose": ""}
_NOTICE = "No order, and not verified by a clinician; what is `recalled` was read in no source."


def drug_items(knowledge: Knowledge) -> Iterator[tuple[str, str, str, str, str]]:
    """A line of the list for each measure and interaction: kind, id, title, source, evidence."""
    for key, part in knowledge.formulary.measures.items():
        yield "drug", f"{_DRUG}{key}", part.label, part.cited.source, part.cited.evidence
    for key, rule in knowledge.formulary.interactions.items():
        yield "interaction", f"{_INTERACTION}{key}", rule.label, rule.cited.source, rule.cited.evidence


def drug_parts(knowledge: Knowledge, name: str) -> list[str] | None:
    """The title and the parts of `drug.<key>` (a drug or a measure) or `interaction.<key>`; None for another name."""
    if name.startswith(_INTERACTION):
        rule = knowledge.formulary.interactions.get(name.removeprefix(_INTERACTION))
        return None if rule is None else [*_interaction(rule, knowledge)]
    key = name.removeprefix(_DRUG) if name.startswith(_DRUG) else ""
    if key in knowledge.formulary.measures:
        return [*_measure(knowledge.formulary.measures[key], knowledge)]
    head = advice_parts(knowledge, name) if key in knowledge.advice.drugs else None
    rows = knowledge.formulary.rows.get(key)
    if head is None or rows is None:
        return None
    return [*head, *_rows(rows), *_strength(key, knowledge), *_meets((knowledge.advice.drugs[key].concept,), knowledge)]


def drugs_in_full(knowledge: Knowledge) -> Iterator[str]:
    """The page of all drugs and measures, of the strength of steroids and of the interactions, part after part."""
    yield "## Steroids"
    yield from _steroids(knowledge)
    yield "## Interactions"
    yield _interactions(knowledge)
    groups = (
        (f"`{key}`", part.label, ", ".join(part.concepts), part.cited.evidence, _cited(part.cited))
        for key, part in knowledge.formulary.groups.items()
    )
    yield table(("group", "what", "drugs", "evidence", "source, locator"), groups)
    names = [f"{_DRUG}{key}" for key in (*knowledge.advice.drugs, *knowledge.formulary.measures)]
    for name in sorted(names):
        title, *parts = drug_parts(knowledge, name) or [""]
        yield f"## {title}"
        yield from parts


def _measure(part: Measure, knowledge: Knowledge) -> Iterator[str]:
    charted = ", ".join(f"`{name}`" for name in part.concepts) or "nothing: no concept says so"
    yield f"{part.label} (`{_DRUG}{part.key}`)"
    yield f"A measure. Charted as {charted}. {_cited(part.cited)}. {_NOTICE}"
    yield from _rows(part.rows)
    yield table(("not encoded", "what is done instead"), part.not_encoded)
    yield from _meets(part.concepts, knowledge)


def _rows(rows: DrugRows) -> Iterator[str]:
    dosings = (
        (p.id, p.use, dose_in_words(p), p.route, p.population, p.cited.evidence, f"{p.cited.source}, {p.cited.locator}")
        for p in rows.dosings
    )
    notes = ((p.id, p.about, p.text, p.cited.evidence, f"{p.cited.source}, {p.cited.locator}") for p in rows.notes)
    yield table(("dosing", "for", "dose", "route", "whom", "evidence", "source, locator"), dosings)
    yield table(("note", "about", "text", "evidence", "source, locator"), notes)


def dose_in_words(dosing: Dosing) -> str:
    """``100 to 200 mg, every 8 to 12 h, at most 400 mg each, median 2.5 days``."""
    parts = [f"{_range(dosing.amount)} {dosing.unit}{_PER[dosing.per]}"]
    if dosing.every is not None:
        parts.append(f"every {_range(dosing.every)} h")
    if dosing.most is not None:
        parts.append(f"at most {dosing.most:g} {dosing.unit} each")
    return ", ".join([*parts, *([dosing.schedule] if dosing.schedule else [])])


def _strength(key: str, knowledge: Knowledge) -> Iterator[str]:
    found = next((p for p in knowledge.formulary.steroids.values() if p.concept == key), None)
    if found is not None:
        low, high = map(float, found.equal)
        yield f"As strong as 10 mg of dexamethasone: {_range((low, high))} mg. {_cited(found.cited)}."


def _steroids(knowledge: Knowledge) -> Iterator[str]:
    strengths = (
        (p.label, f"`{p.concept}`", _range((float(p.equal[0]), float(p.equal[1]))), p.cited.evidence, p.cited.locator)
        for p in knowledge.formulary.steroids.values()
    )
    yield table(("steroid", "concept", "mg as strong as 10 mg of dexamethasone", "evidence", "locator"), strengths)
    counts = (
        (
            f"`{key}`",
            f"days {p.first_day} to {p.last_day} with at least {p.least_mg:g} mg",
            ", ".join(f"`{name}`" for name in p.triggers),
            p.text,
            p.cited.evidence,
            f"{p.cited.source}, {p.cited.locator}",
        )
        for key, p in knowledge.formulary.steroid_counts.items()
    )
    yield table(("count", "which days", "after", "what it says", "evidence", "source, locator"), counts)


def _interactions(knowledge: Knowledge) -> str:
    rows = (
        (
            f"`{key}`",
            part.kind,
            part.label,
            " with ".join(_side(side, part, knowledge) for side in part.sides),
            f"{part.within_hours:g}",
            part.action,
            part.cited.evidence,
            f"{part.cited.source}, {part.cited.locator}",
        )
        for key, part in knowledge.formulary.interactions.items()
    )
    head = ("interaction", "kind", "what", "drugs", "h after a dose", "what to do", "evidence", "source, locator")
    return table(head, rows)


def _interaction(part: Interaction, knowledge: Knowledge) -> Iterator[str]:
    yield f"{part.label} (`{_INTERACTION}{part.key}`)"
    yield f"{part.why} {part.action} {_cited(part.cited)}. {_NOTICE}"
    facts = [
        ("kind", part.kind),
        ("drugs", " with ".join(_side(side, part, knowledge) for side in part.sides)),
        ("a dose counts for", f"{part.within_hours:g} h"),
        ("what must hold of the patient", Words(knowledge).condition(part.when) if part.when else ""),
        ("only after", ", ".join(part.after)),
        ("never after", ", ".join(part.never_after)),
    ]
    yield table(("", ""), (row for row in facts if row[1]))


def _side(side: tuple[str, ...], part: Interaction, knowledge: Knowledge) -> str:
    names = ", ".join(knowledge.formulary.concepts_of(side))
    many = f"{part.at_least} or more of " if part.at_least > 1 else "one of " if "," in names else ""
    return many + names


def _meets(concepts: tuple[str, ...], knowledge: Knowledge) -> Iterator[str]:
    """The interactions in which one of these drugs stands."""
    formulary = knowledge.formulary
    found = (
        (f"{_INTERACTION}{key}", part.label, part.action, part.cited.evidence)
        for key, part in formulary.interactions.items()
        if set(concepts) & set(formulary.drugs_of(part))
    )
    yield table(("interaction", "what", "what to do", "evidence"), found)


def _range(pair: tuple[float, float]) -> str:
    low, high = (f"{number:.4g}" for number in pair)
    return low if low == high else f"{low} to {high}"


def _cited(cited: Cited) -> str:
    return f"{cited.source}, {cited.locator} ({cited.evidence})"
