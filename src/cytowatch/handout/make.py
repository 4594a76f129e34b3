"""From a product, a language and a telephone number to a handout and a wallet card, in memory or as files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, get_args

from cytowatch.errors import ArgumentError
from cytowatch.handout import arguments
from cytowatch.handout.model import Handout, build
from cytowatch.handout.page import card_html, handout_html
from cytowatch.handout.pdf import Paper, card_pdf, check_typst, handout_pdf
from cytowatch.knowledge import Knowledge, load

Format = Literal["html", "pdf", "both"]


@dataclass(frozen=True)
class Handouts:
    """A handout and its wallet card, ready to be drawn."""

    content: Handout
    paper: Paper

    def html(self) -> str:
        """The handout as one page of HTML."""
        return handout_html(self.content)

    def card_html(self) -> str:
        """The wallet card as one page of HTML."""
        return card_html(self.content)

    def pdf(self) -> bytes:
        """The handout as PDF; ArgumentError where the extra `pdf` is not installed."""
        return handout_pdf(self.content, self.paper)

    def card_pdf(self) -> bytes:
        """The wallet card as PDF; ArgumentError where the extra `pdf` is not installed."""
        return card_pdf(self.content, self.paper)

    def write(self, folder: str | Path, format: Format = "both") -> list[Path]:  # noqa: A002 - the word of the command
        """Write handout and wallet card into a folder, all of them or none; the paths that were written.

        Raises ArgumentError for an unknown format, a folder that cannot be written, or PDF without the extra `pdf`.
        """
        if format not in get_args(Format):
            raise ArgumentError(f"There is no format {format!r}.", hint=f"Use one of: {', '.join(get_args(Format))}.")
        target = Path(folder)
        arguments.check_folder(target)
        files = {name: draw() for name, draw in self._drawers(format).items()}
        target.mkdir(parents=True, exist_ok=True)
        return [_write(target / name, content) for name, content in files.items()]

    def _drawers(self, format_: Format) -> dict[str, Callable[[], bytes]]:
        found: dict[str, Callable[[], bytes]] = {}
        if format_ != "pdf":
            found["handout.html"] = lambda: self.html().encode()
            found["wallet-card.html"] = lambda: self.card_html().encode()
        if format_ != "html":
            check_typst()
            found["handout.pdf"] = self.pdf
            found["wallet-card.pdf"] = self.card_pdf
        return found


def handout(
    product: str,
    *,
    phone: str | None = None,
    language: str = "en",
    date: str | date | None = None,
    center: str = "",
    paper: Paper = "letter",
    knowledge: Knowledge | str | Path | Iterable[str | Path] | None = None,
) -> Handouts:
    """A handout for patients and care partners with its wallet card; nothing is written before ``write``.

    ``product``: key, name or brand; ``phone``: the number answered day and night, or empty text for a line to write on;
    ``date``: the day whose rules hold (ISO), by default the newest; ``knowledge``: tables or folders laid over ours.
    Raises ArgumentError for a product, language, telephone, day or paper that cannot be used.
    """
    tables = _tables(knowledge)
    if paper not in get_args(Paper):
        raise ArgumentError(f"There is no paper {paper!r}.", where="--paper", hint="Use letter or a4.")
    content = build(
        tables,
        arguments.check_product(product, tables),
        arguments.check_language(language, tables),
        arguments.check_phone(phone),
        arguments.check_center(center),
        arguments.check_day(date),
    )
    return Handouts(content, paper)


def _tables(knowledge: Knowledge | str | Path | Iterable[str | Path] | None) -> Knowledge:
    if isinstance(knowledge, Knowledge):
        return knowledge
    if knowledge is None:
        return load()
    return load(knowledge) if isinstance(knowledge, str | Path) else load(*knowledge)


def _write(path: Path, content: bytes) -> Path:
    """The file appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path
