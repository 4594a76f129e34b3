"""A patient after CAR-T as HL7 v2 messages, and the grade of cytokine release syndrome that the door's rows give."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from tests.lib.hl7 import KNOWLEDGE, message, msh, obr, obx, pid, read, rxa

from cytowatch.adapters.intake import Intake
from cytowatch.adapters.vocabulary import Code
from cytowatch.pipeline import grade_intake

CART = "1986438^tisagenlecleucel^RXNORM"
NOREPI = "7512^norepinephrine^RXNORM"
DEVICE = Code("local", "O2DEV", "oxygen_device")


def at(hour: float, day: int = 2) -> str:
    """A moment of March 2025 as HL7 writes it, in UTC."""
    return f"202503{day:02}{int(hour):02}{round(hour % 1 * 60):02}+0000"


def ras(
    *administrations: str,
    hour: float = 0,
    day: int = 2,
    control: str = "",
    order: str = "RX1",
    who: str = "P1^^^HOSP^MR",
) -> str:
    """A message with administrations of one order, sent at a moment."""
    sent = at(hour, day)
    return message(msh(sent, control=control or sent, kind="RAS^O17"), pid(who), f"ORC|RE||{order}", *administrations)


def signs(hour: float, day: int, who: str = "P1^^^HOSP^MR") -> str:
    """Fever of 39.1, a pressure of 118, a saturation of 97 on room air."""
    sent = at(hour, day)
    return message(
        msh(sent, control=f"V{sent}"), pid(who), obr(f"F{sent}", taken=sent),
        obx("8310-5^Temperature^LN", "39.1", "Cel"), obx("8480-6^Systolic^LN", "118", "mm[Hg]"),
        obx("59408-5^SpO2^LN", "97", "%"), obx("O2DEV^Device^L", "RA^Room air^L", "", kind="CE"),
    )  # fmt: skip


def base(who: str = "P1^^^HOSP^MR") -> list[str]:
    """CAR-T on the first day at 8, then signs every four hours through the third: grade 1 throughout."""
    trigger = ras(rxa(CART, "999", "", start=at(8, 1)), hour=8, day=1, order="CART", who=who)
    times = [(hour, day) for day in (1, 2, 3) for hour in range(0, 24, 4) if (day, hour) >= (1, 8)]
    return [trigger, *(signs(hour, day, who) for hour, day in times)]


def chart(folder: Path, *texts: str, **options: object) -> Intake:
    """The base patient and these messages, read."""
    codes = [DEVICE, *options.pop("codes", [])]  # type: ignore[misc]
    return read(folder, *base(), *texts, codes=codes, **options)


def grade(intake: Intake, hour: float, day: int = 2, patient: str = "P1") -> tuple[int | None, int | None]:
    """The least and the greatest grade (ASTCT 2019) that is possible at a moment."""
    return grades(intake, [(hour, day)], patient)[0]


def grades(
    intake: Intake, moments: list[tuple[float, int]], patient: str = "P1"
) -> list[tuple[int | None, int | None]]:
    """The same at several moments."""
    rows = grade_intake(intake, KNOWLEDGE, ["crs.astct-2019"]).timeline.filter(pl.col("patient") == patient)
    found = []
    for hour, day in moments:
        moment = datetime(2025, 3, day, int(hour), round(hour % 1 * 60), tzinfo=UTC).timestamp() * 1e6
        there = rows.filter(pl.col("start") <= moment, pl.col("end") > moment)
        found.append(there.select("at_least", "at_most").row(0) if there.height else (None, None))
    return found
