"""Make the page of worked patients, docs/reference/cases.md, from the case files; ``--check`` writes nothing."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CASES = ROOT / "src" / "cytowatch" / "knowledge" / "tables" / "cases"
PAGE = ROOT / "docs" / "reference" / "cases.md"
MADE = "<!-- Made by `python tools/make_cases_page.py` from the case files. Change the files, not this page. -->"
INTRODUCTION = """Small patients, each with what was charted and what must come out. Both engines are tested
on every one. Times are hours from the file's zero; empty cells are unknown or do not matter; `1..3` is a grade
between 1 and 3. The tables over time show the state between two moments, those of episodes the reaction as a whole."""
TABLES = {
    "crs": "CRS over time",
    "crs_episodes": "CRS episodes",
    "icans": "ICANS over time",
    "icans_episodes": "ICANS episodes",
    "advice": "What guidelines say",
}

# how a folder of cases is called in a heading
_FOLDERS = {
    "crs": "CRS",
    "icans": "ICANS",
    "translation": "Scales side by side",
    "beside_astct": "Beside ASTCT",
    "scores": "Scores",
    "advice": "Advice",
}


def made() -> str:
    """The whole page as text."""
    parts = ["# Worked patients", MADE, INTRODUCTION]
    for path in sorted(CASES.rglob("*.toml")):
        parts += _chapter(path)
    return "\n\n".join(parts) + "\n"


def _chapter(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    content = tomllib.loads(text)
    said = text.splitlines()[0].lstrip("# ").strip()
    parts = [f"## {_FOLDERS[path.parent.name]}: {said.rstrip('.')}"]
    parts += [f"Edition `{content['edition']}`."] if "edition" in content else []
    if "everyone" in content:
        parts += ["**Charted for every patient of this chapter**", markdown(content["everyone"])]
    for case in content["case"]:
        parts += _case(case)
    return parts


def _case(case: dict[str, Any]) -> list[str]:
    parts = [f"### {case['title']}", _about(case)]
    if case.get("why"):
        parts.append(case["why"])
    parts += ["**Charted**", markdown(case["charted"])]
    for key, title in TABLES.items():
        if key in case:
            parts += [f"**{title}**", markdown(case[key]) if _rows(case[key])[1:] else "None."]
    for scale, table in case.get("scales", {}).items():
        parts += [f"**`{scale}` over time**", markdown(table)]
    return parts


def _about(case: dict[str, Any]) -> str:
    source = f"{case['source']}, {case['locator']}" if case["source"] != "house" else f"ours: {case['locator']}"
    evidence = f" ({case['evidence']})" if "evidence" in case else ""
    facts = [f"{name.replace('_', ' ')} {str(value).lower()}" for name, value in case.get("patient", {}).items()]
    facts += [f"{name.replace('_', ' ')}: {_words(case[name])}" for name in _OPTIONS if name in case]
    return f"`{case['id']}` · {source}{evidence} · {'; '.join(facts) or 'age unknown'}"


_OPTIONS = ("as_of", "assume_trigger", "not_recorded")


def _words(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


def markdown(table: str) -> str:
    """A text table of a case file as a Markdown table; ``-`` becomes an empty cell."""
    head, *rows = _rows(table)
    lines = [head, ["---"] * len(head), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(cell: str) -> str:
    return "" if cell == "-" else cell.replace("<", "&lt;")


def main() -> None:
    """Write the page, or with ``--check`` say whether it is current."""
    if "--check" in sys.argv[1:]:
        sys.exit(0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == made() else f"{PAGE} is not current")
    PAGE.write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
