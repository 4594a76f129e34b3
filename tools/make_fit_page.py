"""Bring the tables and figures of the fit page up to date with the kept records: ``python tools/make_fit_page.py``."""

from __future__ import annotations

import re
from pathlib import Path

from cytowatch.simulate import fit, fit_figure

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "simulation-fit.md"
FIGURES = PAGE.parent / "figures"
TITLES = {
    "cd22-car-t": "CD22 cells: half of a cohort, and virtual patients",
    "cd19-car-t": "CD19 cells: aggregates of other cohorts, and virtual patients",
    "cd19-car-t-neurotoxicity": "CD19 cells, neurotoxicity: aggregates of other cohorts, and virtual patients",
    "mosunetuzumab": "Mosunetuzumab: label and a published model, and virtual patients",
}
MISSED = 2.0


def table(key: str) -> str:
    """The summaries of a product as a table; what lies two errors away or more is set in bold."""
    lines = ["| summary | target | error | reached |", "|---|---:|---:|---:|"]
    for name, row in fit.fitted(key)["summary"].items():
        far = abs(row["reached"] - row["target"]) >= MISSED * row["error"]
        reached = f"**{row['reached']:.3g}**" if far else f"{row['reached']:.3g}"
        lines.append(f"| {name} | {row['target']:.3g} | {row['error']:.2g} | {reached} |")
    head = fit.fitted(key)["fit"]
    told = (
        f"Distance {head['distance']:.2f} errors (root mean square) after {head['evaluations']} evaluations of "
        f"{head['patients']} patients, seed {head['seed']}; shown are {head['checked_with']['patients']} new patients."
    )
    lines += ["", told]
    return "\n".join(lines)


def put(text: str, key: str, table_: str) -> str:
    """The page with a table between its marks, which may hold nothing yet; SystemExit if they are not there once."""
    marks = re.compile(rf"(<!-- table: {re.escape(key)} -->\n)(?:(?!<!-- table: ).)*?(<!-- end -->)", re.DOTALL)
    text, found = marks.subn(lambda between: f"{between[1]}{table_}\n{between[2]}", text)
    if found != 1:
        raise SystemExit(f"{PAGE}: the marks of {key} stand {found} times, and once is asked.")
    return text


def main() -> None:
    """Write page and figures."""
    import vl_convert

    text = PAGE.read_text(encoding="utf-8")
    FIGURES.mkdir(exist_ok=True)
    for key, title in TITLES.items():
        text = put(text, key, table(key))
        svg = vl_convert.vegalite_to_svg(fit_figure.chart(key, title).to_dict())
        (FIGURES / f"fit-{key}.svg").write_text(svg, encoding="utf-8")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
