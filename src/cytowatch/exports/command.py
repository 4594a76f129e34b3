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

Form = Literal["omop"]
# each writes files into a folder and gives back their paths
Exporter = Callable[[Path, Path, Knowledge, Options], list[Path]]


def export(
    folder: Path,
    /,
    *,
    to: Form,
    out_: Annotated[Path, Parameter(name="--out")],
    zero: str | None = None,
    knowledge: Overlays = None,
) -> int:
    """Write a graded folder in the form that another system reads.

    Example: `cytowatch export graded --to omop --out cdm`.

    Parameters
    ----------
    folder
        A folder that `cytowatch grade --out` wrote.
    to
        The form.
    out_
        A folder for the files; it is made if it is not there.
    zero
        The moment, with its zone, at which the hours begin where the folder counts hours instead of calendar times.
    knowledge
        Folders laid over the clinical tables, as in the run.
    """
    for path in EXPORTERS[to](folder, out_, load(*(knowledge or ())), Options(zero)):
        out.print(f"Wrote {path}", soft_wrap=True)
    return EXIT_DONE


def _omop(folder: Path, target: Path, knowledge: Knowledge, options: Options) -> list[Path]:
    from cytowatch.exports.omop import write_omop

    return write_omop(folder, target, knowledge, options)


EXPORTERS: dict[Form, Exporter] = {"omop": _omop}
