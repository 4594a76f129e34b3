"""The worked patients of the case files come out as written, on both engines."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.lib import cases
from tools.make_cases_page import PAGE, made

from cytowatch.knowledge import load
from cytowatch.knowledge.model import All, AnyOf, Node, Possible

ALL = cases.all_cases()
BOTH = [pytest.param(case, family, id=f"{case.id}-{family}") for case in ALL for family in case.families]
EVIDENCE = {"primary", "secondary", "recalled", "house"}


@lru_cache(maxsize=1)
def rows() -> pl.DataFrame:
    return cases.admitted(ALL, load())


@lru_cache(maxsize=1)
def by_fast_engine() -> dict[tuple[str, str], cases.Answer]:
    """Every case graded in as few calls as their options allow: alone or among others makes no difference."""
    found: dict[tuple[str, str], cases.Answer] = {}
    for group in cases.groups(ALL):
        for family in dict.fromkeys(name for case in group for name in case.families):
            answer = cases.by_fast_engine(group, family, load(), cases.rows_of(rows(), group))
            found |= {(case.id, family): answer for case in group}
    return found


@cache
def by_twin(case: str, family: str) -> cases.Answer:
    one = next(other for other in ALL if other.id == case)
    return cases.by_twin(one, family, load(), cases.rows_of(rows(), [one]))


@pytest.mark.parametrize(("case", "family"), BOTH)
def test_fast_engine(case: cases.Case, family: str) -> None:
    found = cases.differences(case, family, by_fast_engine()[case.id, family])
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize(("case", "family"), BOTH)
def test_slow_twin(case: cases.Case, family: str) -> None:
    found = cases.differences(case, family, by_twin(case.id, family))
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize(("case", "family"), BOTH)
def test_the_engines_say_the_same_in_every_column(case: cases.Case, family: str) -> None:
    pairs = zip(by_fast_engine()[case.id, family], by_twin(case.id, family), ("start", "episode"), strict=True)
    for fast, twin, order in pairs:
        own = fast.filter(pl.col("patient") == case.id).sort(order)
        stamps = [name for name in ("knowledge", "engine") if name in own.columns]
        assert_frame_equal(own.drop(stamps), twin.drop(stamps).sort(order))


@pytest.mark.parametrize("family", cases.FAMILIES)
def test_every_criterion_and_flag_has_a_case(family: str) -> None:
    """A row of a scale that no patient shows could say anything."""
    shown = shown_by_cases(family)
    scale = load().scales[f"{family}.astct-2019"]
    criteria = {criterion.id for criterion in scale.criteria} | {scale.episode.death_criterion}
    bands = {f"{domain.id}_grade_{band.grade}" for domain in scale.domains for band in domain.bands if band.grade}
    coded = {f"{domain.id}_grade_{g}" for domain in scale.domains for g in domain.categories.values() if g}
    assert (criteria | bands | coded | set(scale.flags)) - shown == set()


def shown_by_cases(name: str) -> set[str]:
    """Every word that the cases expect of a scale."""
    tables = [case.expected[name, "timeline"] for case in ALL if (name, "timeline") in case.expected]
    return {word for table in tables for row in cases.cells(table) for cell in row.values() for word in cell.split()}


def can_be_met(node: Node) -> bool:
    """Whether a condition is ever certain: what is only possible is never listed."""
    match node:
        case Possible():
            return False
        case AnyOf(parts):
            return any(map(can_be_met, parts))
        case All(parts):
            return all(map(can_be_met, parts))
        case _:
            return True


@pytest.mark.parametrize("scale", sorted(name for name in load().scales if name.startswith(("crs.", "cres."))))
def test_every_criterion_and_flag_of_the_scales_beside_astct_has_a_case(scale: str) -> None:
    rules = load().scales[scale]
    if rules.method == "rules":
        met = {criterion.id for criterion in rules.criteria if can_be_met(criterion.when)}
        assert (met | {rules.episode.death_criterion} | set(rules.flags)) - shown_by_cases(scale) == set()


def test_every_case_says_where_it_comes_from() -> None:
    known = load().sources
    assert [case.id for case in ALL if case.source not in known and case.source != "house"] == []
    assert [case.id for case in ALL if case.evidence not in EVIDENCE or not case.locator] == []


def test_the_page_of_the_cases_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == made(), "run `python tools/make_cases_page.py`"


def test_an_unknown_key_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "FOLDER", tmp_path)
    path = tmp_path / "one.toml"
    path.write_text('edition = "astct-2019"\n[[case]]\nid = "x"\ntitel = "y"\ncrs = ""\n', encoding="utf-8")
    with pytest.raises(ValueError, match="titel"):
        cases.read(path)
