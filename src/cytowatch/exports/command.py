"""The command ``cytowatch export``: a graded folder as FHIR resources, OMOP rows or trial tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from cytowatch.errors import EXIT_DONE
from cytowatch.knowledge import Knowledge, load
from cytowatch.terminal import Overlays, out

Form = Literal["none"]
# each writes files into a folder and gives back their paths
Exporter = Callable[[Path, Path, Knowledge], list[Path]]
EXPORTERS: dict[Form, Exporter] = {}


def export(
    folder: Path,
    /,
    *,
    to: Form,
    out_: Annotated[Path, Parameter(name="--out")],
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
    knowledge
        Folders laid over the clinical tables, as in the run.
    """
    for path in EXPORTERS[to](folder, out_, load(*(knowledge or ()))):
        out.print(f"Wrote {path}", soft_wrap=True)
    return EXIT_DONE
