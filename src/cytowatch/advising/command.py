"""The command ``cytowatch advise``: what guidelines say at each change, for a graded folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import polars as pl
from cyclopts import Parameter
from rich.console import Console
from rich.progress import track

from cytowatch.advising import PATIENTS_AT_ONCE, advised_each
from cytowatch.errors import EXIT_DONE
from cytowatch.knowledge import Knowledge, load
from cytowatch.pipeline import Outcome, check_patient
from cytowatch.report import advice_lines
from cytowatch.results import read_outcome, write_advice

# data may hold brackets and colons: nothing is read as markup
_OUT = Console(highlight=False, markup=False, emoji=False)
# more patients than that are not printed in full
_PRINTED = 25


def advise(
    folder: Path,
    /,
    *,
    guideline: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
    patient: str | None = None,
    next_: Annotated[bool, Parameter(name="--next", negative=())] = False,
    all_: Annotated[bool, Parameter(name="--all", negative=())] = False,
    knowledge: Annotated[list[Path] | None, Parameter(negative=(), consume_multiple=True)] = None,
    out_: Annotated[Path | None, Parameter(name="--out")] = None,
) -> int:
    """Say what guidelines recommend at each change, for a graded folder, with doses, limits and sources.

    All of it is kept in the folder as the table `advice`; a report that is drawn afterward has a section of it. Of a
    cohort only the counts are printed: name a patient for the words.

    Example: `cytowatch advise graded --guideline asco-2021 --patient A`.

    Parameters
    ----------
    folder
        A folder that `cytowatch grade --out` wrote.
    guideline
        Ids of guidelines, or patterns; by default every guideline and label that nothing newer has replaced.
        `cytowatch knowledge list guideline` names them.
    patient
        Print only this patient; the tables hold all.
    next_
        Also what would be advised one grade up.
    all_
        Also what is only possible.
    knowledge
        Folders laid over the clinical tables, such as a site's own rules.
    out_
        Also write the table elsewhere: a file that ends in .csv or .parquet.
    """
    tables = load(*(knowledge or ()))
    outcome = read_outcome(folder)
    check_patient(outcome, patient)
    said = _Heard(outcome, patient)
    write_advice(said.hear(advised_each(outcome, tables, guideline)), outcome, folder, out_)
    for line in said.lines(tables, all_=all_, next_=next_):
        _OUT.print(line, soft_wrap=True)
    return EXIT_DONE


class _Heard:
    """Lets the parts of the advice pass on their way to the file, and keeps what is to be printed."""

    def __init__(self, outcome: Outcome, patient: str | None) -> None:
        self._outcome = outcome
        self._patient = patient
        self._patients = outcome.observations["patient"].n_unique()
        self._kept: list[pl.DataFrame] = []
        self._counts: list[pl.DataFrame] = []

    def hear(self, parts: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The parts as they come, with a bar where they are many."""
        total = -(-self._patients // PATIENTS_AT_ONCE)
        console = Console(stderr=True)
        for part in track(parts, "advising", total, console=console, disable=total < 2 or not sys.stderr.isatty()):
            if self._patient is not None or self._patients <= _PRINTED:
                own = pl.lit(value=True) if self._patient is None else pl.col("patient") == self._patient
                self._kept.append(part.filter(own))
            self._counts.append(part.group_by("guideline", "kind", "level").agg(pl.col("patient").n_unique()))
            yield part

    def lines(self, tables: Knowledge, *, all_: bool, next_: bool) -> Iterator[str]:
        """The words for one patient or a few; for a cohort how many patients each guideline speaks of."""
        if self._kept:
            own = pl.lit(value=True) if self._patient is None else pl.col("patient") == self._patient
            graded = self._outcome.timeline.filter(own)
            yield from advice_lines(pl.concat(self._kept), graded, tables, self._outcome.clock, all_=all_, next_=next_)
            return
        yield f"Advised {self._patients} patients; the table `advice` in the folder holds all of it. Patients by level:"
        if self._counts:
            counted = pl.concat(self._counts).group_by("guideline", "kind", "level").agg(pl.col("patient").sum())
            for guideline, kind, level, number in counted.sort("guideline", "kind", "level").iter_rows():
                yield f"  {guideline}: {kind}, {level}: {number}"
        yield "Name one with --patient to read what is said."
