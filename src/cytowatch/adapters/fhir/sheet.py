"""What is read of one file, column by column: its resources, the facts they state, and why others state none."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from cytowatch.adapters.fhir.codes import Codes, Target
from cytowatch.adapters.fhir.complete import Page
from cytowatch.adapters.fhir.places import Addresses, Place
from cytowatch.adapters.fhir.quantities import Units
from cytowatch.adapters.fhir.routes import Routes
from cytowatch.adapters.fhir.said import Register, Said
from cytowatch.adapters.fhir.structs import Patient
from cytowatch.adapters.fhir.things import Things
from cytowatch.adapters.fhir.times import cut
from cytowatch.adapters.fhir.words import Heard, Words
from cytowatch.knowledge.model import Knowledge

_T, _I, _F, _B = pl.String(), pl.Int64(), pl.Float64(), pl.Boolean()
# one row a resource; `key` is what makes it the same resource, `rank` says which status is later
HEADERS: dict[str, pl.DataType] = {
    "row": _I, "place": _T, "kind": _T, "id": _T, "version": _T, "updated": _T, "rank": _I, "content": _I,
    "subject": _T, "server": _T,
}  # fmt: skip
FACTS: dict[str, pl.DataType] = {
    "row": _I, "time": _T, "until": _T, "concept": _T, "number": _F, "printed": _T, "unit": _T, "comparator": _T,
    "text": _T, "status": _T, "available": _T, "range_low": _F, "range_high": _F, "unread": _B, "origin": _T,
}  # fmt: skip
# what was given, before it is known what the drug is
DOSES: dict[str, pl.DataType] = {
    "row": _I, "thing": _I, "time": _T, "until": _T, "status": _T, "dose": _F, "dose_code": _T, "dose_words": _T,
    "dose_comparator": _T, "rate": _F, "rate_code": _T, "rate_words": _T, "rate_comparator": _T, "running": _B,
    "order": _T, "refused": _I, "trouble": _I, "what": _T, "origin": _T, "available": _T,
    "local": _I,
}  # fmt: skip
# that a device was used, before it is known what the device is
USES: dict[str, pl.DataType] = {
    "row": _I, "thing": _I, "time": _T, "until": _T, "status": _T, "refused": _I, "trouble": _I, "what": _T,
}  # fmt: skip
SILENT: dict[str, pl.DataType] = {"row": _I, "said": _I, "concept": _T, "value": _T}
_UNREAD = "unread"
# the text of unread facts of which nobody knows more than that an observation speaks of them
SPOKEN = "spoken"
MILD = "spoken of some oxygen or pressor"
# rows held as Python objects before they become columns
_HELD = 50_000
_LONGEST_VALUE = 120
TABLES = {"headers": HEADERS, "facts": FACTS, "doses": DOSES, "uses": USES, "silent": SILENT}


@dataclass
class Run:
    """What all files of a run share."""

    knowledge: Knowledge
    codes: Codes
    units: Units
    register: Register
    things: Things
    routes: Routes
    words: Words
    # type and id of what a list of deletions names, and when
    deleted: list[tuple[str, str, str | None]] = field(default_factory=list)
    patients: list[tuple[int, Patient]] = field(default_factory=list)
    # full address of an entry to the type and id of what stands there
    addresses: Addresses = field(default_factory=Addresses)
    kinds: set[str] = field(default_factory=set)
    # types of resources of which something was lost: a broken line, a file that is cut off
    lost: set[str] = field(default_factory=set)
    pages: list[tuple[Sheet, Page]] = field(default_factory=list)


NOWHERE = Place()


class Sheet:
    """One file being read; rows are numbered on from ``first``."""

    def __init__(self, run: Run, label: str, first: int) -> None:
        self.run = run
        self.label = label
        self.first = first
        self.rows = 0
        self.kinds: set[str] = set()
        # what is told of the file, beside its rows
        self.remarks: list[str] = []
        # of the resource at hand
        self.place = NOWHERE
        self._held: dict[str, list[tuple[object, ...]]] = {name: [] for name in TABLES}
        self._frames: dict[str, list[pl.DataFrame]] = {name: [] for name in TABLES}
        self._add_header = self._held["headers"].append
        self._add_fact = self._held["facts"].append
        self._add_silent = self._held["silent"].append

    def header(
        self,
        place: str,
        kind: str,
        id_: str | None = None,
        version: str | None = None,
        updated: str | None = None,
        rank: int = 0,
        content: int = 0,
        subject: str | None = None,
    ) -> int:
        """Enter a resource (or what should have been one); gives back its row."""
        row = self.first + self.rows
        self.rows += 1
        server = self.place.server or None
        self._add_header((row, place, kind, id_, version, updated, rank, content, subject, server))
        return row

    def fact(
        self,
        row: int,
        concept: str,
        time: str | None,
        until: str | None = None,
        number: float | None = None,
        printed: str | None = None,
        unit: str | None = None,
        comparator: str | None = None,
        text: str | None = None,
        status: str | None = None,
        available: str | None = None,
        low: float | None = None,
        high: float | None = None,
        *,
        unread: bool = False,
        origin: str | None = None,
    ) -> None:
        """A fact that a resource states; or, ``unread``, that it may have stated one that nobody can read."""
        self._add_fact(
            (row, time, until, concept, number, printed, unit, comparator, text, status, available, low, high, unread,
             origin)
        )  # fmt: skip

    def say(self, row: int, said: Said, concept: str | None = None, value: str | None = None) -> None:
        """Why a resource (or a part of it) states no fact."""
        self._add_silent((row, self.run.register.number(said), concept, cut(value, _LONGEST_VALUE)))

    def refuse(
        self, row: int, said: Said, target: Target, time: str | None, until: str | None = None, value: str | None = None
    ) -> None:
        """The same where the code is known: what could not be read is in doubt from then on (`adapters/doubt.py`)."""
        self.say(row, said, target.concept, value)
        if target.doubtful:
            self.unread(row, target.concept, time, until)

    def unread(self, row: int, concept: str, time: str | None, until: str | None = None, text: str = _UNREAD) -> None:
        """A therapy in doubt, told elsewhere."""
        self.fact(row, concept, time, until, printed=_UNREAD, text=text, unread=True)

    def speak(self, row: int, heard: Heard, time: str | None, until: str | None) -> None:
        """Enter a therapy that an observation under a code of no table speaks of."""
        self.say(row, heard.said, heard.concept, heard.told)
        self.unread(row, heard.concept, time, until, MILD if heard.mild else SPOKEN)

    def dose(self, *columns: object) -> None:
        """A row of `DOSES`."""
        self._held["doses"].append(columns)

    def use(self, *columns: object) -> None:
        """A row of `USES`."""
        self._held["uses"].append(columns)

    def rest(self) -> None:
        """Turn what is held into columns if it is much."""
        if len(self._held["headers"]) >= _HELD:
            self._flush()

    def table(self, name: str) -> pl.DataFrame:
        """One of `TABLES`, whole."""
        self._flush()
        return pl.concat([pl.DataFrame(schema=TABLES[name]), *self._frames[name]])

    def _flush(self) -> None:
        for name, held in self._held.items():
            if held:
                columns = zip(*held, strict=True)
                schema = TABLES[name]
                self._frames[name].append(
                    pl.DataFrame(
                        [
                            pl.Series(key, part, dtype=dtype, strict=True)
                            for (key, dtype), part in zip(schema.items(), columns, strict=True)
                        ]
                    )
                )
                held.clear()
