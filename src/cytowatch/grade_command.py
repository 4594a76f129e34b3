"""The command ``cytowatch grade``: from any door to the tables of a graded folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from cyclopts import Parameter

from cytowatch.adapters.bucket import BucketOptions
from cytowatch.adapters.doors import Asked, Source, read_source
from cytowatch.adapters.tables import find_tables, is_parquet
from cytowatch.cluster.command import SparkAsked, check_alone, check_asked, grade_on_spark, summary
from cytowatch.errors import EXIT_DONE, EXIT_REJECTS_WITH_STRICT, ArgumentError
from cytowatch.knowledge import Knowledge, load
from cytowatch.pipeline import Outcome, grade_intake
from cytowatch.report import ReportData, write_report
from cytowatch.results import check_place, write_results, write_run
from cytowatch.schema import SIMULATED
from cytowatch.streaming import LargeInput, find_large, stream
from cytowatch.summary import summarize
from cytowatch.terminal import Overlays, err, out, progress_bar

# in run.json, from which the report takes it
_VIRTUAL = {"simulated": True}
_Files = Annotated[list[Path] | None, Parameter(negative=(), consume_multiple=True)]


def grade(
    inputs: Annotated[list[str], Parameter(negative=())],
    /,
    *,
    patients: Path | None = None,
    source: Annotated[Source, Parameter(name="--from")] = "csv",
    mapping: Path | None = None,
    codes: _Files = None,
    scale: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
    knowledge: Overlays = None,
    as_of: str | None = None,
    assume_trigger: str | None = None,
    not_recorded: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
    zone: str | None = None,
    look_alikes: Annotated[bool | None, Parameter(negative=())] = None,
    strict: Annotated[bool, Parameter(negative=())] = False,
    engine: Literal["polars", "spark"] = "polars",
    master: str | None = None,
    buckets: int | None = None,
    fresh: Annotated[bool, Parameter(negative=())] = False,
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
        CSV, Parquet or Arrow files in the contract's long form, or folders of them; with --from what that source has:
        `cytowatch doors` lists them.
    patients
        A table of patients (age, weight, baseline). Anything missing is unknown, never normal.
    source
        What the input is: csv (also Parquet and Arrow), clif, or another door of `cytowatch doors`.
    mapping
        A TOML file that says which column of a wide table is which concept and unit.
    codes
        A site's own code lists for sources that carry codes: CSV (`system,code,concept`) or FHIR ConceptMap (.json).
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
    engine
        What shares out the work: polars (this machine) or spark (needs the extra `spark`, Java, and Parquet).
    master
        Where Spark runs, such as local[2] or spark://host:7077; by default local[*].
    buckets
        Into how many parts of whole patients Spark cuts the input; by default 500,000 rows each.
    fresh
        Do not go on with a large run that was cut short, but begin anew.
    out_
        Folder for the results. Without it only the summary is printed.
    format_
        Format of the result tables.
    report
        Also write report.html into the folder.
    quiet
        Print nothing but errors.
    """
    _check_out(out_, inputs, report=report)
    tables = load(*(knowledge or ()))
    absent = _therapies(not_recorded or [], tables)
    if engine == "spark":
        check_asked(source, format_, out_, mapping=mapping, codes=codes, fresh=fresh)
        arguments = {
            "scales": scale, "as_of": as_of, "assume_trigger": assume_trigger, "not_recorded": absent, "zone": zone,
            "look_alikes": look_alikes,
        }  # fmt: skip
        on_spark = SparkAsked(inputs, patients, out_ or Path(), master or "local[*]", buckets, arguments)
        return _grade_on_spark(on_spark, tables, report=report, quiet=quiet, strict=strict)
    check_alone(master, buckets)
    large = None if source != "csv" or mapping or codes or out_ is None else _large(inputs, quiet=quiet)
    if large is not None and out_ is not None:
        options = BucketOptions("time", _names(scale), as_of, assume_trigger, absent, zone, look_alikes)
        with progress_bar(quiet) as advance:
            say = _silent if quiet else _tell
            done = stream(large, patients, tables, options, out_, format_, advance=advance, say=say, fresh=fresh)
        return _finish(
            done.outcome, done.written, tables, out_, report=report, quiet=quiet, strict=strict, rejects=done.rejects,
            virtual=_simulated(source, inputs),
        )  # fmt: skip
    with progress_bar(quiet) as advance:
        asked = Asked(tuple(inputs), patients, mapping, zone, tuple(codes or ()), advance)
        intake = read_source(source, asked, tables).not_recording(absent)
        advance("grading", 1.0)
        outcome = grade_intake(intake, tables, scale, as_of, assume_trigger=assume_trigger, look_alikes=look_alikes)
    written = [] if out_ is None else write_results(outcome, out_, format_)
    return _finish(
        outcome, written, tables, out_, report=report, quiet=quiet, strict=strict, virtual=_simulated(source, inputs)
    )


def _grade_on_spark(asked: SparkAsked, tables: Knowledge, *, report: bool, quiet: bool, strict: bool) -> int:
    with progress_bar(quiet) as advance:
        result, _ = grade_on_spark(asked, tables, advance)
        if virtual := _simulated("csv", asked.inputs):
            write_run({**result.run, **_VIRTUAL}, asked.out)
        if report:
            advance("drawing the report", 0.9)
            write_report(ReportData.from_folder(asked.out), tables, asked.out / "report.html")
    if not quiet:
        for part in (*summary(result, asked.out), *_told(virtual=virtual)):
            out.print(part, soft_wrap=isinstance(part, str))
    return EXIT_REJECTS_WITH_STRICT if strict and result.run["rows"]["rejects"] else EXIT_DONE


def _finish(
    outcome: Outcome,
    written: list[Path],
    tables: Knowledge,
    folder: Path | None,
    *,
    report: bool,
    quiet: bool,
    strict: bool,
    rejects: pl.LazyFrame | None = None,
    virtual: bool = False,
) -> int:
    if virtual and folder is not None:
        write_run({**outcome.run, **_VIRTUAL}, folder)
    if report and folder is not None:
        with progress_bar(quiet) as advance:
            advance("drawing the report", 0.0)
            written.append(write_report(ReportData.from_folder(folder), tables, folder / "report.html"))
    if not quiet:
        for part in (*summarize(outcome, written, tables, rejects), *_told(virtual=virtual)):
            out.print(part, soft_wrap=isinstance(part, str))
    return EXIT_REJECTS_WITH_STRICT if strict and not outcome.rejects.is_empty() else EXIT_DONE


def _simulated(source: Source, inputs: Sequence[str]) -> bool:
    """Whether a Parquet file of the input carries the mark of `cytowatch simulate`; other formats can carry none."""
    files = find_tables(inputs)[0] if source == "csv" else []
    marks = (pl.read_parquet_metadata(file.path) for file in files if is_parquet(file))
    return any(mark.get(SIMULATED) == "true" for mark in marks)


def _told(*, virtual: bool) -> list[str]:
    return ["Virtual patients: the input was simulated, and nobody in it was measured."] if virtual else []


def _large(inputs: list[str], *, quiet: bool) -> LargeInput | None:
    """The input, if it is one to be streamed; what is too large to be held and cannot be streamed is told."""
    found = find_large(inputs)
    if found.whole and not quiet:
        _tell(
            f"Held in memory: {found.whole:,} rows of Parquet beside files of other formats. "
            "If all of them were Parquet, they would be streamed."
        )
    return found.large


def _names(scale: list[str] | None) -> tuple[str, ...] | None:
    return None if scale is None else tuple(scale)


def _tell(line: str) -> None:
    err.print(line, soft_wrap=True)


def _silent(_line: str) -> None:
    pass


def _check_out(folder: Path | None, inputs: list[str], *, report: bool) -> None:
    """A wrong place for the results is told before anything is read."""
    if report and folder is None:
        raise ArgumentError("--report needs a folder to write into.", where="--out", hint="Add --out FOLDER.")
    if folder is not None:
        check_place(folder, inputs)


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
