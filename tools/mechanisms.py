"""Hold every model against what it must reach: ``python tools/mechanisms.py``; exit code 1 if one does not."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from cytowatch.simulate.acceptance import ASSEMBLED, PUBLISHED, Row, rows, source

DIGITS = 4


def shown(value: float) -> str:
    """A number as the tables print it."""
    return f"{value:.{DIGITS}g}"


def as_table(found: Sequence[Row], of: str) -> Table:
    """The rows of the published models or of the assembled mechanism, for a terminal."""
    out = Table("no.", "test", "target", "ours", "allowed", "", "target is", title=of)
    for row in found:
        if row.of == of:
            verdict = "pass" if row.passes else "[bold red]FAIL[/]"
            numbers = (shown(row.aim.value), shown(row.ours), row.aim.allowed(shown))
            out.add_row(row.number, row.test, *numbers, verdict, row.aim.kind)
    return out


def sources(found: Sequence[Row], of: str) -> list[str]:
    """Where the targets of such a table are from, a line for each number."""
    return [f"{number}: {source(number)}" for number in dict.fromkeys(row.number for row in found if row.of == of)]


def main() -> None:
    """Print both tables, each with the sources of its targets."""
    found = rows()
    console = Console()
    for of in (PUBLISHED, ASSEMBLED):
        console.print(as_table(found, of), markup=True)
        console.print("\n".join(sources(found, of)), markup=False, highlight=False)
    failed = sum(not row.passes for row in found)
    console.print(f"{len(found)} checks, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
