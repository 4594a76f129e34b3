"""Settled rows → intervals with weights: the counters that the grid adds up.

A *counter frame* has ``subject, start, end`` and one integer column a counter. While an interval is open its weight
is part of the counter's value.
"""

from __future__ import annotations

import polars as pl

from cytowatch.engine.charted import Charted
from cytowatch.engine.compare import compare
from cytowatch.engine.compile import DEVICE, Needs, is_open
from cytowatch.engine.intervals import device_changes, device_ends, doubts, end_at, lasting, merge_runs, readings
from cytowatch.engine.subjects import FOREVER
from cytowatch.engine.thresholds import threshold_columns
from cytowatch.knowledge.model import Compare, Domain, Knowledge

# a flow belongs to the device it was charted with
_FLOW = "oxygen_flow"
_OFF_DEVICES = ("room_air",)


def reading_counters(rows: Charted, subjects: pl.DataFrame, needs: Needs, knowledge: Knowledge) -> list[pl.DataFrame]:
    """Counters ``<name>|true``, ``|false``, ``|gray`` of every comparison."""
    frames = []
    for name, node in needs.readings.items():
        own = rows.of(node.concept)
        if not own.is_empty():
            frames.append(_compared(own, rows, subjects, name, node, knowledge))
    return frames


def _compared(
    own: pl.DataFrame, rows: Charted, subjects: pl.DataFrame, name: str, node: Compare, knowledge: Knowledge
) -> pl.DataFrame:
    spoken = readings(own, knowledge.concepts[node.concept].valid_for_us)
    if node.without:
        spoken = end_at(spoken, device_ends(rows.of(node.without)))
    elif node.concept == _FLOW:
        spoken = end_at(spoken, device_changes(rows.of(DEVICE)))
    judged = judge(spoken, subjects, name, node, knowledge)
    return merge_runs(judged, [f"{name}|true", f"{name}|false", f"{name}|gray"])


def judge(spoken: pl.DataFrame, subjects: pl.DataFrame, name: str, node: Compare, knowledge: Knowledge) -> pl.DataFrame:
    """Add the comparison's verdict as weights; rows that the patient's age makes useless go."""
    if not node.threshold:
        verdict = compare(node.op, pl.lit(node.value))
        return spoken.with_columns(_weights(name, verdict.true, verdict.false))
    key = node.threshold
    cuts = subjects.select("subject", *threshold_columns(knowledge.thresholds[key]))
    verdict = compare(node.op, pl.col(f"{key}|low"), pl.col(f"{key}|high"))
    sure, unsure = pl.col(f"{key}|used") == 1, pl.col(f"{key}|used").is_null()
    true, false = verdict.true & sure.fill_null(False), verdict.false & sure.fill_null(False)
    judged = spoken.join(cuts, on="subject", how="left", maintain_order="left").with_columns(
        *_weights(name, true, false)
    )
    # a pressure that only an adult's rule reads says nothing if it is normal and the age unknown
    idle = ((pl.col(f"{key}|used") == 0) | (unsure & verdict.false)).fill_null(False)
    none = [
        pl.when(idle).then(0).otherwise(pl.col(f"{name}|{part}")).cast(pl.Int8).alias(f"{name}|{part}")
        for part in ("true", "false", "gray")
    ]
    return judged.with_columns(none)


def _weights(name: str, true: pl.Expr, false: pl.Expr) -> list[pl.Expr]:
    return [
        true.cast(pl.Int8).alias(f"{name}|true"),
        false.cast(pl.Int8).alias(f"{name}|false"),
        (~true & ~false).cast(pl.Int8).alias(f"{name}|gray"),
    ]


def drug_counters(rows: Charted, drugs: list[str], knowledge: Knowledge) -> list[pl.DataFrame]:
    """Counters ``<drug>|on`` and ``<drug>|doubt``."""
    frames = []
    for drug in drugs:
        own = rows.of(drug)
        if own.is_empty():
            continue
        spoken = drug_intervals(own, drug, knowledge)
        on = merge_runs(spoken.with_columns(pl.col("on").cast(pl.Int8).alias(f"{drug}|on")), [f"{drug}|on"])
        gray = spoken.with_columns(pl.col("gray").cast(pl.Int8).alias(f"{drug}|doubt"))
        tails = doubts(spoken, ~pl.col("off")).with_columns(pl.lit(1, pl.Int8).alias(f"{drug}|doubt"))
        frames += [on, merge_runs(gray, [f"{drug}|doubt"]), merge_runs(tails, [f"{drug}|doubt"])]
    return frames


def drug_intervals(own: pl.DataFrame, drug: str, knowledge: Knowledge) -> pl.DataFrame:
    """Rows of one drug with their intervals, and ``on``, ``gray``, ``off``; a rate that is not known is on."""
    verdict = compare(">", pl.lit(0.0))
    no_rate = pl.col("value").is_null()
    return lasting(own, knowledge.concepts[drug].valid_for_us or 0, ~no_rate & verdict.false).with_columns(
        (no_rate | verdict.true).alias("on"),
        (~no_rate & ~verdict.true & ~verdict.false).alias("gray"),
        (~no_rate & verdict.false).alias("off"),
    )


def device_intervals(own: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Device rows with their intervals; any later row without an end of its own says that the device was changed."""
    return lasting(own, knowledge.concepts[DEVICE].valid_for_us or 0, pl.lit(value=True))


def device_counters(rows: Charted, devices: dict[str, tuple[str, ...]], knowledge: Knowledge) -> list[pl.DataFrame]:
    """Counters ``device|any``, ``|other``, ``|doubt`` and one per list of categories."""
    own = rows.of(DEVICE)
    if own.is_empty():
        return []
    spoken = device_intervals(own, knowledge)
    text = pl.col("text").cast(pl.String)
    on = ~text.is_in(_OFF_DEVICES)
    lists = [text.is_in(categories).cast(pl.Int8).alias(name) for name, categories in devices.items()]
    flat = spoken.with_columns(
        on.cast(pl.Int8).alias("device|any"), (text == "other").cast(pl.Int8).alias("device|other"), *lists
    )
    tails = doubts(spoken, on).with_columns(pl.lit(1, pl.Int8).alias("device|doubt"))
    return [merge_runs(flat, ["device|any", "device|other", *devices]), merge_runs(tails, ["device|doubt"])]


def attribution_counters(rows: Charted, concept: str) -> list[pl.DataFrame]:
    """Counters ``<concept>|else`` (some other cause) and ``<concept>|own`` (CRS)."""
    own = rows.of(concept)
    if own.is_empty():
        return []
    elsewhere = pl.col("text").cast(pl.String) != "crs"
    spoken = readings(own, None).with_columns(
        elsewhere.cast(pl.Int8).alias(f"{concept}|else"), (~elsewhere).cast(pl.Int8).alias(f"{concept}|own")
    )
    return [merge_runs(spoken, [f"{concept}|else", f"{concept}|own"])]


def attributed(domain: Domain) -> pl.Expr:
    """The axis is attributed to another cause at this moment: its own row decides, else the general one."""
    own = domain.attribution
    return is_open(f"{own}|else") | (is_open("attribution|else") & ~is_open(f"{own}|own"))


def switch_counters(rows: Charted, concept: str) -> list[pl.DataFrame]:
    """Counter ``<concept>|on``: from a ``yes`` to the next row or its end."""
    own = rows.of(concept)
    if own.is_empty():
        return []
    yes = (pl.col("text").cast(pl.String) == "yes").cast(pl.Int8).alias(f"{concept}|on")
    return [merge_runs(readings(own, None).with_columns(yes), [f"{concept}|on"])]


def reason_counters(rows: Charted, domain: Domain, knowledge: Knowledge) -> list[pl.DataFrame]:
    """Counters ``reason|any``, ``|excludes``, ``|chronic`` and ``|from`` (since when the reason in force speaks)."""
    own = rows.of(domain.excluded_by)
    if own.is_empty():
        return []
    text = pl.col("text").cast(pl.String)
    chronic, takes_away = text.is_in(domain.chronic), text.is_in(domain.excluding)
    limited = readings(own, knowledge.concepts[domain.excluded_by].valid_for_us)
    spoken = limited.with_columns(pl.when(chronic).then(readings(own, None)["end"]).otherwise("end").alias("end"))
    weighed = spoken.with_columns(
        pl.lit(1, pl.Int8).alias("reason|any"),
        (takes_away & ~chronic).cast(pl.Int8).alias("reason|excludes"),
        (takes_away & chronic).cast(pl.Int8).alias("reason|chronic"),
        pl.col("time").alias("reason|from"),
    )
    return [merge_runs(weighed, ["reason|any", "reason|excludes", "reason|chronic", "reason|from"])]


def deaths_in_span(rows: Charted, subjects: pl.DataFrame) -> pl.DataFrame:
    """Death rows of a subject's own span; one before the span is no death of this patient's watch."""
    starts = subjects.select("subject", pl.col("start").alias("span_start"))
    deaths = rows.of("death").join(starts, on="subject", maintain_order="left")
    return deaths.filter(pl.col("time") >= pl.col("span_start"))


def own_death(rows: Charted, subjects: pl.DataFrame, cause: str) -> pl.DataFrame:
    """The first death of the scale's own cause, as a point."""
    deaths = deaths_in_span(rows, subjects).filter(pl.col("text").cast(pl.String) == cause)
    first = deaths.unique("subject", keep="first", maintain_order=True)
    return first.with_columns(pl.col("time").alias("start"), pl.col("time").alias("end"))


def death_counters(rows: Charted, subjects: pl.DataFrame, cause: str) -> list[pl.DataFrame]:
    """Counters ``death|own`` and ``death|unknown``, from the death on."""
    own = deaths_in_span(rows, subjects)
    if own.is_empty():
        return []
    text = pl.col("text").cast(pl.String).fill_null("unknown")
    spoken = own.with_columns(
        pl.col("time").alias("start"),
        pl.lit(FOREVER).alias("end"),
        (text == cause).cast(pl.Int8).alias("death|own"),
        (text == "unknown").cast(pl.Int8).alias("death|unknown"),
    )
    return [merge_runs(spoken, ["death|own", "death|unknown"])]
