"""What the numbers of a quality report mean for grading, in sentences, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from cytowatch.knowledge.model import Knowledge

Weight = Literal["grave", "doubtful", "told"]
# what every grading of the reaction goes by: at least one concept of each must be charted
_SIGNS = {
    "temperature": ("body_temperature",),
    "blood pressure": ("systolic_bp", "mean_arterial_pressure"),
    "oxygen support": ("oxygen_device",),
}
_FEW = 4


@dataclass(frozen=True)
class Remark:
    """One sentence, and how much it weighs."""

    weight: Weight
    text: str


def remarks(
    tables: Mapping[str, pl.DataFrame],
    patients: int,
    knowledge: Knowledge,
    not_recorded: Sequence[str],
    with_trigger: int,
) -> list[Remark]:
    """The remarks of one report."""
    found = [
        *_signs(tables["coverage"]),
        *_triggers(with_trigger, patients),
        *_rejected(tables["ledger"]),
        *_midnight(tables["shifts"], knowledge),
        *_early(tables["shifts"]),
        *_gaps(tables["gaps"], patients),
        *_units(tables["units"]),
        *_absent(not_recorded),
    ]
    order = {"grave": 0, "doubtful": 1, "told": 2}
    return sorted(found, key=lambda remark: order[remark.weight])


def _signs(coverage: pl.DataFrame) -> Iterator[Remark]:
    rows = dict(coverage.select("concept", "rows").iter_rows())
    for name, concepts in _SIGNS.items():
        if not any(rows.get(concept, 0) for concept in concepts):
            yield Remark("grave", f"No {name} at all ({' or '.join(concepts)}): its part of the grade stays unknown.")


def _triggers(with_trigger: int, patients: int) -> Iterator[Remark]:
    if patients and with_trigger < patients:
        weight: Weight = "doubtful" if with_trigger else "grave"
        yield Remark(
            weight,
            f"{patients - with_trigger} of {patients} patients have no trigger (no cell product, engager, antibody or "
            "infection): they are not graded unless one is added or assumed.",
        )


def _rejected(ledger: pl.DataFrame) -> Iterator[Remark]:
    total, bad = int(ledger["rows"].sum()), int(ledger.filter(pl.col("fate") == "rejected")["rows"].sum())
    if bad:
        weight: Weight = "doubtful" if bad > total / 100 else "told"
        yield Remark(weight, f"{bad:,} of {total:,} input rows were rejected ({bad / total:.1%}).")


def _midnight(shifts: pl.DataFrame, knowledge: Knowledge) -> Iterator[Remark]:
    most = float(str(knowledge.policy("quality_midnight_share")))
    own = shifts.filter(pl.col("check") == "at_midnight")
    rows, of = int(own["rows"].sum()), int(own["of"].sum())
    if of and rows / of > most:
        yield Remark(
            "grave",
            f"{rows / of:.0%} of vital signs stand at exactly midnight: the source has lost the time of day, and what "
            "it says is fit for grading by day only.",
        )


def _early(shifts: pl.DataFrame) -> Iterator[Remark]:
    for check, words in (
        ("known_before_taken", "results were known before they were taken: one of the two clocks is shifted"),
        ("after_death", "rows stand after the patient's death: a time, or the patient, is wrong"),
    ):
        rows = int(shifts.filter(pl.col("check") == check)["rows"].sum())
        if rows:
            yield Remark("doubtful", f"{rows:,} {words}.")


def _gaps(gaps: pl.DataFrame, patients: int) -> Iterator[Remark]:
    if gaps.height:
        longest = float(gaps["hours"].item(0))
        yield Remark(
            "doubtful",
            f"{gaps['patient'].n_unique()} of {patients} patients have long stretches without any vital sign "
            f"({gaps.height} in all, the longest {longest:.0f} h).",
        )


def _units(units: pl.DataFrame) -> Iterator[Remark]:
    mixed = units.filter(pl.col("unit") != "").group_by("concept").len().filter(pl.col("len") > 1)["concept"].sort()
    if len(mixed):
        more = f" and {len(mixed) - _FEW} more" if len(mixed) > _FEW else ""
        yield Remark("told", f"More than one unit: {', '.join(mixed[:_FEW])}{more}. They were converted one by one.")


def _absent(not_recorded: Sequence[str]) -> Iterator[Remark]:
    if not_recorded:
        more = f" and {len(not_recorded) - _FEW} more" if len(not_recorded) > _FEW else ""
        yield Remark(
            "doubtful",
            f"{len(not_recorded)} therapies are not recorded here ({', '.join(not_recorded[:_FEW])}{more}): whether "
            "they were given is unknown.",
        )
