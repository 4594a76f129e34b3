"""Patients on and around every edge of the tables: made from the tables, each with the answer they imply.

A check is one patient with a few rows and one moment to look at. Numbers lie just under, on and just over a cut-off in
every unit in which the concept may come, at several finenesses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import polars as pl
from tests.lib.truth import Age, Facts, compares, crs_grade

from cytowatch.adapters.admit import admit
from cytowatch.engine.apply import Graded, grade_observations
from cytowatch.knowledge import load
from cytowatch.knowledge.model import Compare, Concept, Domain, Running, Scale, Unit
from cytowatch.schema import PATIENTS

ZERO = datetime(2024, 3, 10, tzinfo=UTC)
FINENESS = (Fraction(1), Fraction(1, 10), Fraction(1, 1000))
ADULT: dict[str, Any] = {"age_years": 60.0}
ADULT_AGE = Age(21915, 60)
CRS, ICANS = "crs.astct-2019", "icans.astct-2019"
FEBRILE, NORMAL = {"body_temperature": Fraction(39)}, {"systolic_bp": Fraction(120)}
MINUTE, HOUR, LONG = timedelta(minutes=1), timedelta(hours=1), timedelta(hours=100)
Row = dict[str, Any]


@dataclass(frozen=True)
class Number:
    """A number as printed, with its unit, and the same in the canonical unit, exactly."""

    printed: str
    unit: str
    canonical: Fraction


@dataclass(frozen=True)
class Check:
    """One patient, and what must hold of the timeline row at ``at``."""

    about: str
    rows: tuple[Row, ...]
    expected: dict[str, Any]
    patient: dict[str, Any] = field(default_factory=lambda: ADULT)
    at: timedelta = timedelta(hours=1)


def row(
    concept: str,
    value: str | Number | None = None,
    *,
    unit: str | None = None,
    text: str | None = None,
    at: timedelta = timedelta(0),
    until: timedelta | None = None,
) -> Row:
    """One raw row in the columns of the contract."""
    if isinstance(value, Number):
        unit, value = value.unit, value.printed
    return {
        "time": (ZERO + at).isoformat(),
        "until": None if until is None else (ZERO + until).isoformat(),
        "concept": concept, "value": value, "unit": unit or None, "text": text,
    }  # fmt: skip


TRIGGER = row("car_t_infusion", text="axicabtagene_ciloleucel")


def printed(number: Fraction) -> str:
    """A fraction that has a finite decimal, as its decimal."""
    return f"{Decimal(number.numerator) / Decimal(number.denominator):f}"


def numbers(concept: str, cut: Fraction, unit: str = "", *, spellings: bool = True) -> Iterator[Number]:
    """Just under, on and just over a cut-off, in every accepted unit of its family; only plausible ones."""
    known = load().concepts[concept]
    canonical = unit or known.units[0]
    low, high = known.plausible[canonical]
    smallest = Fraction(str(known.smallest))
    for accepted in units(known, canonical, spellings=spellings):
        exact = cut / accepted.factor - accepted.shift
        for fine in FINENESS:
            for step in (-1, 0, 1):
                value = (floor(exact / fine) + step) * fine
                inside = (value + accepted.shift) * accepted.factor
                part_of_a_cell = value < accepted.whole_below and value.denominator != 1
                small = 0 < inside < smallest or part_of_a_cell
                if Fraction(str(low)) <= inside <= Fraction(str(high)) and not small:
                    yield Number(printed(value), accepted.name, inside)


def units(concept: Concept, canonical: str, *, spellings: bool) -> Iterable[Unit]:
    """The units that convert into one canonical unit; without spellings one name a conversion."""
    found = [unit for unit in concept.accepted if unit.to == canonical]
    if spellings:
        return found
    return {(unit.factor, unit.shift): unit for unit in reversed(found)}.values()


def cuts(scale: Scale) -> Iterator[tuple[str, Compare, tuple[str, ...]]]:
    """Every comparison with a number: criterion, comparison, the devices beside which it counts."""
    for criterion in scale.criteria:
        for compare, devices in compares(criterion.when):
            if not compare.threshold:
                yield criterion.id, compare, devices


def ages(threshold: str) -> Iterator[tuple[dict[str, Any], Age]]:
    """Patients on both sides of every age edge of a threshold, by age in years and by birth date."""
    days, years = {0}, {0, 60}
    for band in load().thresholds[threshold].bands:
        days |= {edge for edge in (band.from_days, band.to_days) if edge is not None}
        years |= {int(edge) for edge in (band.from_years, band.to_years) if edge is not None}
        if band.per_year and band.from_years is not None and band.to_years is not None:
            years |= set(range(int(band.from_years), int(band.to_years)))
    for day in sorted(days | {edge - 1 for edge in days} - {-1}):
        yield by_years((day + 0.5) / 365.25)
        yield by_birth_date(ZERO.date() - timedelta(days=day))
    for year in sorted(years - {0}):
        birthday = ZERO.date().replace(year=ZERO.year - year)
        yield by_years(float(year))
        yield by_years(year - 0.001)
        yield by_birth_date(birthday)
        yield by_birth_date(birthday + timedelta(days=1))


def by_years(years: float) -> tuple[dict[str, Any], Age]:
    """A patient whose age is given in years."""
    return {"age_years": years}, Age(floor(Fraction(years) * Fraction("365.25")), floor(years))


def by_birth_date(born: date) -> tuple[dict[str, Any], Age]:
    """A patient whose birth date is given."""
    today = ZERO.date()
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return {"birth_date": born}, Age((today - born).days, years)


def chart(facts: Facts, number: dict[str, Number]) -> tuple[Row, ...]:
    """The rows that make these facts true from the trigger on; numbers as printed where given."""
    hours = timedelta(hours=12)
    rows = [TRIGGER]
    known = load().concepts
    for concept, value in (facts.readings | facts.rates).items():
        as_printed = number.get(concept, Number(printed(value), known[concept].units[0], value))
        rows.append(row(concept, as_printed, until=hours))
    if facts.device:
        rows.append(row("oxygen_device", text=facts.device, until=hours))
    return tuple(rows)


def graded(checks: list[Check], scale: str) -> Graded:
    """All checks graded in one call; each patient is named by the place of its check."""
    rows = [{"patient": str(place), **one} for place, check in enumerate(checks) for one in check.rows]
    admission = admit(pl.DataFrame(rows, infer_schema_length=None), load(), file="edges", clock="time")
    assert admission.rejects.is_empty(), admission.rejects.head(5)
    people = [{"patient": str(place), **check.patient} for place, check in enumerate(checks)]
    patients = pl.DataFrame(people, schema=PATIENTS.schema)
    return grade_observations(admission.observations, patients, load(), [scale], clock="time")


def microseconds(moment: timedelta) -> int:
    """A moment on the clock of the rows."""
    return (ZERO + moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def wrong(checks: list[Check], scale: str) -> list[str]:
    """What does not hold, in words."""
    assert checks
    timeline = graded(checks, scale).timeline
    moments = pl.DataFrame(
        {"patient": [str(place) for place in range(len(checks))], "at": [microseconds(check.at) for check in checks]}
    )
    found = moments.join(timeline, on="patient").filter(
        (pl.col("start") <= pl.col("at")) & (pl.col("at") < pl.col("end"))
    )
    by_patient = {one["patient"]: one for one in found.iter_rows(named=True)}
    complaints = []
    for place, check in enumerate(checks):
        state = by_patient.get(str(place), {})
        seen = {name: _plain(state.get(name)) for name in check.expected}
        if seen != check.expected:
            complaints.append(f"{check.about}: expected {check.expected}, found {seen}")
    return complaints


def _plain(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list) else value


def crs_check(about: str, facts: Facts, number: dict[str, Number], patient: dict[str, Any] | None = None) -> Check:
    """A CRS patient whose answer the tables give."""
    grade = crs_grade(load().scales[CRS], facts)
    expected = {"criteria": grade.criteria, "at_least": grade.at_least, "at_most": grade.at_most}
    return Check(about, chart(facts, number), expected, ADULT if patient is None else patient)


def none_wrong(checks: list[Check], scale: str) -> None:
    """Every check holds; the first dozen that do not are told."""
    complaints = wrong(checks, scale)
    assert not complaints, f"{len(complaints)} of {len(checks)}:\n" + "\n".join(complaints[:12])


def pressures() -> list[tuple[str, str]]:
    """Concept and threshold of every pressure that counts as hypotension."""
    rules = (criterion.when for criterion in load().scales[CRS].criteria)
    return [(part.concept, part.threshold) for rule in rules for part, _ in compares(rule) if part.threshold]


def drugs() -> list[str]:
    """Every infusion that a criterion counts, and those that it does not."""
    rules = [criterion.when for criterion in load().scales[CRS].criteria]
    counted = [drug for rule in rules if isinstance(rule, Running) for drug in rule.concepts]
    return sorted({key for key, known in load().concepts.items() if known.kind == "infusion"} | set(counted))


def scored(domain: Domain) -> tuple[dict[str, Any], Row]:
    """A patient for whom the domain's instrument is used, and that patient's wakefulness."""
    child = domain.instrument == "child"
    return ({"age_years": 5.0} if child else ADULT), row("consciousness", text="awake", until=LONG)


def bounds(low: int, high: int) -> dict[str, Any]:
    """A grade between two bounds."""
    return {"at_least": low, "at_most": high}


def exactly(grade: int) -> dict[str, Any]:
    """A grade that can be told."""
    return bounds(grade, grade)
