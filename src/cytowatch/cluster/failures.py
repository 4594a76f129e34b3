"""What goes wrong on a cluster, told in one message: no Java trace and no Python trace of an executor."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.errors import PySparkException

from cytowatch.cluster.worker import MARK
from cytowatch.errors import ArgumentError, CytowatchError, InputError, KnowledgeError

_KINDS = {kind.__name__: kind for kind in (ArgumentError, InputError, KnowledgeError)}
# what Spark's traces say, and what to do; the first that fits
_KNOWN = (
    (
        r"No module named '(cytowatch[\w.]*|polars|pyarrow)'",
        "The executors do not have {0}.",
        "install the same cytowatch wheel, with its extra `spark`, on the driver and on all executors",
    ),
    (
        r"PATH_NOT_FOUND\][^\n]*?:? ?(\S*)",
        "There is no such file or folder: {0}",
        "check the path; on a cluster it must be one that every executor can see",
    ),
    (
        r"PATH_ALREADY_EXISTS\] Path (\S+)",
        "The folder for the graded bytes exists already: {0}",
        "name a new folder, or remove this one: a run that failed leaves it behind",
    ),
    (
        r"Illegal Parquet type: INT64 \(TIMESTAMP\(NANOS",
        "Spark does not read timestamps in nanoseconds.",
        "write the Parquet files with timestamps in microseconds",
    ),
    (
        r"CANNOT_MERGE_SCHEMAS|(?:Failed|Unable) to merge|FAILED_MERGING_SCHEMA|CANNOT_MERGE_INCOMPATIBLE",
        "The Parquet files differ in the type of a column.",
        "write them with the same types, or grade them without Spark, which reads each file by itself",
    ),
    (
        r"is not a Parquet file|CANNOT_READ_FILE_FOOTER|Could not read footer|FAILED_READ_FILE[^\n]*",
        "A file cannot be read as Parquet; nothing was graded.",
        "write or fetch it again",
    ),
    (
        r"ExecutorLostFailure|OutOfMemoryError|exited unexpectedly \(crashed\)|Python worker exited",
        "An executor died, most likely for want of memory.",
        "ask for more buckets (`--buckets`), so that each is smaller, or give the Python workers more memory",
    ),
)  # fmt: skip


@contextmanager
def told() -> Iterator[None]:
    """Turn what Spark raises into one error of ours; InputError unless it was another of ours on an executor."""
    try:
        yield
    except CytowatchError:
        raise
    except Exception as cause:
        if not _of_spark(cause):
            raise
        raise explained(str(cause)) from cause


def _of_spark(cause: Exception) -> bool:
    return isinstance(cause, PySparkException) or type(cause).__module__.split(".")[0] in ("py4j", "grpc")


def explained(trace: str) -> CytowatchError:
    """The error that a trace of Spark speaks of."""
    ours = re.search(re.escape(MARK) + r"(\{.*\})", trace)
    if ours:
        return _ours(ours.group(1))
    for pattern, what, hint in _KNOWN:
        found = re.search(pattern, trace)
        if found:
            names = [group or "" for group in found.groups()]
            return InputError(what.format(*names), where="Spark", why=_one_line(found.group(0)), hint=hint)
    return InputError(
        "Spark could not finish the run; nothing was written.",
        where="Spark",
        why=_cause(trace),
        hint="look into the log of the executors; a run can be started again, with a new folder for `work`",
    )


def _ours(text: str) -> CytowatchError:
    try:
        said = json.loads(text)
    except ValueError:
        return InputError("An executor refused its rows.", where="Spark", why=_one_line(text))
    kind = _KINDS.get(said["kind"], InputError)
    where = said["where"] or (f"bucket {said['bucket']}" if said["bucket"] >= 0 else "an executor")
    return kind(said["what"], where=where, why=said["why"], hint=said["hint"])


def _cause(trace: str) -> str:
    """The last line of the Python trace of an executor, or the first of Spark's own words."""
    inner = re.findall(r"^(?:\w+\.)*\w*(?:Error|Exception): .+$", trace, re.MULTILINE)
    return _one_line(inner[-1] if inner else trace.strip().split("\n", 1)[0])


def _one_line(text: str, longest: int = 300) -> str:
    return " ".join(text.split())[:longest]
