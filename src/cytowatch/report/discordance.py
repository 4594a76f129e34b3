"""Scales of one family beside each other: how often they give a patient the same worst grade, and how far apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from cytowatch.knowledge.model import Knowledge
from cytowatch.report.agreement import Kappa, confusion, weighted_kappa
from cytowatch.report.order import FAMILIES, by_publication, family_of

BASES = {
    "derived": "worst grade, where the record settles it",
    "certain": "worst grade that is certain",
    "reported": "worst grade that people reported",
}
# None stands for a grade that is not known
Flow = dict[tuple[int | None, int | None], int]


@dataclass(frozen=True)
class Pair:
    """Two scales of one family on the same patients: how many have the same worst grade, differ, or are not known."""

    first: str
    second: str
    basis: str
    same: int
    differ: int
    unknown: int
    kappa: Kappa
    counts: Flow

    @property
    def compared(self) -> int:
        """Patients whose worst grade is known on both."""
        return self.same + self.differ

    @property
    def patients(self) -> int:
        """All patients that both scales grade."""
        return self.compared + self.unknown

    @property
    def share(self) -> float | None:
        """Share of the compared patients with the same worst grade; None where nobody could be compared."""
        return self.same / self.compared if self.compared else None

    def turned(self) -> Pair:
        """The same pair with the scales exchanged."""
        counts = {(second, first): n for (first, second), n in self.counts.items()}
        return Pair(self.second, self.first, self.basis, self.same, self.differ, self.unknown, self.kappa, counts)


def pairs_of(frame: pl.DataFrame) -> list[Pair]:
    """Every pair of scales and basis of a discordance table (``schema.DISCORDANCE``), in its order."""
    keys = ["scale_a", "scale_b", "basis"]
    parts = frame.partition_by(keys, as_dict=True, maintain_order=True)
    return [_pair(str(first), str(second), str(basis), part) for (first, second, basis), part in parts.items()]


def _pair(first: str, second: str, basis: str, part: pl.DataFrame) -> Pair:
    counts: Flow = {}
    for one, other, n in part.select("grade_a", "grade_b", "patients").iter_rows():
        counts[one, other] = counts.get((one, other), 0) + n
    known = {(one, other): n for (one, other), n in counts.items() if one is not None and other is not None}
    same = sum(n for (one, other), n in known.items() if one == other)
    compared = sum(known.values())
    return Pair(first, second, basis, same, compared - same, sum(counts.values()) - compared, _kappa(known), counts)


def _kappa(known: dict[tuple[int, int], int]) -> Kappa:
    grades = range(max((max(pair) for pair in known), default=1) + 1)
    table = confusion([], grades)
    for (one, other), n in known.items():
        table[one][other] += n
    return weighted_kappa(table)


def where_unsettled(frame: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """The discordance table, the certain grades left out of families in which every grade is known.

    There they would say it twice. What is certain is a lower bound: a patient may be apart there on two scales that
    truly agree.
    """
    unknown = frame.filter((pl.col("basis") == "derived") & (pl.col("grade_a").is_null() | pl.col("grade_b").is_null()))
    open_ = {family_of(scale, knowledge) for scale in unknown["scale_a"].unique()}
    scales = [scale for scale in frame["scale_a"].unique() if family_of(scale, knowledge) in open_]
    return frame.filter((pl.col("basis") != "certain") | pl.col("scale_a").is_in(scales))


@dataclass(frozen=True)
class FamilyTable:
    """The scales of one family on one basis, in order of publication, and every pair of them (first before second)."""

    family: str
    basis: str
    scales: tuple[str, ...]
    pairs: dict[tuple[str, str], Pair]

    def next_to_each_other(self) -> list[Pair]:
        """The pairs of neighbors in this order."""
        return [self.pairs[pair] for pair in pairwise(self.scales) if pair in self.pairs]


def family_tables(frame: pl.DataFrame, knowledge: Knowledge) -> list[FamilyTable]:
    """One table a family and basis with at least two scales."""
    out = []
    found = pairs_of(frame)
    keys = {(family_of(pair.first, knowledge), pair.basis) for pair in found}
    for family, basis in sorted(keys, key=lambda key: (list(FAMILIES).index(key[0]), list(BASES).index(key[1]))):
        own = [pair for pair in found if (family_of(pair.first, knowledge), pair.basis) == (family, basis)]
        scales = by_publication({name for pair in own for name in (pair.first, pair.second)}, knowledge)
        out.append(FamilyTable(family, basis, tuple(scales), _oriented(own, scales)))
    return out


def _oriented(pairs: Iterable[Pair], scales: Sequence[str]) -> dict[tuple[str, str], Pair]:
    inward = [pair if scales.index(pair.first) < scales.index(pair.second) else pair.turned() for pair in pairs]
    return {(pair.first, pair.second): pair for pair in inward}
