"""The FHIR R4 door: files and folders of resources in, admitted observations and a ledger out.

Everything is read once, into columns; which version of a resource counts, of whom it speaks and what a referenced drug
is are settled when all files have been read, so that neither the order of files nor of lines matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cytowatch.adapters.fhir.codes import Codes
from cytowatch.adapters.fhir.files import find_resources
from cytowatch.adapters.fhir.quantities import Units
from cytowatch.adapters.fhir.reading import Reader
from cytowatch.adapters.fhir.routes import Routes
from cytowatch.adapters.fhir.said import Register
from cytowatch.adapters.fhir.settling import KEY, settled
from cytowatch.adapters.fhir.sheet import Run, Sheet
from cytowatch.adapters.fhir.things import Things, diluents
from cytowatch.adapters.fhir.words import Words
from cytowatch.adapters.files import Progress
from cytowatch.adapters.gather import Gathering
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.likeness import Likeness
from cytowatch.adapters.vocabulary import Code
from cytowatch.adapters.walk import NOT_READ, passed_over
from cytowatch.knowledge.model import Knowledge

_NOT_READ = "no file of resources"


def read_fhir(
    paths: Sequence[str | Path],
    knowledge: Knowledge,
    *,
    codes: Iterable[Code] = (),
    zone: str | None = None,
    progress: Progress | None = None,
) -> Intake:
    """Read NDJSON, JSON and Bundles (also compressed), or folders of them.

    ``codes``: a site's own code list. ``zone``: where moments without an offset are placed (None: they are rejected).
    Each resource ends used, superseded, ignored or rejected, and the ledger adds up. InputError if nothing can be read.
    """
    looked_up = Codes(knowledge, codes)
    things = Things(looked_up, Likeness(knowledge), diluents(knowledge))
    words = Words(looked_up, things.likeness)
    run = Run(knowledge, looked_up, Units(knowledge), Register(), things, Routes(knowledge), words)
    gathering = Gathering(knowledge, zone)
    files, others = find_resources(paths)
    reader = Reader(run, knowledge.doors.get(KEY))
    sizes = [max(file.path.stat().st_size, 1) for file in files]
    sheets: list[Sheet] = []
    for place, file in enumerate(files):
        behind, size = sum(sizes[:place]), sizes[place]

        def advance(part: float, label: str = file.label, behind: int = behind, size: int = size) -> None:
            if progress is not None:
                progress(label, min((behind + part * size) / sum(sizes), 1.0))

        sheet = reader.read(file, gathering.next_row, alone=len(files) == 1, progress=advance)
        gathering.number(file.label, sheet.rows)
        if not sheet.rows:
            gathering.enter(file.label, "ignored", "the file is empty", 0)
        sheets.append(sheet)
    for file in others:
        gathering.enter(file.label, "ignored", _NOT_READ, 0)
    for folder in passed_over(paths):
        gathering.enter(folder, "ignored", NOT_READ, 0)
    return settled(run, sheets, gathering)
