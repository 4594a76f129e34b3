"""One thing that is wrong, or doubtful, in the clinical tables, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from cytowatch.knowledge.layers import Layer, documents, read_layer
from cytowatch.knowledge.load import TABLES
from cytowatch.knowledge.model import Knowledge, Scale

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """What is wrong with one key of one table, and what to do about it."""

    file: str
    table: str
    key: str
    problem: str
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        where = f"{self.file}, table [{self.table}], key `{self.key}`"
        return f"{self.severity}: {self.problem}\n  where: {where}" + (
            f"\n  what to do: {self.hint}" if self.hint else ""
        )


Findings = Iterator[Finding]


@dataclass(frozen=True)
class Place:
    """A table of a file: makes findings about its keys."""

    file: str
    table: str

    def error(self, key: str, problem: str, hint: str = "") -> Finding:
        """A finding that must be corrected before anything is graded."""
        return Finding(self.file, self.table, key, problem, hint)

    def warning(self, key: str, problem: str, hint: str = "") -> Finding:
        """A finding that a person should look at."""
        return Finding(self.file, self.table, key, problem, hint, "warning")


def place_in(scale: Scale, table: str) -> Place:
    """A table of a scale; in a file of several scales it is named by the scale first."""
    alone = Path(scale.file).stem == scale.id
    return Place(scale.file, table if alone else f"scale.{scale.id}.{table}")


def of_kind(place: Place, key: str, name: str, kinds: tuple[str, ...], knowledge: Knowledge) -> Findings:
    """Complains if ``name`` is no concept, or one of another kind."""
    concept = knowledge.concepts.get(name)
    if concept is None:
        yield place.error(key, f"There is no concept `{name}`.", "Use a key of concepts.toml.")
    elif concept.kind not in kinds:
        yield place.error(key, f"`{name}` is a {concept.kind}; a {' or '.join(kinds)} is needed here.")


def placed(findings: list[Finding], knowledge: Knowledge) -> list[Finding]:
    """The same findings; where folders lie over the package's tables, each names the very file that holds the row."""
    if not findings or not knowledge.folders:
        return findings
    layers = [_package(), *(read_layer(Path(folder)) for folder in knowledge.folders)]
    tables = documents(layers)
    found = []
    for finding in findings:
        if finding.file in tables:
            path = (*_steps(finding.table, knowledge), finding.key)
            found.append(replace(finding, file=tables[finding.file].place(path)))
        else:
            found.append(replace(finding, file=_code_file(finding, layers)))
    return found


@lru_cache(maxsize=1)
def _package() -> Layer:
    return read_layer(TABLES)


def _steps(table: str, knowledge: Knowledge) -> tuple[str, ...]:
    """The names of tables on the way; the id of a scale holds dots of its own."""
    head, _, rest = table.partition(".")
    scale = next((name for name in knowledge.scales if head == "scale" and rest.startswith(f"{name}.")), None)
    if scale is None:
        return tuple(table.split("."))
    return head, scale, *rest.removeprefix(f"{scale}.").split(".")


def _code_file(finding: Finding, layers: list[Layer]) -> str:
    """The last folder with a row of that code (the table of such a finding is the code)."""
    name = Path(finding.file).stem
    for layer in reversed(layers):
        if any(next(iter(row.values())) == finding.table for row in layer.codes.get(name, ())):
            return str(layer.folder / finding.file)
    return finding.file


def product_files(knowledge: Knowledge) -> dict[str, str]:
    """In which file each product, and each edition that products share, stands; one that is nowhere is not in it."""
    layers = [_package(), *(read_layer(Path(folder)) for folder in knowledge.folders)]
    return {
        key: name
        for name, document in documents(layers).items()
        if name.startswith("products/")
        for key in (*document.content.get("product", {}), *_shared_ids(document.content.get("shared", [])))
    }


def _shared_ids(rows: list[dict[str, str]]) -> list[str]:
    return [row["id"] for row in rows]
