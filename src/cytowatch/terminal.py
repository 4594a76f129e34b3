"""What a person at a terminal sees: output, errors, and a progress bar that is silent when piped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

# data may hold brackets and colons: nothing is read as markup
out = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)
Overlays = Annotated[list[Path] | None, Parameter(name="--knowledge", negative=(), consume_multiple=True)]


class Advance:
    """Called with what is being read and how much of the whole is behind, 0 to 1."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._task = bar.add_task("reading", total=1.0) if bar else None

    def __call__(self, what: str, done: float) -> None:
        """Move the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=what, completed=done)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Advance]:
    """A progress bar on a terminal; nothing when piped or quiet."""
    if quiet or not err.is_terminal:
        yield Advance(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        yield Advance(bar)
