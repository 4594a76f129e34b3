"""What a user asks for by name: scales, also by pattern, and products."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Sequence

from cytowatch.errors import ArgumentError
from cytowatch.knowledge.model import Knowledge

DEFAULT_SCALES = ("crs.astct-2019", "icans.astct-2019")


def check_scales(scales: Sequence[str] | None, knowledge: Knowledge) -> list[str]:
    """The scales asked for, ``all`` and patterns (``crs.*``) spelled out; ArgumentError for one that is not known."""
    asked = list(scales or DEFAULT_SCALES)
    found = [name for part in asked if part != "all" for name in _scales_named(part, knowledge)]
    return sorted(knowledge.scales) if "all" in asked else list(dict.fromkeys(found))


def _scales_named(part: str, knowledge: Knowledge) -> list[str]:
    if part in knowledge.scales:
        return [part]
    matching = sorted(fnmatch.filter(knowledge.scales, part))
    if matching:
        return matching
    # a term of CTCAE without its edition: they grade the same number differently, so none is taken by default
    part = part.removesuffix(".*")
    prefix, _, term = part.partition("ctcae.")
    known = [name for name in knowledge.scales if name.startswith(f"{prefix}ctcae-")]
    editions = sorted(name for name in known if term and name.split(".", 3)[-1].startswith(term))
    if not editions and part.rstrip(".").endswith("ctcae"):
        of_family = [name for name in knowledge.scales if part.rstrip(".") in name]
        heads = {name[: -len(last) - 1] if (last := name.split(".")[-1]).isidentifier() else name for name in of_family}
        editions = sorted(head if head in knowledge.scales else f"{head}.*" for head in heads)
    if editions:
        raise ArgumentError(
            f"{part!r} does not name the edition of CTCAE.",
            where="--scale",
            why="The editions grade the same number differently; which one holds is for the protocol to say.",
            hint=f"Choose one of: {', '.join(editions)}.",
        )
    family = any(name.startswith((f"{part}.", f"{part}-")) for name in knowledge.scales)
    near = [f"'{part}.*'"] if family else difflib.get_close_matches(part, knowledge.scales, n=3, cutoff=0.5)
    raise ArgumentError(
        f"There is no scale {part!r}.",
        where="--scale",
        why="A grade means nothing without the scale it is on.",
        hint=(f"Did you mean {' or '.join(near)}? " if near else "")
        + "`cytowatch knowledge list scale` names them; `all` and patterns such as 'crs.*' work too.",
    )


def check_product(product: str | None, knowledge: Knowledge) -> str | None:
    """The key of a product given by key or brand; ArgumentError for one that is not known."""
    if product is None:
        return None
    name = product.strip().lower().replace(" ", "_").replace("-", "_")
    key = name if name in knowledge.products else knowledge.product_aliases.get(product.strip().lower(), "")
    if key not in knowledge.products:
        raise ArgumentError(
            f"There is no product {product!r} to assume as the trigger.",
            where="--assume-trigger",
            why="The product decides how long a reaction is looked for.",
            hint=f"Choose from: {', '.join(sorted(knowledge.products))}.",
        )
    return key


def check_guidelines(guidelines: Sequence[str] | None, knowledge: Knowledge) -> list[str]:
    """The guidelines asked for, patterns spelled out; by default all but single institutions and what is superseded."""
    there = knowledge.advice.guidelines
    if not guidelines:
        return [key for key, part in there.items() if part.kind != "institution" and not part.superseded_by]
    if "all" in guidelines:
        return list(there)
    found: dict[str, None] = {}
    for part in guidelines:
        matching = [key for key in there if fnmatch.fnmatchcase(key, part)]
        if not matching:
            near = difflib.get_close_matches(part, there, n=3, cutoff=0.5)
            raise ArgumentError(
                f"There is no guideline {part!r}.",
                where="--guideline",
                why="Advice means nothing without the guideline that it comes from.",
                hint=(f"Did you mean {' or '.join(near)}? " if near else "") + f"There are: {', '.join(there)}.",
            )
        found |= dict.fromkeys(matching)
    return list(found)
