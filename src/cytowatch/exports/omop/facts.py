"""Admitted observations as rows of MEASUREMENT, OBSERVATION, DRUG_EXPOSURE, DEVICE_EXPOSURE and DEATH.

Only rows that stand are written. Times are those of the clock on the wall, for the model stores no zone.
"""

from __future__ import annotations

import polars as pl

from cytowatch.engine.settle import in_doubt, settle
from cytowatch.exports.omop.local import Ids
from cytowatch.exports.omop.losses import Losses
from cytowatch.exports.omop.wall import Wall
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import DAY_US

# the standard types of records: of an administration that was charted, and of what a health record holds
_ADMINISTERED, _RECORDED = "32818", "32817"
_DRUGS = ("infusion", "dose", "trigger")
Tables = dict[str, pl.DataFrame]


def facts(observations: pl.DataFrame, ids: Ids, losses: Losses, wall: Wall) -> Tables:
    """The tables of facts; ``observations`` with ``person_id`` and times in microseconds since 1970 UTC."""
    knowledge = ids.knowledge
    known = pl.col("concept").is_in(list(knowledge.concepts))
    losses.add("unknown_concept", observations.filter(~known))
    rows = _standing(observations.filter(known), knowledge, losses)
    kinds = {key: concept.kind for key, concept in knowledge.concepts.items()}
    rows = rows.with_columns(kind=pl.col("concept").replace_strict(kinds, default=None, return_dtype=pl.String))
    numberless = [key for key in kinds if ids.source_concept(key, None) == "0"]
    losses.add("unknown_concept", rows.filter(pl.col("concept").is_in(numberless)))
    losses.add("available", rows.filter(pl.col("available").is_not_null()))
    losses.add("status", rows.filter(pl.col("status") != "final"))
    losses.add("source", rows)
    kind = pl.col("kind")
    rest = rows.filter(~kind.is_in([*_DRUGS, "device", "death"]))
    losses.add("told_twice", rest.filter(wall.is_told_twice("time")))
    losses.add("end_of_state", rest.filter(pl.col("until").is_not_null()))
    words = rest.filter(pl.col("value").is_null() | _worded(knowledge))
    therapies = _ended(rows.filter(kind.is_in(_DRUGS), ~_doubtful("dose")), knowledge)
    losses.add("in_doubt", rows.filter(_doubtful("dose")))
    devices = rows.filter(kind == "device")
    _count_last_words(rows, [rest.with_columns(until=None), devices, _written(therapies)], knowledge, losses)
    return {
        "measurement": _measurements(rest.join(words, on=["row", "concept"], how="anti"), ids, losses, wall),
        "observation": _observations(words, ids, wall),
        "drug_exposure": _drugs(therapies, ids, losses, wall),
        "device_exposure": _devices(devices, ids, losses, wall),
        "death": _deaths(rows.filter(kind == "death"), losses, wall),
    }


def _count_last_words(rows: pl.DataFrame, written: list[pl.DataFrame], knowledge: Knowledge, losses: Losses) -> None:
    """Count the persons of whom the last known moment is another one in what is written."""
    before, after = _last_word(rows, knowledge), _last_word(pl.concat(written, how="diagonal_relaxed"), knowledge)
    moved = before.join(after, on="person_id", how="left", suffix="_written")
    moved = moved.filter(pl.col("known").ne_missing(pl.col("known_written")))
    losses.add("last_word", moved.with_columns(concept=pl.lit("")))


def _last_word(rows: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Per person the last moment anything is known, as the engine counts it."""
    valid = {key: min(concept.valid_for_us or 0, 2 * DAY_US) for key, concept in knowledge.concepts.items()}
    lapse = pl.col("time") + pl.col("concept").replace_strict(valid, return_dtype=pl.Int64)
    known = pl.when(pl.col("until").is_null()).then(lapse).otherwise(pl.max_horizontal("time", "until"))
    return rows.group_by("person_id").agg(known.max().alias("known"))


def _written(therapies: pl.DataFrame) -> pl.DataFrame:
    """The therapies as a reader finds them again."""
    kept = therapies.filter(~_stop(), ~_nothing())
    ends = (pl.col("kind") == "infusion") & ~pl.col("doubt")
    spans = kept.with_columns(until=pl.when(ends).then("end"))
    return pl.concat([spans, kept.filter("open").with_columns(time="end", until=pl.lit(None, pl.Int64))])


def _standing(observations: pl.DataFrame, knowledge: Knowledge, losses: Losses) -> pl.DataFrame:
    """The rows that settling keeps, in the order of their numbers."""
    settled = settle(observations, knowledge, observations["concept"].unique().to_list())
    kept = [frame.select("row", pl.lit(concept).alias("concept")) for concept, frame in settled.charted.frames.items()]
    keys = pl.concat(kept) if kept else observations.select("row", "concept").clear()
    losses.add("superseded", observations.join(keys, on=["row", "concept"], how="anti"))
    return observations.join(keys.unique(), on=["row", "concept"], how="semi").sort("row", "concept")


def _worded(knowledge: Knowledge) -> pl.Expr:
    """True for concepts whose number needs its text: a reported grade and its scale."""
    keys = [concept.key for concept in knowledge.concepts.values() if concept.text_needed]
    return pl.col("concept").is_in(keys)


def _coded(frame: pl.DataFrame, ids: Ids) -> pl.DataFrame:
    """Adds ``standard`` and ``own``: the concept ids of a row by its concept and text."""
    pairs = list(frame.select("concept", "text").unique().iter_rows())
    codes = [(concept, text, ids.concept(concept, text), ids.source_concept(concept, text)) for concept, text in pairs]
    table = pl.DataFrame(codes, schema=dict.fromkeys(("concept", "text", "standard", "own"), pl.String), orient="row")
    return frame.join(table, on=["concept", "text"], how="left", nulls_equal=True, maintain_order="left")


def _unit_id(ids: Ids) -> pl.Expr:
    return pl.col("unit").replace_strict(ids.units, default="0", return_dtype=pl.String)


def _measurements(frame: pl.DataFrame, ids: Ids, losses: Losses, wall: Wall) -> pl.DataFrame:
    losses.add("text_beside_number", frame.filter(pl.col("text").is_not_null()))
    operator = pl.col("comparator").replace_strict(ids.operators, default=None, return_dtype=pl.String)
    return _coded(frame.with_columns(text=pl.lit(None, pl.String)), ids).select(
        "person_id",
        measurement_concept_id="standard", measurement_date=wall.day("time"), measurement_datetime=wall.stamped("time"),
        measurement_type_concept_id=pl.lit(_RECORDED), operator_concept_id=operator, value_as_number="value",
        value_as_concept_id=pl.lit("0"), unit_concept_id=_unit_id(ids), range_low="range_low", range_high="range_high",
        measurement_source_value="concept", measurement_source_concept_id="own", unit_source_value="unit",
        value_source_value=_printed(),
    )  # fmt: skip


def _printed() -> pl.Expr:
    """The value as a laboratory would print it."""
    return pl.col("comparator").fill_null("") + pl.col("value").cast(pl.String)


def _observations(frame: pl.DataFrame, ids: Ids, wall: Wall) -> pl.DataFrame:
    # the number of the concept, not of its category: what is observed stands apart from what was found
    plain = _coded(frame.with_columns(said="text", text=pl.lit(None, pl.String)), ids)
    return plain.select(
        "person_id",
        observation_concept_id="own", observation_date=wall.day("time"), observation_datetime=wall.stamped("time"),
        observation_type_concept_id=pl.lit(_RECORDED), value_as_number="value", value_as_string="said",
        value_as_concept_id=pl.lit("0"), qualifier_concept_id=pl.lit("0"), unit_concept_id=_unit_id(ids),
        observation_source_value="concept", observation_source_concept_id="own", unit_source_value="unit",
        value_source_value="said",
    )  # fmt: skip


def _drugs(frame: pl.DataFrame, ids: Ids, losses: Losses, wall: Wall) -> pl.DataFrame:
    """Infusions from start to end, doses and triggers at their moment.

    An infusion whose end nobody charted is written to the end of the time for which its row speaks, and from there once
    more with its end at its start, which is how the model writes that no end is known.
    """
    losses.add("stop_row", frame.filter(_stop()))
    losses.add("dose_of_zero", frame.filter(_nothing()))
    kept = frame.filter(~_stop(), ~_nothing())
    losses.add("end_of_doubt", kept.filter("doubt"))
    bound = ~pl.col("doubt") & pl.col("comparator").is_not_null()
    losses.add("bound_of_amount", kept.filter(bound))
    losses.add("open_end", kept.filter("open"))
    by_day = pl.when(pl.col("kind") == "infusion").then(wall.at_midnight("end")).otherwise(wall.at_midnight("time"))
    losses.add("midnight", kept.filter(by_day, ~pl.col("doubt"), pl.col("kind") != "trigger"))
    losses.add("told_twice", kept.filter(wall.is_told_twice("time") | wall.is_told_twice("end")))
    told = pl.when(~pl.col("doubt") & ~bound)
    written = kept.with_columns(value=told.then("value"), unit=told.then("unit"))
    still = written.filter("open").with_columns(
        time="end", value=pl.lit(None, pl.Float64), unit=pl.lit(None, pl.String)
    )
    return _coded(pl.concat([written, still]), ids).select(
        "person_id",
        drug_concept_id="standard", drug_exposure_start_date=wall.day("time"),
        drug_exposure_start_datetime=wall.stamped("time"), drug_exposure_end_date=wall.day("end"),
        drug_exposure_end_datetime=wall.stamped("end"), drug_type_concept_id=pl.lit(_ADMINISTERED),
        quantity="value",
        # of a trigger the name is its product; without one it has none
        drug_source_value=pl.coalesce("text", pl.when(pl.col("kind") != "trigger").then("concept")),
        drug_source_concept_id="own",
        route_source_value=pl.lit(None, pl.String), dose_unit_source_value="unit",
    )  # fmt: skip


def _stop() -> pl.Expr:
    return (pl.col("kind") == "infusion") & (pl.col("value") == 0).fill_null(value=False) & ~pl.col("doubt")


def _nothing() -> pl.Expr:
    return (pl.col("kind") == "dose") & (pl.col("value") == 0).fill_null(value=False)


def _doubtful(kind: str) -> pl.Expr:
    return (pl.col("kind") == kind) & in_doubt(kind)


def _ended(frame: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Adds ``end``, ``doubt`` (it is unknown whether it ran) and ``open`` (nobody charted its end).

    As the engine reads it: a rate lasts to its own end, but not beyond a stop without one; an open rate to the next row
    of its drug, at most for the time for which it speaks.
    """
    valid = {key: concept.valid_for_us for key, concept in knowledge.concepts.items() if concept.valid_for_us}
    drug = ["person_id", "concept"]
    frame = frame.with_columns(doubt=_doubtful("infusion"))
    off = (pl.col("value") == 0).fill_null(value=False) & ~pl.col("doubt") & pl.col("until").is_null()
    known = _next(_next(frame, frame, drug, "after"), frame.filter(off), drug, "stopped")
    lapse = pl.col("time") + pl.col("concept").replace_strict(valid, default=DAY_US, return_dtype=pl.Int64)
    infusion, given = pl.col("kind") == "infusion", pl.col("until").is_not_null()
    end = (
        pl.when(~infusion | pl.col("doubt"))
        .then("time")
        .when(given)
        .then(pl.min_horizontal("until", "stopped"))
        .otherwise(pl.min_horizontal("after", lapse))
    )
    on = infusion & ~pl.col("doubt") & pl.col("value").ne_missing(pl.lit(0.0))
    is_open = on & ~given & (pl.col("after").is_null() | (pl.col("after") > lapse))
    return known.with_columns(end=end, open=is_open).drop("after", "stopped")


def _next(frame: pl.DataFrame, steps: pl.DataFrame, by: list[str], name: str) -> pl.DataFrame:
    """Adds the time of the first of ``steps`` after each row that is the same by these columns."""
    times = steps.select(*by, pl.col("time").alias(name)).unique().sort(name)
    return frame.sort("time", maintain_order=True).join_asof(
        times, left_on="time", right_on=name, by=by, strategy="forward", allow_exact_matches=False,
        check_sortedness=False,
    )  # fmt: skip


def _devices(frame: pl.DataFrame, ids: Ids, losses: Losses, wall: Wall) -> pl.DataFrame:
    losses.add("in_doubt", frame.filter(in_doubt("device")))
    kept = frame.filter(~in_doubt("device"))
    losses.add("midnight", kept.filter(wall.at_midnight("time") | wall.at_midnight("until")))
    losses.add("told_twice", kept.filter(wall.is_told_twice("time") | wall.is_told_twice("until")))
    return _coded(kept, ids).select(
        "person_id",
        device_concept_id="own", device_exposure_start_date=wall.day("time"),
        device_exposure_start_datetime=wall.stamped("time"), device_exposure_end_date=wall.day("until"),
        device_exposure_end_datetime=wall.stamped("until"), device_type_concept_id=pl.lit(_RECORDED),
        device_source_value="text", device_source_concept_id="own",
    )  # fmt: skip


def _deaths(frame: pl.DataFrame, losses: Losses, wall: Wall) -> pl.DataFrame:
    first = frame.sort("time", "row").unique("person_id", keep="first", maintain_order=True)
    losses.add("second_death", frame.join(first, on="row", how="anti"))
    losses.add("cause_of_death", first.filter(pl.col("text").is_not_null(), pl.col("text") != "unknown"))
    losses.add("midnight", first.filter(wall.at_midnight("time")))
    losses.add("told_twice", first.filter(wall.is_told_twice("time")))
    return first.select(
        "person_id",
        death_date=wall.day("time"), death_datetime=wall.stamped("time"), death_type_concept_id=pl.lit(_RECORDED),
        cause_concept_id=pl.lit("0"), cause_source_value="text", cause_source_concept_id=pl.lit("0"),
    )  # fmt: skip
