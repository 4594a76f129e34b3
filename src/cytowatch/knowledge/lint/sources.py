"""Is every source there and used, and does every row say where in its source it was read?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cytowatch.knowledge.lint.advice import advice_rows
from cytowatch.knowledge.lint.doors import door_rows
from cytowatch.knowledge.lint.drugs import drug_row_sources
from cytowatch.knowledge.lint.education import education_rows
from cytowatch.knowledge.lint.finding import Findings, Place, place_in, product_files
from cytowatch.knowledge.lint.lookalikes import lookalike_rows
from cytowatch.knowledge.lint.plan import plan_rows
from cytowatch.knowledge.lint.prevention import prevention_rows
from cytowatch.knowledge.lint.products import product_rows
from cytowatch.knowledge.lint.symptoms import symptom_rows
from cytowatch.knowledge.model import Knowledge, Scale

HOUSE = "house"
# tables of codes that name no source in their rows, because the table is the source's own vocabulary
VOCABULARIES = {
    "loinc": "loinc", "snomed": "snomed_ct", "rxnorm": "rxnorm", "omop": "omop", "mimic_items": "mimic_iv",
    "icd10": "icd_10_cm",
}  # fmt: skip
_UNITS = "ucum"
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_OWN_PLACE = re.compile(r"\b(policy|decision|contract|semantics)\b|\bP\d+\b")
_POLICY_NAMED = re.compile(r"\bpolicy ([a-z][a-z0-9]*(?:_[a-z0-9]+)+)\b")


@dataclass(frozen=True)
class Cited:
    """A row that rests on a source."""

    place: Place
    source: str
    locator: str
    evidence: str
    grades: bool = False  # it decides a grade
    silent_house: bool = False  # a choice of our own may stand here without a locator


def check_sources(knowledge: Knowledge) -> Findings:
    """Dead and unused sources, empty locators, evidence that does not fit, DOIs that are none."""
    rows = list(_cited(knowledge))
    for row in rows:
        yield from _check_row(row, knowledge)
    yield from _unplaced_concepts(knowledge)
    for scale in knowledge.scales.values():
        yield from _recalled(scale)
    yield from _check_list(knowledge, {row.source for row in rows})


def _check_row(row: Cited, knowledge: Knowledge) -> Findings:
    if row.source not in knowledge.sources:
        yield row.place.error(
            "source", f"The source `{row.source}` is not in sources.toml.", "Add it there, or correct the key."
        )
    if row.evidence not in {"primary", "secondary", "recalled", HOUSE}:
        yield row.place.error(
            "evidence", f"{row.evidence!r} is no evidence word.", "primary, secondary, recalled or house"
        )
    if row.source == HOUSE and row.evidence != HOUSE:
        yield row.place.error(
            "evidence", f"Our own choice cannot be {row.evidence} evidence.", "Name the source, or write house."
        )
    if row.evidence == "recalled" and row.grades:
        yield row.place.warning(
            "evidence", "It decides a grade and was not read in its source.", "Read it, or overlay it."
        )
    yield from _check_locator(row, knowledge)


def _check_locator(row: Cited, knowledge: Knowledge) -> Findings:
    if not row.locator.strip():
        if not (row.silent_house and row.source == HOUSE):
            yield row.place.error(
                "locator", "The locator is empty.", "Say where in the source it stands: table, row, section."
            )
        return
    if row.source == HOUSE and not _OWN_PLACE.search(row.locator):
        hint = "Name the policy, the decision page or the section of the contract."
        yield row.place.error("locator", f"Our own choice has no place: {row.locator!r}.", hint)
    for name in _POLICY_NAMED.findall(row.locator):
        if name not in knowledge.policies:
            yield row.place.error("locator", f"There is no policy `{name}`.", "Name one of policy.toml.")


def _unplaced_concepts(knowledge: Knowledge) -> Findings:
    bare = [key for key, part in knowledge.concepts.items() if part.source == HOUSE and not part.locator]
    if bare:
        text = (
            f"{len(bare)} concepts rest on our own choice without saying where it is written: {', '.join(bare[:5])} …"
        )
        yield Place("concepts.toml", "concept").warning("locator", text, "Give each a locator.")


def _recalled(scale: Scale) -> Findings:
    """One warning for all the criteria of a rule scale that were not read in their source."""
    names = [part.id for part in scale.criteria if part.evidence == "recalled"] if scale.method == "rules" else []
    if names:
        text = f"{len(names)} of {len(scale.criteria)} criteria decide a grade and were not read: {', '.join(names)}."
        yield place_in(scale, "criterion").warning("evidence", text, "Read them in their source, or overlay them.")


def _check_list(knowledge: Knowledge, used: set[str]) -> Findings:
    for key, source in knowledge.sources.items():
        place = Place("sources.toml", f"source.{key}")
        if source.doi and not _DOI.fullmatch(source.doi):
            yield place.error(
                "doi", f"{source.doi!r} is not a DOI.", "Write it as 10.1016/j.bbmt.2018.12.758, without a link."
            )
        if not source.title.strip():
            yield place.error("title", "The title is empty.")
        if key not in used:
            yield Place("sources.toml", "source").warning(
                key, "No table rests on this source.", "Take it out, or cite it where it is used."
            )


def _cited(knowledge: Knowledge) -> Iterator[Cited]:
    for key, part in knowledge.concepts.items():
        yield Cited(
            Place("concepts.toml", f"concept.{key}"), part.source, part.locator, part.evidence, silent_house=True
        )
    for key, policy in knowledge.policies.items():
        yield Cited(Place("policy.toml", f"policy.{key}"), policy.source, policy.locator, policy.evidence)
    for key, cut in knowledge.thresholds.items():
        yield Cited(Place("policy.toml", f"threshold.{key}"), cut.source, cut.locator, cut.evidence, grades=True)
    for key, quantity in knowledge.quantities.items():
        place = Place("quantities.toml", f"quantity.{key}")
        yield Cited(place, quantity.source, quantity.locator, quantity.evidence, silent_house=True)
    for scale in knowledge.scales.values():
        yield from _cited_by_scale(scale)
    yield from _cited_by_products(knowledge)
    yield from _cited_by_codes(knowledge)
    yield from (Cited(*row) for row in (*symptom_rows(knowledge), *lookalike_rows(knowledge), *advice_rows(knowledge)))
    yield from (Cited(*row) for row in education_rows(knowledge))
    yield from (Cited(*row) for row in drug_row_sources(knowledge))
    yield from (Cited(*row) for row in (*product_rows(knowledge), *prevention_rows(knowledge)))
    yield from (Cited(*row) for row in (*plan_rows(knowledge), *door_rows(knowledge)))
    if any(part.units for part in knowledge.concepts.values()) and _UNITS in knowledge.sources:
        yield Cited(Place("concepts.toml", "unit_set"), _UNITS, "the standard's own names", "secondary")


def _cited_by_scale(scale: Scale) -> Iterator[Cited]:
    is_own = scale.source == HOUSE
    locator, evidence = ("", HOUSE) if is_own else (scale.title, "secondary")
    yield Cited(place_in(scale, scale.id), scale.source, locator, evidence, silent_house=True)
    for criterion in scale.criteria:
        place = place_in(scale, f"criterion.{criterion.id}")
        # a rule scale flags each row that rests on such a criterion, and `_recalled` names them all at once
        grades = scale.method != "rules"
        yield Cited(place, criterion.source, criterion.locator, criterion.evidence, grades=grades)
    for domain in scale.domains:
        if domain.bands or domain.categories:
            place = place_in(scale, f"domain.{domain.id}")
            yield Cited(place, domain.source or scale.source, domain.locator, domain.evidence, grades=True)
            for number, band in enumerate(domain.bands, 1):
                place = place_in(scale, f"domain.{domain.id}.bands.{number}")
                yield Cited(place, scale.source, band.locator, "secondary")


def _cited_by_products(knowledge: Knowledge) -> Iterator[Cited]:
    windows = knowledge.policies["windows"].value if "windows" in knowledge.policies else {}
    files = product_files(knowledge)
    for key, part in knowledge.products.items():
        place = Place(files.get(key, "products"), f"product.{key}")
        # the window of its kind of trigger is a policy, and cited there
        usual = isinstance(windows, dict) and windows.get(part.concept) == part.window_days
        yield Cited(place, part.source, part.locator, part.evidence, silent_house=usual)


def _cited_by_codes(knowledge: Knowledge) -> Iterator[Cited]:
    for name, rows in knowledge.codes.items():
        for row in rows:
            place = Place(f"codes/{name}.csv", next(iter(row.values())))
            source = row.get("source") or VOCABULARIES.get(name, "")
            locator = row["locator"] if "locator" in row else row.get("note", "")
            yield Cited(place, source, locator, row.get("evidence", ""))
