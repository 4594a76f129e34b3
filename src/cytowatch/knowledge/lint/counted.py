"""How many rows of the tables are known in which way: read in the source, in another, recalled, or our own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cytowatch.knowledge.lint.advice import advice_rows
from cytowatch.knowledge.lint.drugs import drug_row_sources
from cytowatch.knowledge.lint.education import education_rows
from cytowatch.knowledge.lint.plan import plan_rows
from cytowatch.knowledge.lint.prevention import prevention_rows
from cytowatch.knowledge.lint.products import product_rows
from cytowatch.knowledge.lint.symptoms import CitedRow
from cytowatch.knowledge.model import Knowledge

_WORDS = ("primary", "secondary", "recalled", "house")
_ROWS: dict[str, tuple[tuple[str, ...], Callable[[Knowledge], Iterable[CitedRow]]]] = {
    "advice": (("guideline", "drug"), advice_rows),
    "drugs": (("drug", "measure", "interaction"), drug_row_sources),
    "products": (("product",), product_rows),
    "prevention": (("prevention",), prevention_rows),
    "education": (("education",), education_rows),
    "plans": (("monitoring", "workup"), plan_rows),
}


def counted(rows: Iterable[CitedRow]) -> dict[str, int]:
    """How many of these rows are known in which way."""
    words = [evidence for _, _, _, evidence in rows]
    return {word: words.count(word) for word in _WORDS}


def counted_lines(knowledge: Knowledge, kind: str | None) -> list[str]:
    """A line for each group of tables that holds this kind of item; for every group without a kind."""
    lines = []
    for group, (kinds, rows) in _ROWS.items():
        if kind is None or kind in kinds:
            told = ", ".join(f"{number} {word}" for word, number in counted(rows(knowledge)).items())
            lines.append(f"rows of {group} by how they are known: {told} (recalled: not verified)")
    return lines
