"""Runs the worked patients against other tables, or against a copy of the fast engine with its text edited."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
from tests.lib import cases
from tests.mutations.engine_mutations import Edit

from cytowatch.engine import apply
from cytowatch.knowledge import load
from cytowatch.knowledge.model import Knowledge

ENGINE = Path(apply.__file__).parent
TWIN = ENGINE / "reference"
NUMBERS = count()
Grade = Callable[..., Any]


@contextmanager
def engine_with(edits: tuple[Edit, ...], folder: Path) -> Iterator[Grade]:
    """The grading door of a copy of the fast engine, under another name, with these edits made."""
    name = f"mutant_{next(NUMBERS)}"
    write_copy(folder / name, name, edits)
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        yield importlib.import_module(f"{name}.apply").grade_observations
    finally:
        sys.path.remove(str(folder))
        for loaded in [key for key in sys.modules if key.split(".")[0] == name]:
            del sys.modules[loaded]


def write_copy(target: Path, name: str, edits: tuple[Edit, ...]) -> None:
    """A copy of the fast engine as the package ``name``, with these edits made."""
    wrong = dict(texts())
    for module, before, after in edits:
        assert before in wrong[module], f"engine/{module} no longer has {before!r}: write this mutation anew"
        wrong[module] = wrong[module].replace(before, after)
    for module, text in wrong.items():
        path = target / f"{module.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("cytowatch.engine", name), encoding="utf-8")


@lru_cache(maxsize=1)
def texts() -> dict[str, str]:
    """The modules of the fast engine as ``ast.unparse`` writes them, by name: ``crs``, ``rules.lanes``."""
    paths = [path for path in sorted(ENGINE.rglob("*.py")) if TWIN not in path.parents]
    return {
        ".".join(path.relative_to(ENGINE).with_suffix("").parts): ast.unparse(ast.parse(path.read_text("utf-8")))
        for path in paths
    }


@lru_cache(maxsize=1)
def rows() -> pl.DataFrame:
    """The rows of all cases, admitted once with the tables as they are."""
    return cases.admitted(cases.all_cases(), load())


def cases_of(scale: str) -> Iterator[tuple[cases.Case, str]]:
    """The cases that speak of a scale, each with the name under which it does."""
    for case in cases.all_cases():
        for name in case.families:
            if case.scale(name) == scale:
                yield case, name


def failures(scale: str, knowledge: Knowledge, grade: Grade = apply.grade_observations) -> list[cases.Difference]:
    """What of the cases of one scale does not hold; the first group of cases with a difference ends the search."""
    found: list[cases.Difference] = []
    for name, group in groups_of(scale):
        answer = cases.by_fast_engine(group, name, knowledge, cases.rows_of(rows(), group), grade)
        found += [difference for case in group for difference in cases.differences(case, name, answer)]
        if found:
            break
    return found


@lru_cache(maxsize=256)
def groups_of(scale: str) -> list[tuple[str, tuple[cases.Case, ...]]]:
    """The cases of a scale that are graded together, each with the name of the scale in them; the largest first."""
    speaking = list(cases_of(scale))
    found = [
        (name, group)
        for name in dict.fromkeys(name for _, name in speaking)
        for group in cases.groups(case for case, own in speaking if own == name)
    ]
    return sorted(found, key=lambda named: -len(named[1]))
