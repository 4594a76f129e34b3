"""Make the pages of the scales, docs/reference/scales.md and docs/reference/scales/: ``make docs``.

Each is the table that a clinician knows: rows for its domains, columns for its grades. ``--check`` writes nothing and
fails if a page is not what it would be, or is there without a scale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cytowatch.knowledge import Knowledge, load
from cytowatch.knowledge.model import Scale
from cytowatch.knowledge.view_scale import (
    Cell,
    cells,
    cited,
    domains,
    episode,
    flags,
    meanings,
    method,
    probability,
    table,
)
from cytowatch.knowledge.view_words import plain_edition

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
MADE = "<!-- Made by `make docs` from the tables of the package. Change the tables, not this page. -->"
FOLDER, INDEX = "scales", "scales.md"
_CTCAE = re.compile(r"organ\.(?P<edition>ctcae-[\d.]+)\.(?P<term>\w+)")
# a score with more kinds of points than this is a list, not a table with a column for each
_MOST_COLUMNS = 6
# laboratory terms that an edition has and the package does not carry; the Investigations of the NCI workbook are all
# here or there, and besides terms of other chapters whose grades name a laboratory value
_NOT_CARRIED = {
    "organ.ctcae-5.0": (
        "Blood antidiuretic hormone abnormal", "Blood bicarbonate decreased", "Blood corticotrophin decreased",
        "Blood gonadotrophin abnormal", "Blood prolactin abnormal", "Carbon monoxide diffusing capacity decreased",
        "Cardiac troponin I increased", "Cardiac troponin T increased", "Electrocardiogram T wave abnormal",
        "Forced expiratory volume decreased", "Growth hormone abnormal", "Pancreatic enzymes decreased",
        "Thyroid stimulating hormone increased", "Urine output decreased", "Vital capacity abnormal", "Weight gain",
        "Weight loss", "Chronic kidney disease", "Eosinophilia", "Hyperglycemia", "Methemoglobinemia",
        "Proteinuria",
    ),
}  # fmt: skip
_NOT_READ = {
    "organ.ctcae-4.03": "The list of terms was not read; those here are the ones that other scales refer to.",
    "organ.ctcae-6.0": (
        "Every term of the machine-readable laboratory grades is here. The whole list of terms was not read: which of "
        "the others name a laboratory value is not known."
    ),
}
_FAMILIES = {
    "crs": "Cytokine release syndrome", "icans": "Neurotoxicity", "hyperinflammation": "Hyperinflammation",
    "blood": "Blood", "organ": "Organs", "score": "Severity scores", "lay": "In plain words",
}  # fmt: skip
_HOW_TO_READ = (
    "A cell says what the sign is, how the engine reads it, and where it was read with its evidence word: *primary* "
    "(in the source itself), *secondary* (in a reproduction), *recalled* (from memory, so flagged), *house* (our own)."
)


def page(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n\n".join([f"# {title}", MADE, *(part for part in parts if part)]) + "\n"


def scale_pages(knowledge: Knowledge) -> dict[str, str]:
    """Every page by its name: the index, one for each scale, and one for each edition of CTCAE."""
    editions = _editions(knowledge)
    alone = [scale for name, scale in knowledge.scales.items() if not _CTCAE.fullmatch(name)]
    made = {INDEX: _index(alone, editions)}
    made |= {f"{FOLDER}/{scale.id}.md": _scale_page(scale, knowledge) for scale in alone}
    return made | {f"{FOLDER}/{name}.md": _edition_page(name, terms, knowledge) for name, terms in editions.items()}


def _editions(knowledge: Knowledge) -> dict[str, list[Scale]]:
    found: dict[str, list[Scale]] = {}
    for name, scale in sorted(knowledge.scales.items()):
        match = _CTCAE.fullmatch(name)
        if match:
            found.setdefault(f"organ.{match['edition']}", []).append(scale)
    return found


# --- one scale ------------------------------------------------------------------------------------------------------


def _scale_page(scale: Scale, knowledge: Knowledge) -> str:
    found = cells(scale, knowledge)
    return page(
        scale.title,
        f"`{scale.id}`: {_small(method(scale))}",
        _source(scale, knowledge),
        _meanings(scale),
        _HOW_TO_READ if found else "",
        _grid(scale, found) if _has_columns(scale, found) else _long_list(scale, found),
        _section("Findings", "They change no grade.", _findings(scale, found)),
        _section("Not encoded", table(("what the source says", "what is done"), _not_encoded(scale))),
        _section("Domains", domains(scale)),
        _section("Episodes and death", episode(scale)),
        _section("Flags", flags(scale, knowledge)),
        _section("Published probability", probability(scale)),
        _section("Names of the criteria", _names(found)),
    )


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _section(title: str, *parts: str) -> str:
    return "\n\n".join([f"## {title}", *parts]) if parts[-1] else ""


def _source(scale: Scale, knowledge: Knowledge) -> str:
    source = knowledge.sources.get(scale.source)
    told = f"{source.citation or source.title} (`{scale.source}`)" if source else f"`{scale.source}`"
    return f"Source: {told}. Revision {scale.revision}, status *{scale.status}*."


def _meanings(scale: Scale) -> str:
    if scale.method != "view":
        return table(("score" if scale.scoring == "sum" else "grade", "meaning"), meanings(scale))
    rows = ((str(new), scale.grade_meaning.get(new, "no reaction"), str(old)) for old, new in scale.view.items())
    return table(("here", "meaning", f"grade of `{scale.view_of}`"), rows)


def _has_columns(scale: Scale, found: list[Cell]) -> bool:
    return scale.scoring == "worst" or len({cell.grade for cell in found if cell.grade}) <= _MOST_COLUMNS


def _grid(scale: Scale, found: list[Cell]) -> str:
    grades = sorted({cell.grade for cell in found if cell.grade})
    rows = []
    for domain in scale.domains:
        own = [[cell for cell in found if cell.domain == domain.id and cell.grade == grade] for grade in grades]
        if any(own):
            rows.append([f"**{domain.label}**", *(_joined(part) for part in own)])
    head = "item" if scale.scoring == "sum" else "domain"
    return table((head, *(_column(scale, grade) for grade in grades)), rows)


def _column(scale: Scale, grade: int) -> str:
    if scale.scoring == "worst":
        return f"grade {grade}"
    return f"{grade} point" if grade == 1 else f"{grade} points"


def _joined(found: list[Cell]) -> str:
    return "<br><br>".join(_cell(cell) for cell in found)


def _cell(cell: Cell) -> str:
    return f"{cell.label}<br>`{cell.encoding}`<br>*{cited(cell)} ({cell.evidence})*"


def _long_list(scale: Scale, found: list[Cell]) -> str:
    labels = {domain.id: domain.label for domain in scale.domains}
    rows = [
        (f"**{labels[c.domain]}**", str(c.grade), c.label, f"`{c.encoding}`", f"{cited(c)} ({c.evidence})")
        for c in found
        if c.grade
    ]
    return table(("item", "points", "sign", "our encoding", "source"), rows)


def _findings(scale: Scale, found: list[Cell]) -> str:
    """Criteria that make no grade; a band or category without one is no finding."""
    criteria = {part.id for part in scale.criteria}
    shown = [cell for cell in found if not cell.grade and cell.id in criteria]
    rows = ((c.label, f"`{c.encoding}`", f"{cited(c)} ({c.evidence})") for c in shown)
    return table(("finding", "our encoding", "source"), rows)


def _not_encoded(scale: Scale) -> Iterator[tuple[str, str]]:
    return ((part.text, part.handled) for part in scale.not_encoded)


def _names(found: list[Cell]) -> str:
    """The ids as they stand in a timeline; a domain of bands or categories names its rows by the grade."""
    rows: dict[str, tuple[str, str]] = {}
    for cell in found:
        rows[cell.id] = (cell.label, "by its grade" if cell.id in rows else str(cell.grade))
    return table(("criterion", "what", "makes"), ((f"`{name}`", *told) for name, told in rows.items()))


# --- an edition of CTCAE, and the index -----------------------------------------------------------------------------


def _edition_page(name: str, terms: list[Scale], knowledge: Knowledge) -> str:
    found = {scale.id: [cell for cell in cells(scale, knowledge) if cell.grade] for scale in terms}
    grades = sorted({cell.grade for part in found.values() for cell in part})
    rows = [
        (
            f"**{_term(scale)}**<br>`{scale.id}`",
            *(_joined([cell for cell in found[scale.id] if cell.grade == grade]) for grade in grades),
            "<br><br>".join(f"{part.text} *{part.handled}*" for part in scale.not_encoded),
        )
        for scale in terms
    ]
    return page(
        f"{_edition(name)}, terms graded by a number",
        f"`{name}`: {len(terms)} terms, each a scale of its own. {method(terms[0])}",
        _source(terms[0], knowledge),
        _HOW_TO_READ,
        table(("term", *(f"grade {grade}" for grade in grades), "not encoded"), rows),
        _section("Laboratory terms that are not here", _not_carried(name)),
        _section("Flags", _all_flags(terms, knowledge)),
    )


def _not_carried(name: str) -> str:
    """What an edition grades besides, by name; or how far its list is known."""
    if name in _NOT_READ:
        return _NOT_READ[name]
    terms = _NOT_CARRIED.get(name, ())
    told = (
        "Of the chapter Investigations, and of others where a grade names a laboratory value; none of them is graded:"
    )
    return f"{told}\n\n" + "\n".join(f"* {term}" for term in terms) if terms else ""


def _term(scale: Scale) -> str:
    term = scale.id.rpartition(".")[2].replace("_", " ")
    return term[:1].upper() + term[1:]


def _all_flags(terms: list[Scale], knowledge: Knowledge) -> str:
    """The flags of all terms, each once if they say the same."""
    return "\n".join(dict.fromkeys(line for scale in terms for line in flags(scale, knowledge).splitlines()))


def _index(alone: list[Scale], editions: dict[str, list[Scale]]) -> str:
    parts = ["What each scale asks, as the engine reads it: one page each, and one for each edition of CTCAE."]
    for family, title in _FAMILIES.items():
        rows = [_row(scale) for scale in alone if scale.family == family]
        if family == "organ":
            rows += [_edition_row(name, terms) for name, terms in editions.items()]
        parts.append(_section(title, table(("scale", "what", "how", "status"), rows)))
    return page("Scales", *parts, _section("Terms of CTCAE", _terms_table(editions)))


def _row(scale: Scale) -> tuple[str, str, str, str]:
    return _link(scale.id), scale.title, method(scale), scale.status


def _link(name: str) -> str:
    return f"[`{name}`]({FOLDER}/{name}.md)"


def _edition_row(name: str, terms: list[Scale]) -> tuple[str, str, str, str]:
    status = ", ".join(dict.fromkeys(scale.status for scale in terms))
    return _link(name), f"{len(terms)} terms of {_edition(name)}", method(terms[0]), status


def _edition(name: str) -> str:
    return plain_edition(name.partition(".")[2])


def _terms_table(editions: dict[str, list[Scale]]) -> str:
    """Which term is graded in which edition."""
    names = sorted({_term(scale) for terms in editions.values() for scale in terms})
    graded = [{_term(scale): scale.id for scale in terms} for terms in editions.values()]
    rows: Iterable[Iterable[str]] = (
        (term, *(f"`{by_term[term]}`" if term in by_term else "" for by_term in graded)) for term in names
    )
    return table(("term", *(_edition(name) for name in editions)), rows)


# --- writing and checking -------------------------------------------------------------------------------------------


def gone(pages: dict[str, str]) -> list[str]:
    """Pages of scales that no table makes any more."""
    there = sorted(f"{FOLDER}/{path.name}" for path in (REFERENCE / FOLDER).glob("*.md"))
    return [name for name in there if name not in pages]


def differing(pages: dict[str, str]) -> list[str]:
    """The pages that are not what they would be if made now."""
    paths = {name: REFERENCE / name for name in pages}
    return [name for name, path in paths.items() if not path.exists() or path.read_text("utf-8") != pages[name]]


def main() -> None:
    """Write the pages, or check them."""
    pages = scale_pages(load())
    if "--check" in sys.argv[1:]:
        stale = differing(pages) + gone(pages)
        sys.exit(f"not current: {', '.join(stale)}; run `make docs`" if stale else 0)
    (REFERENCE / FOLDER).mkdir(exist_ok=True)
    for name, text in pages.items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
    for name in gone(pages):
        (REFERENCE / name).unlink()


if __name__ == "__main__":
    main()
