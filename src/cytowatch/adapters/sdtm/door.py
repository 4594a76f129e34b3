"""Reads the domains one after another, each by its mapper, and makes the intake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl

from cytowatch.adapters.files import Progress
from cytowatch.adapters.frame import LINE
from cytowatch.adapters.gather import Gathering, Mapped, not_recorded, silent_rows
from cytowatch.adapters.intake import Intake
from cytowatch.adapters.sdtm import people
from cytowatch.adapters.sdtm.collected import exposure_told
from cytowatch.adapters.sdtm.dates import without_zone, wrong_study_days
from cytowatch.adapters.sdtm.drugs import are_told, drugs
from cytowatch.adapters.sdtm.events import events, findings_about, supplements, syndrome
from cytowatch.adapters.sdtm.files import Domain, find_domains, read_domain
from cytowatch.adapters.sdtm.findings import findings
from cytowatch.adapters.sdtm.lasting import Seen
from cytowatch.adapters.sdtm.lookups import Lookups
from cytowatch.adapters.sdtm.overheard import elsewhere, hear, is_findings
from cytowatch.adapters.sdtm.procedures import procedures
from cytowatch.adapters.sdtm.rows import cell, ignored, no_facts, rejected, superseded
from cytowatch.adapters.vocabulary import Vocabulary
from cytowatch.errors import ArgumentError, InputError
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import DAY_US

_FINDINGS = ("VS", "LB", "QS", "FT", "RS", "NV", "RE")
_EVENTS, _SUPPLEMENTS = ("AE", "CE"), ("SUPPAE", "SUPPCE")
_ABOUT = ("FA",)
_DRUGS = ("EX", "EC", "CM")
READ = ("DM", "DS", *_FINDINGS, "PR", *_EVENTS, *_SUPPLEMENTS, *_ABOUT, *_DRUGS)
# therapies may begin before anything else is charted, and end after
_DAYS_AROUND = 2
_Map = Callable[[pl.DataFrame, str, Lookups], Mapped]


def read_sdtm(
    inputs: Sequence[str | Path],
    knowledge: Knowledge,
    vocabulary: Vocabulary,
    *,
    zone: str | None = None,
    progress: Progress | None = None,
) -> Intake:
    """Read folders or files of SDTM domains; each row ends used, superseded, ignored or rejected.

    ``zone`` places times without an offset, as those of nearly every study are. InputError for a folder without
    domains, a file that cannot be read or a missing USUBJID; ArgumentError without a zone where one is needed.
    """
    return _Door(knowledge, vocabulary, zone).read(inputs, progress)


class _Door:
    """One reading: the domains, numbered through all files, and what they state."""

    def __init__(self, knowledge: Knowledge, vocabulary: Vocabulary, zone: str | None) -> None:
        self.knowledge, self.zone = knowledge, zone
        self.lookups = Lookups(knowledge, vocabulary)
        self.gathering = Gathering(knowledge, zone)
        self.domains: dict[str, list[Domain]] = {}
        # findings that are not read, but speak of a therapy, and why they are not read
        self.aside: list[tuple[Domain, str]] = []
        self.devices = False

    def read(self, inputs: Sequence[str | Path], progress: Progress | None) -> Intake:
        """Everything, in the order in which one domain needs another."""
        self._load(inputs, progress)
        demographics = self._whole("DM")
        self.reference = people.references(demographics)
        for name, mapper in self._mappers().items():
            for domain in self.domains.get(name, ()):
                self._take(domain, mapper)
        if not self._are_told():
            note = "too many rows have no name of a drug: none counts as not given"
            self.gathering.enter(self.domains["CM"][0].label, "ignored", note, 0)
        for domain, why in self.aside:
            self._take(domain, partial(_set_aside, why=why))
        persons = None
        if demographics is not None:
            read = self.gathering.persons(people.known_people(demographics), file=self.domains["DM"][0].label)
            numbers = demographics.select("row", "source").unique("source", keep="first")
            self.gathering.refuse(
                read.rejects.drop("row").join(numbers, on="source", how="left", maintain_order="left")
            )
            persons = read.frame
        missing = not_recorded(self.knowledge, self.knowledge.doors["sdtm"].unrecorded_kinds(self._present()))
        return self.gathering.intake(persons, not_recorded=missing)

    def _mappers(self) -> dict[str, _Map]:
        """The mapper of each domain, in order: therapies last, for they look at the days on which a patient is seen."""
        parents = {name: self._with_syndromes(name) for name in _EVENTS}
        mappers: dict[str, _Map] = {
            "DM": lambda frame, _name, _lookups: people.demographics(frame, self._whole("DS")),
            "DS": lambda frame, _name, lookups: people.disposition(frame, lookups.knowledge),
            **dict.fromkeys(_FINDINGS, findings),
            **dict.fromkeys(_EVENTS, events),
            **{
                name: lambda frame, own, lookups: supplements(frame, parents[own[4:]], own[4:], lookups)
                for name in _SUPPLEMENTS
            },
            **dict.fromkeys(_ABOUT, findings_about),
            "EX": lambda frame, name, lookups: drugs(frame, name, lookups, self._seen()),
            "EC": self._collected,
            "PR": lambda frame, name, lookups: procedures(frame, name, lookups, self._seen()),
            "CM": lambda frame, name, lookups: drugs(frame, name, lookups, self._seen(), told=self._are_told()),
        }
        return mappers

    def _load(self, inputs: Sequence[str | Path], progress: Progress | None) -> None:
        files, others = find_domains(inputs)
        for name in others:
            self.gathering.enter(name, "ignored", "not a table of a known kind", 0)
        for number, file in enumerate(files, 1):
            domain = read_domain(file)
            part = self.knowledge.doors["sdtm"].part(domain.name)
            if domain.name not in READ:
                self._leave(domain, part.states if part else "not a domain that this door reads")
            else:
                self._check(domain)
                numbered = self._numbered(domain)
                self.domains.setdefault(domain.name, []).append(numbered)
            if progress is not None:
                progress(file.label, number / len(files))
        if not self.domains:
            raise InputError(
                "None of these files is a domain that can be graded.",
                where=", ".join(file.label for file in files[:5]),
                why="There is nothing to grade.",
                hint=f"Read are the domains {', '.join(READ)}.",
            )

    def _leave(self, domain: Domain, why: str) -> None:
        """A domain that is not read: skipped whole, unless its findings speak of a therapy."""
        everything = pl.lit(value=True)
        if is_findings(domain.frame, domain.name):
            heard = hear(domain.frame, domain.name, everything, self.lookups)
            if heard["_spoken"].is_not_null().any():
                self._check(domain)
                self.aside.append((self._numbered(domain), why))
                return
        self.gathering.skip(domain.label, domain.frame.height + len(domain.broken), why)

    def _check(self, domain: Domain) -> None:
        if "USUBJID" not in domain.frame.columns:
            raise InputError(
                "The column `USUBJID` is missing.",
                where=domain.label,
                why="Without it no row can be told to be a patient's.",
                hint="Export the domain as SDTM has it; SUBJID alone is not unique.",
            )
        prefix = domain.name.removeprefix("SUPP")
        of_findings = domain.name in (*_FINDINGS, *_ABOUT) or domain.name not in READ
        parts = ("", "EN") if of_findings else ("ST", "EN")
        wanted = ["DTHDTC"] if domain.name == "DM" else [f"{prefix}{part}DTC" for part in parts]
        bare = without_zone(domain.frame.select(name for name in wanted if name in domain.frame.columns))
        if bare is not None and self.zone is None:
            raise ArgumentError(
                f"The times of this study have no time zone ({bare[0]}: {bare[1]}).",
                where=domain.label,
                why="A moment is certain only with its zone; nothing is graded at a guess.",
                hint="Name the zone that they are in (--zone America/New_York); each zone needs a folder of its own.",
            )

    def _numbered(self, domain: Domain) -> Domain:
        """Rows numbered through the run; lines that are none stand in the rejects."""
        height = domain.frame.height
        first = self.gathering.number(domain.label, height + len(domain.broken))
        frame = domain.frame.sort(LINE).with_columns(
            (pl.int_range(pl.len(), dtype=pl.Int64) + first).alias("row"),
            pl.format("{}:{}", pl.lit(domain.label), pl.col(LINE)).alias("source"),
        )
        if domain.broken:
            lines = [
                {
                    "row": first + height + place,
                    "source": f"{domain.label}:{one.line}",
                    "value": one.text,
                    "fate": "rejected",
                    "rule": one.rule,
                    "reason": one.reason,
                    "hint": one.hint,
                }
                for place, one in enumerate(domain.broken)
            ]
            silent = silent_rows(lines)
            self.gathering.take(domain.label, silent.select("row", "source"), Mapped(no_facts(), silent))
        return Domain(domain.name, domain.label, frame)

    def _take(self, domain: Domain, mapper: _Map) -> None:
        frame = domain.frame.join(self.reference, on="USUBJID", how="left", maintain_order="left")
        if domain.name == "DM":
            people.refuse_two_studies(frame, domain.label)
        frame, apart = _apart(frame, domain)
        self._tell(frame, domain)
        mapped = mapper(frame, domain.name, self.lookups)
        silent = pl.concat([mapped.silent, *apart])
        told = replace(mapped, silent=silent)
        self.devices |= domain.name == "PR" and bool((mapped.raw["concept"] == "oxygen_device").any())
        self.gathering.take(domain.label, domain.frame.select("row", "source"), told, used_anyway=domain.name == "DM")

    def _tell(self, frame: pl.DataFrame, domain: Domain) -> None:
        """What the ledger says of rows that are counted elsewhere."""
        for part in ("", "ST"):
            wrong = wrong_study_days(frame, f"{domain.name}{part}DTC", f"{domain.name}{part}DY")
            if wrong:
                self.gathering.enter(
                    domain.label,
                    "ignored",
                    f"{wrong} study days ({domain.name}{part}DY) contradict their own dates, which count",
                    0,
                )

    def _whole(self, name: str) -> pl.DataFrame | None:
        found = [domain.frame for domain in self.domains.get(name, ())]
        return pl.concat(found, how="diagonal") if found else None

    def _with_syndromes(self, name: str) -> pl.DataFrame | None:
        whole = self._whole(name)
        if whole is None:
            return None
        named = whole.with_columns(
            syndrome(self.lookups, cell(whole, f"{name}DECOD"), cell(whole, f"{name}TERM")).alias("_syndrome")
        )
        return named.join(self.reference, on="USUBJID", how="left", maintain_order="left")

    def _collected(self, frame: pl.DataFrame, name: str, lookups: Lookups) -> Mapped:
        """EC only where EX does not place the exposure: otherwise each dose would count twice."""
        told = exposure_told(frame, self._whole("EX"), lookups)
        again = ignored(frame.filter(told), pl.lit("EX tells the same exposure with its times"))
        mapped = drugs(frame.filter(~told), name, lookups, self._seen())
        return replace(mapped, silent=pl.concat([again, mapped.silent]))

    def _seen(self) -> Seen:
        around = _DAYS_AROUND * DAY_US
        days = (
            self.gathering.observed()
            .group_by("patient")
            .agg(pl.col("time").min() - around, (pl.col("time").max() + around).alias("last"))
        )
        zone = self.zone or "UTC"

        def day(name: str) -> pl.Expr:
            return pl.from_epoch(name, time_unit="us").dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.date()

        return Seen(days.select("patient", day("time").alias("first_day"), day("last").alias("last_day")))

    def _present(self) -> set[str]:
        """The domains in the input; PR only where it holds a device: many studies never ask for oxygen.

        CM only where all but a few of its rows have a name.
        """
        there = {"PR": self.devices, "CM": self._are_told()}
        return {name for name in self.domains if there.get(name, True)}

    def _are_told(self) -> bool:
        return are_told(self._whole("CM"))


def _set_aside(frame: pl.DataFrame, name: str, lookups: Lookups, *, why: str) -> Mapped:
    return elsewhere(frame, name, why, lookups)


def _apart(frame: pl.DataFrame, domain: Domain) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Rows of another domain, and rows that are there again word for word, taken out."""
    silent = []
    if "DOMAIN" in frame.columns and domain.name in READ and not domain.name.startswith("SUPP"):
        strange = (pl.col("DOMAIN").str.to_uppercase() != domain.name).fill_null(value=False)
        reason = pl.format("a row of the domain {} in a file of {}", pl.col("DOMAIN"), pl.lit(domain.name))
        silent.append(
            rejected(
                frame.filter(strange),
                "other_domain",
                reason,
                "keep each domain in a file of its own",
                value=pl.col("DOMAIN"),
            )
        )
        frame = frame.filter(~strange)
    said = [name for name in frame.columns if name not in ("row", "source", LINE, "_reference")]
    again = ~pl.struct(said).is_first_distinct()
    if f"{domain.name}SEQ" in frame.columns and frame.height:
        repeated = frame.filter(again)
        silent.append(superseded(repeated, pl.lit(f"the same row again, {domain.name}SEQ and all")))
        frame = frame.filter(~again)
    return frame, silent
