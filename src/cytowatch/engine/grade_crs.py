"""CRS from settled rows to timeline and episodes: the order of the steps."""

from __future__ import annotations

import polars as pl

from cytowatch.engine import counters, crs, trace
from cytowatch.engine.charted import Charted
from cytowatch.engine.compare import compare
from cytowatch.engine.compile import DEVICE, Compiled, compile_criteria
from cytowatch.engine.episodes import (
    describe,
    doses_before_onset,
    given,
    number_episodes,
    waived_from,
    with_doses_in_doubt,
)
from cytowatch.engine.fever import fever_counters, fever_rows
from cytowatch.engine.grid import make_grid, split_at
from cytowatch.engine.intervals import device_changes, device_ends, end_at, readings
from cytowatch.engine.masks import unmask
from cytowatch.engine.rows import join_equal, to_timeline
from cytowatch.engine.subjects import Subjects
from cytowatch.knowledge.model import AnyMeasured, Compare, Criterion, In, Knowledge, Running, Scale


def grade_crs(
    subjects: Subjects, scale: Scale, knowledge: Knowledge, rules: crs.Rules, not_recorded: frozenset[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Timeline and episodes of a CRS scale, in the columns of the schema."""
    compiled = compile_criteria(scale, not_recorded)
    rows, people = subjects.rows, subjects.table
    fevers = fever_rows(rows, people, scale, knowledge)
    frames = _counter_frames(rows, people, fevers, scale, compiled, knowledge, rules)
    grid = make_grid(people, frames, crs.counters_read(scale, compiled, rules))
    home = pl.col("baseline_oxygen_device").replace_strict(crs.device_levels(scale), default=0, return_dtype=pl.Int8)
    about = people.select("subject", "triggered", "assumed", "age_days", home.fill_null(0).alias("baseline_level"))
    grid = grid.join(
        about.join(_early_fevers(fevers, people, rules.early_fever), on="subject", how="left"),
        on="subject",
        how="left",
        maintain_order="left",
    )
    phases = crs.add_phases(crs.add_signs(grid, scale, compiled, not_recorded, rules), rules)
    episodes = number_episodes(phases, subjects)
    doses = given(rows, list(scale.episode.waived_by)).sort(
        "subject", "time", "source", descending=[False, False, True]
    )
    phases = phases.join(waived_from(episodes, doses), on=["subject", "onset"], how="left", maintain_order="left")
    phases = split_at(phases, pl.col("waived_from"))
    segments = crs.add_names(crs.add_bounds(_early_only(phases, rules.early_fever), rules), scale)
    ends = pl.when("sign").then("end").otherwise("ls")
    segments = segments.with_columns(pl.max_horizontal("last", ends).alias("last_sign_at"))
    joined = join_equal(segments)
    traced = trace.evidence(joined, _groups(joined, rows, people, fevers, doses, scale, knowledge))
    timeline = to_timeline(traced, episodes, people, scale.id, crs.criteria_names(scale), crs.MISSING, crs.FLAGS)
    table = describe(episodes, segments, subjects, rules.episode_gap, rules.steroids)
    in_doubt = with_doses_in_doubt(table, subjects, [*scale.episode.waived_by, *rules.steroids])
    flags = _episode_flags(episodes, segments, doses, rules.early_drug, in_doubt)
    return timeline, table.with_columns(flags)


def _counter_frames(
    rows: Charted,
    people: pl.DataFrame,
    fevers: pl.DataFrame,
    scale: Scale,
    compiled: Compiled,
    knowledge: Knowledge,
    rules: crs.Rules,
) -> list[pl.DataFrame]:
    oxygen = next(domain for domain in scale.domains if domain.excluded_by)
    said = ["attribution", *dict.fromkeys(d.attribution for d in scale.domains if d.attributed_at == "moment")]
    drugs = [*sorted(compiled.needs.drugs), *rules.inotropes]
    return [
        *fever_counters(fevers, rules.fever_gap),
        *counters.reading_counters(rows, people, compiled.needs, knowledge),
        *counters.drug_counters(rows, drugs, knowledge),
        *counters.device_counters(rows, compiled.needs.devices, knowledge),
        *counters.reason_counters(rows, oxygen, knowledge),
        *counters.death_counters(rows, people, scale.episode.death_cause),
        *(frame for concept in said for frame in counters.attribution_counters(rows, concept)),
    ]


def _early_fevers(fevers: pl.DataFrame, people: pl.DataFrame, within: int) -> pl.DataFrame:
    """Subjects with a fever reading in the day before the trigger: subject, early_fever."""
    starts = people.select("subject", pl.col("start").alias("span_start"))
    early = (
        fevers.filter(pl.col("fever|true") == 1)
        .select("subject", "time")
        .join(starts, on="subject")
        .filter((pl.col("time") < pl.col("span_start")) & (pl.col("time") >= pl.col("span_start") - within))
    )
    return early.select("subject").unique().with_columns(pl.lit(True).alias("early_fever"))


def _early_only(phases: pl.DataFrame, within: int) -> pl.DataFrame:
    """Fever before the trigger concerns an episode that opens within a day of the trigger."""
    begins = pl.col("start").first().over("subject")
    soon = (pl.col("onset") - begins < within).fill_null(False)
    return phases.with_columns((pl.col("early_fever").fill_null(False) & soon).alias("early_fever"))


def _episode_flags(
    episodes: pl.DataFrame, segments: pl.DataFrame, doses: pl.DataFrame, within: int, in_doubt: pl.Series
) -> pl.DataFrame:
    early = segments.filter(pl.col("onset").is_not_null()).group_by("subject", "onset").agg(pl.col("early_fever").any())
    joined = episodes.join(early, on=["subject", "onset"], how="left", maintain_order="left")
    order = ["antipyretic_before_onset", "assumed_trigger", "dose_in_doubt", "fever_before_trigger"]
    bits = (
        doses_before_onset(episodes, doses, within).cast(pl.Int64) * 1
        + joined["assumed"].cast(pl.Int64) * 2
        + in_doubt.cast(pl.Int64) * 4
        + joined["early_fever"].fill_null(False).cast(pl.Int64) * 8
    )
    return unmask(pl.DataFrame({"flags": bits}), "flags", order)


def _groups(
    joined: pl.DataFrame,
    rows: Charted,
    people: pl.DataFrame,
    fevers: pl.DataFrame,
    doses: pl.DataFrame,
    scale: Scale,
    knowledge: Knowledge,
) -> list[trace.Group]:
    """The sources that make the criteria of each row certain, a group a criterion, in the order of the criteria."""
    order = {name: place for place, name in enumerate(crs.criteria_names(scale))}
    opening = scale.episode.opens_with
    fever = trace.where(joined, [opening], order)
    waived = trace.where(joined, [f"{opening}_waived"], order, "onset")
    groups = [(fever, [_fever_piece(fever, fevers)]), (waived, [_waiver_piece(waived, doses)])]
    for criterion in scale.criteria:
        asked = trace.where(joined, [criterion.id], order)
        if criterion.id != opening and asked.height:
            groups.append((asked, _criterion_pieces(asked, criterion, rows, people, knowledge)))
    dead = trace.where(joined, [scale.episode.death_criterion], order)
    deaths = counters.own_death(rows, people, scale.episode.death_cause)
    return [*groups, (dead, [trace.latest(dead, deaths, "death", in_force=False)])]


def _criterion_pieces(
    asked: pl.DataFrame, criterion: Criterion, rows: Charted, people: pl.DataFrame, knowledge: Knowledge
) -> list[pl.Series]:
    match criterion.when:
        case Running(concepts):
            return [_drug_piece(asked, rows, drug, knowledge) for drug in concepts if rows.of(drug).height]
        case AnyMeasured(parts):
            compares = [part for part in parts if isinstance(part, Compare)]
            return [_pressure_piece(asked, rows, people, part, knowledge) for part in compares]
        case node:
            return _oxygen_pieces(asked, rows, node, knowledge)


def _fever_piece(asked: pl.DataFrame, fevers: pl.DataFrame) -> pl.Series:
    return trace.latest(asked, fevers.filter(pl.col("fever|true") == 1), "fever", in_force=False)


def _waiver_piece(asked: pl.DataFrame, doses: pl.DataFrame) -> pl.Series:
    """The latest dose that waives: given at or after onset, or begun before and still running at onset."""
    points = doses.with_columns(pl.col("time").alias("start"), pl.col("time").alias("end"))
    in_episode = (
        asked.select("at", "subject", "onset", "start")
        .join(points.select("subject", "time", "until", "source").with_row_index("order"), on="subject")
        .filter(
            (pl.col("time") <= pl.col("start"))
            & ((pl.col("time") >= pl.col("onset")) | (pl.col("until") > pl.col("onset")).fill_null(False))
        )
    )
    last = in_episode.group_by("at").agg(pl.col("source").sort_by("order").last())
    return asked.select("at").join(last, on="at", how="left", maintain_order="left")["source"].alias("waiver")


def _pressure_piece(
    asked: pl.DataFrame, rows: Charted, people: pl.DataFrame, part: Compare, knowledge: Knowledge
) -> pl.Series:
    spoken = readings(rows.of(part.concept), knowledge.concepts[part.concept].valid_for_us)
    judged = counters.judge(spoken, people, "p", part, knowledge)
    return trace.latest(asked, judged.filter(pl.col("p|true") == 1), part.concept, in_force=True)


def _drug_piece(asked: pl.DataFrame, rows: Charted, drug: str, knowledge: Knowledge) -> pl.Series:
    spoken = counters.drug_intervals(rows.of(drug), drug, knowledge).filter("on")
    return trace.latest_covering(asked, spoken, drug)


def _oxygen_pieces(asked: pl.DataFrame, rows: Charted, node: object, knowledge: Knowledge) -> list[pl.Series]:
    devices = counters.device_intervals(rows.of(DEVICE), knowledge)
    text = pl.col("text").cast(pl.String)
    direct, graded, flow, alone = _oxygen_parts(node)
    graded_on = trace.latest_covering(asked, devices.filter(text.is_in(graded)), "graded").is_not_null()
    any_on = trace.latest_covering(asked, devices.filter(text != "room_air"), "any").is_not_null()
    flows = _flows(rows, flow, knowledge)
    # a device whose flow is known to be 0 gives no oxygen
    idle = trace.latest(asked, flows.filter("idle"), "idle", in_force=True).is_not_null()
    with_flow = asked.with_columns(pl.when(graded_on & ~idle).then("start").alias("start"))
    by_itself = asked.with_columns(pl.when(~graded_on | idle).then("start").alias("start"))
    pieces = [
        trace.all_covering(with_flow, devices.filter(text.is_in([*direct, *graded])), "devices"),
        trace.all_covering(by_itself, devices.filter(text.is_in(direct)), "devices by themselves"),
        trace.latest(with_flow, flows, "flow", in_force=True),
    ]
    without_device = asked.with_columns(pl.when(~any_on).then("start").alias("start"))
    return [*pieces, *(_alone_piece(without_device, rows, part, knowledge) for part in alone)]


def _flows(rows: Charted, flow: Compare | None, knowledge: Knowledge) -> pl.DataFrame:
    """Flow readings with the time in which each speaks of the device it was charted with; ``idle`` where it is 0."""
    own = rows.nothing if flow is None else rows.of(flow.concept)
    spoken = readings(own, None if flow is None else knowledge.concepts[flow.concept].valid_for_us)
    kept = end_at(spoken, device_changes(rows.of(DEVICE)))
    return kept.with_columns(compare("==", pl.lit(0.0)).true.alias("idle"))


def _alone_piece(asked: pl.DataFrame, rows: Charted, part: Compare, knowledge: Knowledge) -> pl.Series:
    own = rows.of(part.concept)
    ends = device_ends(rows.of(DEVICE))
    spoken = end_at(readings(own, knowledge.concepts[part.concept].valid_for_us), ends)
    judged = counters.judge(spoken, asked.select("subject").unique(), "x", part, knowledge)
    return trace.latest(asked, judged.filter(pl.col("x|true") == 1), f"{part.concept} alone", in_force=True)


def _oxygen_parts(node: object) -> tuple[list[str], list[str], Compare | None, list[Compare]]:
    """Of an oxygen criterion: devices that count as such, those graded by flow, the flow, what counts without any."""
    direct: list[str] = []
    graded: list[str] = []
    alone: list[Compare] = []
    flow: Compare | None = None
    for part in getattr(node, "of", ()):
        if isinstance(part, In):
            direct += part.categories
        elif isinstance(part, Compare) and part.without:
            alone.append(part)
        elif hasattr(part, "of") and isinstance(part.of, tuple):
            graded += [name for inner in part.of if isinstance(inner, In) for name in inner.categories]
            compares = [getattr(inner, "of", inner) for inner in part.of]
            flow = next((inner for inner in compares if isinstance(inner, Compare)), flow)
    return direct, graded, flow, alone
