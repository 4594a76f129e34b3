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

Form = Literal["fhir"]
# each writes files into a folder and gives back their paths
Exporter = Callable[[Path, Path, Knowledge, Options], list[Path]]


def _fhir(folder: Path, out_: Path, knowledge: Knowledge, options: Options) -> list[Path]:
    from cytowatch.exports.fhir.write import export_fhir

    return export_fhir(folder, out_, knowledge, options)


EXPORTERS: dict[Form, Exporter] = {"fhir": _fhir}


def export(
    folder: Path,
    /,
    *,
    to: Form,
    out_: Annotated[Path, Parameter(name="--out")],
    zero: str | None = None,
    recorded: str | None = None,
    bundle: Annotated[bool, Parameter(negative=())] = False,
    knowledge: Overlays = None,
) -> int:
    """Write a graded folder in the form that another system reads.

    Example: `cytowatch export graded --to fhir --out bundles`.

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
    recorded
        FHIR: when the export counts as recorded, a timestamp with zone; by default the end of each patient's record.
    bundle
        FHIR: also one file a patient.
    knowledge
        Folders laid over the clinical tables, as in the run.
    """
    options = Options(zero=zero, recorded=recorded, bundle=bundle)
    for path in EXPORTERS[to](folder, out_, load(*(knowledge or ())), options):
        out.print(f"Wrote {path}", soft_wrap=True)
    return EXIT_DONE
