"""How a large input is cut into parts of whole patients: by how many rows fit into memory."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.adapters.intake import Clock
from cytowatch.buckets import bucket_of
from cytowatch.streaming.inputs import LargeInput
from cytowatch.streaming.look import Looked

# what grading a row takes while it is in memory, measured (benchmarks/README.md), and how many parts are there at once
_ROW_BYTES = 400
_PARTS_AT_ONCE = 3
# more than this brings nothing, less than that costs more in fixed steps than in rows
MOST_ROWS, LEAST_ROWS = 750_000, 50_000
# rows that are sorted at a time
RUN_ROWS = 2_000_000
_CGROUP = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class Plan:
    """``cuts``: where parts begin and the last ends, if the rows of each patient stand together; else ``buckets``.

    ``left_over``: one more part, for patients of whom the table of patients knows and no row does.
    """

    clock: Clock
    cuts: tuple[int, ...]
    buckets: int
    run_rows: int
    left_over: bool

    @property
    def together(self) -> bool:
        """Whether the input is used as it is."""
        return not self.buckets

    @property
    def parts(self) -> int:
        """How many parts are graded."""
        return (len(self.cuts) - 1 if self.together else self.buckets) + self.left_over

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the work folder."""
        return asdict(self)

    @staticmethod
    def of_json(plain: dict[str, Any]) -> Plan:
        """The plan that ``as_json`` made plain."""
        return Plan(**{**plain, "cuts": tuple(plain["cuts"])})


def make_plan(large: LargeInput, looked: Looked, *, patients: bool) -> Plan:
    """Cut the input; ``patients``: there is a table of patients."""
    rows = rows_of_part(memory())
    # a block is sorted by itself, so three times as many rows fit
    run_rows = min(RUN_ROWS, _PARTS_AT_ONCE * rows)
    if looked.starts is not None:
        cuts = _cuts(looked.starts["row"], large.rows, rows)
        return Plan(looked.clock, cuts, 0, run_rows, left_over=patients)
    return Plan(looked.clock, (), max(1, -(-large.rows // rows)), run_rows, left_over=False)


def rows_of_part(memory_bytes: int) -> int:
    """The rule: the eighth part of the memory, at most 0.9 GB, holds three parts of 400 bytes a row."""
    share = min(memory_bytes // 8, 900_000_000)
    return max(LEAST_ROWS, min(MOST_ROWS, share // (_PARTS_AT_ONCE * _ROW_BYTES)))


def memory() -> int:
    """Memory of the machine in bytes, or what a container may use of it."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8_000_000_000
    try:
        allowed = _CGROUP.read_text(encoding="ascii").strip()
    except OSError:
        return physical
    return min(physical, int(allowed)) if allowed.isdecimal() else physical


def part_of(patients: pl.Series, plan: Plan, starts: pl.DataFrame | None) -> pl.Series:
    """The part of each patient; of an id that no row has, the last one."""
    if starts is None:
        known = {one: bucket_of(one, plan.buckets) for one in patients.drop_nulls().unique().to_list()}
        return patients.replace_strict(known, default=0, return_dtype=pl.Int64).alias("part")
    begins = pl.Series(plan.cuts[:-1], dtype=pl.Int64)
    places = starts.select(
        "patient", (begins.search_sorted(starts["row"], side="right").cast(pl.Int64) - 1).alias("part")
    )
    joined = patients.alias("patient").to_frame().join(places, on="patient", how="left", maintain_order="left")
    return joined["part"].fill_null(plan.parts - 1)


def _cuts(starts: pl.Series, end: int, rows: int) -> tuple[int, ...]:
    """Each part ends with the last patient that fits, or is one patient with more rows than fit."""
    begins = [0, *starts.to_list()[1:], end]
    cuts, here = [0], 0
    for begin, after in zip(begins[1:], [*begins[2:], end], strict=True):
        if begin > here and (begin == end or after - here > rows):
            cuts.append(begin)
            here = begin
    return tuple(cuts)
