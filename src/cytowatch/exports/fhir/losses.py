"""What the export leaves out, or FHIR cannot carry: counted for each run, and told in ``export.json``."""

from __future__ import annotations

from collections import Counter
from typing import Any

# each with the reason; the how-to page explains them
LOSSES = {
    "rejected": "Rejected rows are not written, as nobody knows what they say; those of therapies stand as in doubt.",
    "in_doubt_alone": "Rows in doubt of patients of whom nothing else was admitted: they are not graded either.",
    "after_as_of": "Rows after the moment that the run was cut at (--as-of): they may change nothing of what is said.",
    "silent_advice": "Guidelines that say nothing of a patient, as they speak of others, make no plan.",
}
# what cannot be counted, as it is true of every run
ALWAYS = (
    "What was known before a row was withdrawn or corrected is not told: the resource says what stands now.",
    "Joint states, findings, look-alikes, concordance and discordance have no resource; they are in the folder.",
    "FHIR counts the end of a period as part of it. Here the next grade begins at the moment at which one ends.",
)


def told(counts: Counter[str]) -> list[dict[str, Any]]:
    """The losses of a run that happened, with how many rows and why."""
    return [{"what": what, "rows": counts[what], "why": why} for what, why in LOSSES.items() if counts[what]]
