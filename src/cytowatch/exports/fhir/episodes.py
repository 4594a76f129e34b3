"""Episodes: each as a Condition, and as an AdverseEvent of its exposure.

Neither is more certain than the table: a code of a grade stands only where the worst grade is certain, no state of the
condition is claimed where it is not known, and the condition is unconfirmed until a person confirms it.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from cytowatch.exports.fhir.grades import grade_ids, scale_marks
from cytowatch.exports.fhir.icd10 import IcdCodes
from cytowatch.exports.fhir.jsontext import encoded
from cytowatch.exports.fhir.keys import dated
from cytowatch.exports.fhir.names import (
    CLINICAL,
    CONDITION_CATEGORY,
    EPISODE,
    FLAG,
    GRADE,
    OUTCOME,
    PRODUCT,
    SCALE,
    SEVERITY,
    SUSPECTS,
    VERIFICATION,
    coded,
    extension,
)
from cytowatch.knowledge.model import Knowledge
from cytowatch.report.words import Words

# what HL7's codes can say of a state; for the others nothing is claimed
_CLINICAL = {"ongoing": ("active", "Active"), "resolved": ("resolved", "Resolved")}
_RECURRENT = ("recurrence", "Recurrence")
TIMES = ("onset", "last_sign", "resolved", "time_of_max", "exposure_time")
# on every such scale
_DEATH = 5
# of the table, what no field of a Condition holds: sub-extensions of one extension
_DETAILS = {
    "episode": "valueInteger", "state": "valueCode", "last_sign": "valueDateTime", "max_at_least": "valueInteger",
    "max_at_most": "valueInteger", "time_of_max": "valueDateTime", "hours": "valueDecimal", "exposure": "valueString",
    "exposure_time": "valueDateTime", "days_from_exposure": "valueDecimal", "tocilizumab_doses": "valueInteger",
    "steroid_days": "valueInteger", "recurrent": "valueBoolean",
}  # fmt: skip


class EpisodeTeller:
    """Makes the resources of episodes; ``device``: id of the Device that derived them."""

    def __init__(self, knowledge: Knowledge, words: Words, device: str) -> None:
        self._codes = IcdCodes(knowledge)
        self._knowledge = knowledge
        self._words = words
        self._device = {"reference": f"Device/{device}"}

    def resources(self, episodes: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """Conditions and AdverseEvents (``patient, id, line``) of episodes from `prepared`."""
        rows = episodes.to_dicts()
        told = {
            "Condition": ("condition_id", [encoded(self._condition(row)) for row in rows]),
            "AdverseEvent": ("event_id", [encoded(self._event(row)) for row in rows]),
        }
        return {
            kind: episodes.select("patient", pl.col(name).alias("id"), line=pl.Series("line", lines, dtype=pl.String))
            for kind, (name, lines) in told.items()
        }

    def _code(self, row: dict[str, Any]) -> dict[str, Any]:
        scale, low, high = row["scale"], row["max_at_least"], row["max_at_most"]
        title = self._words.full(scale)
        icd = self._codes.coding(scale, low, high)
        certain = low is not None and low == high
        grade = [{"system": GRADE, "code": f"{scale}:{low}"}] if certain else []
        own = {"system": SCALE, "code": scale, "display": title}
        return {"coding": [*([icd] if icd else []), *grade, own], "text": f"{title}: {_worst(row)}"}

    def _condition(self, row: dict[str, Any]) -> dict[str, Any]:
        clinical = _CLINICAL.get(row["state"])
        clinical = _RECURRENT if clinical and row["recurrent"] and row["state"] == "ongoing" else clinical
        return {
            "resourceType": "Condition",
            "id": row["condition_id"],
            "extension": [extension(EPISODE, extension=self._details(row))],
            **({"clinicalStatus": coded(CLINICAL, *clinical)} if clinical else {}),
            "verificationStatus": coded(VERIFICATION, "unconfirmed", "Unconfirmed"),
            "category": [coded(CONDITION_CATEGORY, "encounter-diagnosis", "Encounter Diagnosis")],
            "code": self._code(row),
            "subject": {"reference": f"Patient/{row['patient_id']}"},
            "onsetDateTime": row["onset"],
            **({"abatementDateTime": row["resolved"]} if row["resolved"] else {}),
            "stage": [self._stage(row)],
            "note": [{"text": text} for text in self._notes(row)],
        }

    def _details(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        said = [extension(key, **{kind: row[key]}) for key, kind in _DETAILS.items() if row[key] is not None]
        flags = [extension("flag", valueCoding={"system": FLAG, "code": flag}) for flag in row["flags"]]
        return [*said, *flags]

    def _stage(self, row: dict[str, Any]) -> dict[str, Any]:
        at = {"assessment": [{"reference": f"Observation/{row['grade_id']}"}]} if row["grade_id"] else {}
        scale = coded(SCALE, row["scale"], self._words.full(row["scale"]))
        return {"summary": {"text": _worst(row)}, **at, "type": scale}

    def _notes(self, row: dict[str, Any]) -> list[str]:
        notes = ["Derived from the record by rules, and confirmed by nobody yet."]
        if row["max_at_least"] != row["max_at_most"]:
            notes.append(f"The worst grade is not certain ({_worst(row)}), so no code of a single grade is given.")
        if row["state"] == "unknown":
            notes.append("Whether it is over is not known: too little was measured after the last sign.")
        if row["state"] == "died":
            notes.append("The patient died in this episode.")
        return notes + [self._words.flag(row["scale"], flag) for flag in row["flags"]]

    def _event(self, row: dict[str, Any]) -> dict[str, Any]:
        severity = self._codes.severity(row["scale"], row["max_at_least"], row["max_at_most"])
        suspect = self._suspect(row)
        return {
            "resourceType": "AdverseEvent",
            "id": row["event_id"],
            **suspect.get("contained", {}),
            "actuality": "actual",
            "event": self._code(row),
            "subject": {"reference": f"Patient/{row['patient_id']}"},
            "date": row["onset"],
            "resultingCondition": [{"reference": f"Condition/{row['condition_id']}"}],
            **({"severity": coded(SEVERITY, severity, severity.capitalize())} if severity else {}),
            "outcome": coded(OUTCOME, *_outcome(row)),
            **({"suspectEntity": [suspect["entity"]]} if suspect else {}),
        }

    def _suspect(self, row: dict[str, Any]) -> dict[str, Any]:
        """The dose that came before; of an exposure without a row (assumed, or an infection) only its name."""
        if row["given"]:
            return {"entity": {"instance": {"reference": row["given"]}}}
        product = self._knowledge.products.get(row["exposure"] or "")
        if row["exposure"] is None or row["is_infection"]:
            return {}
        name = product.label if product else row["exposure"]
        coding = {"coding": [{"system": PRODUCT, "code": product.key}]} if product else {}
        medication = {"resourceType": "Medication", "id": "product", "code": {**coding, "text": name}}
        return {
            "contained": {"contained": [medication]},
            "entity": {"instance": {"reference": "#product", "display": name}},
        }


def prepared(
    episodes: pl.DataFrame, graded: pl.DataFrame, facts: pl.DataFrame, keys: pl.DataFrame, zero: int
) -> pl.DataFrame:
    """Episodes with the ids of their resources, of the grade at their worst, and of the dose before them.

    ``graded``: `grades.with_grade_ids`; ``facts``: `facts.facts_of`.
    """
    marks = scale_marks(episodes["scale"])
    number = pl.col("episode").cast(pl.String)
    known = episodes.join(keys, on="patient", how="left", maintain_order="left").with_columns(
        mark=pl.col("scale").replace_strict(marks, default=None, return_dtype=pl.String)
    )
    known = known.with_columns(
        condition_id=pl.concat_str("key", pl.lit("-c"), "mark", pl.lit("-"), number),
        event_id=pl.concat_str("key", pl.lit("-a"), "mark", pl.lit("-"), number),
        grade_id=grade_ids("mark", "time_of_max"),
    )
    known = known.with_columns(grade_id=pl.when(pl.col("grade_id").is_in(graded["id"].implode())).then("grade_id"))
    return dated(_with_doses(known, facts), zero, *TIMES)


def _with_doses(episodes: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    stands = ~pl.col("withdrawn") & (pl.col("status") != "entered-in-error")
    triggers = facts.filter((pl.col("concept_kind") == "trigger") & stands).select(
        "patient",
        exposure_time="time",
        exposure="text",
        given=pl.when(pl.col("kind") == "MedicationAdministration").then("target"),
        is_infection=pl.col("kind") != "MedicationAdministration",
    )
    of = ["patient", "exposure_time", "exposure"]
    first = triggers.unique(of, keep="first", maintain_order=True)
    found = episodes.join(first, on=of, how="left", nulls_equal=True, maintain_order="left")
    suspect = pl.col("given").str.split("/").list.first().is_in(SUSPECTS)
    return found.with_columns(pl.col("is_infection").fill_null(value=False), given=pl.when(suspect).then("given"))


def _worst(row: dict[str, Any]) -> str:
    low, high = row["max_at_least"], row["max_at_most"]
    if low is None or high is None:
        return "worst grade not known"
    return f"worst grade {low}" if low == high else f"worst grade at least {low}, at most {high}"


def _outcome(row: dict[str, Any]) -> tuple[str, str]:
    """Fatal only if the death was certainly from the reaction itself."""
    if row["state"] == "died" and row["max_at_least"] == _DEATH:
        return "fatal", "Fatal"
    known = {"resolved": ("resolved", "Resolved"), "ongoing": ("ongoing", "Ongoing")}
    return known.get(row["state"], ("unknown", "Unknown"))
