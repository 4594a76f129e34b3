"""What guidelines say of a graded run: joins the tables of a run with the room ``advise``, some patients at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl

from cytowatch.advise.apply import advise as advice_for
from cytowatch.knowledge.choose import check_guidelines
from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import Outcome, Result, as_knowledge, check_rows, moment, outward
from cytowatch.schema import ADVICE

# patients advised at a time: what is held at once grows with them, what each call costs does not
PATIENTS_AT_ONCE = 500


def advise(
    graded: Result,
    guidelines: Sequence[str] | None = None,
    knowledge: Knowledge | str | Path | Iterable[str | Path] | None = None,
) -> pl.DataFrame:
    """What guidelines recommend at every moment of a graded record, one row a recommendation (``schema.ADVICE``).

    ``graded``: what ``grade`` gave back; ``guidelines``: ids, by default all guidelines and labels that nothing newer
    has replaced. It never decides: each row says on what it stands. Raises ArgumentError for a guideline that is not
    there, and for a run that does not hold its rows any more.
    """
    parts = advised_each(graded.outcome, as_knowledge(knowledge), guidelines)
    return outward(pl.concat([ADVICE.empty(), *parts]), graded.outcome.clock)


def advised_each(
    outcome: Outcome, knowledge: Knowledge, guidelines: Sequence[str] | None = None, patient: str | None = None
) -> Iterator[pl.DataFrame]:
    """The same on the tables of a run, times in microseconds: a table for some patients at a time, in their order."""
    check_rows(outcome, "cytowatch.advise")
    chosen = check_guidelines(guidelines, knowledge)
    arguments = outcome.run.get("arguments", {})
    for part in _parts(outcome, patient):
        yield advice_for(
            part.timeline,
            pl.concat([part.observations, part.in_doubt]),
            part.patients,
            knowledge,
            chosen,
            as_of=moment(arguments.get("as_of"), outcome.clock),
            not_recorded=frozenset(outcome.run.get("not_recorded", ())),
            clock=outcome.clock,
            assumed_product=arguments.get("assume_trigger"),
        )


def _parts(outcome: Outcome, patient: str | None) -> Iterator[Outcome]:
    """The run cut into some patients each; those without any row have nothing to be advised."""
    names = outcome.observations["patient"].unique().sort()
    if names.is_empty():
        yield outcome
        return
    wanted = names.filter(names == patient) if patient is not None else names
    if wanted.len() == names.len() <= PATIENTS_AT_ONCE:
        yield outcome.of_patients(wanted)
        return
    numbered = pl.DataFrame({"patient": wanted}).with_row_index("place")
    numbered = numbered.select("patient", (pl.col("place") // PATIENTS_AT_ONCE).alias("part"))
    for _, own in numbered.group_by("part", maintain_order=True):
        yield outcome.of_patients(own["patient"])
