"""What an input says of its own completeness: pages of a search, the manifest of an export, the report of a fetch.

What is missing may have stated any therapy, so the kinds of resources that are short are not taken as recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

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


# of an entry: its type, its id (or where it stands), and why the search found it
Entered = tuple[str, str, msgspec.Raw | None]
# what tells one page of a search from another, by the servers that are known
_PAGING = frozenset({
    "page", "_page", "offset", "_offset", "_getpagesoffset", "_count", "_skip", "skip", "search-offset", "startindex",
    "cursor", "_cursor", "_page_token", "pagetoken", "_pagetoken", "ct", "after", "_bundletype", "_pretty", "_format",
})  # fmt: skip
_NO_RESULT = ("OperationOutcome", "Bundle", "")


@dataclass(frozen=True)
class Page:
    """One page of a search: how many resources the server found (if it says so), and which of them are here.

    ``address``, ``following``: of this page and of the next one, where it tells them.
    """

    total: int | None
    matches: frozenset[tuple[str, str]]
    goes_on: bool
    kinds: frozenset[str]
    address: str = ""
    following: str = ""


def page_of(bundle: Bundle, inside: Iterable[Entered]) -> Page | None:
    """The page that a Bundle is, if it is one; what was only included is no result of the search."""
    if bundle.type != "searchset":
        return None
    links, total = _read(bundle.link), _read(bundle.total)
    told = [one for one in links if isinstance(one, dict)] if isinstance(links, list) else []
    address, following = (_link(told, relation) for relation in ("self", "next"))
    number = total if isinstance(total, int) and not isinstance(total, bool) else None
    results = [one for one in inside if one[0] not in _NO_RESULT]
    matches = frozenset((kind, name) for kind, name, search in results if _mode(search) in ("match", None))
    kinds = frozenset(kind for kind, _, _ in results)
    return Page(number, matches, following is not None, kinds, address or "", following or "")


def _link(links: list[dict[str, object]], relation: str) -> str | None:
    found = next((one for one in links if one.get("relation") == relation), None)
    return None if found is None else str(found.get("url") or "")


def _mode(raw: msgspec.Raw | None) -> object:
    search = None if raw is None else _read(raw)
    return search.get("mode") if isinstance(search, dict) else None


def _read(raw: msgspec.Raw) -> object:
    try:
        return _JSON.decode(raw) if len(raw) else None
    except BAD:
        return None


def shortfalls(pages: Iterable[Page]) -> dict[Page, str]:
    """Pages of which others are missing, and in words what."""
    short: dict[Page, str] = {}
    for search in _searches(pages):
        why = _missing(search)
        short |= dict.fromkeys(search, why) if why else {}
    return short


def _missing(search: list[Page]) -> str:
    """What is missing of one search; empty if nothing is known to be."""
    total = max((page.total for page in search if page.total is not None), default=None)
    here = len(frozenset[tuple[str, str]]().union(*(page.matches for page in search)))
    if total is not None and here < total:
        return f"a page of a search: the server found {total}, here are {here}"
    here_too = {_exact(page.address) for page in search if page.address}
    following = [_exact(page.following) in here_too for page in search if page.goes_on]
    # where one next page is told by its own address, the others are too
    if all(page.goes_on for page in search) or (any(following) and not all(following)):
        return "a page of a search: the server says that it goes on"
    return ""


def _searches(pages: Iterable[Page]) -> list[list[Page]]:
    """Pages of one search together: one names the other as the next, or both the same search."""
    groups: list[tuple[set[object], list[Page]]] = []
    for page in dict.fromkeys(pages):
        keys, members = _names(page), [page]
        apart = []
        for group in groups:
            if group[0].isdisjoint(keys):
                apart.append(group)
            else:
                keys, members = keys | group[0], group[1] + members
        groups = [*apart, (keys, members)]
    return [members for _, members in groups]


def _names(page: Page) -> set[object]:
    """What pages of one search have in common; without an address of their own, only how much the server found."""
    names: set[object] = {_exact(one) for one in (page.address, page.following) if one}
    names |= {(page.total, name) for one in (page.address, page.following) if one and (name := _query(one))}
    return names if page.address else names | {page.total}


def _exact(address: str) -> tuple[str, frozenset[tuple[str, str]]]:
    path, _, query = address.partition("?")
    return path, frozenset(parse_qsl(query, keep_blank_values=True))


def _query(address: str) -> tuple[str, frozenset[tuple[str, str]]] | None:
    """The search without its place in it; None if nothing else is left to know it by."""
    path, every = _exact(address)
    left = frozenset(one for one in every if one[0].lower() not in _PAGING)
    return (path, left) if left or not every else None
