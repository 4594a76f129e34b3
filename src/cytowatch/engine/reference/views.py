"""A scale that words the grades of another one anew (rule page, section 5)."""

from __future__ import annotations

from typing import Any

from cytowatch.knowledge.model import Scale

# what must be equal for two neighbors to be one row
SAID = ("patient", "at_least", "at_most", "criteria", "missing", "flags", "episode")


def viewed(timeline: list[dict[str, Any]], view: Scale) -> list[dict[str, Any]]:
    """The timeline of the scale behind a view, its bounds mapped, neighbors that became equal joined."""
    found: list[dict[str, Any]] = []
    for row in timeline:
        mapped = row | _bounds(row, view) | {"scale": view.id}
        if found and found[-1]["end"] == mapped["start"] and all(found[-1][key] == mapped[key] for key in SAID):
            found[-1]["end"] = mapped["end"]
        else:
            found.append(mapped)
    return found


def _bounds(row: dict[str, Any], view: Scale) -> dict[str, int | None]:
    low, high = (_mapped(row[key], view) for key in ("at_least", "at_most"))
    return {"at_least": low, "at_most": high, "grade": low if low == high else None}


def _mapped(grade: int | None, view: Scale) -> int | None:
    if grade is None:
        return None
    # 0 stays 0 where the table does not name it
    return view.view.get(0, 0) if grade == 0 else view.view[grade]
