"""``cytowatch product`` and ``cytowatch risks``: what a person reads of a product and of prevention."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from cytowatch.errors import EXIT_DONE
from cytowatch.knowledge import load
from cytowatch.sheets.frames import as_day
from cytowatch.sheets.terminal import product_sheet, risk_sheet

_Overlays = Annotated[list[Path] | None, Parameter(name="--knowledge", negative=(), consume_multiple=True)]


def product(name: str, /, *, on: str | None = None, knowledge: _Overlays = None) -> int:
    """Print the sheet of a product: rates, times, doses, stay, rules after a toxicity, each with its date and source.

    Example: `cytowatch product teclistamab --on 2025-01-01`.

    Parameters
    ----------
    name
        The product: its key, brand or short name, such as axi-cel.
    on
        The day for which it is asked, such as 2025-01-01; without it the newest that was read.
    knowledge
        Folders laid over the clinical tables.
    """
    for part in product_sheet(load(*(knowledge or ())), name, as_day(on)):
        _console().print(part, soft_wrap=isinstance(part, str))
    return EXIT_DONE


def risks(*, product: str | None = None, knowledge: _Overlays = None) -> int:
    """Print what raises, lowers or prevents toxicity, with its effect, in whom it was seen, and what is recommended.

    Example: `cytowatch risks --product axi-cel`.

    Parameters
    ----------
    product
        Only what concerns this product: its key, brand or short name. Without it everything.
    knowledge
        Folders laid over the clinical tables.
    """
    for part in risk_sheet(load(*(knowledge or ())), product):
        _console().print(part, soft_wrap=isinstance(part, str))
    return EXIT_DONE


def _console() -> Console:
    """A terminal as wide as it is now; data may hold brackets and colons, so nothing is read as markup."""
    return Console(highlight=False, markup=False, emoji=False)
