"""What every door to a coded source does alike: rows in, facts admitted, each row's fate in a ledger that adds up.

A door reads its source table by table (or file by file). Of each it says three things: which rows there are, which
facts they state (rows of the contract's long table, each with the number of the row that states it), and which rows
state none and why. `Gathering` admits the facts, enters every row once into the ledger, and makes the intake.

One row may state several facts (a blood pressure panel: two). It is *used* if at least one of them was admitted;
*rejected* if none was and at least one was refused; *superseded* or *ignored* if the door says so and nothing of it was
admitted. A fact that was refused stands in the rejects even where the rest of its row is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from cytowatch.adapters.admit import admit
from cytowatch.adapters.frame import ROW
from cytowatch.adapters.intake import Admission, Intake, summed_units
from cytowatch.adapters.orders import closed_by_order
from cytowatch.adapters.patients import PatientTable, first_moments, read_patients
from cytowatch.adapters.spoken import at_any_time, unexplained
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import LEDGER, OBSERVATIONS, PATIENTS, REJECTS

# rows that state no fact; `fate` is ignored, superseded or rejected, `rule` and `hint` are for rejected ones
SILENT = ("row", "source", "patient", "concept", "value", "fate", "rule", "reason", "hint")
_SILENT_TYPES = {name: pl.Int64() if name == "row" else pl.String() for name in SILENT}
# of the drugs that were given; if more of them cannot be told, no drug counts as not given
MOST_UNTOLD = 0.05
_SEVERAL = "several files"
_NOTHING_TO_GRADE = "the row states nothing that a door of this kind reads"


@dataclass(frozen=True)
class Mapped:
    """What one table of a source states.

    ``raw``: facts, columns of the contract's long table plus ``row`` and ``source``. ``silent``: rows that state none
    (columns `SILENT`; one row may stand in it more than once: the worst fate counts, rejected before superseded before
    ignored). ``orders`` (``row, order``): which rate rows continue one another; None where no row is a rate.
    ``unread``: raw rows of therapies whose reject stands in ``silent``, with a value that nobody can read: they make
    the therapy unknown from then on. ``spoken``: the same of observations under codes that no table knows: only where
    nothing that is known explains them.
    """

    raw: pl.DataFrame
    silent: pl.DataFrame
    orders: pl.DataFrame | None = None
    unread: pl.DataFrame | None = None
    spoken: pl.DataFrame | None = None


def silent_rows(rows: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    """Rows that state no fact, from plain records; what a record leaves out is empty."""
    records = [{name: one.get(name, "" if name in ("rule", "hint") else None) for name in SILENT} for one in rows]
    return pl.DataFrame(records, schema=_SILENT_TYPES)


def no_silent() -> pl.DataFrame:
    """The table of rows that state no fact, empty."""
    return pl.DataFrame(schema=_SILENT_TYPES)


@dataclass
class Gathering:
    """Collects what a door reads, table by table; rows are numbered through all of them.

    ``zone``: where times without a zone are placed (None: they are rejected).
    """

    knowledge: Knowledge
    zone: str | None = None
    next_row: int = 0
    _observations: list[pl.DataFrame] = field(default_factory=list)
    _rejects: list[pl.DataFrame] = field(default_factory=list)
    _ledger: list[pl.DataFrame] = field(default_factory=list)
    _in_doubt: list[pl.DataFrame] = field(default_factory=list)
    _spoken: list[pl.DataFrame] = field(default_factory=list)
    _mild: list[pl.DataFrame] = field(default_factory=list)
    _undated: list[pl.DataFrame] = field(default_factory=list)
    _units: list[pl.DataFrame] = field(default_factory=list)
    _spans: list[tuple[str, int, int]] = field(default_factory=list)

    def number(self, file: str, rows: int) -> int:
        """Reserve numbers for the rows of a table or file, and give back the first of them."""
        first = self.next_row
        self._spans.append((file, first, rows))
        self.next_row += rows
        return first

    def skip(self, file: str, rows: int, reason: str) -> None:
        """Number the rows of a table that is not read, and enter them as ignored."""
        self.number(file, rows)
        if rows:
            self.enter(file, "ignored", reason, rows)

    def enter(self, file: str, fate: str, reason: str, rows: int) -> None:
        """One line of the ledger; with 0 rows it tells something of a file whose rows are counted elsewhere."""
        self._ledger.append(pl.DataFrame([(file, fate, reason, rows)], schema=LEDGER.schema, orient="row"))

    def take(self, file: str, rows: pl.DataFrame, mapped: Mapped, *, used_anyway: bool = False) -> None:
        """Admit what a table states and enter every one of its rows in the ledger.

        ``rows`` (``row, source``): all rows of the table, numbered; with a column ``file`` the rows of several files,
        each entered under its own. ``used_anyway``: rows that state no fact and are not silent are used (a table of
        persons, of which ages are taken).
        """
        rejects = mapped.silent.filter(pl.col("fate") == "rejected").select(REJECTS.names)
        used = rows.select("row").clear()
        if mapped.unread is not None and mapped.unread.height:
            # only for the doubt: the reject itself is told by the door
            self._in_doubt.append(self._admit(file, mapped.unread).in_doubt)
        if mapped.spoken is not None:
            self.speak(mapped.spoken)
        if mapped.raw.height:
            admission = self._admit(file, mapped.raw)
            observations, in_doubt = admission.observations, admission.in_doubt
            if mapped.orders is not None:
                observations, in_doubt = closed_by_order(observations, in_doubt, mapped.orders, self.knowledge)
            self._observations.append(observations)
            self._in_doubt.append(in_doubt)
            rejects = pl.concat([rejects, admission.rejects])
            used = observations.select("row")
            self._units.append(admission.units)
            # what is told of rows that are used (limits of normal left out) counts no rows
            remarks = admission.ledger.filter((pl.col("fate") == "ignored") & (pl.col("rows") == 0))
            self._ledger.append(remarks.with_columns(pl.lit(file or _SEVERAL).alias("file")))
        self._rejects.append(rejects)
        still = mapped.silent.filter(pl.col("fate") != "rejected")
        if used_anyway:
            used = rows.select("row").join(mapped.silent, on="row", how="anti")
        self._ledger.append(_entered(file, rows, used, rejects, still))

    def close_by_order(self, orders: pl.DataFrame) -> None:
        """End each rate (``row, order``) where its own order goes on, through all files taken so far."""
        if orders.is_empty():
            return
        infusions = [key for key, concept in self.knowledge.concepts.items() if concept.kind == "infusion"]
        whole, doubts = self.observed(), pl.concat([OBSERVATIONS.empty(), *self._in_doubt])
        rates, in_doubt = (frame.filter(pl.col("concept").is_in(infusions)) for frame in (whole, doubts))
        rates, in_doubt = closed_by_order(rates, in_doubt, orders, self.knowledge)
        others = [frame.filter(~pl.col("concept").is_in(infusions)) for frame in (whole, doubts)]
        self._observations, self._in_doubt = [others[0], rates], [others[1], in_doubt]

    def doubt(self, unread: pl.DataFrame) -> None:
        """Therapies in doubt that are told elsewhere and could not be placed before (raw rows that nobody can read)."""
        if unread.height:
            self._in_doubt.append(self._admit("", unread).in_doubt)

    def speak(self, spoken: pl.DataFrame) -> None:
        """Therapies that observations under unknown codes speak of (raw rows that nobody can read), told elsewhere.

        They are in doubt where nothing that is known explains the words, which is settled when everything is admitted.
        One without a time speaks of all the time of its patient. A column ``mild``, if there is one: whether the words
        say no more than that there is some oxygen, or some pressor.
        """
        if "mild" in spoken.columns:
            # rows in doubt are numbered from below
            self._mild.append(spoken.filter("mild").select("concept", row=-1 - pl.col("row")))
            spoken = spoken.drop("mild")
        undated = pl.col("time").is_null()
        if spoken.filter(undated).height:
            self._undated.append(spoken.filter(undated))
        if spoken.filter(~undated).height:
            self._spoken.append(self._admit("", spoken.filter(~undated)).in_doubt)

    def refuse(self, rejects: pl.DataFrame) -> None:
        """Rejects that concern a field of a row which is counted elsewhere (an age, a sex)."""
        self._rejects.append(rejects.select(REJECTS.names))

    def observed(self) -> pl.DataFrame:
        """What has been admitted so far."""
        return pl.concat([OBSERVATIONS.empty(), *self._observations])

    def persons(self, known: pl.DataFrame, *, file: str) -> PatientTable:
        """Read a table of patients that the door put together (columns of the contract's table of patients).

        What a field cannot say is unknown and stands in the rejects; the rows are counted where the door counts them.
        """
        return read_patients(known, self.knowledge, first_seen=first_moments(self.observed(), "time"), file=file)

    def intake(self, patients: pl.DataFrame | None = None, *, not_recorded: Iterable[str] = ()) -> Intake:
        """Everything gathered, as what a run is graded from."""
        ledger = pl.concat([LEDGER.empty(), *self._ledger])
        observations = self.observed()
        for undated in self._undated:
            self._spoken.append(self._admit("", at_any_time(undated, observations)).in_doubt)
        spoken = pl.concat([OBSERVATIONS.empty(), *self._spoken])
        mild = pl.concat([OBSERVATIONS.empty().select("concept", "row"), *self._mild])
        spoken = unexplained(spoken, observations, self.knowledge, mild)
        return Intake(
            observations=observations,
            patients=PATIENTS.empty() if patients is None else patients,
            rejects=pl.concat([REJECTS.empty(), *self._rejects]).sort("row", maintain_order=True),
            ledger=ledger.group_by("file", "fate", "reason").agg(pl.col("rows").sum()).sort("file", "fate", "reason"),
            clock="time",
            zone=self.zone or "UTC",
            not_recorded=frozenset(not_recorded),
            files=tuple(self._spans),
            in_doubt=pl.concat([OBSERVATIONS.empty(), *self._in_doubt, spoken]),
            units=summed_units(self._units),
        )

    def _admit(self, file: str, raw: pl.DataFrame) -> Admission:
        return admit(raw.rename({"row": ROW}), self.knowledge, file=file, clock="time", zone=self.zone)


def not_recorded(knowledge: Knowledge, absent_kinds: Iterable[str]) -> frozenset[str]:
    """The therapies of these kinds (infusion, device, dose): the source has no place for them, or it is not there.

    Nobody has said that they were not given, so their absence is unknown.
    """
    kinds = frozenset(absent_kinds)
    return frozenset(concept.key for concept in knowledge.concepts.values() if concept.kind in kinds)


def _entered(
    file: str, rows: pl.DataFrame, used: pl.DataFrame, rejects: pl.DataFrame, still: pl.DataFrame
) -> pl.DataFrame:
    """Every row once: used before rejected before superseded before ignored; the first refusal gives the reason."""
    superseded = pl.col("fate") == "superseded"
    fates = pl.concat(
        [
            used.unique().select("row", fate=pl.lit("used"), reason=pl.lit("")),
            rejects.sort("row", maintain_order=True).select("row", fate=pl.lit("rejected"), reason="rule"),
            *(still.filter(part).select("row", "fate", "reason") for part in (superseded, ~superseded)),
        ]
    ).unique("row", keep="first", maintain_order=True)
    label = pl.col("file") if "file" in rows.columns else pl.lit(file).alias("file")
    counted = (
        rows.select("row", label)
        .join(fates, on="row", how="left")
        # a row of which the door said nothing at all would be lost without a trace
        .with_columns(pl.col("fate").fill_null("ignored"), pl.col("reason").fill_null(_NOTHING_TO_GRADE))
        .group_by("file", "fate", "reason")
        .len("rows")
    )
    return counted.select("file", "fate", "reason", pl.col("rows").cast(pl.Int64))
