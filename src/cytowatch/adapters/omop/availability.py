"""What the ASTCT grades can rest on in a source, by share of the days on which a person was seen at all."""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.intake import Intake
from cytowatch.schema import DAY_US

# what a grade asks for, and the concepts any of which answers it
_INPUTS = {
    "temperature": ("body_temperature",),
    "blood pressure": ("systolic_bp", "mean_arterial_pressure"),
    "oxygen saturation": ("spo2",),
    "oxygen device": ("oxygen_device",),
    "oxygen flow": ("oxygen_flow",),
    "vasopressor": ("norepinephrine", "epinephrine", "dopamine", "phenylephrine", "vasopressin", "angiotensin_ii"),
    "ICE or CAPD": ("ice_score", "capd_score"),
    "trigger": ("car_t_infusion", "t_cell_engager_dose", "antibody_infusion", "infection_onset"),
}
SCHEMA = {
    "input": pl.String(),
    "person_days": pl.Int64(),
    "with_input": pl.Int64(),
    "share": pl.Float64(),
    "recorded": pl.Boolean(),
}


def availability(intake: Intake) -> pl.DataFrame:
    """One row an input: ``input, person_days, with_input, share, recorded``.

    A person-day is a day (UTC) with any admitted row of the person. ``recorded``: False for a therapy of which the
    source does not say when it is absent, so that a day without it is unknown and not a day without the therapy.
    """
    days = intake.observations.select("patient", "concept", day=pl.col("time") // DAY_US)
    every = days.select("patient", "day").unique().height
    rows = []
    for name, concepts in _INPUTS.items():
        found = days.filter(pl.col("concept").is_in(concepts)).select("patient", "day").unique().height
        recorded = not set(concepts) & intake.not_recorded
        rows.append((name, every, found, found / every if every else 0.0, recorded))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
