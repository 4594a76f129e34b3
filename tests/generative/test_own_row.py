"""A row that states a finding and hands on that it may be worse: the two do not answer one another (section 6)."""

from __future__ import annotations

import polars as pl
import pytest
from tests.generative.random_patients import random_patients
from tests.generative.test_twin import KNOWLEDGE, same

from cytowatch.engine.apply import grade_observations
from cytowatch.engine.reference import grade_reference
from cytowatch.schema import HOUR_US, OBSERVATIONS, PATIENTS

SCALE = "icans.astct-2019"
FINDINGS = ("seizure", "cerebral_edema", "consciousness")


def observed(*rows: tuple[float, str, float | None, str | None, str]) -> pl.DataFrame:
    """Rows (hours, concept, value, text, source) of one patient."""
    named = [
        {"row": number, "patient": "p", "time": int(hours * HOUR_US), "concept": concept, "value": value,
         "text": text, "source": source, "status": "final"}
        for number, (hours, concept, value, text, source) in enumerate(rows)
    ]  # fmt: skip
    nothing = {name: pl.lit(None) for name in OBSERVATIONS.names}
    given = pl.DataFrame(named)
    columns = {**nothing, **{name: pl.col(name) for name in given.columns}}
    return given.select(columns[name].cast(OBSERVATIONS.schema[name]).alias(name) for name in OBSERVATIONS.names)


def both(rows: pl.DataFrame, people: pl.DataFrame, clock: str = "time") -> pl.DataFrame:
    """The timeline of the fast engine, which must be that of the twin."""
    fast = grade_observations(rows, people, KNOWLEDGE, [SCALE], clock=clock)
    timeline, episodes, _ = grade_reference(rows, people, KNOWLEDGE, SCALE, clock=clock)
    same(fast.timeline, timeline, ["patient", "start", "end"])
    same(fast.episodes, episodes, ["patient", "episode"])
    return fast.timeline


# a brief seizure is 3, a worse one 4; who answers is another row, of the same moment or later
@pytest.mark.parametrize(
    ("source", "more", "expected"),
    [
        ("ae:1", (), (3, 4)),
        ("ae:2", (), (3, 3)),
        ("ae:1", ((12.0, "seizure", None, "brief", "nv:1"),), (3, 3)),
        ("ae:1", ((16.0, "seizure", None, "brief", "nv:1"),), (3, 4)),
    ],
)
def test_a_row_is_no_answer_to_itself(
    source: str, more: tuple[tuple[float, str, None, str, str], ...], expected: tuple[int, int]
) -> None:
    rows = observed(
        (0, "car_t_infusion", None, "axicabtagene_ciloleucel", "ex:1"),
        (9, "ice_score", 10.0, None, "qs:1"),
        (9, "consciousness", None, "awake", "qs:2"),
        (10, "seizure", None, "brief", source),
        (10, "unread_finding", None, "seizure", "ae:1"),
        *more,
    )
    timeline = both(rows, PATIENTS.empty())
    at = pl.lit(14 * HOUR_US)
    here = timeline.filter(pl.col("start") <= at, at < pl.col("end"))
    assert here.select("at_least", "at_most").rows() == [expected]


@pytest.mark.parametrize("seed", [3, 4])
def test_the_twins_agree_where_findings_may_be_worse(seed: int) -> None:
    rows, people = random_patients(60, seed)
    found = rows.filter(pl.col("concept").is_in(FINDINGS), pl.col("row").mod(3) > 0)
    assert found.height > 20
    top = int(rows["row"].max())  # type: ignore[arg-type]
    worse = found.with_columns(
        (pl.int_range(pl.len(), dtype=pl.Int64) + top + 1).alias("row"),
        pl.lit("unread_finding").alias("concept"),
        pl.col("concept").cast(pl.String).alias("text"),
        pl.lit(None, pl.Float64).alias("value"),
    ).cast({"row": rows.schema["row"]})
    both(pl.concat([rows, worse.select(rows.columns).cast(rows.schema)]), people)
