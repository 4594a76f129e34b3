"""What every domain's mapper needs: cells that may not be there, raw facts, silent rows, and rows with a cut date."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.gather import SILENT, no_silent
from cytowatch.adapters.sdtm.dates import Moment

RAW = {
    "row": pl.Int64(),
    "source": pl.String(),
    "patient": pl.String(),
    "time": pl.String(),
    "until": pl.String(),
    "concept": pl.String(),
    "value": pl.String(),
    "unit": pl.String(),
    "text": pl.String(),
    "range_low": pl.String(),
    "range_high": pl.String(),
}
# how many names of ignored rows a file's ledger holds, and how much of each
_NAMED, _LONGEST_NAME = 20, 60
# CDISC's answers (NY), as words and as 0 and 1; any other says that nobody knows
_YES, _NO = ("Y", "YES", "1"), ("N", "NO", "0", "NA", "NOT APPLICABLE")
UNKNOWN_OCCURRENCE = "unknown_occurrence"
_CUT = "the date says no time of day, so it cannot be placed hour by hour"
_CUT_HINT = "give the time of day in --DTC (2024-03-01T10:00); a date alone is never moved to midnight or noon"


def cell(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A column, or nothing where the domain has none of that name."""
    return pl.col(name) if name in frame.columns else pl.lit(None, pl.String)


def capitals(text: pl.Expr) -> pl.Expr:
    """Text in capitals with single spaces, as names are looked up."""
    return text.str.to_uppercase().str.replace_all(r"\s+", " ").str.strip_chars()


def occurrence(answer: pl.Expr) -> pl.Expr:
    """`yes`, `no` or `unknown` of the answer to whether something occurred; empty where nobody answers."""
    said = capitals(answer)
    said = pl.when(said != "").then(said)
    return (
        pl.when(said.is_in(_YES)).then(pl.lit("yes")).when(said.is_in(_NO)).then(pl.lit("no"))
        .when(said.is_not_null()).then(pl.lit("unknown"))
    )  # fmt: skip


def absent(frame: pl.DataFrame, domain: str) -> pl.Expr:
    """Whether a row says that what it names did not occur."""
    return (occurrence(cell(frame, f"{domain}OCCUR")) == "no").fill_null(value=False)


def unsure(frame: pl.DataFrame, domain: str) -> pl.Expr:
    """Whether a row says that nobody knows if what it names occurred: --OCCUR = U, or --STAT = NOT DONE.

    The status says that the question was not asked. An answer of no stands all the same.
    """
    asked = occurrence(cell(frame, f"{domain}OCCUR"))
    not_asked = (capitals(cell(frame, f"{domain}STAT")) == "NOT DONE").fill_null(value=False)
    return (asked == "unknown").fill_null(value=False) | (not_asked & asked.ne_missing(pl.lit("no")))


def unknown_occurrence(frame: pl.DataFrame, domain: str) -> pl.DataFrame:
    """Rejects of rows that say that nobody knows if what they name occurred."""
    # in FA the result is the answer
    answer = "FASTRESC" if "FATESTCD" in frame.columns else f"{domain}OCCUR"
    return rejected(
        frame,
        UNKNOWN_OCCURRENCE,
        pl.lit(f"whether it occurred is not known ({answer}, {domain}STAT)"),
        "answer with Y or N where it can be known; until then it is in doubt for the time of the row",
        concept=pl.col("concept"),
        value=pl.coalesce(cell(frame, answer), cell(frame, f"{domain}STAT")),
    )


def facts(frame: pl.DataFrame, time: str, **columns: pl.Expr) -> pl.DataFrame:
    """Raw facts: who, when, and what is given; every column of the long table that a door here may fill."""
    given = {
        "row": pl.col("row"),
        "source": pl.col("source"),
        "patient": pl.col("USUBJID"),
        "time": pl.col(time),
        **columns,
    }
    return frame.select(
        given.get(name, pl.lit(None)).cast(dtype, strict=False).alias(name) for name, dtype in RAW.items()
    )


def no_facts() -> pl.DataFrame:
    """No raw facts."""
    return pl.DataFrame(schema=RAW)


def ignored(frame: pl.DataFrame, reason: pl.Expr) -> pl.DataFrame:
    """Silent rows that are understood and not needed."""
    return _silent(frame, fate=pl.lit("ignored"), reason=reason)


def ignored_by_name(frame: pl.DataFrame, reason: str, name: pl.Expr) -> pl.DataFrame:
    """The same, with the names of what is ignored, so that a missed one can be found: the most frequent ones."""
    named = frame.with_columns(capitals(name).fill_null("").str.slice(0, _LONGEST_NAME).alias("_called"))
    counts = named.group_by("_called").len("_rows").sort("_rows", "_called", descending=[True, False])
    few = counts["_called"].slice(_NAMED)
    told = pl.when(pl.col("_called").is_in(few.implode())).then(pl.lit(f"{reason}: {few.len()} other names"))
    return ignored(named, told.otherwise(pl.format("{}: {}", pl.lit(reason), pl.col("_called"))))


def superseded(frame: pl.DataFrame, reason: pl.Expr) -> pl.DataFrame:
    """Silent rows that another row stands for."""
    return _silent(frame, fate=pl.lit("superseded"), reason=reason)


def rejected(
    frame: pl.DataFrame,
    rule: str,
    reason: pl.Expr,
    hint: str,
    *,
    concept: pl.Expr | None = None,
    value: pl.Expr | None = None,
) -> pl.DataFrame:
    """Silent rows that cannot be used and that somebody should look at."""
    columns = {"rule": pl.lit(rule), "reason": reason, "hint": pl.lit(hint)}
    columns |= {name: given for name, given in (("concept", concept), ("value", value)) if given is not None}
    return _silent(frame, fate=pl.lit("rejected"), **columns)


def cut_short(frame: pl.DataFrame, moment: Moment, *, concept: str = "concept", consequence: str = "") -> pl.DataFrame:
    """Silent rows whose date is cut short: rejected, never padded."""
    hint = f"{_CUT_HINT}; {consequence}" if consequence else _CUT_HINT
    return rejected(frame, "partial_date", pl.lit(_CUT), hint, concept=pl.col(concept), value=pl.col(moment.text))


def _silent(frame: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    if frame.is_empty():
        return no_silent()
    nothing = {name: pl.lit(None, pl.String) for name in SILENT} | {name: pl.lit("") for name in ("rule", "hint")}
    given = {**nothing, "row": pl.col("row"), "source": pl.col("source"), "patient": pl.col("USUBJID"), **columns}
    types = no_silent().schema
    return frame.select(given[name].cast(types[name]).alias(name) for name in SILENT)
