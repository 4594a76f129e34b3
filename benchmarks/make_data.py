"""Make a large, plausible input for the benchmarks: one CAR-T infusion a patient, 30 days of charting.

About 2,000 rows a patient: seven vital signs hourly for a week and every eight hours after it, thirteen laboratory
values, ICE twice a day, consciousness daily, and the treatments that the course asks for. Nothing here is real.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

EPOCH = datetime(2024, 3, 1, 8, tzinfo=UTC)
WATCHED_HOURS = 30 * 24
HOURLY_HOURS = 7 * 24
PATIENTS_A_CHUNK = 500
PATIENTS_A_FILE = 10_000
ROWS_A_PATIENT = 2_019
DIFFERENT = 2_500
# concept, unit, resting value, spread, what a fever adds, what shock adds, what hypoxia adds
VITALS = [
    ("body_temperature", "Cel", 36.8, 0.35, 1.9, 0.0, 0.0),
    ("systolic_bp", "mm[Hg]", 121.0, 11.0, -6.0, -36.0, 0.0),
    ("diastolic_bp", "mm[Hg]", 72.0, 7.0, -4.0, -20.0, 0.0),
    ("mean_arterial_pressure", "mm[Hg]", 88.0, 6.0, -5.0, -25.0, 0.0),
    ("heart_rate", "/min", 84.0, 9.0, 22.0, 14.0, 6.0),
    ("respiratory_rate", "/min", 16.0, 2.0, 4.0, 2.0, 7.0),
    ("spo2", "%", 97.0, 1.2, -0.5, -0.5, -6.0),
]
LABORATORY = [
    ("crp", "mg/L", 20.0, 9.0, 110.0),
    ("ferritin", "ug/L", 600.0, 200.0, 4000.0),
    ("ldh", "U/L", 230.0, 40.0, 180.0),
    ("ast", "U/L", 30.0, 9.0, 60.0),
    ("alt", "U/L", 30.0, 9.0, 55.0),
    ("bilirubin", "mg/dL", 0.7, 0.2, 0.4),
    ("creatinine", "mg/dL", 0.9, 0.2, 0.5),
    ("platelets", "10*9/L", 110.0, 35.0, -50.0),
    ("hemoglobin", "g/dL", 9.6, 0.9, -0.8),
    ("fibrinogen", "g/L", 4.0, 0.7, -1.2),
    ("albumin", "g/L", 36.0, 3.0, -6.0),
    ("il_6", "pg/mL", 12.0, 5.0, 900.0),
    ("white_cells", "10*9/L", 2.4, 1.1, -1.0),
]
COLUMNS = ["patient", "time", "until", "concept", "value", "unit", "text", "source"]


def course(patient: str, dice: random.Random) -> dict[str, object]:
    """The course of one patient, in hours after the infusion; hours that never come are -1."""
    fever = dice.random() < 0.75
    onset = dice.triangular(20, 150, 60) if fever else -1.0
    length = dice.triangular(16, 120, 60) if fever else 0.0
    shock = fever and dice.random() < 0.30
    pressor = shock and dice.random() < 0.50
    hypoxia = fever and dice.random() < 0.35
    neuro = dice.random() < 0.35
    shock_at, hypoxia_at = onset + length * 0.3, onset + length * 0.35
    return {
        "patient": patient,
        "infused": dice.randrange(0, 2 * 365 * 24 * 60),
        "fever_from": onset,
        "fever_to": onset + length,
        "shock_from": shock_at if shock else -1.0,
        "shock_to": shock_at + dice.uniform(8, 36) if shock else -1.0,
        "pressor": pressor,
        "second_pressor": pressor and dice.random() < 0.3,
        "hypoxia_from": hypoxia_at if hypoxia else -1.0,
        "hypoxia_to": hypoxia_at + dice.uniform(10, 60) if hypoxia else -1.0,
        "device": dice.choices(["low", "high", "ventilated"], [70, 22, 8])[0] if hypoxia else "",
        "flow": float(dice.randint(1, 8)),
        "tocilizumab": fever and dice.random() < 0.45,
        "neuro_from": dice.uniform(72, 190) if neuro else -1.0,
        "neuro_depth": dice.randint(1, 9) if neuro else 0,
        "level": dice.gauss(0, 0.5),
    }


def noise(seed: int) -> pl.Expr:
    """Noise with mean 0 and spread 1, from a hash of the row: repeatable and without a loop."""
    keys = pl.struct("patient", "hour", "concept")
    uniform = [(keys.hash(seed + part) % 1_000_003).cast(pl.Float64) / 1_000_003 for part in range(3)]
    return (uniform[0] + uniform[1] + uniform[2] - 1.5) * 2.0


def during(state: str) -> pl.Expr:
    """1.0 while the row's hour lies inside the patient's state, else 0.0."""
    inside = (pl.col("hour") >= pl.col(f"{state}_from")) & (pl.col("hour") < pl.col(f"{state}_to"))
    return inside.cast(pl.Float64)


def at_hours(courses: pl.LazyFrame, hours: list[float], concepts: pl.LazyFrame) -> pl.LazyFrame:
    """Every patient at every hour with every concept."""
    return courses.join(pl.LazyFrame({"hour": hours}), how="cross").join(concepts, how="cross")


def vitals(courses: pl.LazyFrame) -> pl.LazyFrame:
    """Seven vital signs, hourly for a week, then every eight hours."""
    names = ["concept", "unit", "rest", "spread", "by_fever", "by_shock", "by_hypoxia"]
    concepts = pl.LazyFrame(VITALS, schema=names, orient="row")
    hours = [float(h) for h in (*range(HOURLY_HOURS), *range(HOURLY_HOURS, WATCHED_HOURS, 8))]
    value = pl.col("rest") + pl.col("spread") * (noise(11) * 0.7 + pl.col("level"))
    for state in ("fever", "shock", "hypoxia"):
        value = value + pl.col(f"by_{state}") * during(state)
    capped = pl.when(pl.col("concept") == "spo2").then(value.clip(60, 100)).otherwise(value)
    digits = pl.when(pl.col("concept") == "body_temperature").then(capped.round(1)).otherwise(capped.round(0))
    return at_hours(courses, hours, concepts).select("patient", "hour", "concept", "unit", value=digits)


def laboratory(courses: pl.LazyFrame) -> pl.LazyFrame:
    """Thirteen laboratory values, daily for two weeks, then every third day."""
    concepts = pl.LazyFrame(LABORATORY, schema=["concept", "unit", "rest", "spread", "by_fever"], orient="row")
    hours = [day * 24.0 + 6.0 for day in (*range(14), *range(14, 30, 3))]
    value = pl.col("rest") + pl.col("spread") * noise(23) + pl.col("by_fever") * during("fever")
    return at_hours(courses, hours, concepts).select(
        "patient", "hour", "concept", "unit", value=value.clip(pl.col("rest") * 0.1).round(2)
    )


def brain(courses: pl.LazyFrame) -> pl.LazyFrame:
    """ICE twice a day and consciousness once."""
    affected = (pl.col("hour") - pl.col("neuro_from")).is_between(0, 72) & (pl.col("neuro_from") >= 0)
    score = pl.when(affected).then(10.0 - pl.col("neuro_depth")).otherwise(10.0)
    ice = at_hours(courses, [h * 12.0 + 2 for h in range(60)], pl.LazyFrame({"concept": ["ice_score"]}))
    awake = at_hours(courses, [h * 24.0 + 2 for h in range(30)], pl.LazyFrame({"concept": ["consciousness"]}))
    deep, deeper = affected & (pl.col("neuro_depth") >= 5), affected & (pl.col("neuro_depth") >= 8)
    state = pl.when(deeper).then(pl.lit("to_touch")).when(deep).then(pl.lit("to_voice")).otherwise(pl.lit("awake"))
    return pl.concat(
        [
            ice.select("patient", "hour", "concept", value=score),
            awake.select("patient", "hour", "concept", text=state),
        ],
        how="diagonal_relaxed",
    )


def infusion(courses: pl.LazyFrame, wanted: pl.Expr, concept: str, rate: float, delay: float) -> pl.LazyFrame:
    """A vasopressor through the shock: a rate every four hours and a rate of 0 at its end."""
    running = courses.filter(wanted).with_columns(length=pl.col("shock_to") - pl.col("shock_from") - delay)
    running = running.filter(pl.col("length") > 1)
    steps = pl.LazyFrame({"step": [float(step) for step in range(0, 48, 4)]})
    rates = running.join(steps, how="cross").filter(pl.col("step") < pl.col("length"))
    begun = pl.col("shock_from") + delay
    return pl.concat(
        [
            rates.select("patient", hour=begun + pl.col("step"), value=rate + pl.col("step") * rate / 48),
            running.select("patient", hour="shock_to", value=pl.lit(0.0)),
        ]
    ).with_columns(concept=pl.lit(concept), unit=pl.lit("ug/kg/min"))


def oxygen(courses: pl.LazyFrame) -> pl.LazyFrame:
    """Devices and flows through the hypoxia, back to room air at its end."""
    hypoxic = courses.filter(pl.col("device") != "")
    names = {"low": "nasal_cannula", "high": "high_flow_nasal_cannula", "ventilated": "invasive_ventilation"}
    begin = hypoxic.select(
        "patient", hour="hypoxia_from", concept=pl.lit("oxygen_device"), text=pl.col("device").replace_strict(names)
    )
    end = hypoxic.select("patient", hour="hypoxia_to", concept=pl.lit("oxygen_device"), text=pl.lit("room_air"))
    flow = hypoxic.filter(pl.col("device") == "low").select(
        "patient",
        hour="hypoxia_from",
        concept=pl.lit("oxygen_flow"),
        value="flow",
        unit=pl.lit("L/min"),
    )
    return pl.concat([begin, end, flow], how="diagonal_relaxed")


def doses(courses: pl.LazyFrame) -> pl.LazyFrame:
    """Acetaminophen through the fever, tocilizumab in part of the patients, dexamethasone with deep ICANS."""
    febrile = courses.filter(pl.col("fever_from") >= 0).join(pl.LazyFrame({"step": list(range(0, 48, 6))}), how="cross")
    acetaminophen = febrile.select(
        "patient", hour=pl.col("fever_from") + pl.col("step") + 1, concept=pl.lit("acetaminophen"), value=pl.lit(650.0)
    )
    tocilizumab = courses.filter("tocilizumab").select(
        "patient", hour=pl.col("fever_from") + 20, concept=pl.lit("tocilizumab"), value=pl.lit(560.0)
    )
    deep = courses.filter(pl.col("neuro_depth") >= 5).join(pl.LazyFrame({"step": [0, 6, 12, 18, 24]}), how="cross")
    steroid = deep.select(
        "patient", hour=pl.col("neuro_from") + pl.col("step") + 2, concept=pl.lit("dexamethasone"), value=pl.lit(10.0)
    )
    return pl.concat([acetaminophen, tocilizumab, steroid]).with_columns(unit=pl.lit("mg"))


def observations(courses: pl.LazyFrame) -> pl.LazyFrame:
    """All rows of the patients of ``courses``, as the canonical long table, sorted by patient, then time."""
    trigger = courses.select(
        "patient", hour=pl.lit(0.0), concept=pl.lit("car_t_infusion"), text=pl.lit("axicabtagene_ciloleucel")
    )
    parts = [
        trigger,
        vitals(courses),
        laboratory(courses),
        brain(courses),
        infusion(courses, pl.col("pressor"), "norepinephrine", 0.08, 1.0),
        infusion(courses, pl.col("second_pressor"), "phenylephrine", 0.5, 5.0),
        oxygen(courses),
        doses(courses),
    ]
    # Nobody charts on the stroke of the hour: every round is up to 50 minutes late, the signs of one round together.
    late = pl.struct("patient", "hour").hash(7) % 50
    minutes = pl.col("infused") + (pl.col("hour") * 60).cast(pl.Int64) + late.cast(pl.Int64)
    rows = pl.concat(parts, how="diagonal_relaxed").join(courses.select("patient", "infused"), on="patient")
    rows = rows.with_columns(
        time=pl.lit(EPOCH).dt.cast_time_unit("us") + pl.duration(minutes=minutes),
        until=pl.lit(None, dtype=pl.Datetime("us", "UTC")),
    )
    rows = rows.sort("patient", "time", "concept").with_columns(
        source=pl.format("chart:{}:{}", "patient", pl.int_range(pl.len()).over("patient"))
    )
    return rows.select(COLUMNS)


def write(target: Path, patients: int, *, first: int = 1, seed: int = 1) -> int:
    """Write ``patients`` patients into one Parquet file, a chunk at a time; the number of rows.

    Args:
        target: the file to write, zstd, sorted by patient, then time.
        patients: how many; about 2,000 rows each.
        first: number of the first patient, so that files can be laid side by side.
        seed: of the courses.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    dice = random.Random(seed * 1_000_003 + first)  # noqa: S311 - courses, not secrets
    folder = Path(tempfile.mkdtemp(dir=target.parent))
    try:
        chunks = []
        for start in range(first, first + patients, PATIENTS_A_CHUNK):
            numbers = range(start, min(start + PATIENTS_A_CHUNK, first + patients))
            courses = pl.LazyFrame([course(f"B{number:07d}", dice) for number in numbers])
            chunks.append(folder / f"{start:09d}.parquet")
            observations(courses).collect().write_parquet(chunks[-1], compression="zstd")
        pl.scan_parquet(chunks).sink_parquet(target, compression="zstd", maintain_order=True)
    finally:
        shutil.rmtree(folder)
    return int(pl.scan_parquet(target).select(pl.len()).collect().item())


def write_folder(folder: Path, rows: int, *, shuffled: bool = False, seed: int = 1) -> int:
    """Write about ``rows`` rows into a folder of Parquet files; the number of patients.

    Courses are made for up to ``DIFFERENT`` patients; more patients are these again under other ids, some weeks later.
    Sorted: one patient after another, about 20 million rows a file. Shuffled: as many files, each with rows of every
    patient, in no order. Memory holds one chunk of patients.
    """
    patients = max(1, rows // ROWS_A_PATIENT)
    files = max(2, -(-patients // PATIENTS_A_FILE))
    folder.parent.mkdir(parents=True, exist_ok=True)
    held = Path(tempfile.mkdtemp(dir=folder.parent))
    # what is half made does not count as made
    whole = held / "whole"
    whole.mkdir()
    try:
        for place, chunk in enumerate(_chunks(held, patients, seed)):
            if not shuffled:
                number = place * files * PATIENTS_A_CHUNK // (patients + PATIENTS_A_CHUNK)
                chunk.write_parquet(held / f"{place:06d}-{number:03d}.parquet")
                continue
            mixed = chunk.sample(fraction=1.0, shuffle=True, seed=seed + place)
            for number in range(files):
                mixed.gather_every(files, number).write_parquet(held / f"{place:06d}-{number:03d}.parquet")
        for number in range(files):
            chunks = sorted(held.glob(f"[0-9]*-{number:03d}.parquet"))
            if shuffled:
                random.Random(seed + number).shuffle(chunks)  # noqa: S311 - an order, no secret
            target = whole / f"{number:03d}.parquet"
            pl.scan_parquet(chunks).sink_parquet(target, compression="zstd", maintain_order=True)
        whole.rename(folder)
    finally:
        shutil.rmtree(held)
    return patients


def _chunks(held: Path, patients: int, seed: int) -> Iterator[pl.DataFrame]:
    """The rows of 500 patients at a time: new ones, then the same again under other ids."""
    dice = random.Random(seed * 1_000_003 + 1)  # noqa: S311 - courses, not secrets
    for start in range(1, patients + 1, PATIENTS_A_CHUNK):
        made = held / f"made-{(start - 1) % DIFFERENT:06d}.parquet"
        if not made.exists():
            courses = pl.LazyFrame([course(f"B{start + place:07d}", dice) for place in range(PATIENTS_A_CHUNK)])
            observations(courses).collect().write_parquet(made)
        yield _again(pl.read_parquet(made), start, patients)


def _again(chunk: pl.DataFrame, start: int, patients: int) -> pl.DataFrame:
    """The same courses as those of the patients from number ``start`` on."""
    offset = (start - 1) // DIFFERENT * DIFFERENT
    number = pl.col("patient").str.slice(1).cast(pl.Int64) + offset
    name = pl.format("B{}", number.cast(pl.String).str.zfill(7))
    row = pl.col("source").str.split(":").list.last()
    later = pl.duration(days=(start - 1) // DIFFERENT * 11)
    return chunk.filter(number <= patients).with_columns(
        name.alias("patient"), pl.format("chart:{}:{}", name, row).alias("source"), pl.col("time") + later
    )


def main() -> None:
    """Command line: ``make_data.py FILE --patients N``, or ``make_data.py FOLDER --rows N [--shuffled]``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=0, help="write a folder of about so many rows")
    parser.add_argument("--shuffled", action="store_true", help="with --rows: in no order")
    options = parser.parse_args()
    if options.rows:
        patients = write_folder(options.file, options.rows, shuffled=options.shuffled, seed=options.seed)
        print(f"{options.file}: about {options.rows:,} rows of {patients:,} patients")
        return
    rows = write(options.file, options.patients, first=options.first, seed=options.seed)
    print(f"{options.file}: {rows:,} rows of {options.patients:,} patients")


if __name__ == "__main__":
    main()
