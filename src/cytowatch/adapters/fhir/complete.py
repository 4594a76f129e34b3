"""What an input says of its own completeness: pages of a search, the manifest of an export, the report of a fetch.

What is missing may have stated any therapy, so the kinds of resources that are short are not taken as recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from cytowatch.adapters.fhir.decode import BAD
from cytowatch.adapters.fhir.structs import Bundle

_JSON = msgspec.json.Decoder()
_OF_EXPORT = {"transactionTime", "output"}
_OF_FETCH = {"server", "way", "complete", "resources"}


@dataclass(frozen=True)
class Report:
    """What a manifest or report says is missing."""

    lost: set[str]
    remarks: list[str]


def report_of(data: bytes) -> Report | None:
    """What the manifest of a bulk export, or cytowatch's own report of a fetch, says; None for anything else."""
    try:
        told = _JSON.decode(data)
    except BAD:
        return None
    if not isinstance(told, dict):
        return None
    if told.keys() >= _OF_FETCH and told["complete"] is False:
        kinds = told["resources"] if isinstance(told["resources"], dict) else {}
        return Report({str(kind) for kind in kinds}, ["the fetch was not complete: resources are missing"])
    if told.keys() >= _OF_EXPORT and told.get("error"):
        return Report(set(), ["the export tells of errors: look whether resources are missing"])
    return Report(set(), []) if told.keys() >= _OF_EXPORT or told.keys() >= _OF_FETCH else None


@dataclass(frozen=True)
class Page:
    """One page of a search: how many resources the server found (if it says so), and how many are here."""

    total: int | None
    here: int
    goes_on: bool
    kinds: frozenset[str]


def page_of(bundle: Bundle, inside: Counter[str]) -> Page | None:
    """The page that a Bundle is, if it is one."""
    if bundle.type != "searchset":
        return None
    links, total = _read(bundle.link), _read(bundle.total)
    goes_on = any(
        isinstance(one, dict) and one.get("relation") == "next" for one in (links if isinstance(links, list) else ())
    )
    number = total if isinstance(total, int) and not isinstance(total, bool) else None
    kinds = frozenset(inside) - {"OperationOutcome", "Bundle", ""}
    return Page(number, sum(inside[kind] for kind in kinds), goes_on, kinds)


def _read(raw: msgspec.Raw) -> object:
    try:
        return _JSON.decode(raw) if len(raw) else None
    except BAD:
        return None


def shortfalls(pages: Iterable[Page]) -> dict[Page, str]:
    """Pages of which others are missing, and in words what; pages that tell the same total are of one search."""
    every = list(pages)
    here: Counter[int | None] = Counter()
    for page in every:
        here[page.total] += page.here
    ends = {page.total for page in every if not page.goes_on}
    short: dict[Page, str] = {}
    for page in every:
        if page.total is not None and here[page.total] < page.total:
            short[page] = f"a page of a search: the server found {page.total}, here are {here[page.total]}"
        elif page.total is None and page.goes_on and None not in ends:
            short[page] = "a page of a search: the server says that it goes on"
    return short
