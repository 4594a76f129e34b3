"""Do a scale's parts exist, and are they of the kind that the rule needs?"""

from __future__ import annotations

from collections import Counter

from cytowatch.knowledge.lint.cuts import check_cut, check_threshold_use
from cytowatch.knowledge.lint.finding import Finding, Findings, Place, of_kind
from cytowatch.knowledge.lint.logic import OTHER, ROOM_AIR, leaves
from cytowatch.knowledge.lint.proof import prove
from cytowatch.knowledge.lint.proved import Proof, proved
from cytowatch.knowledge.lint.quantities import check_quantities, quantities_in
from cytowatch.knowledge.lint.rule_proof import prove_rules
from cytowatch.knowledge.lint.rule_scales import check_rule_scale, check_view
from cytowatch.knowledge.lint.rule_tree import conditions, walk
from cytowatch.knowledge.lint.scores import check_coded, check_score, check_threshold
from cytowatch.knowledge.model import (
    All,
    AnyMeasured,
    AnyOf,
    Compare,
    Criterion,
    Domain,
    Estimated,
    ExceptKnown,
    In,
    Knowledge,
    Not,
    Possible,
    QuantityCompare,
    Running,
    Scale,
)

# by the method of a scale; the two ASTCT scales are checked here
_CHECKS = {"rules": check_rule_scale, "view": check_view}
_PROOFS: dict[str, Proof] = {"rules": prove_rules}
# the words that the engines of the two ASTCT scales understand
_WORDS = (Compare, In, Running, AnyMeasured, All, AnyOf, Not, Possible, ExceptKnown)
# the general statement about all signs, and the cause that takes nothing away
ATTRIBUTION, OWN_CAUSE = "attribution", "crs"


def check_scales(knowledge: Knowledge) -> Findings:
    """Cut-offs by age and quantities, then each scale: first what it refers to, then, if that is sound, the proof."""
    shared = [one for part in knowledge.thresholds.values() for one in check_threshold(part, knowledge)]
    shared += check_quantities(knowledge)
    yield from shared
    unsound = {one.table for one in shared if one.severity == "error"}
    for scale in knowledge.scales.values():
        found = list(_CHECKS.get(scale.method, _check_scale)(scale, knowledge))
        yield from found
        is_sound = not any(one.severity == "error" for one in found) and not unsound & _rests_on(scale, knowledge)
        if is_sound and scale.method != "view":
            yield from proved(_PROOFS.get(scale.method, prove), scale, knowledge)


def _rests_on(scale: Scale, knowledge: Knowledge) -> set[str]:
    """The tables of thresholds and quantities that a scale's conditions use."""
    found: set[str] = set()
    for node in (part for condition in conditions(scale) for part in walk(condition)):
        if isinstance(node, Compare) and node.threshold:
            found.add(f"threshold.{node.threshold}")
        if isinstance(node, QuantityCompare | Estimated):
            found |= {f"quantity.{key}" for key in quantities_in(node.quantity, knowledge)}
    return found


def _check_scale(scale: Scale, knowledge: Knowledge) -> Findings:
    yield from _check_grades(scale)
    yield from _check_episode(scale, knowledge)
    for domain in scale.domains:
        yield from _check_domain(scale, domain, knowledge)
    for criterion in scale.criteria:
        yield from _check_criterion(scale, criterion, knowledge)


def _check_grades(scale: Scale) -> Findings:
    place = Place(scale.file, "grades")
    for grade in range(1, max(scale.grades, default=1) + 1):
        if grade not in scale.grades:
            yield place.error(
                str(grade), f"Grade {grade} is missing between its neighbors.", "Grades go up by one from 1."
            )
    for grade, meaning in scale.grade_meaning.items():
        if grade < 1 or not meaning.strip():
            yield place.error(str(grade), "A grade is 1 or more and has a meaning in words.")


def _check_episode(scale: Scale, knowledge: Knowledge) -> Findings:
    place, rule = Place(scale.file, "episode"), scale.episode
    for drug in rule.waived_by:
        yield from of_kind(place, "waived_by", drug, ("dose",), knowledge)
    if rule.opens_with and rule.opens_with not in {part.id for part in scale.criteria}:
        yield place.error(
            "opens_with", f"There is no criterion `{rule.opens_with}`.", "Use the id of one, or leave it empty."
        )
    death = knowledge.concepts.get("death")
    if death is None or rule.death_cause not in death.categories:
        yield place.error("death_cause", f"`death` has no category `{rule.death_cause}`.", "Use one of its categories.")
    if rule.floor not in {0, 1}:
        yield place.error("floor", f"Between signs the grade is 0 or 1, not {rule.floor}.")


def _check_domain(scale: Scale, domain: Domain, knowledge: Knowledge) -> Findings:
    place = Place(scale.file, f"domain.{domain.id}")
    own = [part for part in scale.criteria if part.domain == domain.id]
    if bool(own) + bool(domain.bands) + bool(domain.categories) != 1:
        yield place.error("id", "A domain has criteria, or bands, or categories: one of the three.")
    yield from _check_causes(place, domain, knowledge)
    yield from _check_excluding(place, domain, knowledge)
    yield from _check_staged(scale, domain, knowledge)
    if domain.bands or domain.categories:
        kinds = ("exception",) if domain.by_exception else ("reading",)
        found = list(of_kind(place, "concept", domain.concept, kinds, knowledge))
        found += [one for name, _ in domain.items for one in of_kind(place, "items", name, ("reading",), knowledge)]
        yield from found or _check_graded(scale, domain, knowledge)
    if own:
        yield from _check_classes(scale, domain, own, knowledge)


def _check_staged(scale: Scale, domain: Domain, knowledge: Knowledge) -> Findings:
    """A stage stands beside categories charted by exception, is a reading, and its grade is one of the scale's."""
    place = Place(scale.file, f"domain.{domain.id}")
    if domain.staged is None:
        return
    yield from of_kind(place, "staged", domain.staged.concept, ("reading",), knowledge)
    if not domain.by_exception:
        yield place.error("staged", "A stage stands beside a finding charted by exception.", "Give by_exception.")
    if domain.staged.grade not in scale.grades:
        yield place.error("staged", f"The scale has no grade {domain.staged.grade}.", "Use one of its grades.")


def _check_graded(scale: Scale, domain: Domain, knowledge: Knowledge) -> Findings:
    place = Place(scale.file, f"domain.{domain.id}")
    concept = knowledge.concepts[domain.concept]
    made = {band.grade for band in domain.bands} | set(domain.categories.values())
    for grade in sorted(made - {0} - set(scale.grades)):
        yield place.error("bands" if domain.bands else "categories", f"The scale has no grade {grade}.")
    if domain.categories:
        yield from check_coded(scale, domain, concept)
    elif not concept.units or concept.units[0] not in concept.plausible:
        yield place.error("concept", f"`{concept.key}` has no plausible range that bands could divide.")
    else:
        yield from check_score(scale, domain, knowledge)


def _check_causes(place: Place, domain: Domain, knowledge: Knowledge) -> Findings:
    if not domain.attribution:
        yield place.error("attribution", "Nothing can take this sign away.", "Name the concept that says its cause.")
        return
    for name in (domain.attribution, ATTRIBUTION):
        found = list(of_kind(place, "attribution", name, ("attribution",), knowledge))
        yield from found
        if not found and OWN_CAUSE not in knowledge.concepts[name].categories:
            yield place.error("attribution", f"`{name}` cannot say `{OWN_CAUSE}`.", "Add that category.")


def _check_excluding(place: Place, domain: Domain, knowledge: Knowledge) -> Findings:
    if not domain.excluded_by:
        if domain.excluding:
            yield place.error(
                "excluding", "Reasons are listed without the concept that states them.", "Give excluded_by."
            )
        return
    found = list(of_kind(place, "excluded_by", domain.excluded_by, ("attribution",), knowledge))
    yield from found
    categories = () if found else knowledge.concepts[domain.excluded_by].categories
    for name in () if found else domain.excluding:
        if name not in categories:
            yield place.error("excluding", f"`{domain.excluded_by}` has no category `{name}`.", "Correct the name.")
    if not found and not set(categories) - set(domain.excluding):
        yield place.error("excluding", "Every reason takes the sign away: none is left with which it counts.")


# ---------------------------------------------------------------- criteria


def _check_criterion(scale: Scale, criterion: Criterion, knowledge: Knowledge) -> Findings:
    place = Place(scale.file, f"criterion.{criterion.id}")
    if criterion.domain not in {part.id for part in scale.domains}:
        yield place.error("domain", f"There is no domain `{criterion.domain}`.", "Use the id of one in this file.")
    if criterion.grade not in scale.grades[:-1]:
        allowed = ", ".join(map(str, scale.grades[:-1]))
        yield place.error("grade", f"Grade {criterion.grade} cannot be made by a sign.", f"Use one of: {allowed}.")
    for node in walk(criterion.when):
        if not isinstance(node, _WORDS):
            word = type(node).__name__
            yield place.error("when", f"{word} is a word of rule scales only.", 'method = "rules", or another word.')
    for leaf in leaves(criterion.when):
        match leaf:
            case Compare():
                yield from _check_compare(place, leaf, knowledge)
            case In():
                yield from _check_in(place, leaf, knowledge)
            case Running():
                yield from _check_running(place, leaf, knowledge)


def _check_compare(place: Place, leaf: Compare, knowledge: Knowledge) -> Findings:
    found: list[Finding] = list(of_kind(place, "when", leaf.concept, ("reading",), knowledge))
    if leaf.without:
        found += of_kind(place, "when", leaf.without, ("device",), knowledge)
    yield from found
    if found:
        return
    if leaf.threshold:
        yield from check_threshold_use(place, leaf, knowledge)
    else:
        yield from check_cut(place, leaf, knowledge.concepts[leaf.concept])


def _check_in(place: Place, leaf: In, knowledge: Knowledge) -> Findings:
    concept = knowledge.concepts.get(leaf.concept)
    if concept is None:
        yield place.error("when", f"There is no concept `{leaf.concept}`.", "Use a key of concepts.toml.")
        return
    if not leaf.categories:
        yield place.error("when", "The list of categories is empty.")
    for name in leaf.categories:
        if name not in concept.categories:
            yield place.error(
                "when", f"`{concept.key}` has no category `{name}`.", f"Use: {', '.join(concept.categories)}."
            )
        elif concept.kind == "device" and name in {ROOM_AIR, OTHER}:
            yield place.error("when", f"`{name}` is no support of a known class, and cannot be listed.")


def _check_running(place: Place, leaf: Running, knowledge: Knowledge) -> Findings:
    for name in leaf.concepts:
        yield from of_kind(place, "when", name, ("infusion",), knowledge)
    if not 1 <= leaf.at_least <= len(leaf.concepts):
        yield place.error("when", f"at_least is {leaf.at_least} of {len(leaf.concepts)} drugs: never, or always, met.")


def _check_classes(scale: Scale, domain: Domain, own: list[Criterion], knowledge: Knowledge) -> Findings:
    """Every category of a coded concept stands in some list of its domain, and once at most in each criterion."""
    listed: dict[str, set[str]] = {}
    for criterion in own:
        lists = [leaf for leaf in leaves(criterion.when) if isinstance(leaf, In)]
        counts = Counter((leaf.concept, name) for leaf in lists for name in leaf.categories)
        for (coded, name), times in counts.items():
            listed.setdefault(coded, set()).add(name)
            if times > 1:
                place = Place(scale.file, f"criterion.{criterion.id}")
                yield place.error("when", f"`{name}` of `{coded}` is classified {times} times.", "Keep it in one list.")
    for concept_key, names in listed.items():
        concept = knowledge.concepts.get(concept_key)
        allowed = {ROOM_AIR, OTHER} if concept and concept.kind == "device" else set()
        for name in concept.categories if concept else ():
            if name not in names | allowed:
                text = f"The category `{name}` of `{concept_key}` stands in no criterion of `{domain.id}`."
                yield Place(scale.file, f"domain.{domain.id}").error("id", text, "Put it into the list of its class.")
