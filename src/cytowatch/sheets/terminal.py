"""The sheets for a terminal: rich tables by topic, what was not read marked, the sources numbered at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from rich.console import Group, RenderableType
from rich.table import Table

from cytowatch.knowledge import Knowledge
from cytowatch.knowledge.model import Product
from cytowatch.knowledge.prevention import Intervention
from cytowatch.knowledge.products_by_date import Held, find_product, product_facts
from cytowatch.knowledge.view_prevention import (
    STATUSES,
    concerns,
    conflict_words,
    conflicts_of,
    effect_row,
    result_row,
)
from cytowatch.knowledge.view_products import NOT_VERIFIED, by_topic

_NO_ORDER = "Not a medical device: check every line at its source."
_NOT_MULTIPLIED = "Effects are as printed, to be read beside one another: never multiply them."
_FACTS = ("what", "for whom", "value", "when", "known as", "source")
# few columns: at 80 characters each must hold its longest word
_EFFECTS = ("factor", "outcome, direction", "effect", "in whom", "known as [source]")
_RESULTS = ("outcome", "result", "compared with", "speaks", "known as [source]")


class _Numbers:
    """The sources in the order in which they are met, each with its number."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._keys: dict[str, int] = {}

    def of(self, key: str) -> str:
        """The number of a source; none for our own choices."""
        return "" if key == "house" else str(self._keys.setdefault(key, len(self._keys) + 1))

    def of_cell(self, cell: str) -> str:
        """The number of a cell `source, locator`, with the locator's own words left to the reference page."""
        return self.of(cell.partition(", ")[0])

    def beside(self, known_as: str, cell: str) -> str:
        """How it is known, and the number of its source; no number for our own choices."""
        number = self.of_cell(cell)
        return f"{known_as} [{number}]" if number else known_as

    def lines(self) -> Iterator[str]:
        """Each source by its number."""
        yield ""
        for key, number in self._keys.items():
            source = self._knowledge.sources.get(key)
            if source is not None:
                note = f" ({source.note})" if source.note else ""
                yield f"{number} {source.title}. {source.citation}{note}".rstrip()


def product_sheet(knowledge: Knowledge, name: str, on: date | None) -> Iterator[RenderableType]:
    """A product on a day; without one the newest that was read. ArgumentError if there is no such product."""
    product = find_product(knowledge, name)
    held = product_facts(knowledge, product.key, None, on)
    numbers = _Numbers(knowledge)
    yield f"{product.label} ({', '.join((product.key, *product.brands))}): {on or 'the newest that was read'}"
    yield _NO_ORDER
    if product.note:
        yield product.note
    for title, rows in by_topic(held, product, knowledge):
        yield Group("", _table(title, _FACTS, [(*row[:4], row[5], numbers.of_cell(row[6])) for row in rows]))
    yield ""
    yield from _counts(held)
    yield from (f"Not told here: {text} {handled}" for text, handled in product.not_encoded)
    yield from numbers.lines()


def _counts(held: Iterable[Held]) -> Iterator[str]:
    """How many rows were not read, and how many hold from a day that was not."""
    rows = list(held)
    recalled = sum(part.fact.cited.evidence == "recalled" for part in rows)
    open_start = sum(part.holds == "start_unknown" for part in rows)
    if recalled:
        yield f"{recalled} of {len(rows)} rows: {NOT_VERIFIED}, recalled and read in no source."
    if open_start:
        yield f"{open_start} of {len(rows)} rows: their beginning was not read; they may not have held on that day."


def risk_sheet(knowledge: Knowledge, name: str | None) -> Iterator[RenderableType]:
    """Risk factors and interventions of a product, or of all; ArgumentError if there is no such product."""
    product = None if name is None else find_product(knowledge, name)
    numbers = _Numbers(knowledge)
    yield f"What raises, lowers or prevents toxicity: {product.label if product else 'all products'}"
    yield f"{_NO_ORDER} {_NOT_MULTIPLIED}"
    yield Group("", _table("Risk factors", _EFFECTS, _factor_rows(knowledge, product, numbers)))
    for part in knowledge.prevention.interventions.values():
        if concerns(part.products, part.classes, product):
            yield from _intervention(part, knowledge, numbers)
    yield from numbers.lines()


def _factor_rows(knowledge: Knowledge, product: Product | None, numbers: _Numbers) -> Iterator[tuple[str, ...]]:
    for factor in knowledge.prevention.factors.values():
        for effect in factor.effects:
            if concerns(effect.products, effect.classes, product):
                row = effect_row(effect)
                yield factor.label, f"{row[0]}\n{row[1]}", row[2], row[3], numbers.beside(row[4], row[5])


def _intervention(part: Intervention, knowledge: Knowledge, numbers: _Numbers) -> Iterator[RenderableType]:
    """One intervention: its numbers, who recommends or warns, and what must not be read as the same."""
    rows = [(*row[:4], numbers.beside(row[4], row[5])) for row in map(result_row, part.results)]
    count = f", n = {part.n}" if part.n is not None else ""
    title = f"{part.label} ({part.population}{count}): {STATUSES[part.status].upper()}"
    yield Group("", _table(title, _RESULTS, rows), part.what)
    for said in part.recommendations:
        mark = f" [{NOT_VERIFIED}]" if said.cited.evidence == "recalled" else ""
        yield f"{STATUSES[said.status]}: {said.text}{mark} [{numbers.of(said.cited.source)}]"
    yield from (conflict_words(found).replace("**", "") for found in conflicts_of(part.key, knowledge))


def _table(title: str, head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> RenderableType:
    """A table under its title; the title alone where there is no row."""
    lines = list(rows)
    if not lines:
        return title
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in head:
        table.add_column(column, overflow="fold")
    for line in lines:
        table.add_row(*line)
    return table
