"""The order of the rooms: admitted rows in, every table of a run out.

The only module that knows the order. It reads no file and writes none: see ``folder.py`` and the doors in ``adapters``.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl

from cytowatch.adapters.files import read_frames
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.parcels import PARCEL_ROWS, NotTogetherError, read_parcels
from cytowatch.adapters.spans import file_of
from cytowatch.engine.apply import grade_observations, needed_by
from cytowatch.engine.concordance import concordance
from cytowatch.engine.side_by_side import summed_discordance
from cytowatch.errors import ArgumentError
from cytowatch.knowledge import load
from cytowatch.knowledge.choose import check_product, check_scales
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import ADVICE, DISCORDANCE, FINDINGS, HOUR_US, JOINT, OBSERVATIONS, software_version

if sys.platform != "win32":
    import resource

# more hours than that do not fit into 64 bits of microseconds, and no course of treatment is so long
_MOST_HOURS = 1e8
# parcels graded at the same time
_WORKERS = 2
Clock = Literal["time", "hours"]
AsOf = str | float | int | datetime | None


@dataclass(frozen=True)
class Outcome:
    """Every table of one run, times in microseconds of its clock."""

    timeline: pl.DataFrame
    episodes: pl.DataFrame
    rejects: pl.DataFrame
    ledger: pl.DataFrame
    concordance: pl.DataFrame
    observations: pl.DataFrame
    patients: pl.DataFrame
    clock: Clock
    run: dict[str, Any]
    discordance: pl.DataFrame = field(default_factory=DISCORDANCE.empty)
    joint: pl.DataFrame = field(default_factory=JOINT.empty)
    findings: pl.DataFrame = field(default_factory=FINDINGS.empty)
    # rejected rows that may have been a therapy or a finding: advice must not count them as nothing
    in_doubt: pl.DataFrame = field(default_factory=OBSERVATIONS.empty)
    # what guidelines say, where it was asked for
    advice: pl.DataFrame = field(default_factory=ADVICE.empty)

    def of_patients(self, names: pl.Series) -> Outcome:
        """The rows of these patients only, in the tables that are read again."""
        own = pl.col("patient").is_in(names.implode())
        tables = ("timeline", "observations", "patients", "in_doubt")
        return replace(self, **{name: getattr(self, name).filter(own) for name in tables})

    def without_observations(self) -> Outcome:
        """The same outcome, the admitted rows let go: of a large cohort they would fill the memory."""
        return replace(self, observations=OBSERVATIONS.empty())


@dataclass(frozen=True)
class Result:
    """What ``grade`` gives back: frames with times as they came in (``Datetime`` in UTC, or hours as numbers)."""

    outcome: Outcome

    @property
    def timeline(self) -> pl.DataFrame:
        """One row a change of state (contract §2)."""
        return outward(self.outcome.timeline, self.outcome.clock)

    @property
    def episodes(self) -> pl.DataFrame:
        """One row an episode (contract §2)."""
        return outward(self.outcome.episodes, self.outcome.clock)

    @property
    def rejects(self) -> pl.DataFrame:
        """Rows that could not be used, each with its reason."""
        return self.outcome.rejects

    @property
    def concordance(self) -> pl.DataFrame:
        """Derived against reported grades, where grades were reported."""
        return self.outcome.concordance

    @property
    def discordance(self) -> pl.DataFrame:
        """Worst grades of each patient on every two scales of a family, counted."""
        return self.outcome.discordance

    @property
    def joint(self) -> pl.DataFrame:
        """CRS, ICANS, IEC-HS and ICAHT at once, one row a change."""
        return outward(self.outcome.joint, self.outcome.clock)

    @property
    def findings(self) -> pl.DataFrame:
        """What overlaps, what comes in which order, and what points elsewhere or beside; never a diagnosis."""
        return outward(self.outcome.findings, self.outcome.clock)

    @property
    def ledger(self) -> pl.DataFrame:
        """How many rows of each file ended used, superseded, ignored or rejected, and why."""
        return self.outcome.ledger

    @property
    def run(self) -> dict[str, Any]:
        """What stands in ``run.json``."""
        return self.outcome.run


def grade(
    observations: pl.DataFrame | pl.LazyFrame,
    patients: pl.DataFrame | None = None,
    scales: Sequence[str] | None = None,
    knowledge: Knowledge | str | Path | Iterable[str | Path] | None = None,
    as_of: AsOf = None,
    *,
    assume_trigger: str | None = None,
    not_recorded: Iterable[str] = (),
    zone: str | None = None,
    look_alikes: bool | None = None,
) -> Result:
    """Grade a long table of observations (contract §1) and give back timeline, episodes and rejects.

    ``observations``: one row a fact; ``patients``: one row a patient, optional. ``scales``: ids, by default the two
    ASTCT scales. ``knowledge``: loaded tables, or folders that overlay them. ``as_of``: nothing later counts; an ISO
    timestamp with zone, or hours. ``assume_trigger``: a product to assume at the first row of patients without a
    trigger, marked in every output. ``not_recorded``: therapies that the source does not record. ``look_alikes``: also
    look for what points elsewhere or beside; by default only if all scales are asked for. Raises InputError,
    ArgumentError or KnowledgeError; a bad row is no error but a line in ``rejects``.
    """
    started = time.perf_counter()
    tables = as_knowledge(knowledge)
    absent = frozenset(not_recorded)

    lazy = observations.lazy()
    if int(lazy.select(pl.len()).collect().item()) > PARCEL_ROWS:
        with suppress(NotTogetherError):
            parcels = read_parcels([("observations", lazy)], tables, patients=patients, zone=zone)
            named = (parcel.not_recording(absent) for parcel in parcels)
            outcomes = grade_each(named, tables, scales, as_of, assume_trigger=assume_trigger, look_alikes=look_alikes)
            return Result(combined([part.without_observations() for part in outcomes], tables, started))
    whole = read_frames(observations, tables, patients=patients, zone=zone).not_recording(absent)
    outcome = grade_intake(
        whole, tables, scales, as_of, assume_trigger=assume_trigger, look_alikes=look_alikes, started=started
    )
    return Result(outcome)


def grade_each(
    intakes: Iterable[Intake],
    knowledge: Knowledge,
    scales: Sequence[str] | None = None,
    as_of: AsOf = None,
    *,
    assume_trigger: str | None = None,
    look_alikes: bool | None = None,
) -> Iterator[Outcome]:
    """Grade parcels of whole patients, two at a time, and give their outcomes back in order.

    Most steps on one parcel use one core; two threads keep two busy, and memory holds no more than three parcels.
    """

    def one(intake: Intake) -> Outcome:
        return grade_intake(intake, knowledge, scales, as_of, assume_trigger=assume_trigger, look_alikes=look_alikes)

    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        waiting: deque[Future[Outcome]] = deque()
        for intake in intakes:
            waiting.append(pool.submit(one, intake))
            if len(waiting) > _WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def combined(outcomes: Sequence[Outcome], knowledge: Knowledge, started: float) -> Outcome:
    """Parcels of whole patients as one run: the same rows in the same order as if graded at once."""
    if len(outcomes) == 1:
        return outcomes[0]
    names = ("rejects", "concordance", "observations", "patients", "joint", "findings", "in_doubt")
    tables = {name: pl.concat([getattr(part, name) for part in outcomes], rechunk=False) for name in names}
    tables |= {name: _by_scale([getattr(part, name) for part in outcomes]) for name in ("timeline", "episodes")}
    ledger = summed([part.ledger for part in outcomes])
    run = combined_run([part.run for part in outcomes], ledger, started)
    crossed = summed_discordance([part.discordance for part in outcomes], knowledge)
    return Outcome(**tables, ledger=ledger, clock=outcomes[0].clock, run=run, discordance=crossed)


def _by_scale(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    scales = list(dict.fromkeys(name for part in parts for name in part["scale"].unique(maintain_order=True)))
    whole = pl.concat([part.filter(pl.col("scale") == name) for name in scales for part in parts] or parts[:1])
    firsts = [part["patient"].min() for part in parts if part.height]
    if firsts == sorted(firsts):  # type: ignore[type-var]
        return whole
    begin = "start" if "start" in whole.columns else "onset"
    return whole.sort(pl.col("scale").cast(pl.Enum(scales)), "patient", begin)


def combined_run(runs: Sequence[dict[str, Any]], ledger: pl.DataFrame, started: float) -> dict[str, Any]:
    """``run.json`` of a run that was made in parcels."""
    return {
        **runs[0],
        "inputs": _inputs(ledger),
        "patients": sum(run["patients"] for run in runs),
        "patients_without_rows": sum(run["patients_without_rows"] for run in runs),
        "seconds": round(time.perf_counter() - started, 3),
        "peak_mib": peak_mib(),
    }


def as_knowledge(knowledge: Knowledge | str | Path | Iterable[str | Path] | None) -> Knowledge:
    """Loaded tables as they are; folders are loaded over the package's own."""
    if isinstance(knowledge, Knowledge):
        return knowledge
    if isinstance(knowledge, str | Path):
        return load(knowledge)
    return load(*(knowledge or ()))


def grade_intake(
    intake: Intake,
    knowledge: Knowledge,
    scales: Sequence[str] | None = None,
    as_of: AsOf = None,
    *,
    assume_trigger: str | None = None,
    look_alikes: bool | None = None,
    started: float | None = None,
) -> Outcome:
    """Grade what a door handed on."""
    started = time.perf_counter() if started is None else started
    beside = list(scales or ()) == ["all"] if look_alikes is None else look_alikes
    chosen = check_scales(scales, knowledge)
    product = check_product(assume_trigger, knowledge)
    graded = grade_observations(
        intake.charted,
        intake.patients,
        knowledge,
        chosen,
        as_of=moment(as_of, intake.clock),
        assumed_product=product,
        not_recorded=intake.not_recorded,
        clock=intake.clock,
        look_alikes=beside,
    )
    timeline = _stamped(graded.timeline, knowledge)
    compared = concordance(graded.reported, graded.timeline, graded.triggers, knowledge, chosen)
    ledger = settle_ledger(intake, graded.superseded, graded.later, needed_by(chosen, knowledge, look_alikes=beside))
    run = run_record(
        intake, ledger, knowledge, chosen, started, as_of=as_of, assume_trigger=product, look_alikes=beside
    )
    return Outcome(
        timeline,
        graded.episodes,
        intake.rejects,
        ledger,
        compared,
        intake.observations,
        intake.patients,
        intake.clock,
        run,
        graded.discordance,
        graded.joint,
        graded.findings,
        intake.in_doubt,
    )


def check_rows(outcome: Outcome, where: str) -> None:
    """A large run lets its rows go; what is read from them would then read as if there were nothing."""
    if outcome.observations.is_empty() and not outcome.timeline.is_empty():
        raise ArgumentError(
            "This run does not hold its observations any more.",
            where=where,
            why="Without them nothing can be said of what was given, done or due.",
            hint="Grade into a folder (`cytowatch grade --out`) and use the command on it, or grade fewer at once.",
        )


def check_patient(outcome: Outcome, patient: str | None) -> None:
    """A patient whom the run does not know is asked back."""
    known = (outcome.patients["patient"], outcome.observations["patient"])
    if patient is not None and not any((part == patient).any() for part in known):
        raise ArgumentError(f"There is no patient {patient!r} in this folder.", where="--patient", hint="Check the id.")


def moment(as_of: AsOf, clock: Clock, option: str = "--as-of") -> int | None:
    """``as_of`` in microseconds of the run's clock; ArgumentError, which names ``option``, if it is no moment on it."""
    if as_of is None:
        return None
    if clock == "hours":
        return _hours(as_of, option)
    return _instant(as_of, option)


def _hours(as_of: AsOf, option: str) -> int:
    with suppress(TypeError, ValueError):
        hours = float(as_of)  # type: ignore[arg-type]
        if abs(hours) < _MOST_HOURS:
            return round(hours * HOUR_US)
    raise ArgumentError(
        f"{option} {as_of} is not a number of hours.",
        where=option,
        why="This input counts hours from a zero of its own.",
        hint=f"Give a number, such as {option} 36.5.",
    )


def _instant(as_of: AsOf, option: str) -> int:
    try:
        stamp = as_of if isinstance(as_of, datetime) else datetime.fromisoformat(str(as_of))
    except ValueError:
        stamp = None
    if stamp is None or stamp.tzinfo is None:
        raise ArgumentError(
            f"{option} {as_of} is not a timestamp with a zone.",
            where=option,
            why="A time without a zone is off by hours somewhere.",
            hint="Write 2026-03-01T14:00:00+01:00.",
        )
    since = stamp.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _stamped(timeline: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Each row says which tables and which software made it."""
    revisions = {key: f"{knowledge.version}+{key}.r{scale.revision}" for key, scale in knowledge.scales.items()}
    mark = f"#{knowledge.digest[:12]}"
    return timeline.with_columns(
        (pl.col("scale").replace(revisions) + mark).alias("knowledge"),
        pl.lit(f"cytowatch {software_version()}").alias("engine"),
    )


def settle_ledger(intake: Intake, superseded: pl.Series, later: pl.Series, needed: frozenset[str]) -> pl.DataFrame:
    """The door's ledger, its used rows parted into used, superseded and ignored; the counts still add up.

    A row that gave several observations is superseded only if all of them were, and ignored only if no chosen scale
    reads any of them.
    """
    rows = intake.observations.select("row", pl.col("concept").is_in(sorted(needed)).alias("read"))
    if rows.is_empty():
        return intake.ledger
    numbers = rows["row"]
    one_each = numbers.n_unique() == len(numbers)
    fates = rows if one_each else rows.group_by("row").agg(pl.len().alias("said"), pl.col("read").any())
    said = pl.lit(1) if one_each else pl.col("said")
    fates = _counted(_counted(fates, superseded, "lost"), later, "late")
    reason = (
        pl.when(pl.col("late") >= said)
        .then(pl.lit("after the moment asked for (as-of)"))
        .when(pl.col("lost") + pl.col("late") >= said)
        .then(pl.lit("superseded"))
        .when(~pl.col("read"))
        .then(pl.lit("not read by the scales that were graded"))
    )
    gone = fates.select("row", reason.alias("why")).filter(pl.col("why").is_not_null())
    named = gone.with_columns(file_of(gone["row"], intake.files or _only_file(intake)))
    moved = named.group_by("file", "why").len("rows")
    return _with_moved(intake.ledger, moved)


def _counted(fates: pl.DataFrame, numbers: pl.Series, name: str) -> pl.DataFrame:
    """How often each row's number occurs in a list of numbers."""
    if numbers.is_empty():
        return fates.with_columns(pl.lit(0, pl.UInt32).alias(name))
    counts = numbers.alias("row").to_frame().group_by("row").agg(pl.len().alias(name))
    return fates.join(counts, on="row", how="left").with_columns(pl.col(name).fill_null(0))


def _with_moved(ledger: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    fate = pl.when(pl.col("why") == "superseded").then(pl.lit("superseded")).otherwise(pl.lit("ignored"))
    reason = (
        pl.when(pl.col("why") == "superseded")
        .then(pl.lit("another row says the same fact, corrects it or withdraws it"))
        .otherwise("why")
    )
    gone = moved.select("file", fate.alias("fate"), reason.alias("reason"), pl.col("rows").cast(pl.Int64))
    taken = gone.group_by("file").agg(pl.col("rows").sum().alias("taken"))
    used = ledger.filter(pl.col("fate") == "used").join(taken, on="file", how="left")
    kept = used.with_columns(pl.col("rows") - pl.col("taken").fill_null(0)).drop("taken")
    return summed([kept, gone, ledger.filter(pl.col("fate") != "used")])


def summed(ledgers: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """One ledger of several: a line a file, fate and reason."""
    return (
        pl.concat(ledgers).group_by("file", "fate", "reason").agg(pl.col("rows").sum()).sort("file", "fate", "reason")
    )


def _inputs(ledger: pl.DataFrame) -> list[dict[str, Any]]:
    """Each file with the number of rows read and what became of them."""
    fates = ("used", "superseded", "ignored", "rejected")
    inputs = []
    for name in ledger["file"].unique().sort().to_list():
        own = ledger.filter(pl.col("file") == name)
        counts = {fate: int(own.filter(pl.col("fate") == fate)["rows"].sum()) for fate in fates}
        inputs.append({"file": name, "read": sum(counts.values()), **counts})
    return inputs


def run_record(
    intake: Intake, ledger: pl.DataFrame, knowledge: Knowledge, scales: list[str], started: float, **arguments: object
) -> dict[str, Any]:
    """What stands in ``run.json``."""
    return {
        "software": software_version(),
        "knowledge": f"{knowledge.version}#{knowledge.digest[:12]}",
        "overlays": list(knowledge.folders),
        "scales": scales,
        "clock": intake.clock,
        "zone": intake.zone,
        "inputs": _inputs(ledger),
        "patients": intake.observations["patient"].n_unique(),
        "patients_without_rows": _without_rows(intake),
        "arguments": {name: None if value is None else str(value) for name, value in arguments.items()},
        "not_recorded": sorted(intake.not_recorded),
        "seconds": round(time.perf_counter() - started, 3),
        "peak_mib": peak_mib(),
    }


def _without_rows(intake: Intake) -> int:
    """Patients that only the table of patients names: there is nothing to grade, and they are not lost."""
    return intake.patients.select("patient").unique().join(intake.observations, on="patient", how="anti").height


def peak_mib() -> float | None:
    """The most memory this process ever held, in MiB; empty where the system does not tell."""
    if sys.platform == "win32":
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(used / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


_TIMES = (
    "start", "end", "onset", "last_sign", "resolved", "time_of_max", "exposure_time", "time", "until", "available",
    "not_before", "done_at", "as_of",
)  # fmt: skip


def outward(frame: pl.DataFrame, clock: Clock) -> pl.DataFrame:
    """Times as they came in: ``Datetime`` in UTC, or hours as numbers."""
    times = [name for name in _TIMES if frame.schema.get(name) == pl.Int64()]
    if clock == "hours":
        return frame.with_columns(pl.col(name) / HOUR_US for name in times)
    return frame.with_columns(pl.col(name).cast(pl.Datetime("us", "UTC")) for name in times)


def _only_file(intake: Intake) -> tuple[tuple[str, int, int], ...]:
    """A door that read one table need not say where its rows stand."""
    names = intake.ledger.filter(pl.col("fate") == "used")["file"].unique().to_list()
    return tuple((name, 0, 2**62) for name in names[:1])
