"""Words of observations open a doubt only where nothing that is known explains them (decision 0034)."""

from __future__ import annotations

import polars as pl
import pytest

from cytowatch.adapters.gather import Gathering, Mapped, no_silent
from cytowatch.knowledge.load import load

DAY = "2025-03-01T"


def _raw(*rows: tuple[str, str, str | None, str | None]) -> pl.DataFrame:
    """Raw rows of one patient: clock, concept, value, text."""
    frame = pl.DataFrame(
        rows, schema=dict.fromkeys(("time", "concept", "value", "text"), pl.String), orient="row"
    ).with_columns(pl.col("time").map_elements(lambda clock: f"{DAY}{clock}", return_dtype=pl.String))
    units = pl.when(pl.col("concept") == "norepinephrine").then(pl.lit("ug/kg/min"))
    return frame.with_row_index("row").with_columns(
        pl.col("row").cast(pl.Int64), patient=pl.lit("P1"), source=pl.lit("test"), unit=units
    )


@pytest.mark.parametrize(
    ("known", "spoken", "in_doubt"),
    [
        # clock, concept, value or device; what is spoken of at which clock; how many doubts are left
        ([], ("10:00", "oxygen_device"), 1),
        ([("09:00", "oxygen_device", None, "ventilator")], ("10:00", "oxygen_device"), 0),
        ([("09:00", "oxygen_device", None, "nasal cannula")], ("10:00", "oxygen_device"), 1),
        ([("11:00", "oxygen_device", None, "ventilator")], ("10:00", "oxygen_device"), 1),
        ([("09:00", "norepinephrine", "0.1", None)], ("10:00", "norepinephrine"), 0),
        ([("09:00", "norepinephrine", "0", None)], ("10:00", "norepinephrine"), 1),
        ([("09:00", "vasopressin", "0.03", None)], ("10:00", "norepinephrine"), 1),
    ],
)
def test_explained(
    known: list[tuple[str, str, str | None, str | None]], spoken: tuple[str, str], in_doubt: int
) -> None:
    gathering = Gathering(load(), "UTC")
    raw = _raw(*known)
    raw = raw.with_columns(unit=pl.when(pl.col("concept") == "vasopressin").then(pl.lit("U/min")).otherwise("unit"))
    gathering.number("a", 10)
    gathering.take("a", raw.select("row", "source"), Mapped(raw, no_silent()))
    said = _raw((*spoken, "?", "?"), (spoken[0].replace(":00", ":30"), spoken[1], "?", "?"))
    gathering.speak(said.with_columns(pl.col("row") + 5))
    intake = gathering.intake()
    assert intake.observations.height == len(known)
    # the second of the same hour says nothing more
    assert intake.in_doubt.height == in_doubt


@pytest.mark.parametrize("pointed", ["known", "spoken"])
def test_what_is_taken_back_explains_nothing_and_stands_for_no_other(pointed: str) -> None:
    """A charted ventilator that is taken back; or the first of two words of one hour."""
    gathering = Gathering(load(), "UTC")
    gathering.number("a", 10)
    source = pl.Series("source", ["known", "mark"])
    status = pl.Series("status", ["final", "entered-in-error"])
    raw = _raw(("09:00", "oxygen_device", None, "ventilator"), ("09:00", "oxygen_device", None, "taken back"))
    raw = raw.with_columns(source, status)
    raw = raw.with_columns(source=pl.when(pl.col("source") == "mark").then(pl.lit(pointed)).otherwise("source"))
    if pointed == "spoken":
        raw = raw.filter(pl.col("source") == "spoken")
    gathering.take("a", raw.select("row", "source"), Mapped(raw, no_silent()))
    said = _raw(("10:00", "oxygen_device", "?", "?"), ("10:30", "oxygen_device", "?", "?"))
    gathering.speak(said.with_columns(pl.col("row") + 5, source=pl.Series(["spoken", "other"])))
    left = gathering.intake().in_doubt["source"].sort().to_list()
    assert left == (["spoken"] if pointed == "known" else ["other", "spoken"])


def _left(raw: pl.DataFrame, *said: tuple[str, str], mild: bool = False) -> list[int]:
    """The clocks, in minutes of the day, of what is in doubt beside what is known."""
    gathering = Gathering(load(), "UTC")
    gathering.number("a", 20)
    gathering.take("a", raw.select("row", "source"), Mapped(raw, no_silent()))
    spoken = _raw(*((clock, concept, "?", "?") for clock, concept in said))
    gathering.speak(spoken.with_columns(pl.col("row") + 10, mild=pl.lit(mild)))
    minutes = gathering.intake().in_doubt["time"].sort() // 60_000_000 % (24 * 60)
    return minutes.to_list()


def test_a_repeat_is_one_only_if_nothing_was_charted_in_between() -> None:
    """Room air at 9:15 ends the doubt of 9:00: what is spoken of at 9:45 is another one."""
    air = _raw(("09:15", "oxygen_device", None, "room_air"))
    said = [(clock, "oxygen_device") for clock in ("09:00", "09:05", "09:45", "09:50")]
    assert _left(air, *said) == [540, 585]


def test_what_is_explained_stands_for_no_other_of_its_hour() -> None:
    """A rate to 9:15 explains what is spoken of at 9:05, and nothing at 9:40."""
    rate = _raw(("08:30", "norepinephrine", "0.1", None)).with_columns(until=pl.lit(f"{DAY}09:15"))
    rate = rate.with_columns(unit=pl.lit("ug/kg/min"))
    assert _left(rate, ("09:05", "norepinephrine"), ("09:40", "norepinephrine")) == [580]


def test_some_oxygen_is_explained_by_any_device_and_some_pressor_by_any() -> None:
    cannula = _raw(("09:00", "oxygen_device", None, "nasal_cannula"))
    assert _left(cannula, ("10:00", "oxygen_device"), mild=True) == []
    assert _left(cannula, ("10:00", "oxygen_device")) == [600]
    assert _left(_raw(("09:00", "oxygen_device", None, "room_air")), ("10:00", "oxygen_device"), mild=True) == [600]
    runs = _raw(("09:00", "phenylephrine", "0.5", None)).with_columns(unit=pl.lit("ug/kg/min"))
    assert _left(runs, ("10:00", "norepinephrine"), mild=True) == []
    assert _left(runs, ("10:00", "norepinephrine")) == [600]
    ended = runs.with_columns(until=pl.lit(f"{DAY}09:30"))
    assert _left(ended, ("10:00", "norepinephrine"), mild=True) == [600]
