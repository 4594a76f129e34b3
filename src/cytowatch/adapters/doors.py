"""Which doors there are, and how a command reaches each of them; a door's code is loaded when it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from cytowatch.adapters.clif import read_clif
from cytowatch.adapters.files import Progress, read_files
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.patients import first_moments, read_patients
from cytowatch.adapters.vocabulary import Code, Vocabulary, read_code_list
from cytowatch.errors import ArgumentError
from cytowatch.knowledge.load import load
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import PATIENTS

Source = Literal["csv", "clif", "fhir", "omop", "sdtm", "hl7v2"]
SOURCES: tuple[Source, ...] = get_args(Source)


@dataclass(frozen=True)
class Asked:
    """What a command was asked to read: inputs (paths or addresses) and the options that go with them."""

    inputs: tuple[str, ...]
    patients: Path | None = None
    mapping: Path | None = None
    zone: str | None = None
    codes: tuple[Path, ...] = ()
    progress: Progress | None = field(default=None, compare=False)


def read_source(source: Source, asked: Asked, knowledge: Knowledge) -> Intake:
    """Read the inputs through one door; ArgumentError for an option that does not go with it."""
    return _READERS[source](asked, knowledge)


def _csv(asked: Asked, knowledge: Knowledge) -> Intake:
    _refuse("csv", codes=asked.codes)
    return read_files(
        asked.inputs,
        knowledge,
        patients=asked.patients,
        zone=asked.zone,
        mapping=asked.mapping,
        progress=asked.progress,
    )


def _clif(asked: Asked, knowledge: Knowledge) -> Intake:
    _refuse("clif", patients=asked.patients, mapping=asked.mapping, zone=asked.zone, codes=asked.codes)
    if len(asked.inputs) != 1:
        raise ArgumentError(
            "--from clif takes one folder.", where="INPUT", why=_OWN["clif"], hint="Give one folder of clif_* tables."
        )
    return read_clif(asked.inputs[0], knowledge, progress=asked.progress)


def _fhir(asked: Asked, knowledge: Knowledge) -> Intake:
    from cytowatch.adapters.fhir.door import read_fhir

    _refuse("fhir", mapping=asked.mapping)
    codes = site_codes(asked.codes, knowledge)
    intake = read_fhir(asked.inputs, knowledge, codes=codes, zone=asked.zone, progress=asked.progress)
    return with_patients(intake, asked.patients, knowledge)


def _omop(asked: Asked, knowledge: Knowledge) -> Intake:
    from cytowatch.adapters.omop import read_omop

    _refuse("omop", mapping=asked.mapping)
    if len(asked.inputs) != 1:
        raise ArgumentError(
            "--from omop takes one source.",
            where="INPUT",
            why="Persons of two databases may share a number.",
            hint="Give one folder, zip, DuckDB file or postgresql:// address.",
        )
    codes = site_codes(asked.codes, knowledge)
    intake = read_omop(asked.inputs[0], knowledge, zone=asked.zone, codes=codes, progress=asked.progress)
    return with_patients(intake, asked.patients, knowledge)


def _sdtm(asked: Asked, knowledge: Knowledge) -> Intake:
    from cytowatch.adapters.sdtm import read_sdtm

    _refuse("sdtm", mapping=asked.mapping)
    vocabulary = Vocabulary(knowledge, site_codes(asked.codes, knowledge))
    intake = read_sdtm(asked.inputs, knowledge, vocabulary, zone=asked.zone, progress=asked.progress)
    return with_patients(intake, asked.patients, knowledge)


def _hl7v2(asked: Asked, knowledge: Knowledge) -> Intake:
    from cytowatch.adapters.hl7v2 import read_hl7v2

    _refuse("hl7v2", mapping=asked.mapping)
    codes = site_codes(asked.codes, knowledge)
    intake = read_hl7v2(asked.inputs, knowledge, zone=asked.zone, codes=codes, progress=asked.progress)
    return with_patients(intake, asked.patients, knowledge)


_Reader = Callable[[Asked, Knowledge], Intake]
_READERS: dict[Source, _Reader] = {
    "csv": _csv,
    "clif": _clif,
    "fhir": _fhir,
    "omop": _omop,
    "sdtm": _sdtm,
    "hl7v2": _hl7v2,
}
# why an option does not go with a door
_OWN = {
    "csv": "The contract's long table names concepts, not codes.",
    "clif": "A CLIF folder brings its own patients, columns and time zone.",
    "fhir": "A FHIR resource has its own form.",
    "omop": "OMOP tables have columns of their own.",
    "sdtm": "SDTM has columns of its own.",
    "hl7v2": "Messages have no columns to be named.",
}


def _refuse(source: Source, **options: object) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        raise ArgumentError(
            f"--{given[0]} does not go with --from {source}.",
            where=f"--{given[0]}",
            why=_OWN.get(source, "This source has no place for it."),
            hint="Leave it out.",
        )


def site_codes(paths: tuple[Path, ...], knowledge: Knowledge | None = None) -> list[Code]:
    """A site's own code lists, CSV or FHIR ConceptMap, the later laid over the earlier; InputError if one is wrong."""
    return [code for path in paths for code in _code_list(path, knowledge)]


def _code_list(path: Path, knowledge: Knowledge | None) -> list[Code]:
    if path.suffix.lower() == ".json":
        from cytowatch.adapters.conceptmap import read_concept_map

        return read_concept_map(path, knowledge or load())
    return read_code_list(path, knowledge or load())


def with_patients(intake: Intake, table: Path | None, knowledge: Knowledge) -> Intake:
    """The same intake with a table of patients laid over what the source says of them, field by field.

    A field that the table fills counts; what it leaves empty stays as the source has it. Its rows stand in the ledger.
    """
    if table is None:
        return intake
    first_row = max((first + rows for _, first, rows in intake.files), default=0)
    seen = first_moments(intake.observations, intake.clock)
    given = read_patients(table, knowledge, first_seen=seen, first_row=first_row)
    both = given.frame.join(intake.patients, on="patient", how="full", coalesce=True, suffix="_source")
    fields = [name for name in PATIENTS.names if name != "patient"]
    laid = both.select("patient", *(pl.coalesce(name, f"{name}_source").alias(name) for name in fields))
    return intake.with_people(laid.sort("patient"), given.rejects, given.ledger)
