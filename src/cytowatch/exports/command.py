"""The command ``cytowatch export``: a graded folder as FHIR resources, OMOP rows or trial tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from cytowatch.errors import EXIT_DONE
from cytowatch.knowledge import Knowledge, load
from cytowatch.terminal import Overlays, out

Form = Literal["sdtm"]


@dataclass(frozen=True)
class Options:
    """What an exporter may need besides the graded folder; one that does not need it does not look at it.

    ``zero``: the calendar moment of hour 0, where the run has a clock of hours. ``arms``: a table of the trial's arms.
    """

    zero: str | None = None
    arms: Path | None = None


# each writes files into a folder and gives back their paths
Exporter = Callable[[Path, Path, Knowledge, Options], list[Path]]


def _sdtm(folder: Path, target: Path, knowledge: Knowledge, options: Options) -> list[Path]:
    from cytowatch.exports.sdtm import write_sdtm

    return write_sdtm(folder, target, knowledge, zero=options.zero, arms=options.arms)


EXPORTERS: dict[Form, Exporter] = {"sdtm": _sdtm}


def export(
    folder: Path,
    /,
    *,
    to: Form,
    out_: Annotated[Path, Parameter(name="--out")],
    zero: str | None = None,
    arms: Path | None = None,
    knowledge: Overlays = None,
) -> int:
    """Write a graded folder in the form that another system reads.

    Example: `cytowatch export graded --to sdtm --out trial --arms dm.xpt`.

    Parameters
    ----------
    folder
        A folder that `cytowatch grade --out` wrote.
    to
        The form.
    out_
        A folder for the files; it is made if it is not there.
    zero
        The calendar moment of hour 0 (an ISO timestamp with zone), where the times of the run are hours.
    arms
        The trial's arms: domain DM, or a CSV with USUBJID and ARM. For trial tables.
    knowledge
        Folders laid over the clinical tables, as in the run.
    """
    for path in EXPORTERS[to](folder, out_, load(*(knowledge or ())), Options(zero, arms)):
        out.print(f"Wrote {path}", soft_wrap=True)
    return EXIT_DONE
