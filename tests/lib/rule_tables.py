"""The package's tables with a folder of small rule scales in place of its own scales."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from cytowatch.knowledge import Knowledge
from cytowatch.knowledge.layers import Layer, merge, read_layer
from cytowatch.knowledge.load import TABLES, _build

# what the small scales rest on; everything else of the package names scales of its own
_SHARED = ("concepts.toml", "sources.toml", "policy.toml", "messages.toml")
SMALL = Path(__file__).parents[1] / "knowledge" / "rule_tables"


@lru_cache(maxsize=1)
def _package() -> Layer:
    return read_layer(TABLES)


def knowledge_of(folder: Path = SMALL) -> Knowledge:
    """The tables of a folder laid over those of the package that name no scale."""
    base, small = _package(), read_layer(folder)
    kept = {name: part for name, part in base.documents.items() if name in _SHARED or name.startswith("products/")}
    kept["messages.toml"] = {name: part for name, part in kept["messages.toml"].items() if name != "missing"}
    both = kept | {name: merge(kept.get(name, {}), part) for name, part in small.documents.items()}
    return _build([replace(base, documents=both)])


def copied(folder: Path) -> Path:
    """A copy of the small tables, to be spoiled."""
    return Path(shutil.copytree(SMALL, folder / "tables"))
