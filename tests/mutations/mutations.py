"""Rules made wrong on purpose in the tables, one small edit each; an edit that changes nothing is an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cytowatch.knowledge.model import (
    All,
    AnyMeasured,
    AnyOf,
    Band,
    Compare,
    Criterion,
    Domain,
    ExceptKnown,
    In,
    Knowledge,
    Node,
    Not,
    Possible,
    Running,
    Scale,
)

CRS, ICANS = "crs.astct-2019", "icans.astct-2019"
TableEdit = Callable[[Knowledge], Knowledge]


@dataclass(frozen=True)
class Mutation:
    """One wrong table: what is wrong, the edit, and the scale that must notice."""

    name: str
    edit: TableEdit
    scale: str = CRS

    def __str__(self) -> str:
        return self.name


# --- edits -------------------------------------------------------------------------------------------------------


def scale_edit(name: str, change: Callable[[Scale], Scale]) -> TableEdit:
    """Another version of one scale."""
    return lambda known: replace(known, scales=known.scales | {name: _changed(known.scales[name], change)})


def _changed(before: Any, change: Callable[[Any], Any]) -> Any:
    after = change(before)
    if after == before:
        raise AssertionError("the mutation changes nothing")
    return after


def criterion(name: str, change: Callable[[Criterion], Criterion | None]) -> TableEdit:
    """Another version of one criterion of the CRS scale; none at all if the change gives None."""

    def edit(scale: Scale) -> Scale:
        edited = (change(part) if part.id == name else part for part in scale.criteria)
        return replace(scale, criteria=tuple(part for part in edited if part is not None))

    return scale_edit(CRS, edit)


def domain(scale: str, name: str, change: Callable[[Domain], Domain | None]) -> TableEdit:
    """Another version of one domain of a scale; none at all if the change gives None."""

    def edit(before: Scale) -> Scale:
        edited = (change(part) if part.id == name else part for part in before.domains)
        return replace(before, domains=tuple(part for part in edited if part is not None))

    return scale_edit(scale, edit)


def node(name: str, change: Callable[[Node], Node]) -> TableEdit:
    """Every part of one criterion's rule passed through a change."""
    return criterion(name, lambda found: replace(found, when=rewritten(found.when, change)))


def rewritten(found: Node, change: Callable[[Node], Node]) -> Node:
    """A rule with every part changed, the inner ones first."""
    if isinstance(found, All | AnyOf):
        found = replace(found, of=tuple(rewritten(part, change) for part in found.of))
    elif isinstance(found, Not | Possible | ExceptKnown):
        found = replace(found, of=rewritten(found.of, change))
    elif isinstance(found, AnyMeasured):
        parts = [rewritten(part, change) for part in found.of]
        found = replace(found, of=tuple(part for part in parts if isinstance(part, Compare)))
    return change(found)


def comparing(concept: str, at: float | None = None, **changes: Any) -> Callable[[Node], Node]:
    """A change of the comparisons of one concept (those with the cut-off ``at``, if given)."""

    def change(found: Node) -> Node:
        if isinstance(found, Compare) and found.concept == concept and (at is None or found.value == at):
            return replace(found, **changes)
        return found

    return change


def counting(*more: str) -> Callable[[Node], Node]:
    """Further drugs counted."""
    return lambda found: replace(found, concepts=(*found.concepts, *more)) if isinstance(found, Running) else found


def needing(at_least: int) -> Callable[[Node], Node]:
    """Another number of drugs at the same time."""
    return lambda found: replace(found, at_least=at_least) if isinstance(found, Running) else found


def device(name: str) -> Callable[[Node], Node]:
    """One device more in every list that holds masks."""

    def change(found: Node) -> Node:
        if isinstance(found, In) and "cpap" in found.categories:
            kept = tuple(category for category in found.categories if category != name)
            return replace(found, categories=kept if name in found.categories else (*kept, name))
        return found

    return change


def policy(key: str, value: object) -> TableEdit:
    """Another answer to one question."""
    return lambda known: replace(
        known, policies=known.policies | {key: _changed(known.policies[key], lambda old: replace(old, value=value))}
    )


def concept(key: str, **changes: Any) -> TableEdit:
    """Another version of one concept."""
    return lambda known: replace(
        known, concepts=known.concepts | {key: _changed(known.concepts[key], lambda old: replace(old, **changes))}
    )


def product(key: str, **changes: Any) -> TableEdit:
    """Another version of one product."""
    return lambda known: replace(
        known, products=known.products | {key: _changed(known.products[key], lambda old: replace(old, **changes))}
    )


def longer(key: str) -> TableEdit:
    """One concept stays true twice as long."""
    return lambda known: concept(key, valid_for_us=2 * (known.concepts[key].valid_for_us or 0))(known)


def threshold(key: str, place: int, **changes: Any) -> TableEdit:
    """Another version of one age band of a threshold."""

    def edit(known: Knowledge) -> Knowledge:
        old = known.thresholds[key]
        bands = list(old.bands)
        bands[place] = replace(bands[place], **changes)
        new = _changed(old, lambda _: replace(old, bands=tuple(bands)))
        return replace(known, thresholds=known.thresholds | {key: new})

    return edit


def bands(name: str, move: Callable[[Band], Band]) -> TableEdit:
    """Every band of a score of the ICANS scale moved."""
    return domain(ICANS, name, lambda found: replace(found, bands=tuple(move(band) for band in found.bands)))


def category(name: str, key: str, grade: int) -> TableEdit:
    """Another grade for one category of the ICANS scale."""
    return domain(ICANS, name, lambda found: replace(found, categories=found.categories | {key: grade}))


def without_waiver(scale: Scale) -> Scale:
    """A scale in which no drug lifts the need for fever."""
    return replace(scale, episode=replace(scale.episode, waived_by=()))


def not_waived_by(drug: str) -> Callable[[Scale], Scale]:
    """A scale in which one drug does not lift the need for fever."""

    def change(scale: Scale) -> Scale:
        kept = tuple(other for other in scale.episode.waived_by if other != drug)
        return replace(scale, episode=replace(scale.episode, waived_by=kept))

    return change


def low_from(old: float, new: float) -> Callable[[Band], Band]:
    """A band that begins elsewhere."""
    return lambda band: replace(band, low=new) if band.low == old else band


def without(name: str) -> Callable[[Domain], Domain]:
    """Oxygen for one more reason counts."""
    return lambda found: replace(found, excluding=tuple(part for part in found.excluding if part != name))


# --- the mutations ------------------------------------------------------------------------------------------------

ALL = [
    Mutation("fever above 38.0 instead of from 38.0", node("fever", comparing("body_temperature", op=">"))),
    Mutation("fever from 37.9", node("fever", comparing("body_temperature", value=37.9))),
    Mutation("no drug waives fever", scale_edit(CRS, without_waiver)),
    Mutation("ketorolac does not waive fever", scale_edit(CRS, not_waived_by("ketorolac"))),
    Mutation("fever counts for 48 h", policy("fever_gap_hours", 48)),
    Mutation("an episode ends after 48 h", policy("episode_gap_hours", 48)),
    Mutation("an episode ends after 12 h", policy("episode_gap_hours", 12)),
    Mutation("a temperature is valid twice as long", longer("body_temperature")),
    Mutation("an infusion is valid twice as long", longer("norepinephrine")),
    Mutation("a device is valid twice as long", longer("oxygen_device")),
    Mutation("a dose is watched for 10 days", product("teclistamab", window_days=10)),
    Mutation("vasopressin does not count", criterion("vasopressin", lambda c: replace(c, grade=0))),
    Mutation("vasopressin counts towards multiple", node("multiple_vasopressors", counting("vasopressin"))),
    Mutation("dobutamine counts", node("vasopressor", counting("dobutamine"))),
    Mutation("three vasopressors are multiple", node("multiple_vasopressors", needing(3))),
    Mutation("one vasopressor is grade 2", criterion("vasopressor", lambda c: replace(c, grade=2))),
    Mutation("pressure at the limit is low", node("hypotension", comparing("systolic_bp", op="<="))),
    Mutation("mean pressure is read in children", threshold("hypotension_map", 0, from_years=0)),
    Mutation("children's limit rises by 3 a year", threshold("hypotension_sbp", 2, per_year=3)),
    Mutation("a newborn's limit is an infant's", threshold("hypotension_sbp", 0, base=70)),
    Mutation("an infant's limit is a newborn's", threshold("hypotension_sbp", 1, base=60)),
    Mutation("6 L/min is high flow", node("high_flow_oxygen", comparing("oxygen_flow", at=6, op=">="))),
    Mutation("10 L/min is the limit of low flow", node("high_flow_oxygen", comparing("oxygen_flow", at=6, value=10))),
    Mutation("room air is oxygen", node("supplemental_oxygen", comparing("fio2", op=">="))),
    Mutation("BiPAP is no positive pressure", node("positive_pressure", device("bipap"))),
    Mutation("a simple mask is low flow", node("high_flow_oxygen", device("simple_mask"))),
    Mutation("CPAP for sleep apnea counts", domain(CRS, "oxygen", without("sleep_apnea"))),
    Mutation("intubation to protect the airway counts", domain(CRS, "oxygen", without("airway_protection"))),
    Mutation("home oxygen counts", domain(CRS, "oxygen", without("home_baseline"))),
    Mutation("a ventilator is a mask at home", domain(CRS, "oxygen", lambda found: replace(found, beyond_home=()))),
    Mutation("ICE 7 is grade 2", bands("ice", low_from(7, 8)), scale=ICANS),
    Mutation("ICE 6 is grade 1", bands("ice", low_from(7, 6)), scale=ICANS),
    Mutation("ICE 2 is grade 2", bands("ice", low_from(3, 2)), scale=ICANS),
    Mutation("ICE 9 is grade 0", bands("ice", low_from(10, 9)), scale=ICANS),
    Mutation("CAPD 9 is grade 1", bands("capd", low_from(9, 10)), scale=ICANS),
    Mutation("CAPD 8 is grade 3", bands("capd", low_from(9, 8)), scale=ICANS),
    Mutation("ICE from 11 years", policy("ice_from_years", 11), scale=ICANS),
    Mutation("a brief seizure is grade 2", category("seizure", "brief", 2), scale=ICANS),
    Mutation("waking to voice is grade 1", category("consciousness", "to_voice", 1), scale=ICANS),
    Mutation("unarousable is grade 3", category("consciousness", "unarousable", 3), scale=ICANS),
    Mutation("seizures are forgotten", domain(ICANS, "seizure", lambda _: None), scale=ICANS),
]
