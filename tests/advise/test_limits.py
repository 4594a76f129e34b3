"""Doses are counted from what was given: random histories against a plain recount, and no advice beyond a limit."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest

from cytowatch.advise.apply import advise
from cytowatch.engine.apply import grade_observations
from cytowatch.knowledge import load
from cytowatch.schema import ADVICE, DAY_US, HOUR_US, OBSERVATIONS, PATIENTS

KNOWLEDGE = load()
TOCILIZUMAB = KNOWLEDGE.advice.drugs["tocilizumab"]
LIMITS = {limit.id: limit for limit in TOCILIZUMAB.limits}
INTERVAL, WINDOW = round(LIMITS["interval"].hours * HOUR_US), round(LIMITS["in_24_h"].hours * HOUR_US)
GUIDELINE = "asco-2021"


def history(name: str, chance: Random) -> list[tuple[object, ...]]:
    """One adult with a CRS of grade 3 for six days, and doses at times that collide with every limit."""
    rows: list[tuple[object, ...]] = [("car_t_infusion", 0, None, None, None, "axicabtagene_ciloleucel")]
    rows += [("body_temperature", 0, 144 * HOUR_US, 39.0, "Cel", None)]
    rows += [("norepinephrine", 1 * HOUR_US, 144 * HOUR_US, 0.1, "ug/kg/min", None)]
    weight = chance.choice([None, 12.0, 29.9, 30.0, 70.0, 99.9, 100.0, 140.0])
    if weight:
        rows.append(("weight", -2 * HOUR_US, None, weight, "kg", None))
    at = chance.choice([-30, -23, -1, 2, 20]) * HOUR_US
    for _ in range(chance.randint(0, 7)):
        later = chance.choice([0, 1, 7, 8, 8, 9, 12, 16, 24, 36]) * HOUR_US + chance.choice([0, 0, 1])
        at += later
        # of two rows of one moment the larger stands
        amount = chance.choice([0.0, 400.0, 560.0, None]) if later else 560.0
        rows.append(("tocilizumab", at, None, amount, "mg", None))
    return [(name, *row) for row in rows]


def charts(count: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Observations and patients of so many histories."""
    chance = Random(seed)  # noqa: S311  (patients are made, no secrets)
    rows = [row for n in range(count) for row in history(f"p{n:05}", chance)]
    columns = ("patient", "concept", "time", "until", "value", "unit", "text")
    table = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None).with_row_index("row")
    nothing = {name: pl.lit(None) for name in OBSERVATIONS.names if name not in table.columns}
    source = pl.format("s{}", "row")
    table = table.with_columns(**nothing).with_columns(source.alias("source"), pl.lit("final").alias("status"))
    people = pl.DataFrame({"patient": table["patient"].unique(), "age_years": 50.0})
    empty = {name: pl.lit(None) for name in PATIENTS.names if name not in people.columns}
    whole = people.with_columns(**empty).select(pl.col(n).cast(t) for n, t in PATIENTS.schema.items())
    return table.select(pl.col(n).cast(t) for n, t in OBSERVATIONS.schema.items()), whole


def advised(rows: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """What the guideline says of tocilizumab."""
    graded = grade_observations(rows, people, KNOWLEDGE, ["crs.astct-2019", "icans.astct-2019"])
    found = advise(graded.timeline, rows, people, KNOWLEDGE, [GUIDELINE])
    return found.filter(pl.col("drug") == "tocilizumab")


def breaches(doses: list[int]) -> set[tuple[int, str]]:
    """The doses that were given against a limit, each with the limit; written from the rule alone."""
    found = set()
    for place, time in enumerate(doses):
        if place and time - doses[place - 1] < INTERVAL:
            found.add((time, "interval"))
        if sum(time - WINDOW < other <= time for other in doses) > LIMITS["in_24_h"].times:
            found.add((time, "in_24_h"))
        if sum(-DAY_US <= other <= time for other in doses) > LIMITS["in_all"].times:
            found.add((time, "in_all"))
    return found


def recount(doses: list[int], moment: int) -> tuple[str | None, int | None, int, int]:
    """Which limit forbids a dose, until when, and the counts; written from the rule alone."""
    before = [time for time in doses if time <= moment]
    course = [time for time in before if time >= -DAY_US]
    recent = sorted(time for time in before if moment - time < WINDOW)
    until = 0
    if before and moment - before[-1] < INTERVAL:
        until = before[-1] + INTERVAL
    if len(recent) >= LIMITS["in_24_h"].times:
        until = max(until, recent[-LIMITS["in_24_h"].times] + WINDOW)
    if len(course) >= LIMITS["in_all"].times:
        return "in_all", None, len(recent), len(course)
    return ("bound" if until else None), until or None, len(recent), len(course)


@pytest.mark.parametrize("seed", range(4))
def test_the_counter_equals_a_recount_and_nothing_is_advised_beyond_a_limit(seed: int) -> None:
    check(100, seed)


@pytest.mark.long
def test_ten_thousand_histories() -> None:
    check(10_000, 77)


def check(count: int, seed: int) -> None:
    """Every row about tocilizumab of so many histories, at its start and just before its end."""
    rows, people = charts(count, seed)
    given = rows.filter(pl.col("concept") == "tocilizumab", pl.col("value").is_null() | (pl.col("value") > 0))
    times = {key[0]: sorted(set(part["time"].to_list())) for key, part in given.group_by("patient")}
    found = advised(rows, people)
    assert found["patient"].n_unique() == count
    ends = {key[0]: part["end"].max() for key, part in found.group_by("patient")}
    told = found.filter(pl.col("kind") == "breach").select("patient", "start", "rule").rows()
    expected = {
        (name, time, limit)
        for name, doses in times.items()
        for time, limit in breaches(doses)
        if 0 <= time < (ends.get(name) or 0)
    }
    assert {row for row in told if row[1] >= 0} == expected
    for row in found.filter(pl.col("kind") == "advice").iter_rows(named=True):
        for moment in (row["start"], row["end"] - 1):
            limit, until, recent, course = recount(times.get(row["patient"], []), moment)
            assert (row["blocked_by"] is None) == (limit is None)
            assert row["not_before"] == until
            assert row["limits"][1:] == [f"{recent} of 3 given in 24 h", f"{course} of 4 given in all"]
            if limit:
                assert row["dose"] is None
            else:
                assert row["dose"] is None or 0 < row["dose"] <= 800


def test_the_weight_makes_the_dose() -> None:
    rows, people = charts(400, 9)
    weights = dict(rows.filter(pl.col("concept") == "weight").select("patient", "value").rows())
    free = (pl.col("kind") == "advice") & pl.col("blocked_by").is_null()
    for row in advised(rows, people).filter(free).iter_rows(named=True):
        weight = weights.get(row["patient"])
        if weight is None:
            assert row["dose"] is None
            assert "the weight is not known" in row["arithmetic"]
            continue
        each = 12 if weight < 30 else 8
        assert row["dose"] == pytest.approx(min(each * weight, 800))
        assert f"{each} mg/kg × {weight:g} kg" in row["arithmetic"]


def test_nobody_graded_gets_no_advice() -> None:
    rows, people = charts(1, 0)
    none = rows.filter(pl.col("concept") == "weight")
    graded = grade_observations(none, people, KNOWLEDGE, ["crs.astct-2019", "icans.astct-2019"])
    assert advise(graded.timeline, none, people, KNOWLEDGE, [GUIDELINE]).schema == ADVICE.schema
