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
