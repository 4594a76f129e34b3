"""The command as a person meets it: exit codes, words, and a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.lib.fhir_server import Fault, FhirServer, patients

from cytowatch.cli import run
from cytowatch.errors import ArgumentError
from cytowatch.fetch.needed import check_extra


def test_a_server_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FhirServer(patients(2)) as server:
        assert run(["fetch", server.base, "--out", str(tmp_path / "out")]) == 0
        printed = capsys.readouterr().out
        assert "26 resources of 7 types" not in printed
        assert "24 resources of 7 types" in printed
        assert "  Observation: 12" in printed
        assert "Not served here, so not known:" in printed
        assert "The next run reads what is new since" in printed
        assert run(["fetch", server.base, "--out", str(tmp_path / "q"), "--patient", "p0-1", "--quiet"]) == 0
        assert capsys.readouterr().out == ""
    told = json.loads((tmp_path / "out" / "fetch_report.json").read_text(encoding="utf-8"))
    assert told["complete"]


def test_what_is_missing_ends_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FhirServer(patients(1)) as server:
        server.faults = [Fault("Observation", 403)]
        assert run(["fetch", server.base, "--out", str(tmp_path / "out")]) == 2
        said = capsys.readouterr().err
        assert "Observation: The server refused: 403" in said
        assert "must not be taken for not given" in said
        assert run(["fetch", server.base, "--out", str(tmp_path / "other"), "--types", "AdverseEvent"]) == 2
        assert "AdverseEvent: not served" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--patient", "a", "--bulk"], "--patient goes with searches only"),
        (["--whole-system"], "goes with --bulk alone"),
        (["--patient", "a b"], "A patient id is none"),
        (["--patient", "../x"], "A patient id is none"),
        (["--group", "a/b"], "The group id is none"),
        (["--since", "2026-01-01"], "no ISO timestamp with a zone"),
        (["--since", "yesterday"], "no ISO timestamp with a zone"),
        (["--types", "observation"], "no resource type"),
        (["--types", "Observation?_count=5"], "set by cytowatch itself"),
        (["--count", "0"], "--count must be 1 or more"),
        (["--key", "x"], "--key needs --client-id"),
        (["--client-id", "x"], "--client-id needs --key"),
        (["--client-id", "x", "--key", "/nowhere/key.pem"], "cannot be read"),
        (["--ca-file", "/nowhere/ca.pem"], "authorities cannot be read"),
        (["--proxy", "nowhere"], "no http or https address"),
        (["--token-url", "http://a.example/t", "--client-id", "x", "--key", "y"], "plain http"),
    ],
)
def test_wrong_options_end_with_four(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert run(["fetch", "http://127.0.0.1:9/fhir", "--out", str(tmp_path / "out"), *options]) == 4
    assert said in capsys.readouterr().err


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    assert run(["fetch", "http://127.0.0.1:9/fhir", "--out", str(tmp_path / "out")]) == 4
    assert "is a file" in capsys.readouterr().err


def test_without_the_extra_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cytowatch.fetch.needed._READING", ("no_such_library_at_all",))
    with pytest.raises(ArgumentError, match=r"cytowatch\[fhir\]"):
        check_extra(signing=False)


def test_the_command_line_starts_without_the_libraries_of_the_extra() -> None:
    code = (
        "import sys, cytowatch.cli\n"
        "print([name for name in ('httpx2', 'joserfc', 'cytowatch.fetch.web') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.strip() == "[]"


def test_the_room_knows_none_of_the_rooms_of_grading(root: Path) -> None:
    used = {
        line.split()[1]
        for path in (root / "src" / "cytowatch" / "fetch").glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip().startswith("from cytowatch.") and not line.strip().startswith("from cytowatch.fetch")
    }
    assert used == {"cytowatch.errors", "cytowatch.terminal"}
