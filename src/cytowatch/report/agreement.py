"""Agreement of derived with reported grades: confusion table and weighted kappa."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True)
class Kappa:
    """Weighted kappa with its interval; value, low and high are None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None
    pairs: int


def confusion(pairs: Iterable[tuple[int, int]], categories: Sequence[int]) -> list[list[int]]:
    """Counts, one row a first rating and one column a second, in the order of ``categories``."""
    place = {category: index for index, category in enumerate(categories)}
    table = [[0] * len(categories) for _ in categories]
    for first, second in pairs:
        table[place[first]][place[second]] += 1
    return table


def weighted_kappa(table: Sequence[Sequence[int]], confidence: float = 0.95) -> Kappa:
    """Cohen's kappa with quadratic weights and the large-sample interval of Fleiss, Cohen and Everitt.

    ``table`` is square, its rows and columns equally spaced ordered categories. Undefined (None) without pairs, or
    where chance alone would agree fully (everyone rated the same one category).
    """
    size, total = len(table), sum(map(sum, table))
    if total == 0 or size < 2:
        return Kappa(None, None, None, total)
    share = [[cell / total for cell in row] for row in table]
    rows = [sum(row) for row in share]
    columns = [sum(row[j] for row in share) for j in range(size)]
    weight = [[1 - ((i - j) / (size - 1)) ** 2 for j in range(size)] for i in range(size)]
    cells = [(i, j) for i in range(size) for j in range(size)]
    observed = sum(weight[i][j] * share[i][j] for i, j in cells)
    expected = sum(weight[i][j] * rows[i] * columns[j] for i, j in cells)
    if expected >= 1:
        return Kappa(None, None, None, total)
    kappa = (observed - expected) / (1 - expected)
    row_mean = [sum(weight[i][j] * columns[j] for j in range(size)) for i in range(size)]
    column_mean = [sum(weight[i][j] * rows[i] for i in range(size)) for j in range(size)]
    spread = sum(share[i][j] * (weight[i][j] - (row_mean[i] + column_mean[j]) * (1 - kappa)) ** 2 for i, j in cells)
    variance = (spread - (kappa - expected * (1 - kappa)) ** 2) / (total * (1 - expected) ** 2)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * sqrt(max(variance, 0.0))
    return Kappa(kappa, max(kappa - half, -1.0), min(kappa + half, 1.0), total)
