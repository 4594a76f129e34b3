"""What the engine asks for by name: policies, sentences, products. Tests hold these lists against the engine's code."""

from __future__ import annotations

from collections.abc import Callable

from cytowatch.knowledge.advice import MISSING
from cytowatch.knowledge.lint.finding import Findings, Place, place_in, product_files
from cytowatch.knowledge.lint.rule_names import SHARED_FLAGS, flag_names, missing_names, named_in
from cytowatch.knowledge.model import Knowledge, Scale

# policies that code reads, and what each must be: a number, a table of triggers, or concepts of a kind
REQUIRED_POLICIES = {
    "windows": "trigger",
    "fever_gap_hours": "number",
    "episode_gap_hours": "number",
    "fever_before_trigger_hours": "number",
    "antipyretic_before_onset_hours": "number",
    "ice_from_years": "number",
    "fio2_percent_from": "number",
    "placeholder_end_days": "number",
    "quality_midnight_share": "number",
    "quality_gap_hours": "number",
    "home_oxygen_within_hours": "number",
    "steroids": "dose",
    "inotropes": "infusion",
    "baseline_days": "number",
    "reference_ranges": "limits",  # looked at in ``limits``
    "neuro_charting": "reading",
    "spoiled_by_sedation": "reading",
    "symptom_contradicts": "symptoms",
    "joint_state": "scales",
    "iec_hs_settling_hours": "number",
}
# names that the engine can put into the columns `missing` and `flags`, by method; those of rule scales are worked out
MISSING_NAMES = {
    "fever_led": (
        "no_trigger", "body_temperature", "blood_pressure", "age", "vasopressor_state", "oxygen_device", "oxygen_flow",
        "attribution_hypotension", "attribution_hypoxia", "death_cause",
    ),
    "neuro": (
        "no_trigger", "ice_score", "capd_score", "age", "attribution_neuro", "consciousness", "sedated", "neuro_exam",
        "death_cause",
    ),
}  # fmt: skip
FLAG_NAMES = {
    "fever_led": (
        "no_trigger", "assumed_trigger", "not_gradable", "vasopressin_alone", "inotrope", "oxygen_excluded",
        "oxygen_reason_not_stated",
        "fever_before_trigger",
    ),
    "neuro": (
        "no_trigger", "assumed_trigger", "awake_assumed", "baseline_ice", "intracranial_hemorrhage", "sedated",
        "finding_not_graded",
    ),
}  # fmt: skip
EPISODE_FLAGS = ("assumed_trigger", "fever_before_trigger", "antipyretic_before_onset", "dose_in_doubt")
STATES = ("resolved", "ongoing", "died", "unknown")
VERDICTS = ("agree", "differ", "compatible", "not_comparable")


def check_policies(knowledge: Knowledge) -> Findings:
    """Every value is one that can be carried out, and every policy that code reads is there and of its kind."""
    for key, policy in knowledge.policies.items():
        place = Place("policy.toml", f"policy.{key}")
        if policy.options and policy.value not in policy.options:
            yield place.error("value", f"{policy.value!r} is none of its options.", f"Use one of: {policy.options}.")
        if not policy.question.strip():
            yield place.error("question", "The question that it answers is empty.")
    for key, kind in REQUIRED_POLICIES.items():
        yield from _check_required(key, kind, knowledge)


def _check_required(key: str, kind: str, knowledge: Knowledge) -> Findings:
    place = Place("policy.toml", f"policy.{key}")
    policy = knowledge.policies.get(key)
    if policy is None:
        yield place.error("value", "The engine reads this policy, and it is not there.", "Add it.")
        return
    if kind == "number":
        if isinstance(policy.value, bool) or not isinstance(policy.value, int | float) or policy.value < 0:
            yield place.error("value", f"{policy.value!r} is not a number of 0 or more.")
        return
    if kind in _OF_THEIR_OWN:
        yield from _OF_THEIR_OWN[kind](place, policy.value, knowledge)
        return
    names = policy.value if isinstance(policy.value, tuple | dict) else ()
    if not names:
        yield place.error("value", f"Concepts of kind {kind} are needed here.")
    for name in names:
        concept = knowledge.concepts.get(str(name))
        if concept is None or concept.kind != kind:
            yield place.error("value", f"`{name}` is no concept of kind {kind}.", "Use a key of concepts.toml.")
    if policy.evidence == "recalled":
        yield place.warning("evidence", "The engine uses it, and it was not read in its source.")


def _check_joint(place: Place, value: object, knowledge: Knowledge) -> Findings:
    """Every part of the joint state names scales that there are."""
    parts = value if isinstance(value, dict) else {}
    for part in ("crs", "icans", "iec_hs", "icaht"):
        for name in parts.get(part, ("",)):
            if name not in knowledge.scales:
                yield place.error("value", f"`{part}` names {name!r}, which is no scale.", "Use the id of a scale.")


def _check_symptoms(place: Place, value: object, knowledge: Knowledge) -> Findings:
    """Findings that silence may exclude, each with symptoms that there are."""
    for concept, symptoms in (value if isinstance(value, dict) else {"": ()}).items():
        known = knowledge.concepts.get(str(concept))
        if known is None or (known.kind != "exception" and concept != "consciousness"):
            yield place.error("value", f"Nothing is concluded from silence about `{concept}`.", "Use an event.")
        for name in symptoms:
            if name not in knowledge.symptoms:
                yield place.error("value", f"`{name}` is no symptom.", "Use a key of symptoms.toml.")


_OF_THEIR_OWN: dict[str, Callable[[Place, object, Knowledge], Findings]] = {
    "limits": lambda *_: iter(()),
    "scales": _check_joint,
    "symptoms": _check_symptoms,
}


def check_products(knowledge: Knowledge) -> Findings:
    """Windows above 0, triggers that are triggers, names that mean one product."""
    files = product_files(knowledge) if knowledge.products else {}
    owners: dict[str, str] = {}
    for key, product in knowledge.products.items():
        place = Place(files.get(key, "products"), f"product.{key}")
        if product.window_days <= 0:
            yield place.error("window_days", f"A window of {product.window_days:g} days watches nothing.", "Above 0.")
        concept = knowledge.concepts.get(product.concept)
        if concept is None or concept.kind != "trigger":
            yield place.error("concept", f"`{product.concept}` is no trigger.", "Use a concept of kind trigger.")
        for name in (key, *product.brands):
            other = owners.setdefault(name.casefold(), key)
            if other != key:
                yield place.error("brands", f"{name!r} already means `{other}`.", "Take it out of one of the two.")


def check_messages(knowledge: Knowledge) -> Findings:
    """Every name that the engine can write has a sentence, and every sentence can be shown."""
    needed = {f"state.{name}": "" for name in STATES} | {f"verdict.{name}": "" for name in VERDICTS}
    needed |= {f"flag.{name}": "" for name in EPISODE_FLAGS}
    optional: set[str] = set()
    for scale in knowledge.scales.values():
        yield from _check_flags(scale, knowledge)
        for name in _needed_by(scale, knowledge):
            needed.setdefault(name, scale.id)
        optional |= {f"flag.{name}" for name in _flags_of(scale, knowledge)}
    for name in _named_by_advice(knowledge) if knowledge.advice.guidelines else ():
        needed.setdefault(f"missing.{name}", "advice")
    for name, scale_id in needed.items():
        if not knowledge.messages.get(name, "").strip():
            table, key = name.split(".", 1)
            hint = f"Add one; `{scale_id}` needs it." if scale_id else "Add one."
            yield Place("messages.toml", table).error(key, "It can be written and has no sentence.", hint)
    for name in knowledge.messages:
        if name not in needed and name not in optional:
            table, key = name.split(".", 1)
            yield Place("messages.toml", table).warning(key, "Nothing writes this name.", "Take the sentence out.")


def _named_by_advice(knowledge: Knowledge) -> tuple[str, ...]:
    """What advice may say is missing besides what scales say."""
    facts = (named_in(fact.when, knowledge) for fact in knowledge.advice.facts.values())
    return (*MISSING, *(name for names in facts for name in names))


def _needed_by(scale: Scale, knowledge: Knowledge) -> list[str]:
    """The sentences that one scale cannot do without; a view has those of the scale that it words anew."""
    if scale.method == "view":
        return []
    names = missing_names(scale, knowledge) if scale.method == "rules" else MISSING_NAMES[scale.method]
    found = [f"missing.{name}" for name in names]
    if scale.episode.death_criterion:
        found.append(f"criterion.{scale.episode.death_criterion}")
    if scale.episode.waived_by:
        found.append(f"criterion.{scale.episode.opens_with}_waived")
    return found


def _flags_of(scale: Scale, knowledge: Knowledge) -> tuple[str, ...]:
    if scale.method == "view":
        viewed = knowledge.scales.get(scale.view_of)
        return () if viewed is None or viewed.method == "view" else _flags_of(viewed, knowledge)
    return flag_names(scale) if scale.method == "rules" else FLAG_NAMES[scale.method]


def _check_flags(scale: Scale, knowledge: Knowledge) -> Findings:
    place, viewed = place_in(scale, "flags"), knowledge.scales.get(scale.view_of, scale)
    for name in _flags_of(scale, knowledge):
        if not (scale.flags.get(name) or viewed.flags.get(name) or knowledge.messages.get(f"flag.{name}")):
            yield place.error(name, "It can be raised and has no sentence.", "Add one here.")
    for name in scale.flags:
        if name not in _flags_of(scale, knowledge):
            yield place.warning(name, "Nothing raises this flag.", "Take the sentence out.")
    for name in [rule.id for rule in scale.flag_rules]:
        if [rule.id for rule in scale.flag_rules].count(name) > 1 or name in SHARED_FLAGS:
            place = place_in(scale, f"flag.{name}")
            yield place.error("id", f"The flag `{name}` is there already.", "Give it a name of its own.")
