"""Neither the order of lines and files, nor how they are cut into files, changes what is read."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.lib import fhir
from tests.lib.fhir import Resource, adds_up, amount, coded, ndjson, observation, running, tables, temperature

from cytowatch.adapters.fhir.door import read_fhir
from cytowatch.adapters.intake import Intake

# a smaller example would cost minutes
_FAST = (Phase.explicit, Phase.generate)
PEOPLE = st.sampled_from(["p", "q", "old"])
NAMES = st.sampled_from(["1", "2", "3"])
STATUS = st.sampled_from(["final", "preliminary", "amended", "entered-in-error", "cancelled"])
MOMENT = st.integers(0, 5).map(lambda hour: f"2025-03-01T1{hour}:00:00Z")
META = st.fixed_dictionaries({}, optional={"versionId": st.sampled_from(["1", "2", "10", "a"]), "lastUpdated": MOMENT})


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    """Small resources that collide often: few patients, few ids, several versions."""
    about = {"id": draw(NAMES), "meta": draw(META), "subject": {"reference": f"Patient/{draw(PEOPLE)}"}}
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return temperature(
            draw(st.sampled_from([37.0, 38.5, 39.0])), status=draw(STATUS), effectiveDateTime=draw(MOMENT), **about
        )
    if kind == 1:
        return observation(
            coded(draw(st.sampled_from(["8867-4", "x", "y"]))), valueQuantity=amount(90, "/min"), **about
        )
    if kind == 2:
        reference = {"reference": f"Medication/{draw(NAMES)}"}
        drug = {"medicationCodeableConcept": None, "medicationReference": reference}
        return running(
            amount(0.1, "ug/kg/min"), draw(MOMENT), request={"reference": "MedicationRequest/1"}, **drug, **about
        )
    if kind == 3:
        return {
            "resourceType": "Medication",
            **about,
            "code": coded(draw(st.sampled_from(["7512", "3264"])), fhir.RXNORM),
        }
    if kind == 4:
        return {
            "resourceType": "Patient",
            "id": "old",
            "link": [{"type": "replaced-by", "other": {"reference": "Patient/q"}}],
        }
    return fhir.bundle({"request": {"method": "DELETE", "url": f"Observation/{draw(NAMES)}"}}, timestamp=draw(MOMENT))


def told(intake: Intake) -> dict[str, Any]:
    """What an intake says, but for where each row stood."""
    where = ("row", "source")
    return {
        "facts": sorted(intake.observations.drop(where).rows(), key=str),
        "doubts": sorted(intake.in_doubt.drop(where).rows(), key=str),
        "rejects": sorted(intake.rejects.drop(where).rows(), key=str),
        "ledger": sorted(
            intake.ledger.filter(pl.col("rows") > 0).group_by("fate", "reason").agg(pl.col("rows").sum()).rows(),
            key=str,
        ),
        "patients": sorted(intake.patients.rows(), key=str),
        "absent": intake.not_recorded,
    }


def in_files(parts: list[list[Resource]]) -> Intake:
    with tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate(parts):
            (Path(folder) / f"{number}.ndjson").write_text(ndjson(*part))
        return read_fhir([folder], tables())


@settings(max_examples=15, phases=_FAST)
@given(st.lists(resources(), min_size=1, max_size=14), st.randoms(use_true_random=False), st.integers(1, 4))
def test_order_and_cut_do_not_matter(rows: list[Resource], chance: random.Random, files: int) -> None:
    once = in_files([rows])
    shuffled = chance.sample(rows, len(rows))
    again = in_files([shuffled[place::files] for place in range(files)])
    assert adds_up(once)
    assert adds_up(again)
    assert told(once) == told(again)


@settings(max_examples=12, phases=_FAST)
@given(st.lists(resources(), min_size=1, max_size=10))
def test_what_comes_twice_counts_once(rows: list[Resource]) -> None:
    once, twice = in_files([rows]), in_files([rows, rows])
    assert told(once)["facts"] == told(twice)["facts"]
    assert told(once)["rejects"] == told(twice)["rejects"]
    assert adds_up(twice)
