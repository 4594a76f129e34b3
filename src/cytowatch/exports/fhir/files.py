"""The files: one NDJSON file a type, and if asked for one Bundle a patient; whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from cytowatch.errors import ArgumentError
from cytowatch.exports.fhir.jsontext import encoded
from cytowatch.exports.fhir.names import TYPES

BUNDLES = "bundles"
# a name that nobody can own: references within a bundle resolve against it
BASE = "http://cytowatch.invalid/fhir"
# always there, even if empty: a missing file would say that its kind is not recorded
_ALWAYS = ("Patient", "Observation", "MedicationAdministration")
_SLICE = 20_000


class Writer:
    """Collects the resources of a run in files beside their place."""

    def __init__(self, parts: Path, *, bundle: bool) -> None:
        self._parts = parts
        self._bundle = bundle
        self._files: dict[str, BinaryIO] = {}
        self.counts: Counter[str] = Counter()
        # what every Bundle needs besides its patient's resources
        self.shared: list[dict[str, Any]] = []
        if bundle:
            (parts / BUNDLES).mkdir()

    def add(self, kind: str, resources: pl.DataFrame) -> None:
        """Append resources (column ``line``) to the file of their type."""
        if resources.is_empty():
            return
        file = self._file(kind)
        for part in resources.iter_slices(_SLICE):
            file.write("\n".join(part["line"].to_list()).encode())
            file.write(b"\n")
        self.counts[kind] += resources.height

    def add_each(self, resources: Iterator[dict[str, Any]]) -> None:
        """Append single resources."""
        for one in resources:
            self.add(one["resourceType"], pl.DataFrame({"line": [encoded(one)]}))

    def add_always(self) -> None:
        """Make the files that are there even if empty. Not where facts were left out: they would say "none given"."""
        for kind in _ALWAYS:
            self._file(kind)

    def add_bundles(self, keys: pl.DataFrame, whole: Sequence[tuple[str, pl.DataFrame]]) -> None:
        """One Bundle a patient of all its resources (type, resources); ``keys``: `keys.patient_keys`."""
        if not self._bundle:
            return
        names = dict(keys.select("patient", "patient_id").iter_rows())
        device = "".join(f"{_entry(one['resourceType'], one['id'])}{encoded(one)}}}," for one in self.shared)
        entries = [
            resources.select("patient", entry=pl.concat_str(_address(kind), "line", pl.lit("}")))
            for kind, resources in whole
        ]
        joined = pl.concat(entries).group_by("patient", maintain_order=True).agg(pl.col("entry").str.join(","))
        for patient, entry in joined.iter_rows():
            path = self._parts / BUNDLES / f"{names[patient]}.json"
            whole_text = f'{{"resourceType":"Bundle","type":"collection","entry":[{device}{entry}]}}'
            path.write_text(whole_text, encoding="utf-8")
        self.counts[BUNDLES] += joined.height

    def close(self) -> None:
        """No more is written."""
        for file in self._files.values():
            file.close()

    def _file(self, kind: str) -> BinaryIO:
        if kind not in self._files:
            self._files[kind] = (self._parts / f"{kind}.ndjson").open("wb")
        return self._files[kind]


def _entry(kind: str, name: str) -> str:
    """The beginning of an entry, up to its resource."""
    return f'{{"fullUrl":"{BASE}/{kind}/{name}","resource":'


def _address(kind: str) -> pl.Expr:
    start, end = _entry(kind, "\n").split("\n")
    return pl.concat_str(pl.lit(start), "id", pl.lit(end))


@contextmanager
def writing(folder: Path, *, bundle: bool) -> Iterator[tuple[Writer, list[Path]]]:
    """A writer, and the paths of what stands in ``folder`` once all of it is written.

    Until then the folder holds what it held. Files of an earlier export that this one has not are removed.
    """
    if folder.exists() and not folder.is_dir():
        raise ArgumentError(f"{folder} is a file.", where="--out", hint="Give a folder; it is made if it is not there.")
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    with tempfile.TemporaryDirectory(prefix=".parts-", dir=folder) as name:
        parts = Path(name)
        writer = Writer(parts, bundle=bundle)
        try:
            yield writer, paths
        finally:
            writer.close()
        paths += _placed(parts, folder)


def _placed(parts: Path, folder: Path) -> list[Path]:
    paths = []
    for kind in TYPES:
        path = folder / f"{kind}.ndjson"
        made = parts / path.name
        if made.exists():
            made.replace(path)
            paths.append(path)
        else:
            path.unlink(missing_ok=True)
    shutil.rmtree(folder / BUNDLES, ignore_errors=True)
    if (parts / BUNDLES).exists():
        (parts / BUNDLES).rename(folder / BUNDLES)
        paths.append(folder / BUNDLES)
    return paths
