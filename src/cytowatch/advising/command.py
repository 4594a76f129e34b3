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

from cytowatch.advising import advised_each
from cytowatch.errors import EXIT_DONE, ArgumentError
from cytowatch.knowledge import Knowledge, load
from cytowatch.pipeline import Clock, Outcome, outward
from cytowatch.report import advice_lines
from cytowatch.results import read_outcomes, write_advice

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
    said = _Heard(patient, guideline, tables)
    write_advice(said.hear(folder), folder, out_)
    said.check_patient()
    for line in said.lines(all_=all_, next_=next_):
        _OUT.print(line, soft_wrap=True)
    return EXIT_DONE


class _Heard:
    """Lets the advice pass on its way to the file, and keeps what is to be printed."""

    def __init__(self, patient: str | None, guidelines: list[str] | None, tables: Knowledge) -> None:
        self._patient = patient
        self._guidelines = guidelines
        self._tables = tables
        self._clock: Clock = "time"
        self._seen: list[pl.Series] = []
        self._kept: list[tuple[pl.DataFrame, pl.DataFrame]] = []
        self._counts: list[pl.DataFrame] = []

    def hear(self, folder: Path) -> Iterator[pl.DataFrame]:
        """The advice of a folder, some patients at a time, with a bar where they are many."""
        console = Console(stderr=True)
        quiet = not sys.stderr.isatty()
        for outcome in track(read_outcomes(folder), "advising", console=console, disable=quiet, transient=True):
            self._clock = outcome.clock
            self._seen.append(pl.concat([outcome.patients["patient"], outcome.observations["patient"]]).unique())
            for part in advised_each(outcome, self._tables, self._guidelines):
                self._keep(part, outcome)
                yield outward(part, outcome.clock)

    def _keep(self, part: pl.DataFrame, outcome: Outcome) -> None:
        if self._patient is not None or self._patients <= _PRINTED:
            own = pl.lit(value=True) if self._patient is None else pl.col("patient") == self._patient
            self._kept.append((part.filter(own), outcome.timeline.filter(own)))
        self._counts.append(part.group_by("guideline", "kind", "level").agg(pl.col("patient").n_unique()))

    @property
    def _patients(self) -> int:
        return sum(map(len, self._seen))

    def check_patient(self) -> None:
        """A patient whom the folder does not know is asked back."""
        if self._patient is not None and not any((names == self._patient).any() for names in self._seen):
            raise ArgumentError(
                f"There is no patient {self._patient!r} in this folder.", where="--patient", hint="Check the id."
            )

    def lines(self, *, all_: bool, next_: bool) -> Iterator[str]:
        """The words for one patient or a few; for a cohort how many patients each guideline speaks of."""
        if self._patient is not None or self._patients <= _PRINTED:
            advice, graded = (pl.concat(parts) for parts in zip(*self._kept, strict=True))
            yield from advice_lines(advice, graded.unique(), self._tables, self._clock, all_=all_, next_=next_)
            return
        yield f"Advised {self._patients} patients; the table `advice` in the folder holds all of it. Patients by level:"
        counted = pl.concat(self._counts).group_by("guideline", "kind", "level").agg(pl.col("patient").sum())
        for guideline, kind, level, number in counted.sort("guideline", "kind", "level").iter_rows():
            yield f"  {guideline}: {kind}, {level}: {number}"
        yield "Name one with --patient to read what is said."
