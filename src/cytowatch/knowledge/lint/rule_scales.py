"""Do the parts of a rule scale, and of a view of one, exist and make sense together?"""

from __future__ import annotations

from itertools import pairwise

from cytowatch.knowledge.lint.finding import Finding, Findings, of_kind, place_in
from cytowatch.knowledge.lint.rule_names import flag_names, missing_names
from cytowatch.knowledge.lint.rule_nodes import check_condition
from cytowatch.knowledge.lint.rule_order import check_sides
from cytowatch.knowledge.lint.rule_tree import conditions, walk
from cytowatch.knowledge.model import Compare, Criterion, Domain, In, Knowledge, Node, Relative, Scale

OWN_CAUSE = "crs"
# bits of an integer of 64 that the fast engine uses
MOST_NAMES = 62
# the grade that a death makes
DEATH = 5
_NOT_READ = ("concept", "bands", "items", "categories", "by_exception", "beyond_home", "instrument")


def check_rule_scale(scale: Scale, knowledge: Knowledge) -> Findings:
    """Everything that a rule scale refers to."""
    yield from _check_grades(scale)
    yield from _check_size(scale, knowledge)
    yield from _check_watch(scale)
    yield from _check_probability(scale)
    yield from _check_death(scale, knowledge)
    if not scale.domains:
        yield place_in(scale, "grades").error("domain", "There is no domain: nothing can be graded.", "Add [[domain]].")
    for domain in scale.domains:
        yield from _check_domain(scale, domain, knowledge)
    for criterion in scale.criteria:
        yield from _check_criterion(scale, criterion, knowledge)
    yield from check_sides(scale, knowledge)
    for flag in scale.flag_rules:
        yield from check_condition(place_in(scale, f"flag.{flag.id}"), flag.when, knowledge)


def _check_grades(scale: Scale) -> Findings:
    place = place_in(scale, "grades")
    if not scale.grades:
        yield place.error("grades", "No grade has a meaning.", "Say what each grade means.")
    for grade, meaning in scale.grade_meaning.items():
        if grade < 1 or not meaning.strip():
            yield place.error(str(grade), "A grade is 1 or more and has a meaning in words.")
    if scale.scoring == "sum":
        if list(scale.grade_meaning) != sorted(scale.grade_meaning):
            yield place.error("grades", "The scores that mean something stand in rising order.", "Sort them.")
        return
    # the table of CTCAE itself leaves grades of many terms empty
    for grade in range(1, max(scale.grades, default=0)) if scale.family != "organ" else ():
        if grade not in scale.grades:
            yield place.error(str(grade), f"Grade {grade} is missing between its neighbors.", "Grades go up from 1.")


def _check_size(scale: Scale, knowledge: Knowledge) -> Findings:
    """The fast engine holds lists of names, and the answers of all tests on one concept, as bits of one integer."""
    own = [*(part.id for part in scale.criteria), *filter(None, [scale.episode.death_criterion])]
    lists = {"criterion": own, "missing": missing_names(scale, knowledge), "flags": flag_names(scale)}
    for table, names in lists.items():
        if len(names) > MOST_NAMES:
            text = f"{len(names)} names can stand in one list; {MOST_NAMES} is the most that a scale can have."
            yield place_in(scale, table).error("id", text, "Make two scales of it.")
    tests: dict[str, set[Node]] = {}
    for node in (part for condition in conditions(scale) for part in walk(condition)):
        if isinstance(node, Compare | Relative | In):
            tests.setdefault(node.concept, set()).add(node)
    for concept, asked in tests.items():
        if len(asked) > MOST_NAMES:
            text = f"{len(asked)} different tests read `{concept}`; {MOST_NAMES} is the most that a scale can have."
            yield place_in(scale, "criterion").error("when", text, "Make two scales of it.")


def _check_watch(scale: Scale) -> Findings:
    place, rule = place_in(scale, "episode"), scale.episode
    if scale.watch == "record" and scale.window_days is not None:
        yield place_in(scale, "window_days").error(
            "window_days", "A window begins with an exposure; this scale watches the whole record.", "Take it out."
        )
    if rule.opens_with or rule.waived_by:
        text = "An episode of a rule scale opens with any grade of at least 1, without a waiver."
        yield place.error("opens_with", text, 'opens_with = "", waived_by = []')
    if rule.floor and (rule.floor != 1 or scale.scoring == "sum" or 1 not in scale.grades):
        text = f"Between the signs of an episode the grade is 0 or 1, not {rule.floor}, and a score has no such grade."
        yield place.error("floor", text, "floor = 0, or floor = 1 in a scale of grades that has the grade 1")


def _check_probability(scale: Scale) -> Findings:
    place = place_in(scale, "probability")
    if scale.probability and scale.scoring != "sum":
        yield place.error("probability", "A probability belongs to a score.", 'Only with scoring = "sum".')
    if any(not 0 <= per_cent <= 100 for _, per_cent in scale.probability):
        yield place.error("probability", "A probability lies between 0 and 100 per cent.")
    if any(later[0] <= old[0] or later[1] < old[1] for old, later in pairwise(scale.probability)):
        yield place.error("probability", "Scores rise, and the probability never falls.", "Look at the order.")


def _check_death(scale: Scale, knowledge: Knowledge) -> Findings:
    place, rule = place_in(scale, "episode"), scale.episode
    if bool(rule.death_cause) != bool(rule.death_criterion):
        yield place.error("death_criterion", "The cause of death and its criterion go together.", "Give both or none.")
    if not rule.death_cause:
        return
    death = knowledge.concepts.get("death")
    if death is None or rule.death_cause not in death.categories:
        yield place.error("death_cause", f"`death` has no category `{rule.death_cause}`.", "Use one of its categories.")
    if scale.scoring == "sum" or max(scale.grades, default=0) != DEATH:
        text = f"A death from the scale's own cause is grade {DEATH}, and that is not its highest grade."
        yield place.error("death_cause", text, "Say what grade 5 means, or take the cause of death out.")
    if rule.death_criterion in {part.id for part in scale.criteria}:
        yield place.error("death_criterion", f"`{rule.death_criterion}` is a criterion of its own already.")


# ---------------------------------------------------------------- domains and criteria


def _check_domain(scale: Scale, domain: Domain, knowledge: Knowledge) -> Findings:
    place = place_in(scale, f"domain.{domain.id}")
    own = [part for part in scale.criteria if part.domain == domain.id]
    if not own:
        yield place.error("id", "No criterion belongs to it: it is never graded.", "Add one, or take it out.")
    for name in _NOT_READ:
        if getattr(domain, name):
            yield place.error(name, f"`{name}` is not read by rule scales.", "Write it as criteria.")
    if domain.attributed_at != "moment":
        yield place.error("attributed_at", "On rule scales a sign is attributed at the moment.", "Take it out.")
    if domain.attribution:
        yield from _check_attribution(scale, domain, knowledge)
    if domain.under_sedation == "unknown":
        yield from of_kind(place, "under_sedation", "sedated", ("switch",), knowledge)
    yield from _check_reasons(scale, domain, knowledge)


def _check_attribution(scale: Scale, domain: Domain, knowledge: Knowledge) -> Findings:
    place = place_in(scale, f"domain.{domain.id}")
    found = list(of_kind(place, "attribution", domain.attribution, ("attribution",), knowledge))
    yield from found
    if not found and OWN_CAUSE not in knowledge.concepts[domain.attribution].categories:
        yield place.error("attribution", f"`{domain.attribution}` cannot say `{OWN_CAUSE}`.", "Add that category.")


def _check_reasons(scale: Scale, domain: Domain, knowledge: Knowledge) -> Findings:
    place = place_in(scale, f"domain.{domain.id}")
    if not domain.excluded_by:
        if domain.excluding or domain.chronic:
            yield place.error("excluding", "Reasons without the concept that states them.", "Give excluded_by.")
        return
    found = list(of_kind(place, "excluded_by", domain.excluded_by, ("attribution",), knowledge))
    yield from found
    categories = set() if found else {*knowledge.concepts[domain.excluded_by].categories}
    for key, names in (("excluding", domain.excluding), ("chronic", domain.chronic)) if not found else ():
        for name in names:
            if name not in categories:
                yield place.error(key, f"`{domain.excluded_by}` has no category `{name}`.", "Correct the name.")
    if not domain.excluding:
        yield place.error("excluding", "No reason takes the sign away.", "List them, or take excluded_by out.")
    if not {*domain.chronic} <= {*domain.excluding}:
        yield place.error("chronic", "A chronic reason is one of the excluding ones.", "Add it there too.")
    if not found and not categories - {*domain.excluding}:
        yield place.error("excluding", "Every reason takes the sign away: none is left with which it counts.")


def _check_criterion(scale: Scale, criterion: Criterion, knowledge: Knowledge) -> Findings:
    place = place_in(scale, f"criterion.{criterion.id}")
    if criterion.domain not in {part.id for part in scale.domains}:
        yield place.error("domain", f"There is no domain `{criterion.domain}`.", "Use the id of one of this scale.")
    yield from _check_grade(scale, criterion)
    yield from check_condition(place, criterion.when, knowledge)


def _check_grade(scale: Scale, criterion: Criterion) -> Findings:
    place = place_in(scale, f"criterion.{criterion.id}")
    if scale.scoring == "sum":
        if criterion.grade < 0:
            yield place.error("grade", f"{criterion.grade} points cannot be added.", "0 or more.")
        return
    by_death = {DEATH} if scale.episode.death_cause else set()
    allowed = {0, *scale.grades} - by_death
    if criterion.grade not in allowed:
        known = ", ".join(map(str, sorted(allowed)))
        yield place.error("grade", f"Grade {criterion.grade} cannot be made by a sign.", f"Use one of: {known}.")


# ---------------------------------------------------------------- views


def check_view(scale: Scale, knowledge: Knowledge) -> Findings:
    """A view words the grades of another scale anew: each of them, in the same order."""
    place, viewed = place_in(scale, "view"), knowledge.scales.get(scale.view_of)
    yield from _check_grades(scale)
    if viewed is None or viewed.method == "view":
        yield place.error("view_of", f"`{scale.view_of}` is no scale that can be viewed.", "Name one with criteria.")
        return
    if viewed.scoring == "sum":
        yield place.error("view_of", f"`{viewed.id}` is a score: a view maps grades.", "Name a scale with grades.")
    if scale.criteria or scale.flag_rules or scale.has_episodes:
        yield place.error("criterion", "A view has no criteria, flags and episodes of its own.", "Take them out.")
    for grade in viewed.grades:
        if grade not in scale.view:
            text = f"Grade {grade} of `{viewed.id}` is not mapped."
            yield place.error(str(grade), text, f"Write {grade} = the grade here.")
    for grade in sorted({*scale.view} - {0, *viewed.grades}):
        yield place.error(str(grade), f"`{viewed.id}` has no grade {grade}.")
    yield from _check_mapped(scale)


def _check_mapped(scale: Scale) -> Findings:
    place = place_in(scale, "view")
    pairs = sorted({0: 0, **scale.view}.items())
    for (_, before), (grade, after) in pairwise(pairs):
        if after < before:
            yield place.error(str(grade), f"A worse grade becomes a lower one: {before} to {after}.", "Keep the order.")
    for grade, mapped in pairs:
        if mapped and mapped not in scale.grades:
            yield place.error(str(grade), f"It becomes {mapped}, which has no meaning here.", "Add it to [grades].")
    for grade in sorted({*scale.grades} - {mapped for _, mapped in pairs}):
        found: Finding = place_in(scale, "grades").error(str(grade), f"No grade becomes {grade}.", "Map one to it.")
        yield found
