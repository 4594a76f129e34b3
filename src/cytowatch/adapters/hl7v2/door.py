"""The HL7 v2 door: from files of messages to admitted facts, patients, rejects, and a ledger of segments.

Every line of a file that is not blank is one row of the ledger: used, superseded, ignored with a reason, or rejected.
A segment that only gives context (MSH, PV1, OBR) is ignored, and says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from cytowatch.adapters.files import Progress
from cytowatch.adapters.frame import LINE
from cytowatch.adapters.gather import MOST_UNTOLD, Gathering, Mapped, not_recorded
from cytowatch.adapters.hl7v2.administrations import IN_NO_TABLE
from cytowatch.adapters.hl7v2.corrections import correct
from cytowatch.adapters.hl7v2.facts import Fact, Identity, Silent, fact_frame
from cytowatch.adapters.hl7v2.files import MessageFile, Opened, broken, find_files
from cytowatch.adapters.hl7v2.links import link
from cytowatch.adapters.hl7v2.people import Statement, death_of, person_rows, silent_statements
from cytowatch.adapters.hl7v2.reader import Reader
from cytowatch.adapters.hl7v2.unlisted import NO_CODE
from cytowatch.adapters.hl7v2.wire import messages, no_message
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.times import check_zone
from cytowatch.adapters.vocabulary import Code, Vocabulary
from cytowatch.errors import InputError
from cytowatch.knowledge.model import Knowledge

# of drugs and of results that no table knows, so many are named in the ledger
_NAMED = 25
_DRUGS = ("infusion", "dose")
_FILE = {"row": pl.Int64, "file": pl.String}


def read_hl7v2(
    paths: Sequence[str | Path] | str | Path,
    knowledge: Knowledge,
    *,
    zone: str | None = None,
    codes: Iterable[Code] = (),
    progress: Progress | None = None,
) -> Intake:
    """Read files and folders of HL7 v2 messages (2.1 to 2.8, the usual encoding with separators).

    ``zone``: an IANA name for moments that carry no zone, where MSH-7 has none either. ``codes``: a site's own codes.
    InputError for a path that is not there, or if no file holds a message; a file among others that cannot be read is
    one rejected row.
    """
    check_zone(zone)
    files, left = find_files([paths] if isinstance(paths, str | Path) else paths)
    gathering = Gathering(knowledge, zone)
    reader = Reader(knowledge, Vocabulary(knowledge, codes), zone)
    _read_all(files, reader, gathering, progress)
    for folder, why in left:
        gathering.enter(folder, "ignored", why, 0)
    return _Settling(reader, gathering).intake()


def _read_all(files: list[MessageFile], reader: Reader, gathering: Gathering, progress: Progress | None) -> None:
    sizes = [file.path.stat().st_size for file in files]
    faults: list[InputError] = []
    for number, file in enumerate(files, 1):
        told: Counter[str] = Counter()
        fault = _read_file(file, reader, told)
        if fault is None and not reader.has_message:
            fault = no_message(file.label, empty=not file.path.stat().st_size)
        if fault is not None:
            faults.append(fault)
            reader.refuse_file(file.label, fault)
        gathering.number(file.label, reader.row - gathering.next_row)
        for what, times in sorted(told.items()):
            gathering.enter(file.label, "ignored", what if times == 1 else f"{what} ({times} messages)", 0)
        if progress is not None:
            progress(file.label, sum(sizes[:number]) / max(sum(sizes), 1))
    if not reader.sent and faults:
        raise faults[0]


def _read_file(file: MessageFile, reader: Reader, told: Counter[str]) -> InputError | None:
    """Read one file to its end, or to where it cannot be read any further; what stopped it."""
    reader.begin_file(file.label)
    try:
        with Opened(file) as opened:
            for raw in messages(opened.stream, file.label, reader.tables.charsets):
                told.update(raw.told)
                told.update(reader.read(raw))
            return opened.fault
    except OSError as cause:
        return broken(file.label, cause)
    except InputError as fault:
        return fault


class _Settling:
    """What remains when every segment has been read: one id a patient, corrections, persons, admission."""

    def __init__(self, reader: Reader, gathering: Gathering) -> None:
        self._reader, self._gathering = reader, gathering
        self._several = len({one.patient.authority for one in reader.people.statements} - {""}) > 1
        self._links = link(reader.people.statements, reader.people.merges, self._whole)

    def intake(self) -> Intake:
        """Admit everything, and enter each row once."""
        reader, gathering = self._reader, self._gathering
        for row in reader.people.merge_rows:
            reader.silent.leave(row, "two ids that are one patient: all facts stand under the surviving id")
        persons, given, deaths = self._persons()
        mapped = self._mapped(deaths)
        rows, own = self._rows(), pl.Series("row", sorted(given), dtype=pl.Int64).implode()
        gathering.take("", rows.filter(~pl.col("row").is_in(own)), mapped)
        self._tell_apart()
        nothing = Mapped(fact_frame([]), Silent().frame())
        gathering.take("", rows.filter(pl.col("row").is_in(own)), nothing, used_anyway=True)
        return gathering.intake(self._patients(persons), not_recorded=self._absent())

    def _tell_apart(self) -> None:
        """What a PID-3 lists as one person and other messages show as two."""
        apart = self._links.apart
        if apart:
            row, ids = min(apart)
            file = next(label for label, first, rows in self._reader.spans if first <= row < first + rows)
            shown = ", ".join(_shown(one) for one in ids[:3])
            why = f"{len(apart)} lists of ids in PID-3 name what other messages show as different persons"
            self._gathering.enter(file, "ignored", f"{why}, such as {shown}: they stay different patients", 0)

    def _mapped(self, deaths: pl.DataFrame) -> Mapped:
        """What all segments but those of persons state, once corrections have been settled."""
        reader = self._reader
        reader.facts += reader.results.settle(reader.silent)
        facts = [(one, self._name(one.patient)) for one in reader.facts]
        knowledge = self._gathering.knowledge
        kinds = {key: concept.kind for key, concept in knowledge.concepts.items()}
        corrected = correct(facts, reader.sent, reader.silent, kinds)
        stated = [pair for pair in corrected.facts if not pair[0].rule]
        refused = [pair for pair in corrected.facts if pair[0].rule]
        for fact, patient in refused:
            reader.silent.refuse(fact, patient)
        spoken = _unreadable([pair for pair in refused if pair[0].is_spoken], undated=True)
        if spoken is not None:
            mild = [fact.row for fact, _ in refused if fact.is_mild]
            self._gathering.speak(spoken.with_columns(mild=pl.col("row").is_in(mild)))
        refused = [pair for pair in refused if not pair[0].is_spoken]
        orders = [(fact.row, fact.order) for fact, _ in stated if fact.order and fact.until is None]
        placed = pl.DataFrame(orders, schema={"row": pl.Int64, "order": pl.String}, orient="row") if orders else None
        raw = pl.concat([fact_frame([*stated, *_of_any(corrected.marks, knowledge)]), deaths])
        reader.silent.name_few(IN_NO_TABLE, _NAMED)
        reader.silent.name_few(f"{NO_CODE}: ", _NAMED)
        return Mapped(
            raw, reader.silent.frame(), placed, _unreadable([*_of_any(refused, knowledge), *corrected.doubts])
        )

    def _name(self, who: Identity | None) -> str:
        """The id of a patient; with who assigned it, where the input knows several who do."""
        if who is None:
            return ""
        return _shown(self._links.name(who))

    def _whole(self, who: Identity) -> Identity:
        """The id with who assigned it, if the input knows several who do; else a number is a number."""
        return who if self._several else Identity(who.id)

    def _rows(self) -> pl.DataFrame:
        """Every row with its file."""
        spans = self._reader.spans
        return pl.concat(
            [
                pl.DataFrame(schema=_FILE),
                *(
                    pl.select(row=pl.int_range(first, first + rows, dtype=pl.Int64), file=pl.lit(label))
                    for label, first, rows in spans
                ),
            ]
        )

    def _persons(self) -> tuple[list[dict[str, object]], set[int], pl.DataFrame]:
        """Rows for the table of patients, the PIDs that gave one, and deaths as raw rows."""
        reader = self._reader
        by_patient: dict[str, list[Statement]] = {}
        for one in reader.people.statements:
            by_patient.setdefault(self._name(one.patient), []).append(one)
        rows: list[dict[str, object]] = []
        births: set[int] = set()
        deaths: list[tuple[Fact, str]] = []
        for patient, statements in by_patient.items():
            fields, given = person_rows(statements, reader.tables)
            rows += [{"patient": patient, **one} for one in fields or [{"row": statements[0].row}]]
            births |= given
            died = death_of(statements)
            if died is not None:
                deaths.append((_death(died), patient))
        dead = {fact.row for fact, _ in deaths}
        silent_statements(reader.people.statements, births | dead, reader.silent)
        reader.facts_of_death(deaths)
        return rows, births, fact_frame([pair for pair in deaths if not pair[0].rule])

    def _patients(self, persons: list[dict[str, object]]) -> pl.DataFrame | None:
        if not persons:
            return None
        types = {"patient": pl.String, "row": pl.Int64, "birth_date": pl.String, "sex": pl.String}
        known = pl.DataFrame(persons, schema=types).rename({"row": LINE})
        read = self._gathering.persons(known, file="PID")
        number = pl.col("source").str.extract(r"(\d+)$").cast(pl.Int64)
        sources = pl.DataFrame(
            [(one.row, one.source) for one in self._reader.people.statements],
            schema={"row": pl.Int64, "source": pl.String}, orient="row",
        )  # fmt: skip
        self._gathering.refuse(read.rejects.with_columns(row=number).drop("source").join(sources, on="row", how="left"))
        return read.frame

    def _absent(self) -> frozenset[str]:
        """Therapies that no segment of the input records."""
        kinds = set(self._gathering.knowledge.doors["hl7v2"].unrecorded_kinds(self._reader.parts()))
        given, untold = self._reader.administrations.given, self._reader.administrations.untold
        if untold > MOST_UNTOLD * given:
            kinds |= {"infusion", "dose"}
            why = f"{untold} of {given} RXA are of drugs that nobody can tell: none counts as not given"
            self._gathering.enter(self._reader.spans[0][0], "ignored", why, 0)
        return not_recorded(self._gathering.knowledge, kinds)


def _shown(who: Identity) -> str:
    return f"{who.id}@{who.authority}" if who.authority else who.id


def _death(died: Statement) -> Fact:
    fact = Fact(
        died.row, died.source, 0, died.patient, "death", None, time=died.death.text, text="unknown",
        available=died.available if died.death.moment is not None else None, given="".join(died.died),
    )  # fmt: skip
    if died.death.rule or died.death.text is None:
        fact.refuse(
            died.death.rule or "missing_time", "the moment of death (PID-29) is not given to the minute",
            "send PID-29 with hours and minutes, or give the death in a table of the contract's form",
        )  # fmt: skip
    return fact


def _unreadable(refused: list[tuple[Fact, str]], *, undated: bool = False) -> pl.DataFrame | None:
    """Refused facts with a value that nobody can read, so that a therapy among them is in doubt from then on.

    Where all but the code of a drug is known, or what it is that may have been taken back, so is the end. ``undated``:
    also those without a time.
    """
    doubtful = [(fact, patient) for fact, patient in refused if fact.concept and (fact.time or undated)]
    if not doubtful:
        return None
    ends = pl.Series(
        "until", [fact.until if fact.rule in ("unknown_code", "") else None for fact, _ in doubtful], pl.String
    )
    unread = pl.lit("?")
    return fact_frame(doubtful).with_columns(ends, value=unread, text=unread, status=pl.lit("final"))


def _of_any(facts: list[tuple[Fact, str]], knowledge: Knowledge) -> list[tuple[Fact, str]]:
    """The same facts; one of a drug that says nothing of itself may be of any, and stands once for each."""
    drugs = {one.key: one.kind for one in knowledge.concepts.values() if one.kind in _DRUGS}
    whole = [pair for pair in facts if pair[0].concept]
    for fact, patient in facts:
        if not fact.concept:
            ends = {"infusion": fact.until, "dose": None}
            whole += [(replace(fact, concept=key, until=ends[kind]), patient) for key, kind in drugs.items()]
    return whole
