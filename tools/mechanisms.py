"""Hold every model against what it must reach: ``python tools/mechanisms.py``; exit code 1 if one does not."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from cytowatch.simulate.acceptance import Row, rows

DIGITS = 4


def as_table(found: list[Row]) -> Table:
    """The rows for a terminal."""
    out = Table("no.", "test", "target", "ours", "may differ by", "", "target is", title="Published models")
    for row in found:
        verdict = "pass" if row.passes else "[bold red]FAIL[/]"
        numbers = (f"{value:.{DIGITS}g}" for value in (row.target, row.ours, row.tolerance))
        out.add_row(row.number, row.test, *numbers, verdict, row.note)
    return out


def main() -> None:
    """Print the table."""
    found = rows()
    console = Console()
    console.print(as_table(found), markup=True)
    failed = sum(not row.passes for row in found)
    console.print(f"{len(found)} checks, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
