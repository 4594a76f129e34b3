"""A kill in the middle loses and doubles nothing: the next run goes on where the killed one stood."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.lib.fetching import Watch, ask, held, in_folder, names
from tests.lib.fhir_server import FhirServer, patients

from cytowatch.errors import ArgumentError, InputError

ROOT = Path(__file__).parent.parent.parent


class Killer:
    """Starts `cytowatch fetch` as a program, and kills it at a request of its own."""

    def __init__(self, server: FhirServer, *options: str) -> None:
        self.server, self.options = server, options
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, out: Path, kill_at: int | None) -> int:
        """The exit code of a run; negative if it was killed."""
        started, dead = len(self.server.seen), threading.Event()

        def answered(number: int) -> None:
            if kill_at is not None and number - started >= kill_at and self.process is not None and not dead.is_set():
                dead.set()
                self.process.send_signal(signal.SIGKILL)

        self.server.answered = answered
        command = [
            sys.executable,
            "-m",
            "cytowatch",
            "fetch",
            self.server.base,
            "--out",
            str(out),
            "--count",
            "4",
            *self.options,
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, said = self.process.communicate(timeout=120)
        assert b"Traceback" not in said, said.decode()
        return self.process.returncode


def through_kills(tmp_path: Path, seed: int, kills: int, *options: str) -> int:
    """Kill run after run at a random request; the folder then equals that of an unbroken run."""
    chance, out = random.Random(seed), tmp_path / f"killed-{seed}"  # noqa: S311 - no secret
    with FhirServer(patients(5)) as server:
        server.polls = 0
        killer = Killer(server, *options)
        killed = 0
        for _ in range(kills):
            code = killer.run(out, chance.randint(2, 9))
            killed += code == -signal.SIGKILL
            # nothing is on show before all of it is there
            assert not list(out.glob("*.ndjson")) or code == 0
        assert killer.run(out, None) == 0
        server.answered = lambda _number: None
        ask(server, tmp_path / f"whole-{seed}", way="patient" if "--bulk" in options else "search", count=4)
    assert held(out) == held(tmp_path / f"whole-{seed}")
    assert len(in_folder(out)) == len(set(in_folder(out))) == 58
    return killed


def test_a_kill_in_the_middle_of_searches(tmp_path: Path) -> None:
    assert through_kills(tmp_path, 1, 1) == 1


@pytest.mark.long
def test_a_kill_in_the_middle_of_an_export(tmp_path: Path) -> None:
    assert through_kills(tmp_path, 3, 1, "--bulk") == 1


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
def test_many_kills(tmp_path: Path, seed: int) -> None:
    assert through_kills(tmp_path, seed, 4, *(["--bulk"] if seed % 3 == 0 else [])) >= 1


class DeadError(BaseException):
    """The power is gone."""


class Power:
    """Lets a number of durable operations happen and then none: what a kill at that point leaves on the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
        self.left = steps
        for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink")):
            monkeypatch.setattr(owner, name, self.watched(getattr(owner, name)))

    def watched(self, real: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object, **kwargs: object) -> object:
            if self.left <= 0:
                raise DeadError
            self.left -= 1
            return real(*args, **kwargs)

        return step


def second_run(server: FhirServer, out: Path, way: str, watch: Watch) -> None:
    ask(server, out, way=way, watch=watch, count=20)  # type: ignore[arg-type]


def at_every_step(tmp_path: Path, way: str, stride: int) -> int:
    """Break a run that adds, changes and deletes at its n-th durable step, for every n; then run it again."""
    watch, steps, broken = Watch(), 0, True
    with FhirServer(patients(2), now=watch.now) as server:
        server.polls = 0
        ask(server, tmp_path / "first", way=way, watch=watch, count=20)  # type: ignore[arg-type]
        watch.ahead += 3_600
        server.put({"resourceType": "Patient", "id": "new"})
        server.put(dict(server.current("Observation")[0][1], status="amended"))
        server.remove("Observation", "o-p0-1-002")
        shutil.copytree(tmp_path / "first", tmp_path / "right")
        second_run(server, tmp_path / "right", way, watch)
        right = held(tmp_path / "right")
        assert b'"new"' in right["Patient.ndjson"]
        assert b"o-p0-1-002" not in right["Observation.ndjson"]
        while broken:
            out = tmp_path / f"out-{steps}"
            shutil.copytree(tmp_path / "first", out)
            with pytest.MonkeyPatch.context() as patch:
                Power(patch, steps)
                try:
                    second_run(server, out, way, watch)
                    broken = False
                except DeadError:
                    pass
            if broken:
                second_run(server, out, way, watch)
            assert held(out) == right, f"after {steps} steps"
            shutil.rmtree(out)
            steps += stride
    return steps


@pytest.mark.parametrize("way", ["search", "patient"])
def test_a_kill_between_any_two_steps(tmp_path: Path, way: str) -> None:
    assert at_every_step(tmp_path, way, 11) > 22


@pytest.mark.long
@pytest.mark.parametrize("way", ["search", "patient"])
def test_a_kill_between_all_steps(tmp_path: Path, way: str) -> None:
    print(way, at_every_step(tmp_path, way, 1))


def test_patients_named_in_another_order_are_gone_on_with(tmp_path: Path) -> None:
    from tests.lib.fhir_server import Fault

    with FhirServer(patients(2)) as server:
        server.faults = [Fault("Observation.patient=p0-1", 500)]
        with pytest.raises(InputError, match="500"):
            ask(server, tmp_path / "out", patients=["p0-0", "p0-1"])
        server.faults = []
        began = len(server.seen)
        report = ask(server, tmp_path / "out", patients=["p0-1", "p0-0", "p0-1"])
        again = [path for _, path, _ in server.seen[began:] if "/Observation" in path]
        assert report.complete
        assert ["patient=p0-1" in path for path in again] == [True] * len(again)
        assert len(set(names(tmp_path / "out", "Observation"))) == len(names(tmp_path / "out", "Observation")) == 12


def test_a_search_gone_on_with_is_whole_by_all_its_pages(tmp_path: Path) -> None:
    from tests.lib.fhir_server import Fault

    with FhirServer(patients(2)) as server:
        # 12 observations in pages of 5: the second fails
        server.faults = [Fault("Observation.*_offset=5", 503)]
        with pytest.raises(InputError, match="503"):
            ask(server, tmp_path / "out")
        server.faults = []
        assert ask(server, tmp_path / "out").complete
        assert len(names(tmp_path / "out", "Observation")) == 12


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    from cytowatch.fetch.folder import Folder

    with Folder(tmp_path / "out", "q"), pytest.raises(ArgumentError, match="Another fetch is writing"):
        Folder(tmp_path / "out", "q")


@pytest.mark.parametrize("state", [b"", b"{", b"[]", b'{"question":5}', b'{"question":"x","form":99}', b"\xff"])
def test_a_damaged_state_is_one_clear_error(tmp_path: Path, state: bytes) -> None:
    with FhirServer(patients(1)) as server:
        ask(server, tmp_path / "out", types=["Patient"])
        (tmp_path / "out" / ".fetch.json").write_bytes(state)
        with pytest.raises(InputError, match="state"):
            ask(server, tmp_path / "out", types=["Patient"])


def test_parts_that_are_gone_are_noticed(tmp_path: Path) -> None:
    from tests.lib.fhir_server import Fault

    with FhirServer(patients(2)) as server:
        server.faults = [Fault("Observation", 503)]
        with pytest.raises(InputError, match="503"):
            ask(server, tmp_path / "out")
        (tmp_path / "out" / ".parts" / "Patient.part").unlink()
        with pytest.raises(InputError, match="leave a gap"):
            ask(server, tmp_path / "out")
    assert names(tmp_path / "out", "Patient") == []
