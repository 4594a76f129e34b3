"""Traces of Spark as one message, and a machine that lacks what Spark needs; no session is started here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("pyspark")

from cytowatch.cluster.failures import explained, told
from cytowatch.cluster.folder import _beside
from cytowatch.cluster.session import _started, check_java, check_spark, check_version
from cytowatch.cluster.worker import MARK
from cytowatch.errors import ArgumentError, InputError, KnowledgeError

OURS = json.dumps({"kind": "KnowledgeError", "what": "No scale.", "where": "", "why": "w", "hint": "h", "bucket": 3})


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        ("ModuleNotFoundError: No module named 'cytowatch'\n at org.apache.spark", "do not have cytowatch"),
        ("[PATH_NOT_FOUND] Path does not exist: file:/no/where. SQLSTATE: 42K03", "no such file or folder"),
        ("[PATH_ALREADY_EXISTS] Path file:/w already exists. Set mode", "bytes exists already: file:/w"),
        ("Illegal Parquet type: INT64 (TIMESTAMP(NANOS,true))", "nanoseconds"),
        ("SparkException: file:/a.parquet is not a Parquet file. Expected magic", "cannot be read as Parquet"),
        ("ExecutorLostFailure (executor 3 exited caused by one of the running tasks)", "An executor died"),
        ("Job aborted\n  File x\nValueError: seven is no number\n\tat org.apache.spark", "seven is no number"),
        ("something else entirely\n\tat org.apache.spark.x", "something else entirely"),
    ],
)
def test_a_trace_becomes_one_message(trace: str, said: str) -> None:
    error = explained(trace)
    assert isinstance(error, InputError)
    assert said in str(error)
    assert "org.apache" not in str(error)
    assert error.hint


def test_an_error_of_ours_comes_back_as_it_was() -> None:
    error = explained(f"Traceback\n  cytowatch.cluster.worker.ExecutorError: {MARK}{OURS}\n\tat org.apache.spark")
    assert isinstance(error, KnowledgeError)
    assert (error.what, error.where, error.why, error.hint) == ("No scale.", "bucket 3", "w", "h")
    assert "refused" in str(explained(f"{MARK}{{cut off}}"))


def test_what_is_not_of_spark_is_left_alone() -> None:
    with pytest.raises(ZeroDivisionError), told():
        _ = 1 / 0
    with pytest.raises(ArgumentError), told():
        raise ArgumentError("x")


def test_a_spark_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyspark

    for version in ("4.1.0", "4.3.0.dev1", "5.0"):
        check_version(version)
    monkeypatch.setattr(pyspark, "__version__", "3.5.1")
    with pytest.raises(ArgumentError, match=r"This is Spark 3\.5\.1"):
        check_spark()


def test_what_java_said_is_there_when_the_message_is_read(tmp_path: Path) -> None:
    """The folder of the session is removed at the end of the process, and with it its log."""

    class Broken:
        def getOrCreate(self) -> None:  # noqa: N802 - Spark's name
            os.write(2, b"no such master")
            raise RuntimeError("Java gateway process exited")

    with pytest.raises(ArgumentError, match="could not be started") as told:
        _started(Broken(), tmp_path / "spark.log")  # type: ignore[arg-type]
    (tmp_path / "spark.log").unlink()
    kept = Path(told.value.hint.rsplit(" ", 1)[1].rstrip("."))
    assert kept.read_text(encoding="utf-8") == "no such master"
    kept.unlink()


def test_tables_that_are_not_whole_yet_are_nobody_elses_to_read(tmp_path: Path) -> None:
    with _beside(tmp_path, local=True) as parts:
        assert parts.stat().st_mode & 0o777 == 0o700
        with _beside(tmp_path, local=True) as others:
            assert parts.is_dir()
            assert others != parts
    assert not list(tmp_path.iterdir())


def test_without_java_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ArgumentError, match="openjdk"):
        check_java()
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n", encoding="utf-8")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ArgumentError, match="The Java of this machine is 11"):
        check_java()
    java.write_text("#!/bin/sh\necho 'openjdk version \"21.0.2\"' >&2\n", encoding="utf-8")
    assert check_java() == 21
