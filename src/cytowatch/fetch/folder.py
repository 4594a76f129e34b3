"""The folder that a fetch fills: part files while it reads, one NDJSON file a resource type when it is done.

Order of a step: the part files grow and are forced to the disk, then ``.fetch.json`` is put in place with their
lengths. After a kill the parts are cut to those lengths, so that nothing is lost and nothing doubled. A type that was
not read whole stays a part: a folder never shows half of what a patient was given as the whole.
"""

from __future__ import annotations

import fcntl
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import msgspec

from cytowatch.errors import ArgumentError, InputError
from cytowatch.fetch import durable
from cytowatch.fetch.page import Resource, head_of
from cytowatch.fetch.seen import Seen
from cytowatch.fetch.state import FORM, Count, Shortfall, State

STATE = ".fetch.json"
_LOCK = ".fetch.lock"
_PARTS = ".parts"
# type and id of what the server says was deleted, a line each
DELETED = "_deleted"
_COPY = 4 * 1024 * 1024


class Folder:
    """A folder under one fetch at a time. Use as a context."""

    def __init__(self, path: Path, question: str) -> None:
        self.path = path
        self._lock = _locked(path)
        try:
            self.state = _read_state(path, question) or State(question=question)
        except BaseException:
            os.close(self._lock)
            raise
        self.fresh = not (path / STATE).exists()

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)

    def part(self, name: str) -> Path:
        """The part file of a resource type or of a file of an export."""
        return self.path / _PARTS / f"{name}.part"

    def published(self, kind: str) -> Path:
        """The NDJSON file of a resource type."""
        return self.path / f"{kind}.ndjson"

    def save(self) -> None:
        """Put the state in place."""
        durable.put(self.path / STATE, msgspec.json.format(msgspec.json.encode(self.state)) + b"\n")

    def begin(self) -> None:
        """Clear away the parts of an earlier run and record that a run has begun."""
        parts = self.path / _PARTS
        parts.mkdir(mode=0o700, exist_ok=True)
        self.state.lengths = {}
        self.save()
        for old in parts.glob("*.part"):
            old.unlink()

    def go_on(self) -> None:
        """Cut every part to its recorded length; a part that is not recorded goes."""
        (self.path / _PARTS).mkdir(mode=0o700, exist_ok=True)
        for old in (self.path / _PARTS).glob("*.part"):
            if old.stem in self.state.lengths:
                durable.cut(old, self.state.lengths[old.stem])
            else:
                old.unlink()
        if self.state.phase not in {"removing", "publishing"}:
            self._check_parts()

    def _check_parts(self) -> None:
        for name, length in self.state.lengths.items():
            path = self.part(name)
            if not path.exists() or path.stat().st_size < length:
                raise InputError(
                    "The part files of an unfinished fetch are shorter than recorded.",
                    where=str(path.parent),
                    why="Going on would leave a gap.",
                    hint=f"Remove {self.path} and fetch anew.",
                )

    def remembered(self, most: int) -> Seen:
        """The lines that are there already: of earlier runs and of this one."""
        seen = Seen(most)
        for path in [*sorted(self.path.glob("*.ndjson")), *sorted((self.path / _PARTS).glob("*.part"))]:
            seen.recall(path)
        return seen

    def keep(self, resources: Iterable[Resource], deleted: Iterable[tuple[str, str]]) -> None:
        """Append resources to their parts, forced to the disk; ``save`` makes them count."""
        lines: defaultdict[str, list[bytes]] = defaultdict(list)
        for one in resources:
            lines[one.type].append(one.line)
            self.count(one.type).resources += 1
        for kind, name in deleted:
            lines[DELETED].append(f"{kind}/{name}".encode())
        for kind, some in lines.items():
            self.state.lengths[kind] = durable.append(self.part(kind), b"\n".join(some) + b"\n")

    def count(self, kind: str) -> Count:
        """The counts of a type."""
        return self.state.counts.setdefault(kind, Count())

    def fall_short(self, search: str, kind: str, why: str, *, hold: bool = True) -> None:
        """Record, once, that something was not read whole."""
        found = Shortfall(search, kind, why, hold)
        if found not in self.state.shortfalls:
            self.state.shortfalls.append(found)

    def holds(self, kind: str) -> bool:
        """Whether there is anything of a type, read whole or not."""
        return self.published(kind).exists() or kind in self.state.lengths

    def file_of(self, kind: str) -> str | None:
        """The file of a type as the report names it; None if there is none."""
        if self.part(kind).exists():
            return f"{_PARTS}/{kind}.part"
        return self.published(kind).name if self.published(kind).exists() else None

    def withheld(self) -> set[str]:
        """Types that were not read whole."""
        return {short.type for short in self.state.shortfalls if short.type and short.hold}

    def publish(self) -> None:
        """Take out what was deleted, then put the parts behind what is there; after a kill it goes on."""
        state = self.state
        if state.phase in {"reading", "following"}:
            state.phase = "removing"
            self.save()
        if state.phase == "removing":
            self._remove()
            state.before = {kind: _length(self.published(kind)) for kind in self._sources()}
            state.phase = "publishing"
            self.save()
        for kind, names in self._sources().items():
            self._put_in_place(kind, [self.part(name) for name in names])
        self.part(DELETED).unlink(missing_ok=True)
        durable.settle(self.path)

    def _sources(self) -> dict[str, list[str]]:
        """The parts that make up each type, without types that were not read whole."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        if self.state.export is not None:
            for number, file in enumerate(self.state.export.files or []):
                if file.kind == "output":
                    found[file.type].append(export_part(number))
        else:
            for kind in sorted(self.state.lengths):
                found[kind].append(kind)
        return {kind: names for kind, names in found.items() if kind not in {DELETED, *self.withheld()}}

    def _put_in_place(self, kind: str, parts: list[Path]) -> None:
        """Move or append the parts of a type. A part goes only after all are in place: one that is gone tells that."""
        target = self.published(kind)
        if all(part.exists() for part in parts):
            if len(parts) == 1 and not target.exists():
                parts[0].replace(target)
            else:
                durable.cut(target, self.state.before[kind])
                _join(parts, target)
        for part in parts:
            part.unlink(missing_ok=True)

    def _remove(self) -> None:
        """Take resources that the server has deleted out of what earlier runs published and this run's searches gave.

        The files of an export are left as they are: they and its deletions are of one moment.
        """
        if not self.part(DELETED).exists():
            return
        gone: defaultdict[str, set[str]] = defaultdict(set)
        for line in self.part(DELETED).read_text(encoding="utf-8").splitlines():
            kind, _, name = line.partition("/")
            gone[kind].add(name)
        for kind in sorted(gone):
            read = [self.part(kind)] if self.state.export is None else []
            lines = sum(_without(path, gone[kind]) for path in [self.published(kind), *read] if path.exists())
            # after a kill in this step there is less to find
            self.count(kind).deleted = max(lines, self.count(kind).deleted)


def _without(path: Path, names: set[str]) -> int:
    """Write a file anew without the resources of these ids; how many lines went."""
    beside = path.with_name(f".{path.name}.new")
    gone = 0
    with path.open("rb") as lines, beside.open("wb") as kept:
        beside.chmod(durable.PRIVATE)
        for line in lines:
            if head_of(line)[1] in names:
                gone += 1
            else:
                kept.write(line)
        kept.flush()
        os.fsync(kept.fileno())
    beside.replace(path)
    return gone


def export_part(number: int) -> str:
    """The name of the part that holds a file of an export."""
    return f"export-{number:06}"


def _join(parts: list[Path], target: Path) -> None:
    """Append whole files to another, forced to the disk."""
    with target.open("ab") as file:
        target.chmod(durable.PRIVATE)
        for part in parts:
            with part.open("rb") as source:
                while piece := source.read(_COPY):
                    file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _locked(path: Path) -> int:
    """Take the folder for this run; ArgumentError if another run has it, or if it holds something else."""
    if path.exists() and not path.is_dir():
        raise ArgumentError(f"{path} is a file.", where="--out", hint="Name a folder.")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    foreign = [one.name for one in path.iterdir() if not one.name.startswith(".")]
    if foreign and not (path / STATE).exists():
        raise ArgumentError(
            f"{path} holds files that no fetch wrote.",
            where="--out",
            why="They would be read together with what is fetched.",
            hint="Name a new or empty folder.",
        )
    handle = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, durable.PRIVATE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise ArgumentError(
            f"Another fetch is writing to {path}.", where="--out", hint="Wait for it, or name another folder."
        ) from None
    return handle


def _read_state(path: Path, question: str) -> State | None:
    file = path / STATE
    if not file.exists():
        return None
    try:
        state = msgspec.json.decode(file.read_bytes(), type=State)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise InputError(
            "The state of the fetch cannot be read.", where=str(file), hint=f"Remove {path} and fetch anew."
        ) from None
    if state.form != FORM:
        raise InputError("The state is of another version.", where=str(file), hint=f"Remove {path} and fetch anew.")
    if state.question != question:
        raise ArgumentError(
            f"{path} holds the answer to another question.",
            where="--out",
            why="Server, patients, group and types must be the same, or the folder would mix two records.",
            hint="Name a new folder, or ask the same again.",
        )
    return state
