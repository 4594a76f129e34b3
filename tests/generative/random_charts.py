"""Random patients for any scale: what is charted is what the scale reads, and values sit on and around its cut-offs.

The pools are made from the scale's own conditions, so a new table gets its random patients without a line of code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import polars as pl
from tests.generative.random_patients import COMPARATORS, DAY, DELAYS, HOUR, LASTING, TEXTS, Maker, as_tables

from cytowatch.knowledge.model import Compare, Given, In, Knowledge, QuantityCompare, Relative, Running, Scale

_FRACTIONS = (0.0, 0.3, 0.5, 0.9, 1.0, 1.0 - 1e-12, 1.0 + 1e-12, 1.1, 1.5, 2.0, 4.0)
_RANGES = ((None, None), (None, 1.0), (0.6, 1.2), (10.0, 40.0), (150.0, 400.0), (0.5, None), (4.0, 11.0))
_WEIGHTS = (None, None, 50.0, 70.0, 80.0)
_STEP = 0.1


def nodes(value: object) -> Iterator[object]:
    """Every dataclass inside a condition, in the order written."""
    if is_dataclass(value):
        yield value
        for part in fields(value):
            yield from nodes(getattr(value, part.name))
    elif isinstance(value, tuple):
        for inner in value:
            yield from nodes(inner)


class ChartMaker(Maker):
    """Makes patients about one scale."""

    def __init__(self, seed: int, clock: str, scale: Scale, knowledge: Knowledge, read: frozenset[str]) -> None:
        super().__init__(seed, clock)
        self.knowledge = knowledge
        self.cuts: dict[str, list[float]] = {}
        self.texts: dict[str, list[str]] = {}
        for node in nodes(tuple(part.when for part in (*scale.criteria, *scale.flag_rules))):
            self._learn(node)
        triggers = [key for key in read if knowledge.concepts[key].kind == "trigger"]
        self.pool = sorted(read - set(triggers) - {"death"} - {"reported_grade"})
        self.read = sorted(self.pool, key=lambda key: key not in self.cuts and key not in self.texts)
        self.main = [key for key in self.pool if key in self.cuts or key in self.texts] or self.pool
        self.of_scale = [scale.episode.death_cause or "crs", "unknown", "progression"]

    def _learn(self, node: object) -> None:
        match node:
            case Compare(concept=concept):
                self.cuts.setdefault(concept, []).extend(self._cuts(node))
            case Relative(concept=concept):
                self.cuts.setdefault(concept, []).extend((node.normal, node.abnormal))
            case In(concept=concept):
                self.texts.setdefault(concept, []).extend(node.categories)
            case QuantityCompare(quantity=quantity):
                self._learn_quantity(quantity, node.value)
            case Running() | Given():
                for concept in node.concepts:
                    self.cuts.setdefault(concept, []).append(1.0)

    def _cuts(self, node: Compare) -> list[float]:
        if not node.threshold:
            return [node.value or 0.0]
        return [band.base for band in self.knowledge.thresholds[node.threshold].bands]

    def _learn_quantity(self, key: str, cut: float) -> None:
        for term in self.knowledge.quantities[key].terms:
            if term.concept in self.knowledge.quantities:
                self._learn_quantity(term.concept, 0.4)
            else:
                self.cuts.setdefault(term.concept, []).extend((cut, cut * 0.4, 40.0))
        if self.knowledge.quantities[key].kind == "inspired_oxygen":
            self.cuts.setdefault("fio2", []).append(0.4)
            self.cuts.setdefault("oxygen_flow", []).extend((0.0, 4.0, 5.0, 6.0))

    def patient(self, name: str) -> None:
        """One patient: a few concepts charted often, others now and then."""
        base = self._base()
        length = self.pick((DAY, 2 * DAY, 3 * DAY, 10 * DAY, 40 * DAY, 110 * DAY))
        grid = self.pick((HOUR, HOUR, 2 * HOUR, 4 * HOUR, 12 * HOUR, DAY))
        first, times = len(self.rows), []
        self._triggers(name, base, grid)
        often = [self.pick(self.main) for _ in range(int(self.chance() * 5) + 1)]
        for _ in range(self._size()):
            time = self._time(base, length, grid, times)
            times.append(time)
            chance = self.chance()
            self._row(name, time, self.pick(often if chance < 0.6 else self.main if chance < 0.9 else self.pool))
            if self.chance() < 0.06:
                self._spoil(first)
        if self.chance() < 0.1:
            self._row(name, self._time(base, length, grid, times), "death")
        if self.chance() < 0.9:
            self.patients.append(self._about(name, base))

    def _about(self, name: str, base: int) -> dict[str, Any]:
        stated = {f"baseline_{key}": self.pick((None, None, 1.0, 30.0, 60.0)) for key in ("ast", "alt")}
        stated |= {f"baseline_{key}": self.pick((None, None, 0.5, 1.0, 2.0)) for key in ("creatinine", "bilirubin")}
        return self._subject(name, base) | {"weight_kg": self.pick(_WEIGHTS)} | stated

    def _row(self, name: str, time: int, concept: str) -> None:
        chance, known = self.chance, self.knowledge.concepts[concept]
        low, high = self.pick(_RANGES) if known.kind == "reading" and not known.categories else (None, None)
        value, unit = self._value(concept, low, high)
        text = self._text(concept)
        if concept == "t_cell_engager_dose":
            value, unit = 1.5, "mg"
        bound = value is not None and known.kind in ("reading", "infusion") and chance() < 0.05
        lasts = {"infusion": 0.5, "device": 0.3, "switch": 0.4, "attribution": 0.3, "exception": 0.3}.get(
            known.kind, 0.04
        )
        number = len(self.rows)
        self.rows.append((
            number, name, time, time + self.pick(LASTING) if chance() < lasts else None,
            time + self.pick(DELAYS) if chance() < 0.05 else None, concept, value, unit,
            self.pick(COMPARATORS) if bound else None, text, f"s{number}",
            "final" if chance() < 0.96 else self.pick(("preliminary", "amended")), low, high,
        ))  # fmt: skip
        self._doubt()

    def _value(self, concept: str, low: float | None, high: float | None) -> tuple[float | None, str | None]:
        known = self.knowledge.concepts[concept]
        if known.categories or not known.units or known.kind == "trigger":
            return None, None
        if self.chance() < 0.03 or (known.kind == "dose" and self.chance() < 0.3):
            return None, None
        unit = self.pick(known.units)
        if known.kind == "infusion" and self.chance() < 0.25:
            return 0.0, unit
        cut = self.pick(self.cuts.get(concept) or (1.0,))
        if self.chance() < 0.5:
            value = cut + self.pick((0.0, 0.0, _STEP, -_STEP, 1.0, -1.0))
        else:
            value = cut * self.pick((low or 1.0, high or 1.0, 1.0)) * self.pick(_FRACTIONS)
        # admission lets nothing else through
        least, most = known.plausible.get(unit, (0.0, float("inf")))
        return min(most, max(least, round(value, 6))), unit

    def _text(self, concept: str) -> str | None:
        known = self.knowledge.concepts[concept]
        if known.kind == "death":
            return str(self.pick(self.of_scale))
        if concept in self.texts and self.chance() < 0.6:
            return str(self.pick(self.texts[concept]))
        pool = known.categories or TEXTS.get(concept, ())
        return str(self.pick(pool)) if pool else None

    def _change(self, row: list[Any]) -> None:
        if row[6] is not None and self.chance() < 0.5:
            least, most = self.knowledge.concepts[row[5]].plausible.get(row[7], (0.0, float("inf")))
            row[6] = min(most, max(least, round(row[6] + self.pick((_STEP, -_STEP, 1.0)), 6)))
        elif row[9] is not None and self.knowledge.concepts[row[5]].categories:
            row[9] = self.pick(self.knowledge.concepts[row[5]].categories)


def random_charts(
    count: int, seed: int, scale: Scale, knowledge: Knowledge, read: frozenset[str], *, clock: str = "time"
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Admitted rows and patients tables of ``count`` random patients about one scale; ``read``: what it reads."""
    maker = ChartMaker(seed, clock, scale, knowledge, read)
    for number in range(count):
        maker.patient(f"r{seed}-{number:06d}")
    return as_tables(maker)
