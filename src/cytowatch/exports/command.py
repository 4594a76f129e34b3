"""The command ``cytowatch export``: a graded folder as FHIR resources, OMOP rows or trial tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from cytowatch.errors import EXIT_DONE
from cytowatch.exports.options import Options
from cytowatch.knowledge import Knowledge, load
from cytowatch.terminal import Overlays, out

Form = Literal["fhir", "omop", "sdtm"]
# each writes files into a folder and gives back their paths
Exporter = Callable[[Path, Path, Knowledge, Options], list[Path]]


def _fhir(folder: Path, out_: Path, knowledge: Knowledge, options: Options) -> list[Path]:
    from cytowatch.exports.fhir.write import export_fhir

    return export_fhir(folder, out_, knowledge, options)


def _omop(folder: Path, out_: Path, knowledge: Knowledge, options: Options) -> list[Path]:
    from cytowatch.exports.omop import write_omop

    return write_omop(folder, out_, knowledge, options)


def _sdtm(folder: Path, out_: Path, knowledge: Knowledge, options: Options) -> list[Path]:
    from cytowatch.exports.sdtm import write_sdtm

    return write_sdtm(folder, out_, knowledge, zero=options.zero, arms=options.arms, zone=options.zone)


EXPORTERS: dict[Form, Exporter] = {"fhir": _fhir, "omop": _omop, "sdtm": _sdtm}


def export(
    folder: Path,
    /,
    *,
    to: Form,
    out_: Annotated[Path, Parameter(name="--out")],
    zero: str | None = None,
    zone: str | None = None,
    recorded: str | None = None,
    bundle: Annotated[bool, Parameter(negative=())] = False,
    arms: Path | None = None,
    knowledge: Overlays = None,
) -> int:
    """Write a graded folder in the form that another system reads.

    Examples: `cytowatch export graded --to fhir --out resources`; `cytowatch export graded --to sdtm --out trial`.

    Parameters
    ----------
    folder
        A folder that `cytowatch grade --out` wrote.
    to
        The form.
    out_
        A folder for the files; it is made if it is not there.
    zero
        For a run that counts hours: the moment of hour 0, a timestamp with zone.
    zone
        Where wall-clock times and days are written (OMOP, SDTM); by default the zone of the run, else UTC.
    recorded
        FHIR: when the export counts as recorded, a timestamp with zone; by default the end of each patient's record.
    bundle
        FHIR: also one file a patient.
    arms
        SDTM: the trial's arms, as domain DM or as a CSV with USUBJID and ARM.
    knowledge
        Folders laid over the clinical tables, as in the run.
    """
    options = Options(zero=zero, zone=zone, recorded=recorded, bundle=bundle, arms=arms)
    for path in EXPORTERS[to](folder, out_, load(*(knowledge or ())), options):
        out.print(f"Wrote {path}", soft_wrap=True)
    return EXIT_DONE
