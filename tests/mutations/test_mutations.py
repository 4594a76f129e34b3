"""A wrong grader is caught: each of many small errors makes at least one worked patient come out otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lib.cases import Difference
from tests.mutations import engine_mutations, mutations, rule_engine_mutations
from tests.mutations.harness import engine_with, failures

from cytowatch.knowledge import load


@pytest.mark.parametrize("scale", [mutations.CRS, mutations.ICANS, rule_engine_mutations.CRES])
def test_the_engine_as_it_is_passes(scale: str, tmp_path: Path) -> None:
    assert [str(found) for found in failures(scale, load())] == []
    with engine_with((), tmp_path) as copy:
        assert [str(found) for found in failures(scale, load(), copy)] == []


@pytest.mark.parametrize("mutation", mutations.ALL, ids=str)
def test_wrong_tables_are_caught(mutation: mutations.Mutation) -> None:
    caught(mutation.name, failures(mutation.scale, mutation.edit(load())))


@pytest.mark.parametrize("mutation", [*engine_mutations.ALL, *rule_engine_mutations.ALL], ids=str)
def test_a_wrong_engine_is_caught(mutation: engine_mutations.EngineMutation, tmp_path: Path) -> None:
    with engine_with(mutation.edits, tmp_path) as mutant:
        caught(mutation.name, failures(mutation.scale, load(), mutant))


def caught(name: str, found: list[Difference]) -> None:
    """Say which cases noticed; nobody noticing is the failure."""
    print(f"{name}: noticed by {', '.join(sorted({difference.case for difference in found}))}")
    assert found, f"{name}: no case notices; write one that does"
