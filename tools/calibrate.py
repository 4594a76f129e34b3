"""Fit what is ours to a product's targets: ``python tools/calibrate.py cd22-car-t --study FOLDER``.

Targets are summary statistics of the patients in FOLDER (files as its README describes), or, without it, those of
``mechanisms/fits/targets.toml``. Writes ``mechanisms/fits/<product>.toml``, or with ``--part`` the record of that part.
With ``--apply`` nothing is fitted: the values of that file go into the tables; with ``--check`` they are run again. The
same seed gives the same result on the same machine.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cytowatch.simulate import fit, summaries
from cytowatch.simulate.fit import SPREAD, Aim
from cytowatch.simulate.products import Product, product
from cytowatch.simulate.tables import FOLDER

LOCATOR = "fit: docs/explanation/simulation-fit.md"
TABLES = ("core-network", "core-cells", "core-engager", "signs", "bedside")
# patients in the last run, which no step of the fit has seen
CHECKED, CHECK_SEED = 1024, 1001
DIGITS, GRADES_ERROR = 3, 0.5


def main() -> None:
    """Fit, check with new patients, write."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("product")
    asked.add_argument("--part", default="", help="a fit of its own, such as neurotoxicity, of the product's patients")
    asked.add_argument("--study", type=Path, help="folder of the patients whose summaries are the targets")
    asked.add_argument("--members", type=int, default=128)
    asked.add_argument("--patients", type=int, default=256, help="virtual patients of each member")
    asked.add_argument("--steps", type=int, default=8)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--apply", action="store_true", help="only write the kept values into the tables")
    asked.add_argument(
        "--check", action="store_true", help="only run the kept values again, with the tables as they are"
    )
    args = asked.parse_args()
    given = product(args.product)
    key = f"{given.key}-{args.part}" if args.part else given.key
    if args.apply:
        apply(given, {name: row["value"] for name, row in fit.fitted(key)["parameter"].items()})
        return
    if args.check:
        check(given, key)
        return
    aims, source = targets(key, args.study, args.seed)
    known = fit.priors(given, key)
    found = fit.smooth(
        known, aims, fit.simulator(given, args.patients), members=args.members, steps=args.steps, seed=args.seed,
        tell=print,
    )  # fmt: skip
    settings = {name: getattr(args, name) for name in ("members", "patients", "steps", "seed")}
    head = {"source": source, **settings, "evaluations": found.evaluations, "distances": found.distances}
    values = {
        one.name: {"value": rounded(found.center[one.name]), "ln_spread": found.ln_spread[one.name]} for one in known
    }
    keep(given, key, head, values, aims)


def check(given: Product, key: str) -> None:
    """Run the kept values again with the tables as they are now, and keep what they reach."""
    kept = fit.fitted(key)
    aims = {name: Aim(row["target"], row["error"]) for name, row in kept["summary"].items()}
    keep(given, key, kept["fit"], kept["parameter"], aims)


def keep(
    given: Product,
    key: str,
    head: Mapping[str, Any],
    values: Mapping[str, Mapping[str, float]],
    aims: Mapping[str, Aim],
) -> None:
    """Write the record, with what new patients reach."""
    center = {name: row["value"] for name, row in values.items()}
    reached = fit.simulator(given, CHECKED, CHECKED)([center], CHECK_SEED)[0]
    file = fit.FITS / f"{key}.toml"
    file.write_text(record(head, values, aims, reached), encoding="utf-8")
    print(f"{file}: {fit.distance(reached, aims):.2f} standard errors away")


def targets(key: str, study: Path | None, seed: int) -> tuple[dict[str, Aim], str]:
    """The aims and where they are from; of a study those that its patients tell."""
    if study is None:
        return fit.stated(key)
    cohort = summaries.of_study(study)
    errors = summaries.errors(cohort, seed)
    # grades are what the simulator is for: their shares are asked twice as sharply as 29 patients tell them
    aims = {
        name: Aim(rounded(value), rounded(errors[name] * (GRADES_ERROR if name.startswith("grade") else 1)))
        for name, value in summaries.summaries(cohort).items()
        if np.isfinite(value)
    }
    beside, source = fit.stated(f"{key}-care")
    told = f"summary statistics of {len(cohort.grade)} patients; errors by drawing them anew, of grade shares halved"
    return aims | beside, f"{told}; of care: {source}"


def rounded(value: float) -> float:
    """To the digits that are kept."""
    return float(f"{value:.{DIGITS}g}")


def record(
    head: Mapping[str, Any], values: Mapping[str, Mapping[str, float]], aims: Mapping[str, Aim],
    reached: Mapping[str, float],
) -> str:  # fmt: skip
    """The text of the record."""
    rows = [
        "# Written by tools/calibrate.py. `ln_spread` is that of the last ensemble: an approximation of the posterior.",
        "[fit]",
        f'source = "{head["source"]}"',
        *(f"{name} = {head[name]}" for name in ("members", "patients", "steps", "seed", "evaluations")),
        f"distances = [{', '.join(f'{one:.3g}' for one in head['distances'])}]",
        f"distance = {fit.distance(reached, aims):.3g}",
        f"checked_with = {{ patients = {CHECKED}, seed = {CHECK_SEED} }}",
        "",
        "[parameter]",
        *(
            f'"{name}" = {{ value = {row["value"]}, ln_spread = {row["ln_spread"]:.3g} }}'
            for name, row in values.items()
        ),
        "",
        "[summary]",
        *(
            f'"{name}" = {{ target = {aim.value}, error = {aim.error}, reached = {rounded(reached[name])} }}'
            for name, aim in aims.items()
        ),
    ]
    return "\n".join(rows) + "\n"


def apply(given: Product, center: Mapping[str, float]) -> None:
    """Values that the product has of its own go to the product, all others to the tables."""
    spreads = {name: center.get(SPREAD + name, size) for name, size in given.spreads.items()}
    own = {name for name in center if name in given.values} | {SPREAD + name for name in spreads}
    products = FOLDER / "plans" / "products.toml"
    text = products.read_text(encoding="utf-8")
    head, mark, rest = text.partition(f"[product.{given.key}]")
    values = _told({name: center.get(name, value) for name, value in given.values.items()})
    for line, of in (("values", values), ("spreads", _told(spreads))):
        rest = re.sub(rf"^{line} = .*$", f"{line} = {{ {of} }}", rest, count=1, flags=re.MULTILINE) if of else rest
    products.write_text(head + mark + rest, encoding="utf-8")
    for key in TABLES:
        file = FOLDER / f"{key}.toml"
        if key in {"core-cells", "core-engager"} and key != given.mechanism.table:
            continue
        lines = file.read_text(encoding="utf-8").splitlines()
        written = [_line(line, {name: one for name, one in center.items() if name not in own}) for line in lines]
        file.write_text("\n".join(written) + "\n", encoding="utf-8")


def _told(of: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in of.items())


def _line(line: str, center: Mapping[str, float]) -> str:
    name = line.partition(" = ")[0]
    moved = line
    if name in center:
        moved = re.sub(r"value = [^,]+", f"value = {center[name]}", moved, count=1)
    if SPREAD + name in center:
        moved = re.sub(r"spread = [^,]+", f"spread = {center[SPREAD + name]}", moved, count=1)
    return line if moved == line else re.sub(r'locator = "[^"]*"', f'locator = "{LOCATOR}"', moved, count=1)


if __name__ == "__main__":
    main()
