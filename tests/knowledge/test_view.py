"""What a person is shown of the tables."""

from __future__ import annotations

import pytest

from cytowatch.errors import ArgumentError
from cytowatch.knowledge import Knowledge, list_items, load, show


@pytest.fixture(scope="module")
def tables() -> Knowledge:
    """The package's own tables."""
    return load()


def test_every_item_can_be_shown(tables: Knowledge) -> None:
    for item in list_items(tables):
        assert f"`{item.id}`" in show(tables, item.id).splitlines()[0]


def test_a_scale_is_shown_cell_by_cell_with_its_source(tables: Knowledge) -> None:
    page = show(tables, "crs.astct-2019")
    for criterion in tables.scales["crs.astct-2019"].criteria:
        row = next(line for line in page.splitlines() if line.endswith(f"| {criterion.id} |"))
        assert criterion.source in row
        assert criterion.locator in row
        assert criterion.evidence in row
    assert "not encoded" in page
    assert "body_temperature >= 38 Cel" in page


def test_an_alias_is_shown_and_a_wrong_name_gets_a_suggestion(tables: Knowledge) -> None:
    assert "`norepinephrine`" in show(tables, "Noradrenaline")
    assert "`tisagenlecleucel`" in show(tables, "Kymriah")
    with pytest.raises(ArgumentError, match="episode_gap_hours"):
        show(tables, "episode_gap_hour")
