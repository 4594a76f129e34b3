"""A graded folder as FHIR R4: patients part by part, so that memory holds no more than one part of a large run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.exports.fhir.advice import TIMES as ADVICE_TIMES
from cytowatch.exports.fhir.advice import advice_resources
from cytowatch.exports.fhir.codings import is_code
from cytowatch.exports.fhir.episodes import TIMES as EPISODE_TIMES
from cytowatch.exports.fhir.episodes import EpisodeTeller, prepared
from cytowatch.exports.fhir.facts import fact_resources, facts_of
from cytowatch.exports.fhir.files import Writer, writing
from cytowatch.exports.fhir.grades import grade_resources, with_grade_ids
from cytowatch.exports.fhir.identity import input_files
from cytowatch.exports.fhir.keys import POINTER, dated, instant, last_writable, patient_keys, writable
from cytowatch.exports.fhir.losses import outcome
from cytowatch.exports.fhir.origin import device, device_id, provenance_resources, recorded_at
from cytowatch.exports.fhir.people import patient_resources
from cytowatch.exports.fhir.terms import code_systems, concept_map
from cytowatch.exports.options import Options
from cytowatch.knowledge.model import Knowledge
from cytowatch.pipeline import Outcome, moment
from cytowatch.report.words import Words
from cytowatch.results import read_outcomes
from cytowatch.schema import PATIENTS


def export_fhir(folder: Path, out: Path, knowledge: Knowledge, options: Options) -> list[Path]:
    """Write a graded folder as NDJSON files, one a type; give back the paths.

    ArgumentError for a run that counts hours without ``--zero``; InputError if the folder holds no graded run.
    """
    recorded = _moment_of(options.recorded)
    outcomes = read_outcomes(folder)
    # what cannot be read or written leaves no folder behind
    first = next(outcomes)
    options.zero_us(first.clock)
    with writing(out, bundle=options.bundle) as (writer, paths):
        export = _Export(knowledge, options, recorded, writer)
        for part in chain([first], outcomes):
            export.add(part)
        export.add_others(folder)
        if not export.from_fhir:
            writer.add_always()
        export.add_terms()
        export.add_outcome()
    return paths


def _moment_of(text: str | None) -> str | None:
    """``--recorded`` as an instant in UTC."""
    if text is None:
        return None
    at = moment(text, "time", "--recorded")
    return str(pl.DataFrame({"at": [at]}).select(instant("at")).item())


@dataclass
class _Export:
    """One export under way."""

    knowledge: Knowledge
    options: Options
    recorded: str | None
    writer: Writer
    run: dict[str, Any] = field(default_factory=dict)
    scales: dict[str, None] = field(default_factory=dict)
    products: dict[str, None] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    # whether there are rows that came from resources of a server, and are not to be written again
    from_fhir: bool = False
    _seen: list[pl.Series] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Write the patients of one part."""
        zero = self.options.zero_us(outcome.clock)
        self._begin(outcome)
        whole: list[tuple[str, pl.DataFrame]] = []
        named = [outcome.patients["patient"], outcome.observations["patient"], outcome.timeline["patient"]]
        keys = patient_keys(pl.concat(named))
        for kind, resources in self._resources(outcome, keys, zero):
            self.writer.add(kind, resources)
            if self.options.bundle:
                whole.append((kind, resources))
        self.writer.add_bundles(keys, whole)
        self._seen.append(keys["patient"])

    def _begin(self, outcome: Outcome) -> None:
        if not self.writer.shared:
            self.run = outcome.run
            self.writer.shared = [device(self.run)]
            self.writer.add_each(iter(self.writer.shared))
        self.scales |= dict.fromkeys(outcome.timeline["scale"].unique().sort().to_list())

    def _resources(self, outcome: Outcome, keys: pl.DataFrame, zero: int) -> Iterator[tuple[str, pl.DataFrame]]:
        charted = self._writable(self._charted(outcome), zero, "time", "until", "available")
        facts = facts_of(charted, keys, self.knowledge, input_files(self.run))
        triggers = facts.filter((pl.col("concept_kind") == "trigger") & pl.col("text").is_not_null())
        self.products |= dict.fromkeys(name for name in triggers["text"].unique().sort() if is_code(name))
        facts, written = self._parted(facts)
        self._from_fhir(outcome.rejects["source"])
        yield "Patient", self._people(outcome.patients, keys, facts)
        yield from fact_resources(written, zero, self.knowledge)
        yield from self._derived(outcome, facts, keys, zero)

    def _people(self, patients: pl.DataFrame, keys: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
        """The Patients to be written: not those of a server that holds their facts.

        Of a patient without facts the run tells: what it read came from there, or did not.
        """
        own = facts.filter("new")["patient"].unique()
        there = facts.filter(~pl.col("new"))["patient"].unique()
        stays = ~pl.col("patient").is_in(there.implode())
        if self.from_fhir:
            stays &= pl.col("patient").is_in(own.implode())
        kept = keys.filter(stays)
        self.lost["patients_at_source"] += keys.height - kept.height
        return patient_resources(patients, kept)

    def _from_fhir(self, sources: pl.Series) -> None:
        """Note whether any source names a FHIR resource, if what came from there is to be left out."""
        self.from_fhir |= self.options.facts == "new" and bool(sources.str.contains(POINTER).any())

    def _parted(self, facts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The facts with ``new`` (to be written) and ``target`` (what a reference names); and those to be written."""
        new = pl.col("original").is_null() | (self.options.facts == "all")
        own = pl.concat_str("kind", pl.lit("/"), "id")
        facts = facts.with_columns(new=new, target=pl.when(new).then(own).otherwise("original"))
        written = facts.filter("new")
        self.from_fhir |= written.height < facts.height
        self.lost["at_source"] += facts.height - written.height
        return facts, written

    def _writable(self, rows: pl.DataFrame, zero: int, *names: str) -> pl.DataFrame:
        """The rows whose times FHIR can write; the others are counted."""
        kept = writable(rows, zero, *names)
        self.lost["no_date"] += rows.height - kept.height
        return kept

    def _charted(self, outcome: Outcome) -> pl.DataFrame:
        """What is graded: the admitted rows and those in doubt, cut at the moment that the run was cut at."""
        rows, unsure = outcome.observations, outcome.in_doubt
        known = unsure.join(rows.select("patient").unique(), on="patient", how="semi")
        self.lost["in_doubt_alone"] += unsure.height - known.height
        whole = pl.concat([rows, known])
        asked = (outcome.run.get("arguments") or {}).get("as_of")
        if asked is None:
            return whole
        as_of = pl.lit(moment(asked, outcome.clock))
        kept = whole.filter(pl.max_horizontal("time", "available") <= as_of)
        self.lost["after_as_of"] += whole.height - kept.height
        return kept

    def _derived(
        self, outcome: Outcome, facts: pl.DataFrame, keys: pl.DataFrame, zero: int
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        words, by = Words(self.knowledge), device_id(self.run)
        timeline = self._writable(outcome.timeline.with_columns(last_writable("end", zero)), zero, "start")
        graded = with_grade_ids(timeline, keys)
        yield "Observation", grade_resources(graded, facts, zero, words, by)
        episodes = self._writable(outcome.episodes, zero, *EPISODE_TIMES)
        made = EpisodeTeller(self.knowledge, words, by).resources(prepared(episodes, graded, facts, keys, zero))
        silent = outcome.advice.filter(pl.col("kind") == "silent")
        self.lost["silent_advice"] += silent.height
        advice = self._writable(outcome.advice, zero, *ADVICE_TIMES)
        made |= advice_resources(advice, facts, keys, zero, self.knowledge, by)
        yield from made.items()
        last = graded.unique(["patient", "scale"], keep="last", maintain_order=True)
        targets = [last.select("patient", target=pl.concat_str(pl.lit("Observation/"), "id"))]
        targets += [
            part.select("patient", target=pl.concat_str(pl.lit(f"{kind}/"), "id")) for kind, part in made.items()
        ]
        recorded = recorded_at(dated(graded, zero, "end"), self.recorded)
        yield "Provenance", provenance_resources(pl.concat(targets), recorded, self.run)

    def add_others(self, folder: Path) -> None:
        """Patients of whom no row was admitted: where a run was written in parts, no part holds them."""
        path = folder / "patients.parquet"
        if not path.is_file():
            return
        seen = pl.concat([pl.Series("patient", [], dtype=pl.String), *self._seen])
        table = pl.scan_parquet(path, glob=False).filter(~pl.col("patient").is_in(seen.implode())).collect()
        lacking = {name: dtype for name, dtype in PATIENTS.schema.items() if name not in table.columns}
        table = table.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in lacking.items())
        keys = patient_keys(table["patient"])
        if self.from_fhir:
            self.lost["patients_at_source"] += keys.height
            return
        people = patient_resources(table, keys)
        self.writer.add("Patient", people)
        self.writer.add_bundles(keys, [("Patient", people)])

    def add_terms(self) -> None:
        """The code systems, and the map to ICD-10-CM."""
        self.writer.add_each(code_systems(self.knowledge, self.scales, self.products))
        mapped = concept_map(self.knowledge, self.scales)
        self.writer.add_each(iter([mapped] if mapped else []))

    def add_outcome(self) -> None:
        """What was written and what was not."""
        self.lost["rejected"] = sum(one.get("rejected", 0) for one in self.run.get("inputs") or [])
        own = f"{self.knowledge.version}#{self.knowledge.digest[:12]}"
        notes = {} if self.options.zero is None else {"zero": f"Hour 0 is {self.options.zero}."}
        if self.run.get("knowledge") != own:
            notes["knowledge"] = f"Graded with the tables {self.run.get('knowledge')}; codes and words are of {own}."
        self.writer.add_each(iter([outcome(self.writer.counts, self.lost, notes)]))
