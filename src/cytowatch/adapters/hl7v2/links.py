"""Which id names each person: two ids that were merged are one, and so are two that stand in one PID-3.

Only ids count by which some message names its patient. Ids are not joined where the input shows them as two persons:
under different birth dates or sexes, or as two numbers of one house that never stand in one PID-3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations

from cytowatch.adapters.hl7v2.facts import Identity
from cytowatch.adapters.hl7v2.people import Merge, Statement, survivors
from cytowatch.adapters.hl7v2.stamps import date_of
from cytowatch.adapters.hl7v2.syntax import NULL

Naming = Callable[[Identity], Identity]
_NO_SEX = ("", NULL, "U", "A", "N")


@dataclass
class Links:
    """The id that stands for each; and groups of ids that were not joined, with the PID that lists them."""

    name: Naming
    apart: list[tuple[int, list[Identity]]] = field(default_factory=list)


@dataclass
class _Group:
    """Ids that hang together through lists of identifiers. ``places``: the first place of each in any list."""

    row: int
    places: dict[Identity, int] = field(default_factory=dict)
    lists: list[tuple[Identity, ...]] = field(default_factory=list)


def link(statements: list[Statement], merges: Iterable[Merge], whole: Naming) -> Links:
    """Settle the names. ``whole``: an id as it is told apart in this input (with its authority, or without)."""
    merged = survivors((when, whole(old), whole(new)) for when, old, new in merges)
    stands: dict[Identity, Identity] = {}

    @cache
    def survivor(who: Identity) -> Identity:
        return merged(whole(who))

    found = Links(lambda who: stands.get(survivor(who), survivor(who)))
    groups = _groups(statements, whole, survivor)
    said = _said(statements, {one for group in groups for one in group.places}, survivor)
    for group in groups:
        ids = sorted(group.places, key=lambda one: (group.places[one], one.authority, one.id))
        if _two_persons(group, said):
            found.apart.append((group.row, ids))
        else:
            stands |= dict.fromkeys(ids[1:], ids[0])
    return found


def _kinds(statements: list[Statement], whole: Naming) -> dict[Identity, set[str]]:
    """The ids by which patients are named, with the types that they were sent as."""
    kinds: dict[Identity, set[str]] = {}
    for one in statements:
        kinds.setdefault(whole(one.patient), set()).add(one.ids[0].kind)
    return kinds


def _groups(statements: list[Statement], whole: Naming, survivor: Naming) -> list[_Group]:
    """Ids that hang together, two or more in each; of different lists each is looked at once."""
    kinds = _kinds(statements, whole)
    houses = {one.patient.authority for one in statements} | {""}
    of: dict[Identity, _Group] = {}
    seen = set()
    for one in statements:
        if len(one.ids) < 2 or one.ids in seen:
            continue
        seen.add(one.ids)
        listed = dict.fromkeys(
            survivor(each.who)
            for each in one.ids
            if each.who.authority in houses and _is_named(each.kind, kinds.get(whole(each.who), set()))
        )
        if len(listed) > 1:
            _join(of, tuple(listed), one.row)
    return list({id(group): group for group in of.values()}.values())


def _is_named(kind: str, named: set[str]) -> bool:
    """Whether an id of this type is the number that names a patient: 12 of one type is not 12 of another."""
    return bool(named) and (not kind or named in ({kind}, {""}))


def _join(of: dict[Identity, _Group], listed: tuple[Identity, ...], row: int) -> None:
    whole = _Group(row)
    parts = {id(group): group for one in listed if (group := of.get(one)) is not None}
    for group in parts.values():
        whole.row = min(whole.row, group.row)
        whole.lists += group.lists
        whole.places |= group.places
    whole.lists.append(listed)
    for place, one in enumerate(listed):
        whole.places[one] = min(place, whole.places.get(one, place))
    of |= dict.fromkeys(whole.places, whole)


def _said(
    statements: list[Statement], asked: set[Identity], current: Naming
) -> dict[Identity, tuple[set[str], set[str]]]:
    """Birth dates and sexes that were said of each of these ids."""
    said: dict[Identity, tuple[set[str], set[str]]] = {one: (set(), set()) for one in asked}
    for one in statements if asked else []:
        births, sexes = said.get(current(one.patient), (set(), set()))
        if one.birth not in ("", NULL):
            births.add(date_of(one.birth))
        if one.sex.upper() not in _NO_SEX:
            sexes.add(one.sex.upper())
    return said


def _two_persons(group: _Group, said: dict[Identity, tuple[set[str], set[str]]]) -> bool:
    together = {pair for listed in group.lists for pair in combinations(sorted(listed), 2)}
    for pair in combinations(sorted(group.places), 2):
        if pair[0].authority == pair[1].authority and pair not in together:
            return True
        for first, second in zip(said[pair[0]], said[pair[1]], strict=True):
            if first and second and first.isdisjoint(second):
                return True
    return False
