"""The command: ``cytowatch``, with ``grade``, ``report``, ``why``, ``advise``, ``knowledge``; others register here."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cytowatch.adapters.clif import read_clif
from cytowatch.adapters.files import read_files
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.parcels import NotTogetherError, large_tables, read_parcels
from cytowatch.adapters.patients import raw_patients
from cytowatch.advising.command import advise
from cytowatch.demo import run_demo
from cytowatch.drugs.command import drugs
from cytowatch.errors import (
    EXIT_ARGUMENTS,
    EXIT_DONE,
    EXIT_KNOWLEDGE,
    EXIT_REJECTS_WITH_STRICT,
    EXIT_UNFORESEEN,
    ArgumentError,
    CytowatchError,
    InputError,
)
from cytowatch.handout.command import handout_command
from cytowatch.knowledge import Knowledge, counted_lines, diff, lint, list_items, load, show
from cytowatch.pipeline import Outcome, grade_each, grade_intake, software_version
from cytowatch.plan_command import plan
from cytowatch.report import ReportData, why_lines, write_report
from cytowatch.results import write_parcels, write_results
from cytowatch.sheets import commands as sheets
from cytowatch.summary import summarize

# data may hold brackets and colons: nothing is read as markup
out = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)

app = App(
    name="cytowatch",
    help="Grade cytokine release syndrome and ICANS over time from raw bedside data, with the evidence.\n\n"
    "Not a medical device: check every grade against the patient.",
    version=lambda: f"cytowatch {software_version()}, knowledge {load().version}",
)
knowledge_app = App(name="knowledge", help="Look at the clinical tables, check them, and see what a site changed.")
app.command(knowledge_app)
app.command(handout_command, name="handout")
app.command(drugs)
app.command(sheets.product)
app.command(sheets.risks)
app.command(advise)
app.command(plan)

# rows held at a time when a large input is graded from its files
_ROWS = 750_000
Overlays = Annotated[list[Path] | None, Parameter(name="--knowledge", negative=(), consume_multiple=True)]


@app.command
def grade(
    inputs: Annotated[list[Path], Parameter(negative=())],
    /,
    *,
    patients: Path | None = None,
    source: Annotated[Literal["csv", "clif"], Parameter(name="--from")] = "csv",
    mapping: Path | None = None,
    scale: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
    knowledge: Overlays = None,
    as_of: str | None = None,
    assume_trigger: str | None = None,
    not_recorded: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
    zone: str | None = None,
    look_alikes: Annotated[bool | None, Parameter(negative=())] = None,
    strict: Annotated[bool, Parameter(negative=())] = False,
    out_: Annotated[Path | None, Parameter(name="--out")] = None,
    format_: Annotated[Literal["csv", "parquet"], Parameter(name="--format")] = "parquet",
    report: Annotated[bool, Parameter(negative=())] = False,
    quiet: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Grade timed observations and write timeline, episodes, rejects, concordance and run.json.

    Examples: `cytowatch grade ward.csv --out graded --report`;
    `cytowatch grade clif_folder --from clif --out graded`; `cytowatch grade daily.csv --mapping daily.toml`.

    Parameters
    ----------
    inputs
        CSV, Parquet or Arrow files in the contract's long form, or folders of them; with --from clif one CLIF folder.
    patients
        A table of patients (age, weight, baseline). Anything missing is unknown, never normal.
    source
        What the input is: csv (also Parquet and Arrow) or clif (CLIF 2.x tables).
    mapping
        A TOML file that says which column of a wide table is which concept and unit.
    scale
        Scale ids, patterns such as 'crs.*', or all. Default: crs.astct-2019 and icans.astct-2019.
    knowledge
        Folders laid over the clinical tables, such as a site's own policy.
    as_of
        Grade as it was known at this moment: an ISO timestamp with zone, or hours.
    assume_trigger
        A product to assume at the first row of each patient without a trigger; every output is marked.
    not_recorded
        Therapies that this source does not record: their absence then means unknown, not "not given".
    zone
        IANA zone of timestamps that carry none, such as Europe/Berlin. Without it they are rejected.
    look_alikes
        Also look for what points elsewhere or beside (infection, tumor lysis, …); by default only with --scale all.
    strict
        End with exit code 1 if any row was rejected.
    out_
        Folder for the results. Without it only the summary is printed.
    format_
        Format of the result tables.
    report
        Also write report.html into the folder.
    quiet
        Print nothing but errors.
    """
    _check_out(out_, report=report)
    tables = load(*(knowledge or ()))
    absent = _therapies(not_recorded or [], tables)
    large = None if source != "csv" or mapping or out_ is None else large_tables(inputs)
    if large is not None and out_ is not None:
        with suppress(NotTogetherError), progress_bar(quiet) as advance:
            people = raw_patients(patients) if patients else None
            parcels = read_parcels(large, tables, patients=people, zone=zone, progress=advance, rows=_ROWS)
            named = (parcel.not_recording(absent) for parcel in parcels)
            graded = grade_each(named, tables, scale, as_of, assume_trigger=assume_trigger, look_alikes=look_alikes)
            outcome, written = write_parcels(graded, out_, format_)
            return _finish(outcome, written, tables, out_, report=report, quiet=quiet, strict=strict)
    with progress_bar(quiet) as advance:
        intake = _read(inputs, tables, source, patients, mapping, zone, advance).not_recording(absent)
        advance("grading", 1.0)
        outcome = grade_intake(intake, tables, scale, as_of, assume_trigger=assume_trigger, look_alikes=look_alikes)
    written = [] if out_ is None else write_results(outcome, out_, format_)
    return _finish(outcome, written, tables, out_, report=report, quiet=quiet, strict=strict)


def _finish(
    outcome: Outcome,
    written: list[Path],
    tables: Knowledge,
    folder: Path | None,
    *,
    report: bool,
    quiet: bool,
    strict: bool,
) -> int:
    if report and folder is not None:
        with progress_bar(quiet) as advance:
            advance("drawing the report", 0.0)
            written.append(write_report(ReportData.from_folder(folder), tables, folder / "report.html"))
    if not quiet:
        for part in summarize(outcome, written, tables):
            out.print(part, soft_wrap=isinstance(part, str))
    return EXIT_REJECTS_WITH_STRICT if strict and not outcome.rejects.is_empty() else EXIT_DONE


def _check_out(folder: Path | None, *, report: bool) -> None:
    """A wrong place for the results is told before anything is read."""
    if report and folder is None:
        raise ArgumentError("--report needs a folder to write into.", where="--out", hint="Add --out FOLDER.")
    if folder is not None and any(part.exists() and not part.is_dir() for part in (folder, *folder.parents)):
        raise ArgumentError(
            "--out is not a folder.",
            where=str(folder),
            why="The results are several files.",
            hint="Name a folder; it is made if it is not there.",
        )


def _read(
    inputs: list[Path],
    tables: Knowledge,
    source: str,
    patients: Path | None,
    mapping: Path | None,
    zone: str | None,
    advance: Advance,
) -> Intake:
    if source == "csv":
        return read_files(inputs, tables, patients=patients, zone=zone, mapping=mapping, progress=advance)
    refused = [name for name, value in (("--patients", patients), ("--mapping", mapping), ("--zone", zone)) if value]
    if refused or len(inputs) != 1:
        raise ArgumentError(
            f"{refused[0]} does not go with --from clif." if refused else "--from clif takes one folder.",
            where=refused[0] if refused else "INPUT",
            why="A CLIF folder brings its own patients, columns and time zone.",
            hint="Leave it out.",
        )
    return read_clif(inputs[0], tables, progress=lambda name, _rows: advance(name, 0.0))


def _therapies(names: list[str], tables: Knowledge) -> frozenset[str]:
    """Concepts named by key or alias; ``vasopressors`` and ``oxygen`` name their whole group."""
    found: set[str] = set()
    for name in names:
        key = tables.concept_aliases.get(name, name)
        group = {concept.key for concept in tables.concepts.values() if concept.group == name.rstrip("s")}
        therapies = {c for c in group if tables.concepts[c].kind in ("infusion", "device", "dose")}
        if key not in tables.concepts and not therapies:
            raise ArgumentError(
                f"There is no therapy {name!r}.",
                where="--not-recorded",
                why="Its absence would still be read as not given.",
                hint="Name concepts such as norepinephrine or oxygen_device, or a group: vasopressors, oxygen.",
            )
        found |= therapies or {key}
    return frozenset(found)


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


class Advance:
    """Called with what is being read and how much of the whole is behind, 0 to 1."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._task = bar.add_task("reading", total=1.0) if bar else None

    def __call__(self, what: str, done: float) -> None:
        """Move the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=what, completed=done)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Advance]:
    """A progress bar on a terminal; nothing when piped or quiet."""
    if quiet or not err.is_terminal:
        yield Advance(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        yield Advance(bar)


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
