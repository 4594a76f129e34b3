"""Advice as proposals: a CarePlan (draft) a patient and guideline, and DetectedIssues for what is urgent or forbidden.

Nothing is ordered. Two guidelines never share a plan, so what contradicts is never mixed. Each entry says its source,
where it stands there, and how it is known; what was not read in its source is marked as not verified.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from cytowatch.exports.fhir.codings import Codings
from cytowatch.exports.fhir.jsontext import a_list, an_object, encoded, reference, resources, spread, string
from cytowatch.exports.fhir.keys import dated, hashed
from cytowatch.exports.fhir.names import GUIDELINE, RULE, SOURCE, UCUM, URN, coded, extension
from cytowatch.exports.fhir.references import evidence_items
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import ADVICE, LIST_SEPARATOR

NOTICE = "A proposal from published guidelines, not an order: to be checked at its source and decided by a clinician."
_LISTS = ("limits", "cautions", "why", "missing")
# what differs from row to row, and is not in the words
_OWN = ("patient", "start", "end", "evidence")
TIMES = ("start", "end", "not_before")
_KEYS = tuple(name for name in ADVICE.names if name not in _OWN)
_STATES = {
    "if_lower": "If the grade is the lower end of its range.",
    "if_higher": "If the grade is the higher end of its range.",
    "next": "One grade up.",
}
_STRENGTHS = {"consider": "To consider: ", "avoid": "To avoid: "}
_NOTED = ("gap", "declined")
_ISSUES = ("breach", "conflict")
# how urgent, in HL7's words: our own reading of the level
_SEVERITIES = {"alert": "high", "limit": "moderate"}
# columns that a program may want: sub-extensions, as the text alone is for people
_FIELDS = ("kind", "toxicity", "scale", "grade", "state", "holds", "level", "topic", "strength", "choice", "basis")


def is_issue() -> pl.Expr:
    """Rows that become a DetectedIssue: urgent, forbidden by a limit, given against one, or told apart by two."""
    return pl.col("level").is_in(list(_SEVERITIES)) | pl.col("kind").is_in(_ISSUES)


def advice_resources(
    advice: pl.DataFrame, facts: pl.DataFrame, keys: pl.DataFrame, zero: int, knowledge: Knowledge, device: str
) -> dict[str, pl.DataFrame]:
    """DetectedIssues and CarePlans (``patient, id, line``) of the rows of table `advice`, but the silent ones."""
    told = advice.filter(pl.col("kind") != "silent").sort("patient", "start", maintain_order=True)
    told = told.join(keys, on="patient", how="left", maintain_order="left").with_columns(id=_issue_ids(told))
    rows = dated(told, zero, *TIMES)
    rows = rows.with_row_index("at")
    items = evidence_items(rows, facts)
    rows = rows.join(items, on="at", how="left", maintain_order="left")
    rows = rows.with_columns(pl.col(name).list.join(LIST_SEPARATOR) for name in _LISTS)
    teller = _Teller(knowledge, device)
    issues = rows.filter(is_issue())
    plans = rows.filter(~pl.col("kind").is_in(_ISSUES))
    return {"DetectedIssue": _issues(issues, teller), "CarePlan": _plans(plans, teller)}


def _issue_ids(rows: pl.DataFrame) -> pl.Expr:
    """The ids of issues: by what is said and from when on, so that they stay as the record grows."""
    said = rows.select(pl.concat_str(pl.col(_SAME).cast(pl.String), separator="/", ignore_nulls=True))["guideline"]
    marks = pl.Series("mark", [hashed(one, 6) for one in said.to_list()], dtype=pl.String)
    whole = pl.concat_str("key", pl.lit("-i"), marks, pl.lit("-"), pl.col("start").cast(pl.String))
    again = pl.int_range(pl.len()).over(whole)
    return pl.when(again == 0).then(whole).otherwise(pl.concat_str(whole, pl.lit("."), (again + 1).cast(pl.String)))


# what tells two rows of advice that begin together apart
_SAME = ("guideline", "rule", "kind", "state", "level", "grade", "drug")
_PERIOD = an_object({"start": string("start"), "end": string("end")})


def _issues(rows: pl.DataFrame, teller: _Teller) -> pl.DataFrame:
    rows = spread(rows, _KEYS, teller.issue, "shared")
    fields = {
        "id": string("id"),
        "patient": reference("Patient", "patient_id"),
        "identifiedPeriod": _PERIOD,
        "evidence": a_list(an_object({"detail": a_list(pl.col("items"))})),
    }
    return resources(rows, fields)


def _plans(rows: pl.DataFrame, teller: _Teller) -> pl.DataFrame:
    """One plan a patient and guideline; what was not read of a guideline, or was declined, are notes in it."""
    rows = spread(rows, _KEYS, teller.detail, "detail")
    noted = pl.col("kind").is_in(_NOTED)
    detail = an_object({"detail": an_object({"scheduledPeriod": _PERIOD}, shared="detail")})
    rows = rows.with_columns(
        activity=pl.when(~noted).then(detail),
        note=pl.when(noted).then(an_object({}, shared="detail")),
    )
    plans = rows.group_by("patient", "guideline", maintain_order=True).agg(
        pl.col("key", "patient_id").first(),
        pl.col("start").min(),
        pl.col("end").max(),
        pl.col("activity").drop_nulls().str.join(","),
        pl.col("note").drop_nulls().unique(maintain_order=True).str.join(","),
    )
    marks = {name: hashed(name, 4) for name in plans["guideline"].unique().to_list()}
    mark = pl.col("guideline").replace_strict(marks, default=None, return_dtype=pl.String)
    plans = plans.with_columns(id=pl.concat_str("key", pl.lit("-p"), mark))
    fields = {
        "id": string("id"),
        "subject": reference("Patient", "patient_id"),
        "period": _PERIOD,
        "activity": a_list(pl.when(pl.col("activity") != "").then("activity")),
        "note": a_list(pl.lit(encoded({"text": NOTICE})), pl.when(pl.col("note") != "").then("note")),
    }
    return resources(spread(plans, ("guideline",), teller.plan, "shared"), fields)


class _Teller:
    """Puts what rows of advice share into resources; ``device``: id of the Device that derived them."""

    def __init__(self, knowledge: Knowledge, device: str) -> None:
        self._knowledge = knowledge
        self._codings = Codings(knowledge)
        self._device = {"reference": f"Device/{device}"}

    def plan(self, row: dict[str, Any]) -> dict[str, Any]:
        """The fields of a plan."""
        key = row["guideline"]
        found = self._knowledge.advice.guidelines.get(key)
        return {
            "resourceType": "CarePlan",
            "instantiatesUri": [f"{GUIDELINE}:{key}"],
            "status": "draft",
            "intent": "proposal",
            "title": found.title if found else key,
            "author": self._device,
        }

    def detail(self, row: dict[str, Any]) -> dict[str, Any]:
        """The fields of an activity; of a note its text alone."""
        if row["kind"] in _NOTED:
            return {"text": self._text(row)}
        drug = {"productCodeableConcept": self._codings.drug(row["drug"])} if row["drug"] else {}
        exact = row["dose"] is not None and row["dose_most"] in (None, row["dose"])
        unit = row["dose_unit"]
        amount = {"value": row["dose"], **({"unit": unit, "system": UCUM, "code": unit} if unit else {})}
        return {
            "extension": [_fields(row)],
            "code": self._code(row),
            # whether anybody has done it is not for advice to say
            "status": "unknown",
            "doNotPerform": row["strength"] == "avoid" or row["level"] == "limit",
            **drug,
            **({"quantity": amount} if exact else {}),
            "description": self._text(row),
        }

    def issue(self, row: dict[str, Any]) -> dict[str, Any]:
        """The fields of an issue."""
        severity = "high" if row["kind"] == "breach" else _SEVERITIES.get(row["level"])
        return {
            "resourceType": "DetectedIssue",
            "extension": [_fields(row)],
            "status": "final",
            "code": self._code(row),
            **({"severity": severity} if severity else {}),
            "author": self._device,
            "detail": f"{self._text(row)} {NOTICE}",
            "reference": self._address(row["source"]),
        }

    def _code(self, row: dict[str, Any]) -> dict[str, Any]:
        # the sides of a conflict stand in its text
        guideline = row["kind"] if row["kind"] == "conflict" else row["guideline"]
        return {**coded(RULE, f"{guideline}/{row['rule']}"), "text": row["topic"] or row["kind"]}

    def _text(self, row: dict[str, Any]) -> str:
        """All of a row in sentences, its source last."""
        unverified = row["basis"] == "recalled" or row["level"] == "unverified"
        parts = [
            "Not verified in its source:" if unverified else "",
            "Given against a limit." if row["kind"] == "breach" else "",
            "Not now: a limit forbids it." if row["level"] == "limit" else "",
            "Possible only: it hangs on what is not known." if row["holds"] == "possible" else "",
            _STATES.get(row["state"], ""),
            f"{_STRENGTHS.get(row['strength'], '')}{row['action'] or ''}",
            _said("Dose", row["arithmetic"]),
            _said("Route", row["route"]),
            _said("Schedule", row["schedule"]),
            *(_said(name.capitalize(), _listed(row[name])) for name in ("limits", "cautions")),
            _said("Forbidden by", row["blocked_by"]),
            _said("Not before", row["not_before"]),
            _said("If it does not help", row["then"]),
            *(_said(word, _listed(row[name])) for word, name in (("Rests on", "why"), ("Open", "missing"))),
            self._source(row),
        ]
        return " ".join(part for part in parts if part)

    def _address(self, key: str) -> str:
        found = self._knowledge.sources.get(key)
        doi = f"https://doi.org/{found.doi}" if found and found.doi else ""
        return doi or (found.url if found else "") or f"{SOURCE}:{key}"

    def _source(self, row: dict[str, Any]) -> str:
        found = self._knowledge.sources.get(row["source"])
        title = found.title if found else row["source"]
        return f"Source: {title}; {row['locator']} ({row['basis']})."


def _said(word: str, text: str | None) -> str:
    return f"{word}: {text.rstrip('.')}." if text else ""


def _listed(joined: str | None) -> str:
    return (joined or "").replace(LIST_SEPARATOR, "; ")


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    """The columns for programs; the guideline's row is in the code."""
    own = [
        extension(name, **({"valueInteger": row[name]} if name == "grade" else {"valueString": row[name]}))
        for name in _FIELDS
        if row[name] is not None and row[name] != ""
    ]
    return extension(f"{URN}advice", extension=own)
