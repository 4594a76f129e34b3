"""Patients: the pseudonym, birth date and sex, and all else that the table of patients says as extensions."""

from __future__ import annotations

from typing import Any

import polars as pl

from cytowatch.exports.fhir.jsontext import an_object, encoded, quoted, resources, spread, string
from cytowatch.exports.fhir.names import PATIENT, extension
from cytowatch.schema import PATIENTS

# only words that say one thing; anything else stays as it was given, in an extension
_GENDERS = {"female": "female", "f": "female", "male": "male", "m": "male", "other": "other", "unknown": "unknown"}
_OWN = tuple(name for name in PATIENTS.names if name not in ("patient", "birth_date", "sex"))


def patient_resources(patients: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    """One Patient for each of ``keys`` (``patient, patient_id``); ``patients``: the table, which may lack some."""
    known = keys.join(patients, on="patient", how="left", maintain_order="left")
    known = spread(known, ("sex", *_OWN), _shared, "shared")
    name = an_object({"system": pl.lit(encoded(PATIENT)), "value": pl.col("name")})
    fields = {
        "id": string("id"),
        "identifier": pl.concat_str(pl.lit("["), name, pl.lit("]")),
        "birthDate": string("birth_date"),
    }
    named = known.with_columns(
        id=pl.col("patient_id"),
        name=quoted(known["patient"]),
        birth_date=pl.col("birth_date").dt.strftime("%Y-%m-%d"),
    )
    return resources(named, fields)


def _shared(row: dict[str, Any]) -> dict[str, Any]:
    sex = row["sex"]
    gender = _GENDERS.get((sex or "").strip().lower())
    own = [extension(f"{PATIENT}:{name}", **_value(row[name])) for name in _OWN if row[name] is not None]
    if sex and sex != gender:
        own.append(extension(f"{PATIENT}:sex", valueString=sex))
    return {
        "resourceType": "Patient",
        **({"extension": own} if own else {}),
        **({"gender": gender} if gender else {}),
    }


def _value(value: object) -> dict[str, object]:
    kinds = {bool: "valueBoolean", float: "valueDecimal", str: "valueString"}
    return {kinds[type(value)]: value}
