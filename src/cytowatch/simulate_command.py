"""The command ``cytowatch simulate``: charted virtual patients with known truth, and what-if on the same patients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
from cyclopts import Parameter
from rich.table import Table

from cytowatch.errors import EXIT_DONE, ArgumentError, CytowatchError
from cytowatch.terminal import Advance, err, out, progress_bar

if TYPE_CHECKING:
    # needs NumPy, which only the extra brings
    from cytowatch.simulate.cohort import Plan

_Many = Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)]
_GRADES = range(5)


def simulate(
    *,
    product: str = "cd19-car-t",
    patients: int = 100,
    seed: int = 1,
    days: int = 28,
    doses: str = "",
    set_: Annotated[list[str] | None, Parameter(name="--set", negative=(), consume_multiple=True)] = None,
    only: _Many = None,
    what_if: _Many = None,
    dirt: float = 0.0,
    chart: Annotated[bool, Parameter(negative="--no-chart")] = True,
    figures: Annotated[bool, Parameter(negative=())] = False,
    accelerator: Annotated[bool, Parameter(negative=())] = False,
    ward: Annotated[bool, Parameter(negative=())] = False,
    list_: Annotated[bool, Parameter(name="--list", negative=())] = False,
    out_: Annotated[Path | None, Parameter(name="--out")] = None,
    sbml: Path | None = None,
    quiet: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Simulate patients after CAR-T cells or an engager, chart them as a ward would, and keep the truth beside.

    The mechanism joins published models; what joins them is ours, and no patient was measured. For teaching, planning
    and testing, never for a real patient.

    Examples: `cytowatch simulate --product cd19-car-t --patients 24 --seed 7 --out ward`, then
    `cytowatch grade ward/chart --out graded --report`;
    `cytowatch simulate --product mosunetuzumab --patients 500 --what-if "no steps: doses=0:60"`.

    Parameters
    ----------
    product
        What is given: `cytowatch simulate --list` names the products.
    patients
        How many; patient 17 of a seed is the same whatever the number and the care.
    seed
        Another seed, other patients.
    days
        For how long each is followed.
    doses
        Another plan of doses, day:amount by commas, such as 0:1,7:2,14:60 (mg; of cells shares of the usual).
    set_
        Values of parameters for every patient, name=value, such as tocilizumab_grade=3; --list names them.
    only
        Limits of who is admitted, name=low:high, such as weight=50:90.
    what_if
        Other care of the same patients, "name: key=value, ..."; the keys are those of --set, and doses.
    dirt
        Share of rows and shifts that are spoiled as in real charts: wrong units, doubles, late results, gaps.
    chart
        Chart the patients; --no-chart keeps one row a patient only, for millions.
    figures
        Also draw courses with bands, dose against burden, what severe reactions hang on, and the arms; needs --out.
    accelerator
        Solve with JAX, on a graphics processor where JAX finds one; by default all processors work.
    ward
        Chart the synthetic ward of 24 patients instead: every grade, both triggers, look-alikes; needs --out.
    list_
        Only list the products and every parameter with its unit, spread and evidence.
    out_
        Folder for chart/ (observations and patients) and truth/. Without it only the summary is printed.
    sbml
        Only write the typical patient of the product, with the plan of doses and --set, as a model for other engines.
    quiet
        Print nothing but errors.
    """
    _needs_the_extra()
    if list_:
        _list(product)
        return EXIT_DONE
    if ward:
        return _ward(out_, (doses, set_, only, what_if, dirt, figures, sbml), quiet=quiet)
    from cytowatch.simulate import cohort
    from cytowatch.simulate.mark import mark, put

    plan = cohort.Plan(
        product, patients, seed, days, doses, _numbers(set_ or (), "--set"), _limits(only or ()), dirt, accelerator
    )
    if sbml is not None:
        _write_sbml(plan, sbml)
        return EXIT_DONE
    others = _arms(plan, what_if or ())
    if figures and out_ is None:
        raise ArgumentError("The figures need a place.", where="--figures", hint="Name a new folder with --out.")
    with progress_bar(quiet) as advance:
        if out_ is None:
            found = cohort.outcomes(plan, advance=advance).lazy()
        else:
            found = cohort.write(plan, out_, charted=chart, advance=advance)
        compared = cohort.arms(plan, others, advance=advance) if others else None
        drawn = _drawn(plan, out_, compared, advance) if figures else []
    if compared is not None and out_ is not None:
        put(compared, out_ / "truth" / "arms.parquet", mark(plan.product, plan.seed))
    if not quiet:
        _tell(found, compared, out_)
        for path in drawn:
            out.print(f"Figure: {path}", soft_wrap=True)
    _tell_unsolved(found, patients)
    return EXIT_DONE


def _tell_unsolved(found: pl.LazyFrame, patients: int) -> None:
    """Name who could not be solved; CytowatchError if that is everybody."""
    unsolved = found.filter(pl.col("code") != 0).select("patient", "result").collect()
    if not unsolved.height:
        return
    shown = ", ".join(unsolved["patient"].head(3))
    err.print(f"{unsolved.height} patients could not be solved and are not charted, such as {shown}: "
              f"{unsolved['result'][0]}.", soft_wrap=True)  # fmt: skip
    if unsolved.height == patients:
        raise CytowatchError("Nobody could be solved.", hint="Look at what --set changed.")


def _drawn(plan: Plan, folder: Path | None, compared: pl.DataFrame | None, advance: Advance) -> list[Path]:
    from cytowatch.simulate.pictures import write

    return [] if folder is None else write(plan, folder / "figures", compared, advance=advance)


def _write_sbml(plan: Plan, file: Path) -> None:
    from cytowatch.simulate.population import typical
    from cytowatch.simulate.sbml import to_sbml
    from cytowatch.simulate.solve import planned_events

    given = plan.given()
    values = typical(given, plan.changed)
    file.write_text(to_sbml(given.mechanism, values, planned_events(given.schedule(values))), encoding="utf-8")


def _needs_the_extra() -> None:
    try:
        import llvmlite  # noqa: F401 - only whether it is there
        import numpy  # noqa: F401 - the same
    except ImportError as missing:
        raise ArgumentError(
            f"Simulating needs {missing.name}, which is not installed.", where="cytowatch simulate",
            hint="Install the extra: pip install 'cytowatch[simulate]'.",
        ) from None  # fmt: skip


def _ward(folder: Path | None, others: Iterable[object], *, quiet: bool) -> int:
    from cytowatch.simulate.ward import write

    if any(others):
        raise ArgumentError("The ward is one by its seed: only --out goes with --ward.", where="--ward")
    if folder is None:
        raise ArgumentError("The ward needs a place.", where="--ward", hint="Name a new folder with --out.")
    with progress_bar(quiet) as advance:
        found = write(folder, advance=advance)
    if not quiet:
        table = Table("patient", "product", "why they are here", "worst CRS", "worst ICANS", "reactions", box=None)
        for row in found.iter_rows(named=True):
            worst = (str(row[name]) for name in ("charted_grade", "charted_icans", "reactions"))
            table.add_row(row["patient"], row["product"], row["what"], *worst)
        out.print(table)
        _where(folder)
    return EXIT_DONE


def _where(folder: Path) -> None:
    if not any((folder / "chart").iterdir()):
        out.print(f"One row a patient: {folder / 'truth'}", soft_wrap=True)
    else:
        out.print(f"Chart: {folder / 'chart'}; truth: {folder / 'truth'}", soft_wrap=True)
        out.print(f"Next: cytowatch grade {folder / 'chart'} --out graded --report", soft_wrap=True)
    out.print("Simulated: the joins between the published models are ours. Not for a real patient.", soft_wrap=True)


def _numbers(texts: Iterable[str], where: str) -> dict[str, float]:
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise ArgumentError(
                f"`{text}` is no name=value.", where=where, hint="Such as tocilizumab_grade=3."
            ) from None
    return found


def _limits(texts: Iterable[str]) -> dict[str, tuple[float, float]]:
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        low, _, high = value.partition(":")
        try:
            found[name.strip()] = (float(low), float(high))
        except ValueError:
            raise ArgumentError(
                f"`{text}` is no name=low:high.", where="--only", hint="Such as weight=50:90."
            ) from None
    return found


def _arms(plan: Plan, texts: Iterable[str]) -> dict[str, Plan]:
    found: dict[str, Plan] = {}
    for text in texts:
        name, other = _other(plan, text)
        if name in (*found, "as planned"):
            raise ArgumentError(f"Two arms cannot both be called `{name}`.", where="--what-if", hint="Give it a name.")
        found[name] = other
    return found


def _other(plan: Plan, text: str) -> tuple[str, Plan]:
    """One arm of a what-if: its name and its plan."""
    name, colon, settings = text.partition(":")
    if not colon or not name.strip():
        raise ArgumentError(
            f"`{text}` has no name.",
            where="--what-if",
            hint='Write "name: key=value", such as "early: tocilizumab_grade=1".',
        )
    parts = [part.strip() for part in _by_keys(settings)]
    doses = next((part.partition("=")[2] for part in parts if part.startswith("doses=")), plan.doses)
    changed = _numbers((part for part in parts if not part.startswith("doses=")), "--what-if")
    return name.strip(), replace(plan, doses=doses, changed={**plan.changed, **changed}, dirt=0.0)


def _by_keys(settings: str) -> list[str]:
    """Settings at their commas, but for those within a plan of doses."""
    parts: list[str] = []
    for part in settings.split(","):
        if "=" in part or not parts:
            parts.append(part)
        else:
            parts[-1] += f",{part}"
    return parts


def _list(product: str) -> None:
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


# what the summary reads of each patient
_NEEDED = (
    "code", "bedside_grade", "bedside_icans", "onset_hour", "icans_onset_hour", "peak_IL6", "tocilizumab_given",
    "dexamethasone",
)  # fmt: skip


def _tell(found: pl.LazyFrame, compared: pl.DataFrame | None, folder: Path | None) -> None:
    charted = "charted_grade" in found.collect_schema()
    if charted and compared is None:
        found = found.with_columns(bedside_grade="charted_grade", bedside_icans="charted_icans")
    seen = "as charted" if charted and compared is None else "as the bedside sees it"
    frames: Mapping[str, pl.DataFrame] = {"": found.select(_NEEDED).collect()}
    if compared is not None:
        names = compared["arm"].unique(maintain_order=True).to_list()
        frames = {name: compared.filter(pl.col("arm") == name) for name in names}
    _print_grades(frames, f"Worst CRS grade, {seen}", "bedside_grade", "onset_hour", _CARE)
    _print_grades(frames, f"Worst ICANS grade, {seen}", "bedside_icans", "icans_onset_hour", {})
    if compared is not None:
        _paired(compared)
    if folder is not None:
        _where(folder)
    else:
        out.print("Simulated: the joins between the published models are ours. Not for a real patient.", soft_wrap=True)


def _print_grades(
    frames: Mapping[str, pl.DataFrame], title: str, grade: str, onset: str, more: Mapping[str, Callable[..., str]]
) -> None:
    """A row an arm: shares of patients by their worst grade, and the median day of its beginning."""
    named = "" not in frames
    table = Table(box=None, title=title, title_justify="left")
    for column in (*(["arm"] if named else []), *(str(one) for one in _GRADES), "onset, day", *more):
        table.add_column(column, no_wrap=True)
    for name, part in frames.items():
        good = part.filter(pl.col("code") == 0)
        shares = [f"{_share(good[grade] == one):.1%}" for one in _GRADES]
        began = good.filter(pl.col(onset) >= 0)[onset].median()
        days = "" if began is None else f"{float(str(began)) / 24:.1f}"
        table.add_row(*([name] if named else []), *shares, days, *(told(good) for told in more.values()))
    out.print(table)


_CARE: Mapping[str, Callable[[pl.DataFrame], str]] = {
    "IL-6, pg/mL": lambda good: f"{good['peak_IL6'].median() or 0:.0f}",
    "toci": lambda good: f"{_share(good['tocilizumab_given'] > 0):.0%}",
    "steroid": lambda good: f"{_share(good['dexamethasone'] > 0):.0%}",
}


def _paired(compared: pl.DataFrame) -> None:
    """How many of the same patients fare better or worse than as planned."""
    lost = compared.filter(pl.col("code") != 0).group_by("arm", maintain_order=True).len()
    for name, patients in lost.iter_rows():
        out.print(f"{name}: {patients} patients could not be solved and count nowhere", soft_wrap=True)
    compared = compared.filter(pl.col("code") == 0)
    first = compared.filter(pl.col("arm") == "as planned").select("patient", before="bedside_grade")
    for name in compared["arm"].unique(maintain_order=True).to_list()[1:]:
        part = compared.filter(pl.col("arm") == name)
        both = part.join(first, on="patient").select(change=pl.col("bedside_grade") - pl.col("before"))["change"]
        lower, higher = _share(both < 0), _share(both > 0)
        out.print(f"{name}: a lower worst CRS grade in {lower:.1%} of the same patients, a higher one in {higher:.1%}")


def _share(true: pl.Series) -> float:
    return float(true.sum()) / len(true) if len(true) else 0.0
