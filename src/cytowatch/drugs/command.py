"""The command ``cytowatch drugs``: steroids added up, and drugs that do not go together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
from cyclopts import Parameter
from rich.console import Console

from cytowatch.drugs import interactions_of, steroids_of
from cytowatch.errors import EXIT_DONE, ArgumentError
from cytowatch.knowledge import load
from cytowatch.pipeline import outward
from cytowatch.report.drugs import drug_lines
from cytowatch.results import read_outcome, write_table

# data may hold brackets and colons: nothing is read as markup
_console = Console(highlight=False, markup=False, emoji=False)


def drugs(
    folder: Path,
    /,
    *,
    patient: str | None = None,
    all_: Annotated[bool, Parameter(name="--all", negative=())] = False,
    knowledge: Annotated[list[Path] | None, Parameter(negative=(), consume_multiple=True)] = None,
    out_: Annotated[Path | None, Parameter(name="--out")] = None,
) -> int:
    """Add up steroids as dexamethasone, and find drugs that do not go together, in a graded folder.

    Example: `cytowatch drugs graded --patient A`.

    Parameters
    ----------
    folder
        A folder that `cytowatch grade --out` wrote.
    patient
        Only this patient; the tables of --out hold all.
    all_
        Also what is only possible: a dose in doubt, a fact that is not known.
    knowledge
        Folders laid over the clinical tables, such as a site's own interactions.
    out_
        Also write steroids.csv and interactions.csv into this folder.
    """
    tables, outcome = load(*(knowledge or ())), read_outcome(folder)
    found = {"steroids": steroids_of(outcome, tables), "interactions": interactions_of(outcome, tables)}
    if out_ is not None:
        for name, frame in found.items():
            write_table(outward(frame, outcome.clock), out_ / f"{name}.csv")
    if patient is not None and patient not in set(outcome.patients["patient"]) | set(outcome.observations["patient"]):
        raise ArgumentError(f"There is no patient {patient!r} in this folder.", where="--patient", hint="Check the id.")
    shown = {name: part.filter(pl.col("patient") == patient) if patient else part for name, part in found.items()}
    for line in drug_lines(shown["steroids"], shown["interactions"], tables, outcome.clock, all_=all_):
        _console.print(line, soft_wrap=True)
    return EXIT_DONE
