"""Small line drawings of our own, one a section and a part of the body; they repeat the title beside them."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).parent / "templates" / "icons.json"


@lru_cache(maxsize=1)
def _shapes() -> dict[str, str]:
    """The inside of each drawing, on a field of 24 by 24, by name."""
    return {str(name): str(shape) for name, shape in json.loads(_FILE.read_text(encoding="utf-8")).items()}


def icon(name: str, color: str = "currentColor") -> str:
    """One drawing as SVG, hidden from screen readers; empty for a name without one."""
    shape = _shapes().get(name)
    if shape is None:
        return ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24" fill="none" '
        f'stroke="{color}" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" '
        f'focusable="false">{shape}</svg>'
    )


def icons(color: str) -> dict[str, str]:
    """Every drawing in one color, by name."""
    return {name: icon(name, color) for name in _shapes()}
