"""From ``education/*.toml`` to the dataclasses of ``education``."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args

from cytowatch.knowledge.advice import Cited
from cytowatch.knowledge.education import BlockKind, Education, EducationBlock, EducationLanguage, Wording
from cytowatch.knowledge.parse import EVIDENCE
from cytowatch.knowledge.shape import Document, Reader

FOLDER = "education/"
BLOCKS = f"{FOLDER}blocks.toml"


def education(files: dict[str, Document]) -> Education:
    """The blocks, and every other file of the folder a language."""
    names = sorted(name for name in files if name.startswith(FOLDER) and name != BLOCKS)
    languages: dict[str, EducationLanguage] = {}
    for name in names:
        reader = Reader(files[name], (), files[name].content)
        found = _language(reader)
        if found.code in languages:
            reader.fail(f"The language `{found.code}` stands in two files.", "language")
        languages[found.code] = found
    return _structure(files, languages)


def _structure(files: dict[str, Document], languages: dict[str, EducationLanguage]) -> Education:
    document = files.get(BLOCKS, Document(BLOCKS, {}, ()))
    reader = Reader(document, (), document.content)
    groups = {}
    for key, part in reader.named("group"):
        groups[key] = part.texts("classes")
        part.finish()
    symptoms = reader.table("symptoms", {})
    shown = symptoms.texts("keys", ())
    symptoms.finish()
    blocks = {key: _block(key, part) for key, part in reader.named("block")}
    reader.finish()
    return Education(groups, shown, blocks, languages)


def _block(key: str, reader: Reader) -> EducationBlock:
    found = EducationBlock(
        id=key,
        section=reader.text("section"),
        kind=reader.word("kind", get_args(BlockKind)),
        text=reader.text("text", key),
        values=_texts(reader, "values", {}),
        groups=reader.texts("groups", ()),
        products=reader.texts("products", ()),
        effective_from=_date(reader, "effective_from"),
        effective_to=_date(reader, "effective_to"),
        cited=Cited(reader.text("source"), reader.text("locator"), reader.word("evidence", EVIDENCE)),
    )
    reader.finish()
    return found


def _language(reader: Reader) -> EducationLanguage:
    found = EducationLanguage(
        code=reader.text("language"),
        name=reader.text("name"),
        words=_texts(reader, "words"),
        sections=_texts(reader, "sections"),
        systems=_texts(reader, "systems"),
        texts=_wordings(reader.table("text")),
        symptoms=_texts(reader, "symptoms", {}),
        products=_texts(reader, "products", {}),
    )
    reader.asked.append("text")
    reader.finish()
    return found


def _wordings(reader: Reader) -> dict[str, Wording]:
    found = {}
    for key, value in reader.data.items():
        if isinstance(value, dict):
            part = reader.table(key)
            found[key] = Wording(part.text("text"), part.text("title"))
            part.finish()
        else:
            found[key] = Wording(reader.text(key))
    return found


def _texts(reader: Reader, key: str, default: dict[str, Any] | None = None) -> dict[str, str]:
    inner = reader.table(key) if default is None else reader.table(key, default)
    return {name: inner.text(name) for name in inner.data}


def _date(reader: Reader, key: str) -> date | None:
    value = reader.any(key, None)
    if value is not None and not isinstance(value, date):
        reader.fail(f"`{key}` must be a date, such as 2025-06-26.", key)
    return value
