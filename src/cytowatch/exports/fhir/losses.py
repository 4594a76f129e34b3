"""What the export leaves out, or FHIR cannot carry: counted for each run, and told in an OperationOutcome."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cytowatch.exports.fhir.names import EXPORT, coded

# each with the reason; the how-to page explains them
LOSSES = {
    "rejected": "Rejected rows are not written, as nobody knows what they say; those of therapies stand as in doubt.",
    "in_doubt_alone": "Rows in doubt of patients of whom nothing else was admitted: they are not graded either.",
    "after_as_of": "Rows after the moment that the run was cut at (--as-of): they may change nothing of what is said.",
    "at_source": "Facts that came from FHIR resources are not copied, as their server has them: what was derived names "
    "these resources. Another server needs --facts all.",
    "patients_at_source": "Patients of such facts are not written: their server knows more of them than stands here.",
    "no_date": "Rows with a time before the year 1 or after the year 9999, which FHIR cannot write.",
    "silent_advice": "Guidelines that say nothing of a patient, as they speak of others, make no plan.",
}
# what cannot be counted, as it is true of every run
ALWAYS = {
    "history": "What was known before a row was withdrawn or corrected is not told: a resource says what stands now.",
    "tables": "Joint states, findings, concordance and discordance have no resource; they are in the graded folder.",
    "period_end": "FHIR counts the end of a period as part of it; here the next grade begins at that very moment.",
    "pseudonym": "A pseudonym that FHIR does not allow as an id is hashed for it; it stands whole as the identifier.",
}


def outcome(written: Counter[str], lost: Counter[str], notes: dict[str, str]) -> dict[str, Any]:
    """The resource that tells what an export wrote (``written``: a type, how many) and what it did not.

    ``notes``: what else must be known of this export, such as the zero of its hours.
    """
    issues = [_issue(f"written/{kind}", f"{count} resources") for kind, count in sorted(written.items())]
    issues += [_issue(f"lost/{what}", f"{lost[what]} rows: {why}") for what, why in LOSSES.items() if lost[what]]
    issues += [_issue(f"always/{what}", why) for what, why in ALWAYS.items()]
    issues += [_issue(f"note/{what}", text) for what, text in notes.items()]
    return {"resourceType": "OperationOutcome", "id": "cytowatch-export", "issue": issues}


def _issue(code: str, text: str) -> dict[str, Any]:
    return {
        "severity": "information",
        "code": "informational",
        "details": {**coded(EXPORT, code), "text": text},
    }
