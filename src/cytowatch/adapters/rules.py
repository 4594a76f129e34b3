"""The rules of admission: each reads one matter of a raw table and names the rows it refuses.

Working columns have a leading underscore and hold what is read; the columns as given stay for the rejects. A flag
is a true/false expression over them. A rule that cannot refuse any row of this table makes no flag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from cytowatch.adapters.codes import Coded, coded
from cytowatch.adapters.intake import Clock
from cytowatch.adapters.resolve import Dictionary, Meaning, TextMeaning
from cytowatch.adapters.times import Moments, read_hours, read_times, within_calendar

_ERROR = "entered-in-error"
_STATUSES = {"corrected": "amended"} | {name: name for name in ("final", "preliminary", "amended", _ERROR)}
# of these only the moment counts, so an end at the start says nothing wrong
_POINTS = ("dose", "trigger", "death", "statement")
_TIME_RULES = ("bad_time", "no_time_zone", "ambiguous_local_time", "nonexistent_local_time")


@dataclass
class Work:
    """The table under judgment, and rule name to flag, in the order in which a row is told only the first."""

    frame: pl.DataFrame
    flags: dict[str, pl.Expr] = field(default_factory=dict)

    def add(self, *columns: pl.Series | pl.Expr) -> None:
        """Add working columns."""
        self.frame = self.frame.with_columns(*columns)

    def has(self, name: str) -> bool:
        """True if the column is there and not all empty."""
        return name in self.frame.columns and self.frame[name].null_count() < len(self.frame)

    def text(self, name: str) -> pl.Series:
        """A text column, all empty if the table has none."""
        if name in self.frame.columns:
            return self.frame[name]
        return pl.Series(name, [None], dtype=pl.String).new_from_index(0, len(self.frame))

    def refuse(self, rule: str, flag: pl.Expr) -> None:
        """A rule about who, what or when."""
        self.flags[rule] = flag

    def refuse_value(self, rule: str, flag: pl.Expr) -> None:
        """A rule about the value of a row, which a row that only takes another one back does not need."""
        taken_back = pl.col("_status").eq_missing(pl.lit(_ERROR))
        self.flags[rule] = flag & ~taken_back if "_status" in self.frame.columns else flag


@dataclass(frozen=True)
class Meanings:
    """The meaning of each distinct (concept, unit), and how rows find theirs (column `_pair`)."""

    coded: Coded
    each: list[Meaning]

    def spread(self, values: Sequence[object], dtype: pl.DataType) -> pl.Expr:
        """One value per meaning, as a column over the rows of any part of the table."""
        return spread(values, dtype, "_pair")

    def concepts(self) -> pl.Expr:
        """The concept's key; the column as given where it already holds the keys."""
        keys = [meaning.concept.key if meaning.concept else None for meaning in self.each]
        if all(key is None or key == pair[0] for key, pair in zip(keys, self.coded.pairs, strict=True)):
            return pl.col("concept")
        return self.spread(keys, pl.String())


def spread(values: Sequence[object], dtype: pl.DataType, code: str) -> pl.Expr:
    """A value looked up by the code of each row; one value for all makes no look-up."""
    if len(values) and all(value == values[0] for value in values):
        return pl.lit(values[0], dtype)
    return pl.lit(pl.Series(values, dtype=dtype)).gather(pl.col(code))


def read_patients(work: Work) -> None:
    """Rule `missing_patient`."""
    if work.frame["patient"].null_count():
        work.refuse("missing_patient", pl.col("patient").is_null())


def read_names(work: Work, dictionary: Dictionary) -> Meanings:
    """Rules `missing_concept` and `unknown_concept`; the unit is looked up here and refused with the value."""
    pairs = coded(work.text("concept"), work.text("unit"))
    work.add(pairs.code.alias("_pair"))
    meanings = Meanings(pairs, [dictionary.meaning(*pair) for pair in pairs.pairs])
    for rule in ("missing_concept", "unknown_concept"):
        if any(meaning.rule == rule for meaning in meanings.each):
            work.refuse(rule, meanings.spread([meaning.rule == rule for meaning in meanings.each], pl.Boolean()))
    return meanings


def read_moments(work: Work, meanings: Meanings, clock: Clock, zone: str | None, file: str, *, longest_us: int) -> None:
    """Rules about `time` or `hours`, their ends, and `available`.

    An end more than ``longest_us`` after its start (31 December 9999) is how some systems write that no end is known.
    """
    own = {"time": "time", "until": "until"} if clock == "time" else {"time": "hours", "until": "until_hours"}
    other = {"time": "hours", "until": "until_hours"} if clock == "time" else {"time": "time", "until": "until"}
    strangers = [
        pl.col(other[name]).is_not_null() & (pl.col(own[name]).is_null() if own[name] in work.frame.columns else True)
        for name in own
        if work.has(other[name])
    ]
    if strangers:
        work.refuse("mixed_clock", pl.any_horizontal(strangers))
    refusals = [
        _read_moment(work, part, own.get(part, part), clock, zone, file) for part in ("time", "until", "available")
    ]
    for rule in _TIME_RULES if refusals[0] or refusals[1] else ():
        marks = [pl.col(f"_{part}_rule").eq_missing(pl.lit(rule)) for part in _refusing(refusals)]
        work.refuse(rule, pl.any_horizontal(marks))
    if work.frame["_time"].null_count():
        work.refuse("missing_time", pl.col("_time").is_null())
    if refusals[2]:
        work.refuse("bad_available", pl.col("_available_rule").is_not_null())
    if "_until" in work.frame.columns:
        known = pl.col("_until") - pl.col("_time") <= longest_us
        work.add(pl.when(known | pl.col("_time").is_null()).then("_until").alias("_until"))
    _refuse_ends(work, meanings)


def _refusing(refusals: list[bool]) -> list[str]:
    return [part for part, refuses in zip(("time", "until"), refusals[:2], strict=True) if refuses]


def _read_moment(work: Work, part: str, column: str, clock: Clock, zone: str | None, file: str) -> bool:
    """Add `_<part>`, and `_<part>_rule` where a row is refused; true if one is."""
    if not work.has(column):
        if part == "time":
            work.add(pl.lit(None, pl.Int64).alias("_time"))
        return False
    given = work.frame[column]
    read: Moments = read_times(given, zone, file=file) if clock == "time" else read_hours(given)
    if clock == "time" and part != "until":
        # an end beyond is read as none
        read = within_calendar(read)
    work.add(read.us.alias(f"_{part}"))
    if read.rule is not None:
        work.add(read.rule.alias(f"_{part}_rule"))
    return read.rule is not None


def _refuse_ends(work: Work, meanings: Meanings) -> None:
    if "_until" not in work.frame.columns:
        return
    work.refuse("end_before_start", (pl.col("_until") < pl.col("_time")).fill_null(False))
    lasting = meanings.spread([m.concept is None or m.concept.kind not in _POINTS for m in meanings.each], pl.Boolean())
    work.refuse("end_not_after_start", (pl.col("_until") == pl.col("_time")).fill_null(False) & lasting)


def read_statuses(work: Work) -> None:
    """Rule `unknown_status`; an empty status is `final`."""
    if not work.has("status"):
        return
    known = {
        name: _STATUSES.get(name.lower().replace("_", "-").replace(" ", "-")) for name in _distinct(work, "status")
    }
    read = pl.col("status").replace_strict(known, default=None, return_dtype=pl.String)
    work.add(pl.when(pl.col("status").is_null()).then(pl.lit("final")).otherwise(read).alias("_status"))
    if None in known.values():
        work.refuse("unknown_status", pl.col("_status").is_null())


def _distinct(work: Work, name: str) -> list[str]:
    found: list[str] = work.frame[name].drop_nulls().unique().sort().to_list()
    return found


def read_texts(work: Work, meanings: Meanings, dictionary: Dictionary) -> list[TextMeaning]:
    """Rules `missing_text` and `unknown_category`; adds `_text`, and `_said` where a text is looked up."""
    needed = [meaning.concept is not None and meaning.concept.text_needed for meaning in meanings.each]
    if any(needed):
        empty = pl.col("text").is_null() if work.has("text") else pl.lit(True)
        work.refuse_value("missing_text", meanings.spread(needed, pl.Boolean()) & empty)
    if not work.has("text"):
        return []
    coded_text = [m.concept is not None and dictionary.knows_texts(m.concept) for m in meanings.each]
    if not any(coded_text):
        work.add(pl.col("text").alias("_text"))
        return []
    looked_up = work.frame.select(pl.when(meanings.spread(coded_text, pl.Boolean())).then("text")).to_series()
    pairs = coded(work.text("concept"), looked_up)
    texts = [_said(dictionary, *pair) for pair in pairs.pairs]
    work.add(pairs.code.alias("_said"))
    found = spread([text.text for text in texts], pl.String(), "_said")
    work.add(pl.coalesce(found, "text").alias("_text"))
    if any(text.rule for text in texts):
        work.refuse_value("unknown_category", spread([bool(text.rule) for text in texts], pl.Boolean(), "_said"))
    return texts


def _said(dictionary: Dictionary, name: str | None, text: str | None) -> TextMeaning:
    concept = dictionary.concept(name) if name is not None else None
    return TextMeaning(None) if concept is None or text is None else dictionary.text(concept, text)
