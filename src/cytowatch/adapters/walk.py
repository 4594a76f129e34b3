"""The files in a folder of input, without what is hidden and without the results of runs that lie there too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cytowatch.schema import BEING_REPLACED, RUN_RECORD

# why the ledger names a folder that was passed over
NOT_READ = "results of a run: not read"
# each of these is a folder that some command wrote: all of its files are there
_MARKS = (
    (RUN_RECORD, "timeline.parquet"),
    (RUN_RECORD, "timeline.csv"),
    (BEING_REPLACED,),
    ("quality.html", "coverage.csv"),
)


def files_in(folder: Path) -> list[Path]:
    """The files in a folder and the folders in it, sorted by path.

    A hidden one is no input (a run that was cut short leaves such a folder), nor is what an earlier run wrote: it
    would be read as rows, or its table of patients as that of the input.
    """
    passed = set(results_in(folder))
    return [path for path in _shown(folder) if path.is_file() and not passed & {*path.parents}]


def results_in(folder: Path) -> list[Path]:
    """The folders of results in a folder, itself among them if it is one."""
    if not folder.is_dir():
        return []
    return [path for path in (folder, *_shown(folder)) if path.is_dir() and _is_written(path)]


def passed_over(paths: Sequence[str | Path]) -> Iterator[str]:
    """The folders of results behind files and folders that are read, by name: each is told in the ledger."""
    yield from dict.fromkeys(found.as_posix() for path in map(Path, paths) for found in results_in(path))


def _shown(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _is_written(folder: Path) -> bool:
    return any(all((folder / name).exists() for name in names) for names in _MARKS)
