"""The whole way of a large run: look, cut, sort, grade, put together, move; each step kept, so that it is done once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.adapters.bucket import BucketOptions
from cytowatch.adapters.times import check_zone
from cytowatch.errors import CytowatchError, InputError
from cytowatch.knowledge.choose import check_product, check_scales
from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import Outcome, moment
from cytowatch.results import check_form
from cytowatch.schema import software_version
from cytowatch.streaming.inputs import LargeInput
from cytowatch.streaming.look import Share, look
from cytowatch.streaming.parts import finished, grade_parts
from cytowatch.streaming.people import write_people
from cytowatch.streaming.plan import Plan, make_plan
from cytowatch.streaming.results import assemble, move, rejected
from cytowatch.streaming.runs import write_runs
from cytowatch.streaming.work import PLAN, Work, open_work, work_folder

Advance = Callable[[str, float], None]
Say = Callable[[str], None]
# how much of the whole each stage takes, measured on shuffled rows; of sorted ones there is no sorting
_SHARES = {"looking": 0.02, "sorting": 0.21, "grading": 0.72, "putting together": 0.05}


@dataclass(frozen=True)
class Streamed:
    """What the summary tells of a run (see ``assemble``), the paths of its tables, and its rejects in the folder."""

    outcome: Outcome
    written: list[Path]
    rejects: pl.LazyFrame


@dataclass(frozen=True)
class _Run:
    large: LargeInput
    patients: Path | None
    knowledge: Knowledge
    options: BucketOptions
    advance: Advance


def stream(
    large: LargeInput,
    patients: Path | None,
    knowledge: Knowledge,
    options: BucketOptions,
    out: Path,
    form: str,
    *,
    advance: Advance,
    say: Say,
    fresh: bool = False,
) -> Streamed:
    """Grade a large input into a folder; go on where an earlier run of the same was cut short, unless ``fresh``.

    ``options``: clock and files are filled in here. ``say`` gets a line about what is left of an earlier run. Raises
    InputError for a file that cannot be read, ArgumentError for an option, a locked folder or a full disk.
    """
    started = time.perf_counter()
    check_form(form)
    check_scales(options.scales, knowledge)
    check_product(options.assume_trigger, knowledge)
    check_zone(options.zone)
    run = _Run(large, patients or large.patients, knowledge, options, advance)
    wanted = _fingerprint(run)
    with open_work(work_folder(out)) as work:
        plan = _plan(run, wanted, work, say, fresh=fresh)
        known = replace(options, clock=plan.clock, files=large.spans, patients_file=_label(run.patients))
        if not plan.together:
            write_runs(large, plan, work, _stage(advance, "sorting", plan))
        grade_parts(large, plan, knowledge, known, work, _stage(advance, "grading", plan))
        _check_unchanged(wanted, _fingerprint(run), out)
        together = _stage(advance, "putting together", plan)
        outcome = assemble(large, plan, knowledge, form, started, work, together)
        written = move(out, form, work)
        work.remove()
    return Streamed(outcome, written, rejected(out, form))


def _label(patients: Path | None) -> str:
    return "patients" if patients is None else patients.name


def _stage(advance: Advance, name: str, plan: Plan | None = None) -> Share:
    """One stage as a share of the whole."""
    shares = {stage: share for stage, share in _SHARES.items() if not (plan and plan.together and stage == "sorting")}
    names = list(shares)
    before = sum(shares[stage] for stage in names[: names.index(name)]) / sum(shares.values())
    return lambda done: advance(name, before + done * shares[name] / sum(shares.values()))


def _plan(run: _Run, wanted: dict[str, Any], work: Work, say: Say, *, fresh: bool) -> Plan:
    """The plan that was begun, if it is of the same inputs, tables and options; else a new one."""
    found = None if fresh else work.read_json(PLAN)
    if found is not None:
        differ = [name for name, value in wanted.items() if found["of"].get(name) != value]
        whole = all(work.is_whole(name, size) for name, size in found.get("sizes", {}).items())
        if not differ and whole:
            plan = Plan.of_json(found["plan"])
            say(f"Going on with a run that was cut short: {len(finished(plan, work))} of {plan.parts} parts are done.")
            return plan
        since = f"since then {' and '.join(differ)} changed" if differ else "what it left is not whole"
        say(f"Started anew: an earlier run was cut short, and {since}.")
    work.clear()
    try:
        plan, sizes = _new_plan(run, work)
    except CytowatchError:
        # what cannot be read leaves nothing behind
        work.remove()
        raise
    work.write_json(PLAN, {"of": wanted, "plan": plan.as_json(), "sizes": sizes})
    return plan


def _check_unchanged(before: dict[str, Any], now: dict[str, Any], out: Path) -> None:
    """Rows of a file that was replaced meanwhile are of nobody knows which state."""
    if now != before:
        raise InputError(
            "An input changed while it was graded.",
            where=str(out),
            why="Some rows were read before the change and some after it.",
            hint="Wait until the export is complete, and run the command again: it begins anew.",
        )


def _new_plan(run: _Run, work: Work) -> tuple[Plan, dict[str, int]]:
    """The plan, and the files that were written with it and their sizes."""
    looked = look(run.large, _stage(run.advance, "looking"))
    moment(run.options.as_of, looked.clock)
    plan = make_plan(run.large, looked, patients=run.patients is not None)
    if run.patients is None:
        return plan, {}
    return plan, write_people(run.patients, plan, looked.starts, run.large.rows, work)


def _fingerprint(run: _Run) -> dict[str, Any]:
    """By what a run is told from another; a file by its path, size and time of change, and by how it is called.

    Rejects and sources name files as they were typed: parts graded under other names would double them in the ledger.
    """
    paths = [part.file.path for part in run.large.files] + ([run.patients] if run.patients else [])
    stats = []
    for path in paths:
        with suppress(OSError):
            stat = path.stat()
            stats.append([str(path.absolute()), stat.st_size, stat.st_mtime_ns])
    options = replace(run.options, clock="time", files=(), not_recorded=frozenset())
    return {
        "the inputs": stats,
        "the paths as they were typed": [*(part.file.label for part in run.large.files), _label(run.patients)],
        "the clinical tables": run.knowledge.digest,
        "the options": [repr(options), sorted(run.options.not_recorded)],
        "the software": [software_version(), pl.__version__],
    }
