"""A small ward at night, and the command run on it: rows as a hospital exports them, results as they lie in the folder.

Times are hours after midnight UTC of 1 March 2026, when the patients on the ward had their first dose. Every good row
carries a ``source`` of its own, so that a row put between them changes nothing else.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch import cli

START = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = (
    "patient",
    "time",
    "until",
    "concept",
    "value",
    "unit",
    "comparator",
    "text",
    "available",
    "status",
    "source",
)
Row = dict[str, str]
FATES = ("used", "superseded", "ignored", "rejected")


def at(hours: float) -> str:
    """The moment so many hours into the ward's first day, as ISO text."""
    return (START + timedelta(hours=hours)).isoformat()


def fact(patient: str, hours: float, concept: str, **cells: str) -> Row:
    """One row of the long table."""
    row = {"patient": patient, "time": at(hours), "concept": concept, **cells}
    return {"source": f"{patient}/{concept}/{hours:g}", **row}


def vitals(patient: str, hours: float, temperature: float, systolic: float) -> list[Row]:
    """A round of the night nurse: temperature and pressure."""
    return [
        fact(patient, hours, "body_temperature", value=str(temperature), unit="Cel"),
        fact(patient, hours, "systolic_bp", value=str(systolic), unit="mm[Hg]"),
    ]


def calm(patient: str = "calm") -> list[Row]:
    """Two days after cells without fever: grade 0 on both scales."""
    rows = [fact(patient, 0, "car_t_infusion", text="Yescarta")]
    for hours in range(0, 48, 6):
        rows += vitals(patient, hours, 36.8, 120)
    rows += [fact(patient, hours, "ice_score", value="10") for hours in (0, 24)]
    return rows


def shock(patient: str = "shock") -> list[Row]:
    """Fever at 12 h, low pressure at 13 h, norepinephrine 14 to 20 h, oxygen 15 to 22 h, tocilizumab at 16 h."""
    rows = [fact(patient, 0, "car_t_infusion", text="axicabtagene_ciloleucel")]
    rows += vitals(patient, 0, 36.9, 122) + vitals(patient, 6, 37.4, 110) + vitals(patient, 12, 38.9, 96)
    rows += vitals(patient, 13, 38.8, 82) + vitals(patient, 18, 38.2, 98)
    for hours in range(24, 72, 6):
        rows += vitals(patient, hours, 37.0, 118)
    rows += [
        fact(patient, 14, "norepinephrine", value="0.08", unit="ug/kg/min", until=at(20)),
        fact(patient, 15, "oxygen_device", text="nasal_cannula", until=at(22)),
        fact(patient, 15, "oxygen_flow", value="3", unit="L/min"),
        fact(patient, 16, "tocilizumab", value="640", unit="mg"),
        fact(patient, 0, "ice_score", value="10"),
        fact(patient, 14, "ice_score", value="8"),
        fact(patient, 36, "ice_score", value="10"),
        fact(patient, 60, "ice_score", value="10"),
    ]
    return rows


def engager(patient: str = "engager") -> list[Row]:
    """A first and a second dose of teclistamab, fever for one reading after the first."""
    rows = [
        fact(patient, 0, "t_cell_engager_dose", value="0.06", unit="mg/kg", text="Tecvayli"),
        fact(patient, 60, "t_cell_engager_dose", value="0.3", unit="mg/kg", text="teclistamab"),
    ]
    for hours in range(0, 84, 6):
        rows += vitals(patient, hours, 38.4 if hours == 30 else 36.7, 125)
    return rows


def stray(patient: str = "stray") -> list[Row]:
    """High fever on a ward where no trigger was recorded."""
    return vitals(patient, 4, 39.5, 84) + vitals(patient, 10, 39.1, 86)


def ward() -> list[Row]:
    """Four patients, in the order in which they were exported."""
    return calm() + shock() + engager() + stray()


AGES = "patient,age_years\ncalm,61\nshock,55\nengager,70\nstray,44\n"


def write_csv(path: Path, rows: list[Row], *, delimiter: str = ",", columns: tuple[str, ...] = COLUMNS) -> Path:
    """The rows as a CSV file with every column of the contract."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(
            stream, columns, delimiter=delimiter, lineterminator="\n", restval="", extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows(rows)
    return path


@dataclass(frozen=True)
class Graded:
    """What a run of ``cytowatch grade`` left behind; tables as text where they are CSV."""

    code: int
    folder: Path
    form: str = "parquet"

    def table(self, name: str) -> pl.DataFrame:
        """One table of the folder, rows in a fixed order, without the columns that name the version."""
        path = self.folder / f"{name}.{self.form}"
        frame = _read(path)
        frame = frame.drop("knowledge", "engine", strict=False)
        return frame.sort(*_ORDER[name]) if name in _ORDER else frame

    @property
    def timeline(self) -> pl.DataFrame:
        return self.table("timeline")

    @property
    def episodes(self) -> pl.DataFrame:
        return self.table("episodes")

    @property
    def rejects(self) -> list[dict[str, Any]]:
        return self.table("rejects").to_dicts()

    @property
    def observations(self) -> pl.DataFrame:
        """The admitted rows, kept as Parquet whatever the format."""
        return pl.read_parquet(self.folder / "observations.parquet")

    @property
    def run(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "run.json").read_text(encoding="utf-8")))

    def counts(self, file: str) -> dict[str, int]:
        """What became of the rows of one file; the parts must add up to what was read."""
        (entry,) = [one for one in self.run["inputs"] if one["file"] == file]
        assert sum(entry[fate] for fate in FATES) == entry["read"], entry
        assert min(entry[fate] for fate in FATES) >= 0, entry
        return {name: int(entry[name]) for name in ("read", *FATES)}

    def of(self, patient: str, scale: str = "crs.astct-2019") -> list[dict[str, Any]]:
        """The timeline of one patient on one scale, in time order."""
        own = self.timeline.filter((pl.col("patient") == patient) & (pl.col("scale") == scale))
        return own.sort("start").to_dicts()

    def now(self, patient: str, hours: float, scale: str = "crs.astct-2019") -> dict[str, Any]:
        """The row of one patient that is in force so many hours into the ward's first day."""
        moment = START + timedelta(hours=hours)
        (row,) = [row for row in self.of(patient, scale) if row["start"] <= moment < row["end"]]
        return row


def _read(path: Path) -> pl.DataFrame:
    """A table as it lies in a folder, whose name may hold brackets."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path, glob=False)
    return pl.read_csv(path, infer_schema=False, glob=False)


_ORDER = {
    "timeline": ("scale", "patient", "start"),
    "episodes": ("scale", "patient", "episode"),
    "rejects": ("row", "source", "value"),
}


def grade(folder: Path, *arguments: object, form: str = "parquet") -> Graded:
    """Run ``cytowatch grade`` in this process, silently, into ``folder``."""
    words = ["grade", *map(str, arguments), "--out", str(folder), "--format", form, "--quiet"]
    return Graded(cli.run(words), folder, form)


def grade_rows(place: Path, rows: list[Row], *options: object, ages: str | None = AGES) -> Graded:
    """Write rows as ``ward.csv`` with a table of patients beside it, and grade them."""
    place.mkdir(parents=True, exist_ok=True)
    arguments: list[object] = [write_csv(place / "ward.csv", rows)]
    if ages is not None:
        (place / "ages.csv").write_text(ages, encoding="utf-8")
        arguments += ["--patients", place / "ages.csv"]
    return grade(place / "graded", *arguments, *options)
