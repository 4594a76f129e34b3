"""Reading a server by searches: every page, once; what is pointed at; what is new; what was deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.lib.fetching import QUICK, Watch, ask, held, in_folder, in_server, lines, names
from tests.lib.fhir_server import Fault, FhirServer, patients

from cytowatch.errors import ArgumentError

KINDS = {"Patient", "Encounter", "Medication", "MedicationAdministration", "Procedure", "Condition", "Observation"}


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("compress", [False, True])
def test_every_resource_comes_once(tmp_path: Path, relative: bool, compress: bool) -> None:
    with FhirServer(patients(7)) as server:
        server.relative, server.compress = relative, compress
        report = ask(server, tmp_path / "out")
        found = in_folder(tmp_path / "out")
        assert len(found) == len(set(found)) == 7 * 11 + 3
        assert set(found) == in_server(server, KINDS)
    told = report.told
    assert told["complete"]
    # 42 observations in pages of 5, and so on
    assert told["pages"] == 9 + 5 * 2
    assert {kind: one["read"] for kind, one in told["resources"].items() if one["read"]} == {
        "Condition": 7, "Encounter": 7, "Medication": 3, "MedicationAdministration": 7, "Observation": 42,
        "Patient": 7, "Procedure": 7,
    }  # fmt: skip
    # each page brings its medications along again
    assert told["resources"]["Medication"]["duplicates"] == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")) == sorted(
        [*(f"{kind}.ndjson" for kind in KINDS), "fetch_report.json"]
    )


def test_a_type_of_which_nothing_was_found_has_no_file(tmp_path: Path) -> None:
    # an empty file could be read as: nothing was given. A site that records no administrations looks the same.
    resources = [one for one in patients(2) if one["resourceType"] != "MedicationAdministration"]
    with FhirServer(resources) as server:
        server.versions["MedicationAdministration", "gone"] = [(server.epoch, None)]
        report = ask(server, tmp_path / "out")
    assert not (tmp_path / "out" / "MedicationAdministration.ndjson").exists()
    assert report.told["nothing_found"] == ["MedicationAdministration"]
    assert "AdverseEvent" in report.told["not_served"]
    assert any("may mean not recorded: MedicationAdministration" in line for line in report.lines())


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    body = b'{"resourceType":"Observation","id":"a","valueQuantity":{"value":1.10}, "x":[1e3, 100000000000000000000.5]}'
    bundle = b'{"resourceType":"Bundle","type":"searchset","entry":[{"resource":' + body + b"}]}"
    with FhirServer(patients(1)) as server:
        server.faults = [Fault("/fhir/Observation", 200, bundle, {"Content-Type": "application/fhir+json"})]
        ask(server, tmp_path / "out", types=["Observation"])
    assert lines(tmp_path / "out", "Observation") == [body.decode().replace(", ", ",")]


def test_patients_are_asked_for_one_by_one(tmp_path: Path) -> None:
    with FhirServer(patients(4)) as server:
        ask(server, tmp_path / "out", patients=["p0-1", "Patient/p0-3"])
        asked = [path for _, path, _ in server.seen]
        assert names(tmp_path / "out", "Patient") == ["p0-1", "p0-3"]
        assert {name.split("-")[2] for name in names(tmp_path / "out", "Observation")} == {"1", "3"}
        assert len(lines(tmp_path / "out", "Observation")) == 12
        assert not any("_history" in path for path in asked)


def cut(**told: object) -> Callable[[bytes], bytes]:
    """Makes of an answer its first entry, with a total and links of our own."""

    def change(body: bytes) -> bytes:
        page = json.loads(body)
        return json.dumps({**page, "entry": page["entry"][:1], "link": [], **told}).encode()

    return change


def test_an_answer_with_fewer_resources_than_its_total_is_not_whole(tmp_path: Path) -> None:
    with FhirServer(patients(1)) as server:
        server.faults = [Fault("/fhir/Observation", change=cut(total=250))]
        report = ask(server, tmp_path / "out")
        assert not report.complete
        why = "the server says that 250 match, and its pages hold 1 of them"
        assert report.told["incomplete"] == [{"search": "Observation", "type": "Observation", "why": why}]
        assert "Observation" not in report.told["cursors"]
        # half of what was measured is not on show
        assert names(tmp_path / "out", "Observation") == []
        server.faults = []
        assert ask(server, tmp_path / "out").complete
        assert len(names(tmp_path / "out", "Observation")) == 6


def test_what_is_no_exact_count_of_matches_proves_nothing(tmp_path: Path) -> None:
    estimate = [{"relation": "self", "url": "Observation?_total=estimate"}]
    with FhirServer(patients(1)) as server:
        # a count of the page, none at all, an estimate, and a number that is none
        for number, told in enumerate(({"total": 0}, {"total": None}, {"total": 9, "link": estimate}, {"total": "9"})):
            server.faults = [Fault("/fhir/Observation", change=cut(**told))]
            assert ask(server, tmp_path / str(number), types=["Observation"]).complete
        server.faults = [Fault("/fhir/Observation", change=cut(total=9))]
        assert ask(server, tmp_path / "asked", types=["Observation?_total=estimate"]).complete


def test_what_is_stored_while_pages_are_read_is_left_to_the_next_run(tmp_path: Path) -> None:
    totals = iter((12, 13, 14))

    def grow(body: bytes) -> bytes:
        return json.dumps({**json.loads(body), "total": next(totals)}).encode()

    with FhirServer(patients(2)) as server:
        server.faults = [Fault("/fhir/Observation", change=grow)]
        assert ask(server, tmp_path / "out", types=["Observation"]).complete


def test_what_comes_along_with_a_match_is_none(tmp_path: Path) -> None:
    # one administration and one medication are no two administrations
    def change(body: bytes) -> bytes:
        page = json.loads(body)
        assert [one["search"]["mode"] for one in page["entry"]] == ["match", "include"]
        return json.dumps({**page, "total": 2}).encode()

    with FhirServer(patients(1)) as server:
        server.faults = [Fault("/fhir/MedicationAdministration", change=change)]
        report = ask(server, tmp_path / "out", types=["MedicationAdministration"])
    assert [one["why"] for one in report.told["incomplete"]] == [
        "the server says that 2 match, and its pages hold 1 of them"
    ]


def test_an_adverse_event_is_found_by_its_subject(tmp_path: Path) -> None:
    event = {"resourceType": "AdverseEvent", "id": "a", "subject": {"reference": "Patient/p0-0"}}
    with FhirServer([*patients(1), event]) as server:
        ask(server, tmp_path / "out", patients=["p0-0"])
        assert names(tmp_path / "out", "AdverseEvent") == ["a"]
        assert any("AdverseEvent?subject=Patient/p0-0" in path for _, path, _ in server.seen)


def test_medications_that_were_not_brought_along_are_asked_for_by_id(tmp_path: Path) -> None:
    with FhirServer(patients(5)) as server:
        server._included = lambda _page, _include: []  # type: ignore[method-assign]
        report = ask(server, tmp_path / "out")
        assert names(tmp_path / "out", "Medication") == ["drug-0", "drug-1", "drug-2"]
        assert any("Medication?_id=drug-0,drug-1,drug-2" in path for _, path, _ in server.seen)
    assert report.complete


def test_a_query_of_its_own_and_everything_of_a_type(tmp_path: Path) -> None:
    other = {"resourceType": "Observation", "id": "social", "category": [{"coding": [{"code": "social-history"}]}]}
    with FhirServer([*patients(1), other]) as server:
        ask(server, tmp_path / "usual", types=["Observation"])
        ask(server, tmp_path / "all", types=["Observation?"])
        ask(server, tmp_path / "own", types=["Observation?category=social-history", "Patient"])
    assert "social" not in names(tmp_path / "usual", "Observation")
    assert len(names(tmp_path / "all", "Observation")) == 7
    assert names(tmp_path / "own", "Observation") == ["social"]
    assert len(names(tmp_path / "own", "Patient")) == 1


def test_the_next_run_reads_what_is_new_and_doubles_nothing(tmp_path: Path) -> None:
    watch, out = Watch(), tmp_path / "out"
    with FhirServer(patients(3), now=watch.now) as server:
        first = ask(server, out, watch=watch)
        before = held(out)
        watch.ahead += 3_600
        server.put({"resourceType": "Patient", "id": "new"})
        changed = dict(server.current("Observation")[0][1], status="amended")
        server.put(changed)
        second = ask(server, out, watch=watch)
        found = in_folder(out)
        assert len(found) == len(set(found)) == 3 * 11 + 3 + 2
        assert names(out, "Patient")[-1] == "new"
        # both versions are there: what was known when is the door's matter
        assert [line[2] for line in found if line[1] == changed["id"]] == ["1", "2"]
        searches = [path for _, path, _ in server.seen if "_lastUpdated=ge" in path]
        assert len(searches) >= 6
    assert first.told["cursors"]["Patient"] < second.told["cursors"]["Patient"]
    assert second.told["resources"]["Patient"] == {"read": 1, "duplicates": 0, "deleted": 0, "file": "Patient.ndjson"}
    assert second.told["since"] is None
    assert all(held(out)[name].startswith(data) for name, data in before.items())


def test_an_overlap_at_the_cursor_gives_no_doubles(tmp_path: Path) -> None:
    watch, out = Watch(), tmp_path / "out"
    with FhirServer([], now=watch.now) as server:
        for one in patients(2):
            server.put(one)
        ask(server, out, watch=watch)
        before = held(out)
        second = ask(server, out, watch=watch)
    assert held(out) == before
    assert second.told["resources"]["Patient"]["duplicates"] == 2


def test_what_the_server_deletes_is_taken_out(tmp_path: Path) -> None:
    watch, out = Watch(), tmp_path / "out"
    with FhirServer(patients(3), now=watch.now) as server:
        ask(server, out, watch=watch)
        watch.ahead += 3_600
        server.remove("Observation", "o-p0-1-002")
        server.remove("Procedure", "x-p0-0")
        # deleted and made again: it is there
        server.remove("Condition", "c-p0-2")
        watch.ahead += 1
        server.put({"resourceType": "Condition", "id": "c-p0-2"})
        report = ask(server, out, watch=watch)
        assert "o-p0-1-002" not in names(out, "Observation")
        assert len(names(out, "Observation")) == 17
        assert names(out, "Procedure") == ["x-p0-1", "x-p0-2"]
        assert names(out, "Condition")[-1] == "c-p0-2"
    assert report.told["resources"]["Observation"]["deleted"] == 1


def test_deletions_that_cannot_be_seen_are_said(tmp_path: Path) -> None:
    with FhirServer(patients(1)) as server:
        server.histories = False
        assert "no history" in ask(server, tmp_path / "a").told["not_seen"][0]
        ask(server, tmp_path / "a")
        assert not any("_history" in path for _, path, _ in server.seen)
        assert "all patients" in ask(server, tmp_path / "b", patients=["p0-0"]).told["not_seen"][0]


def test_since_is_no_whole_record_and_leaves_no_gap(tmp_path: Path) -> None:
    watch, out = Watch(), tmp_path / "out"
    with FhirServer(patients(1), now=watch.now) as server:
        report = ask(server, out, watch=watch, since="2020-01-01T00:00:00+01:00")
        assert report.told["since"] == "2019-12-31T23:00:00.000Z"
        assert any("not the whole record" in line for line in report.lines())
        with pytest.raises(ArgumentError, match="later than the end"):
            ask(server, out, watch=watch, since="2030-01-01T00:00:00Z")
        assert ask(server, out, watch=watch).told["since"] == "2019-12-31T23:00:00.000Z"


def test_a_folder_answers_one_question(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with FhirServer(patients(2)) as server:
        ask(server, out, patients=["p0-0"])
        with pytest.raises(ArgumentError, match="another question"):
            ask(server, out, patients=["p0-1"])
        with pytest.raises(ArgumentError, match="another question"):
            ask(server, out)
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "Observation.ndjson").write_text("{}\n", encoding="utf-8")
        with pytest.raises(ArgumentError, match="no fetch wrote"):
            ask(server, tmp_path / "mine")


def test_no_patient_is_named_in_the_report(tmp_path: Path) -> None:
    with FhirServer(patients(2)) as server:
        server.faults = []
        ask(server, tmp_path / "out", patients=["p0-0", "p0-1"])
    text = (tmp_path / "out" / "fetch_report.json").read_text(encoding="utf-8")
    assert "p0-" not in text
    state = json.loads((tmp_path / "out" / ".fetch.json").read_text(encoding="utf-8"))
    assert "p0-" not in json.dumps(state)
    assert (tmp_path / "out" / ".fetch.json").stat().st_mode & 0o077 == 0
    assert (tmp_path / "out" / "Observation.ndjson").stat().st_mode & 0o077 == 0


def test_many_resources_of_one_patient_in_bounded_memory_of_doubles(tmp_path: Path) -> None:
    from dataclasses import replace

    with FhirServer(patients(2, hours=120)) as server:
        report = ask(server, tmp_path / "out", count=10, limits=replace(QUICK, remembered=20))
        found = in_folder(tmp_path / "out")
    # doubles far apart may stay when memory is short; nothing is lost
    assert set(found) == in_server(server, KINDS)
    assert report.told["resources"]["Observation"]["read"] == 240
