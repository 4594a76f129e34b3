"""The folder of a simulation, and the record in it: whose it is, by what it was made, and how far it has come."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cytowatch.errors import ArgumentError
from cytowatch.schema import software_version
from cytowatch.simulate.tables import FOLDER

RECORD = "simulation.json"
PARTS = ("chart", "truth")
# what made the patients, and how far it came: the rest of the record says which patients they are
_MADE_BY = ("software", "mechanisms")
_PROGRESS = ("finished", "patients", "redrawn", "pace")


@cache
def tables_digest() -> str:
    """SHA-256 of every table of the mechanisms: other numbers, other patients."""
    found = sha256()
    for file in sorted(FOLDER.rglob("*.toml")):
        found.update(file.relative_to(FOLDER).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def claim(what: Mapping[str, Any], folder: Path) -> None:
    """Make a folder the place of one simulation.

    ArgumentError if it is another's, was begun by other software or tables, holds anything else, or cannot be written.
    """
    made_by = {"software": software_version(), "mechanisms": tables_digest()}
    wanted = json.loads(json.dumps({"simulated": True, **what, **made_by}))
    with _writable(folder):
        known = record(folder)
        if known is not None:
            _same(known, wanted, folder)
        elif folder.exists() and not _only_begun(folder):
            raise ArgumentError("The folder is not empty.", where=str(folder), hint="Name a new folder with --out.")
        for part in PARTS:
            (folder / part).mkdir(parents=True, exist_ok=True)
        if known is None:
            _write(wanted, folder)


def record(folder: Path) -> dict[str, Any] | None:
    """What the record of a folder says; None where there is none. ArgumentError if it cannot be read."""
    file = folder / RECORD
    if not file.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArgumentError(
            "The record of the simulation cannot be read.", where=str(file), why=str(error),
            hint="Name a new folder with --out.",
        ) from None  # fmt: skip
    return found


class Progress:
    """How far a cohort has come; every change is written into the record at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._record = record(folder) or {}
        self.patients = int(self._record.get("patients", 0))
        self._redrawn = Counter[str](self._record.get("redrawn", {}))

    def more(self, patients: int, redrawn: Mapping[str, int]) -> None:
        """All up to so many patients are whole; ``redrawn``: candidates of the new ones outside each limit."""
        # those of a batch that was lost and made again have been counted
        if patients > self.patients:
            self._redrawn.update(redrawn)
        self.patients = max(patients, self.patients)
        self.note(finished=False)

    def note(self, *, finished: bool, **more: Any) -> None:
        """Write it down; nothing is written where nothing changes."""
        redrawn = dict(sorted(self._redrawn.items()))
        now = {**self._record, "finished": finished, "patients": self.patients, "redrawn": redrawn, **more}
        if now != self._record:
            self._record = now
            _write(now, self._folder)


def _same(known: Mapping[str, Any], wanted: Mapping[str, Any], folder: Path) -> None:
    beside = (*_MADE_BY, *_PROGRESS)
    one, other = ({key: value for key, value in each.items() if key not in beside} for each in (known, wanted))
    if one != other:
        raise ArgumentError(
            "The folder holds another simulation.", where=str(folder),
            why="Its patients would stand among those of this one.", hint="Name another folder with --out.",
        )  # fmt: skip
    if known.get("software") != wanted["software"]:
        raise ArgumentError(
            f"The folder was begun by version {known.get('software', 'unknown')} of cytowatch; this is "
            f"{wanted['software']}.",
            where=str(folder), why="Patients of two versions would stand in one cohort.",
            hint="Name another folder with --out, or go on with that version.",
        )  # fmt: skip
    if known.get("mechanisms") != wanted["mechanisms"]:
        raise ArgumentError(
            "The folder was begun with other tables of the mechanisms.", where=str(folder),
            why="Patients of two mechanisms would stand in one cohort.",
            hint="Name another folder with --out, or put the tables back as they were.",
        )  # fmt: skip


def _only_begun(folder: Path) -> bool:
    """Whether a folder holds nothing but what a run that was cut short at once has left."""
    aside = (folder / RECORD).with_suffix(".part").name
    return all(
        (one.name in PARTS and one.is_dir() and not any(one.iterdir())) or one.name == aside
        for one in folder.iterdir()
    )  # fmt: skip


def _write(what: Mapping[str, Any], folder: Path) -> None:
    aside = (folder / RECORD).with_suffix(".part")
    aside.write_text(json.dumps(what, indent=2) + "\n", encoding="utf-8")
    aside.replace(folder / RECORD)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """A place that is no folder, or not to be written, is an ArgumentError."""
    if any(part.exists() and not part.is_dir() for part in (folder, *folder.parents)):
        raise ArgumentError(
            "--out is not a folder.", where=str(folder), why="The results are several files.",
            hint="Name a folder; it is made if it is not there.",
        )  # fmt: skip
    try:
        yield
    except OSError as error:
        raise ArgumentError(
            "The folder cannot be written.", where=str(folder), why=str(error),
            hint="Name another folder with --out, or ask for the right to write there.",
        ) from None  # fmt: skip
