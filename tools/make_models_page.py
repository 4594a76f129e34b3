"""Make the page of published models and its figures: ``python tools/make_models_page.py`` (about 20 s).

Words stand in ``models_page.toml``, numbers in the tables of mechanisms; ours are computed. ``--check`` writes nothing.
"""

from __future__ import annotations

import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cytowatch.simulate import acceptance, figures, tables
from cytowatch.simulate.published import PUBLISHED

ROOT = Path(__file__).parent.parent
WORDS = Path(__file__).with_name("models_page.toml")
PAGE = ROOT / "docs" / "explanation" / "published-models.md"
FIGURES = PAGE.parent / "figures"
MADE = "<!-- Made by `python tools/make_models_page.py` from tools/models_page.toml and the tables of mechanisms. -->"
INTRODUCTION = """The published models that stand in `cytowatch/simulate`, each alone: what it describes, whom it was
fitted to, what our code solves, and what it reaches. In the figures the line is ours; dashes and diamonds are what
others published, measured or ran. What was read, in which source, and how well each number is known stands in
`mechanisms/*.toml`; what was made of the models, and what of it is ours, in
[how a virtual patient is made](simulation.md)."""
WIDTH = 120
# a peak of a figure that is off by more than this share is set in bold
FAR = 0.1
# ours by the check or figure and the name of the row, as it is printed
Ours = Mapping[tuple[str, str], str]


def words() -> dict[str, Any]:
    """The document that holds the words of the page."""
    return tomllib.loads(WORDS.read_text(encoding="utf-8"))


def digits(value: float) -> str:
    """A number as the page prints it."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{float(f'{value:.4g}'):g}"


def filled(text: str) -> str:
    """A text with the numbers of the tables in the place of their names."""

    def number(found: re.Match[str]) -> str:
        asked = found[1]
        if asked.startswith("states "):
            model = next(one for one, _ in PUBLISHED if one.table == asked.removeprefix("states "))
            return str(len(model.states(tables.table(model.table).values())))
        key, _, name = asked.partition(".")
        key, _, named = key.partition(":")
        return digits(tables.table(key).values(named or None)[name])

    return wrapped(re.sub(r"\{([^}]+)\}", number, text))


def wrapped(text: str) -> str:
    """A paragraph in lines of the usual width."""
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def computed(drawn: Mapping[str, figures.Figure]) -> dict[tuple[str, str], str]:
    """Ours of every row of every table of the page: the checks that a model has, and the peaks of its figures."""
    ours: dict[tuple[str, str], str] = {}
    for model in words()["model"]:
        for number in model.get("checks", ()):
            found = acceptance.GROUPS[number]()
            ours |= {(number, name): digits(value) for name, value in found.items()}
        for key in model.get("figures", ()):
            ours |= {(key, panel): digits(peak) for panel, (_, peak) in figures.peaks(drawn[key]).items()}
    return ours


def page(ours: Ours, peaks: Mapping[str, Mapping[str, float]]) -> str:
    """The whole page; ``peaks``: the published ones by figure and panel."""
    content = words()
    kinds = "; ".join(f"*{kind}*: {told}" for kind, told in content["kinds"].items())
    bold = f"A peak of ours is in bold where it is off that of the figure by more than {100 * FAR:.0f} %."
    explained = f"What a target is: {kinds}. {bold}"
    parts = ["# Published models, and what ours reach", MADE, wrapped(INTRODUCTION), wrapped(explained)]
    for model in content["model"]:
        parts += [f"## {model['heading']}", *_model(model, ours, peaks)]
    return "\n\n".join(parts) + "\n"


def _model(model: Mapping[str, Any], ours: Ours, peaks: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    for key in model["tables"]:
        of = tables.table(key)
        yield wrapped(f"*{of.citation}.* People: {of.people}.")
    yield filled(model["text"])
    for key in model.get("figures", ()):
        yield f"![{model['heading']}: {key}](figures/model-{key}.svg)"
    rows = [*_checks(model, ours), *_peaks(model, ours, peaks)]
    if rows:
        yield "\n".join(
            ["| from | what | target | ours | allowed | the target is |", "|---|---|---:|---:|---:|---|", *rows]
        )
        yield "\n".join(f"* {one}" for one in _sources(model))
    if "numbers" in model:
        yield "\n".join(
            ["| from | taken from the paper | value | spread | basis |", "|---|---|---:|---:|---|", *_numbers(model)]
        )
    yield filled(f"**Not reached, or not known.** {model['missed']}")


def _checks(model: Mapping[str, Any], ours: Ours) -> Iterator[str]:
    for number in model.get("checks", ()):
        for name, aim in acceptance.targets(number).items():
            told = (digits(aim.value), ours[number, name], aim.allowed(digits), aim.kind)
            yield f"| {number} | {name} | " + " | ".join(told) + " |"


def _peaks(model: Mapping[str, Any], ours: Ours, peaks: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Peaks of the figures, but for those that a check holds already."""
    held = {aim.value for number in model.get("checks", ()) for aim in acceptance.targets(number).values()}
    for key in model.get("figures", ()):
        for panel, published in peaks.get(key, {}).items():
            if published not in held:
                mine = ours[key, panel]
                far = abs(float(mine.replace(",", "")) / published - 1) > FAR
                yield f"| {key} | {panel} | {digits(published)} | {f'**{mine}**' if far else mine} | | figure |"


def _sources(model: Mapping[str, Any]) -> Iterator[str]:
    for number in model.get("checks", ()):
        yield f"{number}, {acceptance.title(number)}: {acceptance.source(number)}."
    for key in model.get("figures", ()):
        if figures.source(key):
            yield f"{key}, peaks: {figures.source(key)}."


def _numbers(model: Mapping[str, Any]) -> Iterator[str]:
    for key in model["tables"]:
        known = tables.table(key).parameters
        for one in (known[name] for name in model["numbers"] if name in known):
            spread = "" if one.spread is None else f"{one.spread} ({one.spread_kind})"
            value = digits(one.value) if one.unit == "1" else f"{digits(one.value)} {one.unit}"
            yield f"| {key} | {one.meaning} (`{one.name}`) | {value} | {spread} | {one.locator}, {one.evidence} |"


def read(text: str) -> dict[tuple[str, str], str]:
    """Ours as a page prints it."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| [\d.,]+ \| ([*\d.,]+) \|.*\|$", text, re.MULTILINE)
    return {(head, name): mine.strip("*") for head, name, mine in rows}


def published() -> dict[str, Mapping[str, float]]:
    """The published peaks by figure and panel."""
    return {key: figures.levels(key) for key in figures.FIGURES}


def main() -> None:
    """Write page and figures, or with ``--check`` say whether the page is current."""
    drawn = {key: figure() for key, figure in figures.FIGURES.items()}
    text = page(computed(drawn), published())
    if "--check" in sys.argv[1:]:
        sys.exit(0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text else f"{PAGE} is not current")
    import vl_convert

    for key, figure in drawn.items():
        svg = vl_convert.vegalite_to_svg(figures.chart(figure).to_dict())
        (FIGURES / f"model-{key}.svg").write_text(svg, encoding="utf-8")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
