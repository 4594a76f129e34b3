"""The command: ``cytowatch``, with ``grade``, ``report``, ``why``, ``advise``, ``knowledge``; others register here."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Annotated

import polars as pl
from cyclopts import App, CycloptsError, Parameter
from rich.table import Table

from cytowatch.advising.command import advise
from cytowatch.demo import run_demo
from cytowatch.doors_command import doors
from cytowatch.drugs.command import drugs
from cytowatch.errors import (
    EXIT_ARGUMENTS,
    EXIT_DONE,
    EXIT_KNOWLEDGE,
    EXIT_UNFORESEEN,
    ArgumentError,
    CytowatchError,
    InputError,
)
from cytowatch.exports.command import export
from cytowatch.fetch.command import fetch
from cytowatch.grade_command import grade
from cytowatch.handout.command import handout_command
from cytowatch.knowledge import counted_lines, diff, lint, list_items, load, show
from cytowatch.plan_command import plan
from cytowatch.quality.command import quality
from cytowatch.report import ReportData, why_lines, write_report
from cytowatch.schema import software_version
from cytowatch.sheets import commands as sheets
from cytowatch.simulate_command import simulate
from cytowatch.terminal import Overlays, err, out

app = App(
    name="cytowatch",
    help="Grade cytokine release syndrome and ICANS over time from raw bedside data, with the evidence.\n\n"
    "Not a medical device: check every grade against the patient.",
    version=lambda: f"cytowatch {software_version()}, knowledge {load().version}",
)
knowledge_app = App(name="knowledge", help="Look at the clinical tables, check them, and see what a site changed.")
app.command(grade)
app.command(export)
app.command(doors)
app.command(quality)
app.command(fetch)
app.command(knowledge_app)
app.command(handout_command, name="handout")
app.command(drugs)
app.command(sheets.product)
app.command(sheets.risks)
app.command(advise)
app.command(plan)
app.command(simulate)


@app.command
def report(
    folder: Path,
    /,
    *,
    patient: str | None = None,
    knowledge: Overlays = None,
    out_: Annotated[Path | None, Parameter(name="--out")] = None,
) -> int:
    """Write the HTML report of a graded folder; it opens without a network.

    Parameters
    ----------
    folder
        A folder that `cytowatch grade --out` wrote.
    patient
        One patient in full; needed for patients of large cohorts, whose report holds the cohort pages only.
    knowledge
        Folders laid over the clinical tables, as in the run.
    out_
        Where to write; by default report.html (or report-PATIENT.html) in the folder.
    """
    tables = load(*(knowledge or ()))
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in patient or "")
    name = f"report-{safe}.html" if patient else "report.html"
    path = write_report(ReportData.from_folder(folder), tables, out_ or folder / name, patient=patient)
    out.print(f"Report: {path}", soft_wrap=True)
    return EXIT_DONE


@app.command
def why(
    folder: Path,
    /,
    *,
    patient: str,
    at: str,
    scale: Annotated[list[str], Parameter(negative=(), consume_multiple=True)],
    knowledge: Overlays = None,
) -> int:
    """Say why two scales agree or differ for one patient at one moment, from a graded folder.

    Example: `cytowatch why graded --patient A --at 36.5 --scale crs.astct-2019 crs.lee-2014`.

    Parameters
    ----------
    folder
        A folder that `cytowatch grade --out` wrote.
    patient
        The patient, as the timeline names it.
    at
        Hours of the file; where it has calendar times an ISO timestamp with zone, or hours since the first exposure.
    scale
        The two scales.
    knowledge
        Folders laid over the clinical tables, as in the run.
    """
    tables = load(*(knowledge or ()))
    for line in why_lines(ReportData.from_folder(folder), tables, patient, at, scale):
        out.print(line, soft_wrap=True)
    return EXIT_DONE


@app.command
def demo(
    *,
    out_: Annotated[Path, Parameter(name="--out")] = Path("cytowatch-demo"),
    quiet: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Run the main job on the real data that ships with the package, and write a report.

    Parameters
    ----------
    out_
        Folder for the results.
    quiet
        Print only where the report is.
    """
    for part in run_demo(out_, quiet=quiet):
        out.print(part, soft_wrap=isinstance(part, str))
    return EXIT_DONE


@knowledge_app.command(name="lint")
def knowledge_lint(*, knowledge: Overlays = None) -> int:
    """Prove the tables complete, ordered, reachable and unambiguous; exit code 3 if they are not.

    Parameters
    ----------
    knowledge
        Folders to lay over the package's tables first.
    """
    tables = load(*(knowledge or ()))
    findings = lint(tables)
    errors = [finding for finding in findings if finding.severity == "error"]
    for finding in findings:
        out.print(
            f"{finding.severity}: {finding.file}: {finding.table}.{finding.key}: {finding.problem}", soft_wrap=True
        )
        if finding.hint:
            out.print(f"  what to do: {finding.hint}", soft_wrap=True)
    counts = f"{len(tables.scales)} scales, {len(tables.concepts)} concepts, {len(tables.policies)} policies"
    out.print(
        f"knowledge {tables.version}#{tables.digest[:12]}: {counts}, {len(errors)} errors, "
        f"{len(findings) - len(errors)} warnings",
        soft_wrap=True,
    )
    return EXIT_KNOWLEDGE if errors else EXIT_DONE


@knowledge_app.command(name="list")
def knowledge_list(kind: str | None = None, /, *, knowledge: Overlays = None) -> int:
    """List what is in the tables: scales, policies, products, concepts, symptoms, guidelines, drugs, sources and more.

    Parameters
    ----------
    kind
        Only one kind, such as scale, policy, product, concept, symptom, lookalike, guideline, drug or interaction.
    knowledge
        Folders to lay over the package's tables first.
    """
    tables = load(*(knowledge or ()))
    items = [item for item in list_items(tables) if kind in (None, item.kind)]
    if not items:
        raise ArgumentError(
            f"There is no kind {kind!r}.",
            hint=f"Choose one of: {', '.join(dict.fromkeys(item.kind for item in list_items(tables)))}.",
        )
    table = Table(box=None, pad_edge=False)
    for column in ("kind", "id", "title", "evidence"):
        table.add_column(column, overflow="fold")
    for item in items:
        table.add_row(item.kind, item.id, item.title, item.evidence)
    out.print(table)
    for line in counted_lines(tables, kind):
        out.print(line, soft_wrap=True)
    return EXIT_DONE


@knowledge_app.command(name="show")
def knowledge_show(name: str, /, *, knowledge: Overlays = None) -> int:
    """Show one item in full: each cell with its source, evidence word and our encoding.

    Parameters
    ----------
    name
        The id of a scale, concept, policy, threshold, product or source; aliases and brands work too.
    knowledge
        Folders to lay over the package's tables first.
    """
    sys.stdout.write(show(load(*(knowledge or ())), name).rstrip() + "\n")
    return EXIT_DONE


@knowledge_app.command(name="diff")
def knowledge_diff(*folders: Path) -> int:
    """Show what overlay folders change in the package's tables.

    Parameters
    ----------
    folders
        Overlay folders, in the order in which they are laid.
    """
    if not folders:
        raise ArgumentError("No folder was given.", where="knowledge diff", hint="Name the overlay folder.")
    changes = diff(load(), load(*folders))
    for change in changes:
        out.print(f"{change.key}: {change.old or '(absent)'} -> {change.new or '(absent)'}", soft_wrap=True)
    out.print(f"{len(changes)} changes")
    return EXIT_DONE


def run(arguments: list[str] | None = None) -> int:
    """Run one command and give back its exit code; every error of ours becomes a message and its code."""
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CytowatchError as error:
        err.print(str(error), soft_wrap=True)
        return error.exit_code
    except CycloptsError as error:
        err.print(f"{error}\n  what to do: cytowatch --help", soft_wrap=True)
        return EXIT_ARGUMENTS
    except (OSError, pl.exceptions.PolarsError) as error:
        problem = InputError(
            "A file could not be read or written.", where=str(getattr(error, "filename", "") or ""), why=str(error)
        )
        err.print(str(problem), soft_wrap=True)
        return problem.exit_code
    except Exception:
        # not ours and not foreseen: the trace helps to mend it, and the code says that this is no graded run
        traceback.print_exc()
        return EXIT_UNFORESEEN
    return int(code or 0)


def main() -> None:
    """Entry point of the command."""
    sys.exit(run())
