"""What `cytowatch simulate` prints: worst grades, arms beside each other, and where it all lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
from rich.table import Table

from cytowatch.terminal import out

_GRADES = range(5)
_SIMULATED = "Simulated: the joins between the published models are ours. Not for a real patient."
_SOLVED = pl.col("code") == 0


def summary(found: pl.LazyFrame, compared: pl.LazyFrame | None, folder: Path | None) -> None:
    """Worst grades of CRS and ICANS, of the arms where there are any, and where the files are.

    Columns are read when they are printed, one arm at a time.
    """
    charted = compared is None and "charted_grade" in found.collect_schema()
    if charted:
        found = found.with_columns(bedside_grade="charted_grade", bedside_icans="charted_icans")
    frames = {"": found} if compared is None else _by_arm(compared)
    seen = "as charted" if charted else "as the bedside sees it"
    _print_grades(frames, f"Worst CRS grade, {seen}", "bedside_grade", "onset_hour", _CARE)
    _print_grades(frames, f"Worst ICANS grade, {seen}", "bedside_icans", "icans_onset_hour", {})
    _tell_unsolved(frames)
    if compared is not None:
        _paired(frames)
    if folder is None:
        out.print(_SIMULATED, soft_wrap=True)
    else:
        _where(folder)


def redrawn(counts: Mapping[str, int]) -> None:
    """How many candidates lay outside the limits, and outside which."""
    if counts:
        each = ", ".join(f"{name} {number:,}" for name, number in sorted(counts.items(), key=lambda one: -one[1]))
        out.print(f"Drawn anew: {sum(counts.values()):,} candidates outside the limits of {each}", soft_wrap=True)


def ward(found: pl.DataFrame, folder: Path) -> None:
    """The beds of the ward."""
    table = Table("patient", "product", "why they are here", "worst CRS", "worst ICANS", "reactions", box=None)
    for row in found.iter_rows(named=True):
        worst = (str(row[name]) for name in ("charted_grade", "charted_icans", "reactions"))
        table.add_row(row["patient"], row["product"], row["what"], *worst)
    out.print(table)
    _where(folder)


def everything(product: str) -> None:
    """Every product, and every parameter of one, with unit, spread and evidence."""
    from cytowatch.simulate.population import parameters, typical
    from cytowatch.simulate.products import product as known
    from cytowatch.simulate.products import products

    table = Table("product", "what it is", "basis", box=None, title="Products", title_justify="left")
    for one in products().values():
        table.add_row(one.key, one.title, one.note)
    out.print(table)
    chosen = known(product)
    rows, values = parameters(chosen.mechanism), typical(chosen)
    table = Table("name", "value", "unit", "spread", "evidence", "meaning", box=None, title=f"Parameters of {product}",
                  title_justify="left")  # fmt: skip
    for name, row in rows.items():
        spread = f"{row.spread} ({row.spread_kind})" if row.spread is not None else ""
        table.add_row(name, f"{values[name]:g}", row.unit, spread, row.evidence, row.meaning)
    out.print(table)


def _by_arm(compared: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
    names = compared.select(pl.col("arm").unique(maintain_order=True)).collect(engine="streaming")["arm"].to_list()
    return {name: compared.filter(pl.col("arm") == name) for name in names}


def _where(folder: Path) -> None:
    if not any((folder / "chart").iterdir()):
        out.print(f"One row a patient: {folder / 'truth'}", soft_wrap=True)
    else:
        out.print(f"Chart: {folder / 'chart'}; truth: {folder / 'truth'}", soft_wrap=True)
        out.print(f"Next: cytowatch grade {folder / 'chart'} --out graded --report", soft_wrap=True)
    out.print(_SIMULATED, soft_wrap=True)


def _print_grades(
    frames: Mapping[str, pl.LazyFrame], title: str, grade: str, onset: str, more: Mapping[str, Callable[..., str]]
) -> None:
    """A row an arm: shares of patients by their worst grade, and the median day of its beginning."""
    named = "" not in frames
    table = Table(box=None, title=title, title_justify="left")
    for column in (*(["arm"] if named else []), *(str(one) for one in _GRADES), "onset, day", *more):
        table.add_column(column, no_wrap=True)
    for name, part in frames.items():
        good = part.filter(_SOLVED).select(grade, onset, *(_READ if more else ())).collect()
        # nobody is no share of nothing
        shares = [f"{_share(good[grade] == one):.1%}" if len(good) else "-" for one in _GRADES]
        began = good.filter(pl.col(onset) >= 0)[onset].median()
        days = "" if began is None else f"{float(str(began)) / 24:.1f}"
        table.add_row(*([name] if named else []), *shares, days, *(told(good) for told in more.values()))
    out.print(table)


_READ = ("peak_IL6", "tocilizumab_given", "dexamethasone")
_CARE: Mapping[str, Callable[[pl.DataFrame], str]] = {
    "IL-6, pg/mL": lambda good: f"{float(str(good['peak_IL6'].median() or 0)):.0f}",
    "toci": lambda good: f"{_share(good['tocilizumab_given'] > 0):.0%}",
    "steroid": lambda good: f"{_share(good['dexamethasone'] > 0):.0%}",
}


def _tell_unsolved(frames: Mapping[str, pl.LazyFrame]) -> None:
    for name, part in frames.items():
        codes = part.select("code").collect()["code"]
        lost = int((codes != 0).sum())
        if lost:
            arm = f"{name}: " if name else ""
            out.print(f"{arm}the shares leave out {lost:,} of {len(codes):,} patients, who could not be solved; they "
                      "may be the sickest", soft_wrap=True)  # fmt: skip


def _paired(frames: Mapping[str, pl.LazyFrame]) -> None:
    """How many of the same patients fare better or worse than as planned."""
    first, *others = frames
    before = frames[first].filter(_SOLVED).select("patient", before="bedside_grade")
    for name in others:
        both = frames[name].filter(_SOLVED).select("patient", "bedside_grade").join(before, on="patient")
        change = both.select(change=pl.col("bedside_grade") - pl.col("before")).collect(engine="streaming")["change"]
        lower, higher = _share(change < 0), _share(change > 0)
        out.print(f"{name}: a lower worst CRS grade in {lower:.1%} of the same patients, a higher one in {higher:.1%}",
                  soft_wrap=True)  # fmt: skip


def _share(true: pl.Series) -> float:
    return float(true.sum()) / len(true) if len(true) else 0.0
