"""Gives every concept, category, product and scale its number in ``codes/omop_local.csv``; none is ever changed."""

from __future__ import annotations

import csv
from pathlib import Path

from cytowatch.knowledge import load
from cytowatch.knowledge.load import TABLES

FIRST = 2_094_000_000
COLUMNS = ("concept_id", "kind", "key", "detail", "name", "source", "locator", "evidence")
Key = tuple[str, str, str]


def names() -> dict[Key, str]:
    """Everything that has a number, with its name, in a fixed order."""
    tables = load()
    found: dict[Key, str] = {}
    for key, concept in sorted(tables.concepts.items()):
        found["concept", key, ""] = concept.label
        for category in concept.categories:
            found["category", key, category] = f"{concept.label}: {category.replace('_', ' ')}"
    for key, product in sorted(tables.products.items()):
        found["product", product.concept, key] = key.replace("_", " ")
    return found | {("scale", key, ""): f"Grade by {key}" for key in sorted(tables.scales)}


def add_numbers(path: Path) -> int:
    """Append a row for each thing without a number; gives back how many."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    known = {(row["kind"], row["key"], row["detail"]) for row in rows}
    last = max((int(row["concept_id"]) for row in rows), default=FIRST)
    new = [(key, name) for key, name in names().items() if key not in known]
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, (key, name) in enumerate(new, last + 1):
            writer.writerow([number, *key, name, "house", "decision 0028", "house"])
    return len(new)


if __name__ == "__main__":
    print(add_numbers(TABLES / "codes" / "omop_local.csv"), "numbers added")
