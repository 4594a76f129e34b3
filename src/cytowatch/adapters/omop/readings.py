"""Rows of ``measurement`` and ``observation``: a number with its unit and comparator, or a word."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.gather import Mapped
from cytowatch.adapters.omop.meanings import Judge, Units, looked_up, takes_text
from cytowatch.adapters.omop.moments import in_doubt, refused, with_moment, with_unknown
from cytowatch.knowledge.model import Knowledge

KEYS = {
    "measurement": ("measurement_concept_id", "measurement_source_concept_id", "measurement_source_value"),
    "observation": ("observation_concept_id", "observation_source_concept_id", "observation_source_value"),
}
_PRINTED = r"^(<=|>=|<|>|≤|≥)\s*\.?\d"
_LASTING = ("infusion", "device", "dose")


def readings(frame: pl.DataFrame, table: str, judge: Judge) -> Mapped:
    """What the kept rows of a table state, one fact a row; what those speak of that no table knows is in doubt."""
    frame = with_moment(
        frame, f"{table}_date", f"{table}_datetime", "measurement_time" if table == "measurement" else None
    )
    for name in ("operator_concept_id", "range_low", "range_high", "value_as_string"):
        frame = frame if name in frame.columns else frame.with_columns(pl.lit(None, pl.String).alias(name))
    nothing = pl.lit(None, pl.String)
    both = pl.concat([judge.stated(frame).with_columns(printed=nothing), judge.overheard(frame)], how="diagonal")
    stated = with_unknown(both.with_columns(doubtful=pl.col("kind").is_in(_LASTING), last=nothing, end=nothing))
    told = _with_words(_with_unit(_with_operator(stated, judge.concepts.knowledge), judge), judge)
    good = told.filter(pl.col("rule").is_null())
    raw = good.select(
        "row", "source", "time", "concept", "value", "unit", "comparator", "text", "range_low", "range_high",
        patient="person_id",
    )  # fmt: skip
    spoken = pl.col("unread").is_not_null()
    doubts = [in_doubt(stated.filter(part)) for part in (~spoken, spoken)]
    mild = both.select("row", pl.col("mild").fill_null(value=False)).unique("row")
    return Mapped(raw, refused(stated), unread=doubts[0], spoken=doubts[1].join(mild, on="row", how="left"))


def _with_operator(frame: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Adds ``comparator`` and ``value``: by the operator's id, else as the laboratory printed it.

    No id, the id 0 and the id of "=" say the same: no operator was stored, and the laboratory may have printed one. An
    id that our table lacks is handed on, to be refused. Where no number was stored the print is the value.
    """
    known = {row["concept_id"]: row["comparator"] for row in knowledge.codes.get("omop_operators", ())}
    operator = pl.col("operator_concept_id")
    none = ["0", *(key for key, comparator in known.items() if comparator == "=")]
    coded = operator.replace_strict(known, default=operator, return_dtype=pl.String)
    printed = pl.col("value_source_value").str.strip_chars().str.extract(_PRINTED, 1)
    number, said = pl.col("value_as_number"), pl.col("value_source_value")
    return frame.with_columns(
        comparator=pl.when(operator.is_null() | operator.is_in(none))
        .then(pl.when(number.is_not_null()).then(printed))
        .otherwise(coded),
        value=pl.coalesce(number, said),
    )


def _with_unit(frame: pl.DataFrame, judge: Judge) -> pl.DataFrame:
    keys = ("concept", "unit_concept_id", "unit_source_value", "code_unit")
    return looked_up(frame, keys, "unit", Units(judge.concepts).of)


def _with_words(frame: pl.DataFrame, judge: Judge) -> pl.DataFrame:
    """Adds ``text`` to the concepts that are told in words, and takes the number from them that they do not have."""
    known = judge.concepts.knowledge
    keys = ("concept", "category", "value_as_string", "value_as_concept_id", "value_source_value")

    def word(concept: str, category: str | None, string: str | None, coded: str | None, said: str | None) -> str | None:
        if not takes_text(known.concepts[concept]):
            return None
        if category is not None:
            return category
        meant = judge.concepts.of_id(coded)
        named = judge.concepts.named.get(coded or "")
        by_id = meant.category if meant is not None and meant.concept == concept else None
        text = by_id or string or said or (named.name if named else None)
        return _device(text, known) if concept == "oxygen_device" else text

    worded = looked_up(frame, keys, "text", word)
    wordy = [concept.key for concept in known.concepts.values() if takes_text(concept)]
    return worded.with_columns(
        value=pl.when(pl.col("concept").is_in(wordy).not_() | pl.col("value_as_number").is_not_null()).then("value")
    )


def _device(text: str | None, knowledge: Knowledge) -> str | None:
    """A device as MIMIC and CLIF chart it; any other word goes on as it is, for admission to judge."""
    wanted = f"|{(text or '').strip().lower()}"
    rows = knowledge.codes.get("clif_devices", ())
    return next((row["category"] for row in rows if row["device"].lower() == wanted and row["fate"] == "map"), text)
