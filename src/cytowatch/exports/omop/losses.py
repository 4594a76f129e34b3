"""What the common data model has no place for, counted: nothing is left out without a word."""

from __future__ import annotations

import polars as pl

WHY = {
    "superseded": "a row that another one corrects, repeats or withdraws: the model holds only what stands",
    "in_doubt": (
        "a therapy that may have been given, or a refused vital sign (read back, the value before it counts on): "
        "the model has no place for 'perhaps'"
    ),
    "end_of_state": "the end of a measurement or a finding: measurement and observation have a moment only",
    "end_of_doubt": "the end of an infusion of which it is unknown whether it ran: its end is written as its start",
    "open_end": "an infusion whose end nobody charted: a second row from there on, with its end at its start, says so",
    "available": "the moment at which a row became known",
    "status": "preliminary or amended: the model holds only what stands",
    "source": "the pointer to the row of the source: rows are known by their new numbers",
    "bound_of_amount": "the comparator of a dose or a rate: it is written without its amount",
    "stop_row": "a rate of 0: the end of the infusion before it says so; as the last row of a person it would say more",
    "dose_of_zero": "a dose of 0: nothing was given, and the model holds only what was",
    "last_word": "a person whose last word is of an infusion or a state with an end: the record ends elsewhere",
    "text_beside_number": "a text beside a number that has its own meaning (an assay, a note)",
    "cause_of_death": "the cause of a death: it is written as the source's own word, and read as unknown",
    "second_death": "a second death of one person",
    "midnight": "the start or end of a therapy, or a death, at exactly midnight: readers take it for a day",
    "told_twice": "a time in the hour that the clock repeats when summer time ends: it does not say which of the two",
    "age_in_years": "an age without a birth date: written as a year of birth, which is a year more or less",
    "no_age": "a person of unknown age: the year of birth is empty, though the model asks for one",
    "baseline": "weight, baselines and thresholds of a person, and guidelines declined",
    "unknown_concept": "a concept or scale of an overlay, without a number of its own",
    "not_shown_grade": "criteria, missing facts, flags and evidence of a grade",
}


class Losses:
    """Counts by kind of loss and concept."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, kind: str, frame: pl.DataFrame, column: str = "concept") -> None:
        """Count the rows of a frame under a kind, by their concept."""
        for concept, rows in frame.group_by(column).len().iter_rows() if frame.height else ():
            key = (kind, str(concept))
            self._counts[key] = self._counts.get(key, 0) + rows

    def table(self) -> pl.DataFrame:
        """``loss, concept, rows, why``, one row a kind and concept."""
        rows = [(kind, concept, rows, WHY[kind]) for (kind, concept), rows in sorted(self._counts.items())]
        return pl.DataFrame(rows, schema=["loss", "concept", "rows", "why"], orient="row") if rows else _EMPTY


_EMPTY = pl.DataFrame(schema={"loss": pl.String, "concept": pl.String, "rows": pl.Int64, "why": pl.String})
