"""The command ``cytowatch simulate``: charted virtual patients with known truth, and what-if on the same patients."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
from cyclopts import Parameter, Token

from cytowatch.errors import EXIT_DONE, ArgumentError, CytowatchError
from cytowatch.simulate import told
from cytowatch.terminal import Advance, err, out, progress_bar

if TYPE_CHECKING:
    # needs NumPy, which only the extra brings
    from cytowatch.simulate.cohort import Plan


def _whole(_: type[int], tokens: Sequence[Token]) -> int:
    """A whole number, for 2.5 patients would be taken for 2."""
    text = tokens[0].value
    for read in (int, float):
        with suppress(ValueError, OverflowError):
            # 1e6 is a whole number too
            if int(read(text)) == read(text):
                return int(read(text))
    raise ArgumentError(f"`{text}` is no whole number.", where=tokens[0].keyword or "", hint="Such as 28.")


_Many = Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)]
_Whole = Annotated[int, Parameter(converter=_whole)]


def simulate(
    *,
    product: str = "cd19-car-t",
    patients: _Whole = 100,
    seed: _Whole = 1,
    days: _Whole = 28,
    doses: str = "",
    set_: Annotated[list[str] | None, Parameter(name="--set", negative=(), consume_multiple=True)] = None,
    only: _Many = None,
    what_if: _Many = None,
    dirt: str = "0",
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
        Share that is spoiled as in real charts, 0.05 of every kind, or by kind: unit=0.05 (degrees Fahrenheit as
        Celsius), twice=0.05 (rows doubled), late=0.05 (laboratory known later), lost=0.05 (shifts without vital signs).
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
    asked = dict(locals())
    _needs_the_extra(accelerator=accelerator)
    if ward:
        return _ward(out_, asked, quiet=quiet)
    if list_:
        told.everything(product)
        return EXIT_DONE
    from cytowatch.simulate import cohort
    from cytowatch.simulate.asked import arms, limits, numbers
    from cytowatch.simulate.dirt import dirt_of

    plan = cohort.Plan(
        product, patients, seed, days, doses, numbers(set_ or (), "--set"), limits(only or ()), dirt_of(dirt),
        accelerator,
    )  # fmt: skip
    if sbml is not None:
        _write_sbml(plan, sbml)
        return EXIT_DONE
    others = arms(plan, what_if or ())
    if figures and out_ is None:
        raise ArgumentError("The figures need a place.", where="--figures", hint="Name a new folder with --out.")
    with _kept(out_), progress_bar(quiet) as advance:
        made = _made(plan, others, out_, charted=chart, advance=advance)
        drawn = _drawn(plan, out_, made.compared, advance) if figures else []
    if not quiet:
        told.summary(made.found, made.compared, out_)
        told.redrawn(made.redrawn)
        for path in drawn:
            out.print(f"Figure: {path}", soft_wrap=True)
    _warn({"": plan, **others}, made.found)
    return EXIT_DONE


@contextmanager
def _kept(folder: Path | None) -> Iterator[None]:
    """Whoever stops a run is told what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        kept = "nothing was to be kept."
        if folder is not None:
            kept = f"finished patients are kept in {folder}; the same command goes on from there."
        err.print(f"Stopped: {kept}", soft_wrap=True)
        raise


@dataclass(frozen=True)
class _Made:
    """Outcomes of a run, those of its arms, and how many candidates lay outside each limit."""

    found: pl.LazyFrame
    compared: pl.LazyFrame | None
    redrawn: Mapping[str, int]


def _made(plan: Plan, others: Mapping[str, Plan], folder: Path | None, *, charted: bool, advance: Advance) -> _Made:
    """Everything simulated; CytowatchError if nobody could be solved."""
    from cytowatch.simulate import cohort, place, whatif

    if folder is None:
        redrawn = Counter[str]()
        found = cohort.outcomes(plan, advance=advance, redrawn=redrawn).lazy()
        _somebody(found)
        return _Made(found, whatif.arms(found, others, advance=advance).lazy() if others else None, redrawn)
    found = cohort.write(plan, folder, charted=charted, advance=advance)
    _somebody(found)
    compared = whatif.write_arms(found, others, folder, advance=advance) if others else None
    return _Made(found, compared, (place.record(folder) or {}).get("redrawn", {}))


def _somebody(found: pl.LazyFrame) -> None:
    codes = found.select("code", "result").collect()
    if (codes["code"] != 0).all():
        raise CytowatchError(
            "Nobody could be solved.", why=f"Of each patient {codes['result'][0]}.",
            hint="Look at what --set changed.",
        )  # fmt: skip


def _warn(plans: Mapping[str, Plan], found: pl.LazyFrame) -> None:
    """On stderr: who could not be solved, and of which plan the solution is not accurate."""
    from cytowatch.simulate.cohort import pace

    unsolved = found.filter(pl.col("code") != 0).select("patient", "result").collect()
    if unsolved.height:
        shown = ", ".join(unsolved["patient"].head(3))
        err.print(
            f"{unsolved.height} patients could not be solved and are not charted, such as {shown}: "
            f"{unsolved['result'][0]}.",
            soft_wrap=True,
        )
    for name, plan in plans.items():
        asked = pace(plan)
        if not asked.enough:
            arm, steps = f" ({name})" if name else "", f"{asked.times} times the usual steps"
            much = f"peaks differ by up to {asked.error:.1%} between {steps} and four times as many"
            if isinf(asked.error):
                much = f"{steps} do not solve some patients whom four times as many solve"
            err.print(f"Not accurate{arm}: with what was set, {much}.", soft_wrap=True)


def _drawn(plan: Plan, folder: Path | None, compared: pl.LazyFrame | None, advance: Advance) -> list[Path]:
    from cytowatch.simulate.pictures import write

    if folder is None:
        return []
    shown = None if compared is None else compared.select("arm", "code", "bedside_grade", "bedside_icans").collect()
    return write(plan, folder / "figures", shown, advance=advance)


def _write_sbml(plan: Plan, file: Path) -> None:
    from cytowatch.simulate.population import typical
    from cytowatch.simulate.sbml import to_sbml
    from cytowatch.simulate.solve import planned_events

    given = plan.given()
    values = typical(given, plan.changed)
    text = to_sbml(given.mechanism, values, planned_events(given.schedule(values)))
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ArgumentError(
            "The model cannot be written.", where=f"--sbml {file}", why=str(error),
            hint="Name a file in a folder that is there.",
        ) from None  # fmt: skip


def _needs_the_extra(*, accelerator: bool) -> None:
    """The default needs llvmlite and NumPy, the accelerator JAX too; the extra brings all of them."""
    missing = [name for name in ("llvmlite", "numpy") if find_spec(name) is None]
    install = "Install the extra: pip install 'cytowatch[simulate]'"
    if missing:
        raise ArgumentError(
            f"Simulating needs {missing[0]}, which is not installed.", where="cytowatch simulate", hint=f"{install}.",
        )  # fmt: skip
    if accelerator and find_spec("jax") is None:
        raise ArgumentError(
            "Solving on an accelerator needs JAX, which is not installed.", where="--accelerator",
            hint=f"{install}; without --accelerator all processors work.",
        )  # fmt: skip


def _ward(folder: Path | None, asked: Mapping[str, Any], *, quiet: bool) -> int:
    from cytowatch.simulate.ward import write

    others = _others_than_usual(asked, ("ward", "out_", "quiet"))
    if others:
        raise ArgumentError(
            f"The ward is one by its seed: {', '.join(others)} would change nothing.", where="--ward",
            hint="Only --out and --quiet go with it.",
        )  # fmt: skip
    if folder is None:
        raise ArgumentError("The ward needs a place.", where="--ward", hint="Name a new folder with --out.")
    with progress_bar(quiet) as advance:
        found = write(folder, advance=advance)
    if not quiet:
        told.ward(found, folder)
    return EXIT_DONE


def _others_than_usual(asked: Mapping[str, Any], but: Iterable[str]) -> list[str]:
    """What was asked for and is not the default, by its name in the command."""
    usual = inspect.signature(simulate).parameters
    strange = [name for name, value in asked.items() if name not in but and value != usual[name].default]
    return ["--no-chart" if name == "chart" else f"--{name.strip('_').replace('_', '-')}" for name in strange]
