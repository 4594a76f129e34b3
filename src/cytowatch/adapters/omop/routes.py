"""What is given where it acts, or inhaled: it is neither the infusion nor the dose of a scale."""

from __future__ import annotations

from collections.abc import Iterable

from cytowatch.adapters.omop.vocabulary import Concepts
from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.parse import fold


class Local:
    """The words and ids of ``codes/omop_forms.csv`` and ``omop_routes.csv``."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._forms = {fold(row["word"]): row["reason"] for row in knowledge.codes.get("omop_forms", ())}
        self._routes = {fold(row["route"]): row["reason"] for row in knowledge.codes.get("omop_routes", ())}

    def why(self, texts: Iterable[str | None], route: tuple[str | None, ...], concepts: Concepts) -> str:
        """Why a drug's form, told by its names, or its route keeps it from acting; empty if nothing says so.

        ``route``: the source's own word for it, and its concept id.
        """
        printed, coded = route
        said = [printed, *concepts.names(coded)]
        by_id = self._routes.get(coded or "", "")
        return _first(self._forms, texts) or by_id or _first(self._routes, said)


def _first(reasons: dict[str, str], texts: Iterable[str | None]) -> str:
    """The reason of the first whole word or phrase that stands in one of the texts; never a part of a word."""
    said = [f"_{fold(text)}_" for text in texts if text]
    return next((why for word, why in reasons.items() if any(f"_{word}_" in one for one in said)), "")
