"""What a row that no table knows may speak of: told by its words, and only ever a reason for doubt (decision 0034)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from cytowatch.adapters.hearing import Hearing
from cytowatch.adapters.likeness import Likeness
from cytowatch.knowledge.model import Knowledge

# three letters in a row; `E0601`, `31500` and `NC` say nothing that could be looked for
_WORD = re.compile(r"[^\W\d_]{3}")
_COULD_BE = {
    "drug_exposure": ("infusion", "dose"), "device_exposure": ("device",), "procedure_occurrence": ("device",),
}  # fmt: skip
# in a table of procedures five digits without a vocabulary are hardly anything else than CPT
_FIVE_DIGITS = re.compile(r"\d{5}")


class Guess:
    """Of rows of drugs, devices and procedures by their names; of observations by their answers too."""

    def __init__(self, knowledge: Knowledge, table: str) -> None:
        self._likeness = likeness = Likeness(knowledge)
        near = {"drug_exposure": likeness.drug, "device_exposure": likeness.device,
                "procedure_occurrence": likeness.device}  # fmt: skip
        self._procedures = table == "procedure_occurrence"
        self._near: Callable[..., str] | None = near.get(table)
        kinds = _COULD_BE.get(table, ())
        self._every = sorted(key for key, concept in knowledge.concepts.items() if concept.kind in kinds)

    def concept(self, texts: Sequence[str]) -> str:
        """The needed concept that stands among the words; empty if none does."""
        return self._near(*texts) if self._near is not None else ""

    def coded(self, named: Sequence[tuple[str, str]], printed: str | None) -> str:
        """The device that the code of a procedure says was used, without a word.

        ``named``: vocabulary and code of its concepts; ``printed``: a code of which no vocabulary is known.
        """
        if not self._procedures:
            return ""
        bare = ("CPT4" if _FIVE_DIGITS.fullmatch(printed or "") else "", printed or "")
        return next((found for pair in (*named, bare) if (found := self._likeness.coded(*pair))), "")

    def every(self, texts: Sequence[str], *, mapped: bool) -> list[str]:
        """For a row without any words all that it could be: a drug any infusion or dose, a device any device.

        A procedure only if it has no code and no concept (``mapped``) either: most are none of a device.
        """
        if self._procedures:
            return [] if texts or mapped else self._every
        return [] if worded(texts) or self._likeness.fluid(*texts) else self._every

    @property
    def hearing(self) -> Hearing:
        """What observations speak of by their names and answers."""
        return self._likeness.hearing

    def named(self, texts: Sequence[str]) -> str | None:
        """The first text with words, for the ledger, of tables in which a missed row would matter."""
        return worded(texts) if self._near is not None else None


def worded(texts: Sequence[str]) -> str | None:
    """The first text that has a word in it, and not only a code."""
    return next((text for text in texts if _WORD.search(text)), None)
