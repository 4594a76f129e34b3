"""The command ``cytowatch plan``: what is to be measured and sent, for a graded folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from cyclopts import Parameter
from rich.console import Console

from cytowatch.errors import EXIT_DONE
from cytowatch.knowledge import load
from cytowatch.pipeline import check_patient, outward
from cytowatch.planning import planned
from cytowatch.report import plan_lines
from cytowatch.results import read_outcome, write_table

# data may hold brackets and colons: nothing is read as markup
_OUT = Console(highlight=False, markup=False, emoji=False)


def plan(
    folder: Path,
    /,
    *,
    patient: str | None = None,
    at: str | None = None,
    setting: Literal["inpatient", "outpatient"] | None = None,
    all_: Annotated[bool, Parameter(name="--all", negative=())] = False,
    knowledge: Annotated[list[Path] | None, Parameter(negative=(), consume_multiple=True)] = None,
    out_: Annotated[Path | None, Parameter(name="--out")] = None,
) -> int:
    """Say what is to be measured and sent, what of it is done, due or overdue, with sources, for a graded folder.

    Example: `cytowatch plan graded --patient A --at 36.5 --setting inpatient`.

    Parameters
    ----------
    folder
        A folder that `cytowatch grade --out` wrote.
    patient
        Only this patient; the table of --out holds all.
    at
        The moment that it is of: hours of the file, or an ISO timestamp with zone. By default the last moment observed
        of each patient.
    setting
        Where the patients are, while the record does not say it (`care_setting`). Where nobody says it, what is for one
        setting only is marked so.
    all_
        Also what is only possible, what is over, and what was not verified.
    knowledge
        Folders laid over the clinical tables, such as a site's own intervals.
    out_
        Also write all of it as a table: a file that ends in .csv or .parquet.
    """
    tables = load(*(knowledge or ()))
    outcome = read_outcome(folder)
    check_patient(outcome, patient)
    found = planned(outcome, tables, at, setting=setting, option="--at")
    if out_ is not None:
        write_table(outward(found, outcome.clock), out_)
    shown = found if patient is None else found.filter(pl.col("patient") == patient)
    for line in plan_lines(shown, tables, outcome.clock, all_=all_):
        _OUT.print(line, soft_wrap=True)
    return EXIT_DONE
