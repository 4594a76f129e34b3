"""A site's code list written as a FHIR ConceptMap: local codes to concepts of ours, or to public codes that are known.

Only relations under which every use of the local code is a use of the target are followed: equal, equivalent, and a
target that is wider (`rectal temperature` to `body temperature`). A narrower or an inexact target would be a guess.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from cytowatch.adapters.vocabulary import LOCAL, Code, Vocabulary, system_key
from cytowatch.errors import InputError
from cytowatch.knowledge.model import Knowledge

_CONCEPT = "urn:x-cytowatch:concept"
_PRODUCT = "urn:x-cytowatch:product"
# R4 `equivalence` and R5 `relationship`
_SAFE = frozenset({"equal", "equivalent", "wider", "subsumes", "source-is-narrower-than-target"})
_NOTHING = frozenset({"unmatched", "disjoint", "not-related-to"})
_LARGEST = 256 << 20


class _Target(Struct):
    code: str | None = None
    equivalence: str | None = None
    relationship: str | None = None


class _Element(Struct):
    code: str | None = None
    target: list[_Target] | None = None
    noMap: bool | None = None


class _Group(Struct):
    source: str | None = None
    target: str | None = None
    element: list[_Element] | None = None


class _ConceptMap(Struct):
    resourceType: str | None = None
    group: list[_Group] | None = None


def read_concept_map(path: Path, knowledge: Knowledge) -> list[Code]:
    """The codes of a ConceptMap; InputError if it cannot be read or names a concept that does not exist.

    Targets in a public system that no table needs are left out: a site may map all its codes.
    """
    known = Vocabulary(knowledge)
    found: dict[tuple[str, str], Code] = {}
    for group in _decoded(path).group or ():
        for element in group.element or ():
            code = _code(group, element, known, knowledge, path)
            if code is None:
                continue
            before = found.setdefault((code.system, code.code), code)
            if (before.concept, before.category) != (code.concept, code.category):
                raise _bad(path, f"the code `{code.code}` is mapped to two different things")
    return list(found.values())


def _decoded(path: Path) -> _ConceptMap:
    try:
        if path.stat().st_size > _LARGEST:
            raise _bad(path, f"the file is larger than {_LARGEST >> 20} MiB")
        read = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=_ConceptMap)
    except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError) as cause:
        raise _bad(path, f"it is no ConceptMap: {str(cause)[:200]}") from cause
    if read.resourceType != "ConceptMap":
        raise _bad(path, f"it is a {(read.resourceType or 'file without a resource type')[:60]}, not a ConceptMap")
    return read


def _code(group: _Group, element: _Element, known: Vocabulary, knowledge: Knowledge, path: Path) -> Code | None:
    """What one element says; None for nothing."""
    if not element.code:
        return None
    system = system_key(group.source or LOCAL)
    targets = element.target or []
    if element.noMap or (targets and all(_relation(one) in _NOTHING for one in targets)):
        return Code(system, element.code, "", fate="ignore", reason="the site's ConceptMap maps it to nothing")
    meant = [
        target
        for one in targets
        if one.code and _relation(one) in _SAFE
        if (target := _target(group.target, one.code, known, knowledge, path)) is not None
    ]
    if len({(one.concept, one.category) for one in meant}) > 1:
        raise _bad(path, f"the code `{element.code}` is mapped to two different things")
    return Code(system, element.code, meant[0].concept, meant[0].category, meant[0].unit) if meant else None


def _relation(target: _Target) -> str:
    return target.equivalence or target.relationship or ""


def _target(system: str | None, code: str, known: Vocabulary, knowledge: Knowledge, path: Path) -> Code | None:
    if system == _CONCEPT:
        if code not in knowledge.concepts:
            raise _bad(path, f"there is no concept `{code}`")
        return Code(_CONCEPT, code, code)
    if system == _PRODUCT:
        product = knowledge.products.get(code)
        if product is None:
            raise _bad(path, f"there is no product `{code}`")
        return Code(_PRODUCT, code, product.concept, product.key)
    found = known.code(system, code)
    return found if found is not None and found.fate == "map" else None


def _bad(path: Path, what: str) -> InputError:
    return InputError(
        what,
        where=str(path),
        why="a code that is mapped wrongly becomes a wrong grade",
        hint="write a FHIR R4 ConceptMap whose groups have `source`, `target` and `element`, or a CSV code list",
    )
