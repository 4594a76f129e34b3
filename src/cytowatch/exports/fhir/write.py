"""A graded folder as FHIR R4: patients part by part, so that memory holds no more than one part of a large run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from cytowatch.exports.fhir.advice import advice_resources
from cytowatch.exports.fhir.codings import is_code
from cytowatch.exports.fhir.episodes import EpisodeTeller, prepared
from cytowatch.exports.fhir.facts import fact_resources, facts_of
from cytowatch.exports.fhir.files import Writer, writing
from cytowatch.exports.fhir.grades import grade_resources, with_grade_ids
from cytowatch.exports.fhir.keys import dated, instant, patient_keys
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
    _seen: list[pl.Series] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Write the patients of one part."""
        zero = self.options.zero_us(outcome.clock)
        self._begin(outcome)
        whole: list[tuple[str, pl.DataFrame]] = []
        for kind, resources in self._resources(outcome, zero):
            self.writer.add(kind, resources)
            if self.options.bundle or kind == "Patient":
                whole.append((kind, resources))
        self.writer.add_bundles(whole)
        self._seen.append(whole[0][1]["patient"])

    def _begin(self, outcome: Outcome) -> None:
        if not self.writer.shared:
            self.run = outcome.run
            self.writer.shared = [device(self.run)]
            self.writer.add_each(iter(self.writer.shared))
        self.scales |= dict.fromkeys(outcome.timeline["scale"].unique().sort().to_list())

    def _resources(self, outcome: Outcome, zero: int) -> Iterator[tuple[str, pl.DataFrame]]:
        named = [outcome.patients["patient"], outcome.observations["patient"], outcome.timeline["patient"]]
        keys = patient_keys(pl.concat(named))
        facts = facts_of(self._charted(outcome), keys, self.knowledge)
        triggers = facts.filter((pl.col("concept_kind") == "trigger") & pl.col("text").is_not_null())
        self.products |= dict.fromkeys(name for name in triggers["text"].unique().sort() if is_code(name))
        yield "Patient", patient_resources(outcome.patients, keys)
        yield from fact_resources(facts, zero, self.knowledge)
        yield from self._derived(outcome, facts, keys, zero)

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
        graded = with_grade_ids(outcome.timeline, keys)
        yield "Observation", grade_resources(graded, facts, zero, words, by)
        made = EpisodeTeller(self.knowledge, words, by).resources(prepared(outcome.episodes, graded, facts, keys, zero))
        silent = outcome.advice.filter(pl.col("kind") == "silent")
        self.lost["silent_advice"] += silent.height
        made |= advice_resources(outcome.advice, facts, keys, zero, self.knowledge, by)
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
        people = patient_resources(table, patient_keys(table["patient"]))
        self.writer.add("Patient", people)
        self.writer.add_bundles([("Patient", people)])

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
