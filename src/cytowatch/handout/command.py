"""The command ``cytowatch handout``; ``cli`` hangs it in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from cytowatch.errors import EXIT_DONE
from cytowatch.handout.make import Format, handout
from cytowatch.handout.pdf import Paper

_out = Console(highlight=False, markup=False, emoji=False)


def handout_command(
    *,
    product: str,
    phone: str | None = None,
    language: str = "en",
    date: str | None = None,
    center: str = "",
    paper: Paper = "letter",
    knowledge: Annotated[list[Path] | None, Parameter(negative=(), consume_multiple=True)] = None,
    out: Path = Path("handout"),
    format: Format = "both",  # noqa: A002 - the word of the command
) -> int:
    """Write a handout for patients and care partners, and a wallet card; it never names a dose.

    Example: `cytowatch handout --product teclistamab --phone "+1 555 0100" --language es --out ward`.

    A draft that no clinician has verified: read it before you hand it out. What was not checked in a source is marked.

    Parameters
    ----------
    product
        The drug, cells or infection: a key, name or brand of `cytowatch knowledge list product`, such as Tecvayli.
    phone
        The number that is answered day and night. Without it nothing is written; "" leaves a line to write it on.
    language
        Language of the text: en or es. `cytowatch knowledge list education` names all.
    date
        The day whose rules hold, such as 2026-11-29 (driving and staying near changed on 2025-06-26). Default: newest.
    center
        Name of the treatment center, printed on both.
    paper
        Paper of the PDF: letter or a4. The HTML fits both.
    knowledge
        Folders laid over the tables, such as a center's own words or another language.
    out
        Folder for handout.html, handout.pdf, wallet-card.html and wallet-card.pdf; made if it is not there.
    format
        html, pdf or both. PDF needs the extra: pip install 'cytowatch[pdf]'.
    """
    made = handout(
        product, phone=phone, language=language, date=date, center=center, paper=paper, knowledge=knowledge or ()
    )
    for path in made.write(out, format):
        _out.print(f"Wrote {path}", soft_wrap=True)
    content = made.content
    _out.print(f"For {content.product}, in {content.language}. {content.as_of}", soft_wrap=True)
    if not content.phone:
        _out.print("No telephone number is printed: write it on each sheet and card before you hand them out.")
    _out.print("Not verified by a clinician: read it before you hand it out.")
    return EXIT_DONE
