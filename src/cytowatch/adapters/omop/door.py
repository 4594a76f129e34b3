"""The OMOP door: every table of a source in, admitted observations and a ledger that adds up out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import polars as pl

from cytowatch.adapters.files import Progress
from cytowatch.adapters.gather import MOST_UNTOLD, Gathering, Mapped, no_silent, not_recorded
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.omop import drugs as drug_rows
from cytowatch.adapters.omop import events as event_rows
from cytowatch.adapters.omop import readings as reading_rows
from cytowatch.adapters.omop.meanings import NAMELESS, NOT_TOLD, Judge
from cytowatch.adapters.omop.moments import at_midnight
from cytowatch.adapters.omop.opening import open_source
from cytowatch.adapters.omop.people import deaths, persons, repeated_persons
from cytowatch.adapters.omop.source import Source
from cytowatch.adapters.omop.tables import (
    SHAPES,
    Kept,
    broken_rejects,
    check_columns,
    count,
    keep,
    numbered,
    repeated,
    tidied,
)  # fmt: skip
from cytowatch.adapters.omop.vocabulary import NOT_MAPPED, Concepts, read_concepts
from cytowatch.adapters.times import check_zone
from cytowatch.adapters.vocabulary import Code, Vocabulary
from cytowatch.errors import ArgumentError, InputError
from cytowatch.knowledge.model import Knowledge

KEYS = {**reading_rows.KEYS, "drug_exposure": drug_rows.KEYS, **event_rows.KEYS}
_VERSIONS = ("5.3", "5.4")
# of the vital signs; more of them at exactly midnight than this and the times of day are not known
_MOST_AT_MIDNIGHT = 0.05


def read_omop(
    address: str,
    knowledge: Knowledge,
    *,
    zone: str | None,
    codes: Iterable[Code] = (),
    progress: Progress | None = None,
) -> Intake:
    """Read every table of a folder, zip, DuckDB file or PostgreSQL database; each row ends in one place.

    The unit that is graded is the person. ``zone``: where the times of the source stand, for the model has no zone;
    without it ArgumentError. ``codes``: a site's own list. Raises InputError for a source without tables, a table that
    cannot be read, or a missing column.
    """
    _check(zone)
    known = frozenset(part.name for part in knowledge.doors["omop"].parts)
    with open_source(address, known) as source:
        return _Reading(source, Gathering(knowledge, zone), Vocabulary(knowledge, codes), progress).intake()


def _check(zone: str | None) -> None:
    if zone is None:
        raise ArgumentError(
            "--from omop needs --zone.",
            where="--zone",
            why="The common data model stores no time zone: without one every time would be rejected.",
            hint="Name the zone that the database keeps its times in, such as --zone America/New_York, or --zone UTC.",
        )
    check_zone(zone)


class _Reading:
    """One run over a source."""

    def __init__(self, source: Source, gathering: Gathering, codes: Vocabulary, progress: Progress | None) -> None:
        self._source = source
        self._gathering = gathering
        self._knowledge = gathering.knowledge
        self._codes = codes
        self._progress = progress
        self._there = source.tables()
        self._states: set[str] = set()
        # rows of drugs that were given, and how many of them are of a drug that nobody can tell
        self._given = 0
        self._untold = 0

    def intake(self) -> Intake:
        """Read the tables in a fixed order, so that the same rows get the same numbers."""
        if not {"measurement", "observation", "drug_exposure"} & set(self._there):
            raise InputError(
                "There is neither a table measurement nor observation nor drug_exposure.",
                where=self._source.label,
                why="Without them there is nothing to grade.",
                hint="Export them too, or check folder and schema.",
            )
        for table in SHAPES:
            check_columns(table, self._there.get(table, []), self._source.label)
        concepts = self._concepts()
        for table in (name for name in KEYS if name in self._there):
            self._read(table, concepts)
        people = self._people()
        self._context()
        return self._gathering.intake(people, not_recorded=self._not_recorded())

    def _concepts(self) -> Concepts:
        """What the concept ids of all rows mean; the vocabulary tables are only read if they are there."""
        if not {"concept", "concept_relationship", "concept_ancestor"} & set(self._there):
            return Concepts(self._knowledge, self._codes)
        used: dict[str, set[str]] = {}
        routes: set[str] = set()
        for table in (name for name in KEYS if name in self._there):
            ids = [name for name in SHAPES[table].columns if name.endswith("concept_id") and "type" not in name]
            for block in self._source.blocks(table, ids):
                frame = tidied(block.frame)
                for name in ids:
                    found = routes if name == "route_concept_id" else used.setdefault(table, set())
                    found.update(frame[name].drop_nulls().unique().to_list())
        every = {one for many in used.values() for one in many}
        drugs = used.get("drug_exposure", set())
        return read_concepts(self._source, self._knowledge, self._codes, every, drugs, routes)

    def _read(self, table: str, concepts: Concepts) -> None:
        judge = Judge(concepts, KEYS[table], table)
        kept = keep(self._source, table, lambda frame: self._judged(frame, table, judge))
        if table == "drug_exposure":
            self._leave_nameless(kept, judge)
        frame = self._numbered(kept, table)
        whole = frame.filter(~repeated(frame, table))
        mapped = _mapped(whole, table, judge, lambda: self._exposed(concepts))
        silent = _repetitions(frame, table)
        self._take(kept, frame, table, replace(mapped, silent=pl.concat([mapped.silent, silent])))
        for line in judge.told():
            self._gathering.enter(table, "ignored", line, 0)
        self._tell(frame, table, mapped)
        self._note(table, mapped)

    def _judged(self, frame: pl.DataFrame, table: str, judge: Judge) -> pl.DataFrame:
        judged = judge.fate(frame)
        if table == "drug_exposure":
            given = judged.filter(drug_rows.is_given(self._knowledge))
            untold = (pl.col("reason") == NOT_TOLD) | pl.col("reason").str.starts_with(NOT_MAPPED)
            self._given += given.height
            self._untold += given.filter(untold).height
        return judged

    def _exposed(self, concepts: Concepts) -> pl.DataFrame:
        """The persons who were given cells or an engager by a procedure: ``person_id, concept``."""
        table, nobody = "procedure_occurrence", pl.DataFrame(schema={"person_id": pl.String, "concept": pl.String})
        if table not in self._there:
            return nobody
        judge = Judge(concepts, KEYS[table], table)
        done = judge.stated(keep(self._source, table, judge.fate).frame)
        return pl.concat([nobody, done.filter(pl.col("kind") == "trigger").select("person_id", "concept")])

    def _leave_nameless(self, kept: Kept, judge: Judge) -> None:
        """Ignore drugs without words that were only ordered, and all where no drug counts as not given anyway."""
        told = judge.nameless(kept.frame).with_columns(given=drug_rows.is_given(self._knowledge))
        left = (pl.col("unread") == NAMELESS) & (pl.lit(not self._is_told()) | ~pl.col("given"))
        for reason, rows in told.filter(left).group_by("reason").len().iter_rows():
            kept.others["ignored", reason] = kept.others.get(("ignored", reason), 0) + rows
        kept.frame = told.filter(left.not_().fill_null(value=True)).drop("unread", "reason", "given")

    def _is_told(self) -> bool:
        """Whether all but a few of the drugs that were given can be told."""
        return self._untold <= MOST_UNTOLD * self._given

    def _numbered(self, kept: Kept, table: str) -> pl.DataFrame:
        """The kept rows with their numbers; the numbers of the rows that were only counted follow them."""
        first = self._gathering.number(table, kept.rows)
        for (fate, reason), rows in sorted(kept.others.items()):
            self._gathering.enter(table, fate, reason, rows)
        return numbered(kept.frame, table, first)

    def _take(self, kept: Kept, frame: pl.DataFrame, table: str, mapped: Mapped, *, used_anyway: bool = False) -> None:
        """Hand on what a table states, and its broken lines as rows of their own."""
        first = int(frame["row"][-1]) + 1 if frame.height else self._gathering.next_row - kept.rows
        broken = broken_rejects(kept.broken, table, first)
        rejected = broken.with_columns(fate=pl.lit("rejected")).select(mapped.silent.columns)
        rows = pl.concat([frame.select("row", "source"), broken.select("row", "source")])
        whole = replace(mapped, silent=pl.concat([mapped.silent, rejected]))
        self._gathering.take(table, rows, whole, used_anyway=used_anyway)
        if self._progress is not None:
            self._progress(table, (list(SHAPES).index(table) + 1) / (len(SHAPES) + 1))

    def _tell(self, frame: pl.DataFrame, table: str, mapped: Mapped) -> None:
        """A line on the share of moments at exactly midnight; rows of one key that say different things."""
        vital = [one.key for one in self._knowledge.concepts.values() if one.group == "vital"]
        # what follows from an end or a day is no moment of the source
        written = (
            mapped.raw.unique("row", keep="first") if table in event_rows.KEYS or table == "drug_exposure" else None
        )
        seen = mapped.raw.filter(pl.col("concept").is_in(vital)) if written is None else written
        share = seen.select(at_midnight("time").mean()).item() if seen.height else None
        if share is not None and share > _MOST_AT_MIDNIGHT:
            what = "vital signs" if table in reading_rows.KEYS else "rows"
            self._gathering.enter(
                table, "ignored", f"{share:.0%} of the {what} stand at exactly midnight: the time of day may "
                "not be known; read grades by day, not by hour", 0,
            )  # fmt: skip
        key = SHAPES[table].key
        twice = frame.filter(~repeated(frame, table), pl.col(key).is_not_null()).filter(pl.col(key).is_duplicated())
        if twice.height:
            self._gathering.enter(
                table, "ignored", f"{twice.height} rows share a {key} and differ: all of them are used", 0
            )

    def _note(self, table: str, mapped: Mapped) -> None:
        """Remember what the source records at all: a table full of other things says nothing of oxygen.

        Of drugs that were only ordered, or that nobody can tell, none is known not to have been given.
        """
        if table == "drug_exposure":
            if self._given and self._is_told():
                self._states |= {"infusion", "dose"}
            elif self._given:
                note = (
                    f"{self._untold} of {self._given} rows are of drugs that nobody can tell: none counts as not given"
                )
                self._gathering.enter(table, "ignored", note, 0)
        elif mapped.raw.height and (mapped.raw["concept"] == "oxygen_device").any():
            self._states.add("device")

    def _not_recorded(self) -> frozenset[str]:
        door = self._knowledge.doors["omop"]
        return not_recorded(self._knowledge, {one.kind for one in door.recorded} - self._states)

    def _people(self) -> pl.DataFrame | None:
        if "death" in self._there:
            kept = _all(self._source, "death")
            frame = self._numbered(kept, "death")
            self._take(kept, frame, "death", _died(frame))
        if "person" not in self._there:
            return None
        kept = _all(self._source, "person")
        frame = self._numbered(kept, "person")
        self._take(kept, frame, "person", Mapped(pl.DataFrame(), repeated_persons(frame)), used_anyway=True)
        return persons(frame, self._gathering)

    def _context(self) -> None:
        """Count the tables that state no fact, and look at the version of the model."""
        parts = {part.name: part for part in self._knowledge.doors["omop"].parts}
        for table in (name for name in self._there if name not in SHAPES):
            part = parts[table]
            why = f"context: {part.states}" if part.fate == "context" else part.states
            self._gathering.skip(table, count(self._source, table), why)
        if "cdm_version" in self._there.get("cdm_source", []):
            for block in self._source.blocks("cdm_source", ("cdm_version",)):
                for version in tidied(block.frame)["cdm_version"].drop_nulls():
                    if not version.lower().lstrip("v").startswith(_VERSIONS):
                        note = f"version {version[:20]!r}: this door is made for {' and '.join(_VERSIONS)}"
                        self._gathering.enter("cdm_source", "ignored", note, 0)


def _mapped(frame: pl.DataFrame, table: str, judge: Judge, exposed: Callable[[], pl.DataFrame]) -> Mapped:
    if table in reading_rows.KEYS:
        return reading_rows.readings(frame, table, judge)
    if table == "drug_exposure":
        return drug_rows.drugs(frame, judge, exposed)
    return event_rows.events(frame, table, judge)


def _all(source: Source, table: str) -> Kept:
    """Every row of a table of persons."""
    nothing = pl.lit(None, pl.String)
    return keep(source, table, lambda frame: frame.with_columns(fate=nothing, reason=nothing))


def _died(frame: pl.DataFrame) -> Mapped:
    """The deaths, one a person; a second row that says the same is superseded."""
    again = repeated(frame, "death")
    mapped = deaths(frame.filter(~again))
    return Mapped(mapped.raw, pl.concat([mapped.silent, _repetitions(frame, "death")]))


def _repetitions(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    again = frame.filter(repeated(frame, table))
    if again.is_empty():
        return no_silent()
    nothing = dict.fromkeys(("concept", "value"), pl.lit(None, pl.String))
    return again.select(
        "row", "source", patient="person_id", **nothing, fate=pl.lit("superseded"), rule=pl.lit(""),
        reason=pl.lit("the same row again, by its key and all that is read of it"), hint=pl.lit(""),
    )  # fmt: skip
