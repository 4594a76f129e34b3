"""What is given where it acts, or inhaled: it is neither the infusion nor the dose of a scale."""

from __future__ import annotations

from cytowatch.adapters.fhir.said import Said, ignored
from cytowatch.adapters.fhir.structs import CodeableConcept
from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.parse import fold


class Routes:
    """The codes of ``codes/fhir_routes.csv`` and the words of ``omop_routes.csv``."""

    def __init__(self, knowledge: Knowledge) -> None:
        codes, words = (knowledge.codes.get(name, ()) for name in ("fhir_routes", "omop_routes"))
        self._codes = {(row["system"], row["code"]): ignored(row["reason"]) for row in codes}
        # its numbers are concepts of OMOP
        self._words = {fold(row["route"]): ignored(row["reason"]) for row in words if not row["route"].isdigit()}
        self._known: dict[str, Said | None] = {}

    def local(self, route: CodeableConcept | None) -> Said | None:
        """Why a route keeps a drug from acting as a scale means it; None if nothing says so.

        A code of the table decides; else a whole word of a code, a display or the text (`IH`, `both eyes`).
        """
        if route is None:
            return None
        codings = route.coding or []
        known = next((said for one in codings if (said := self._codes.get((one.system or "", one.code or "")))), None)
        texts = [route.text, *(text for one in codings for text in (one.display, one.code))]
        return known or next((said for text in texts if text and (said := self._of(text)) is not None), None)

    def _of(self, text: str) -> Said | None:
        if text not in self._known:
            said = f"_{fold(text[:_LONGEST])}_"
            self._known[text] = next((why for word, why in self._words.items() if f"_{word}_" in said), None)
        return self._known[text]


_LONGEST = 200
