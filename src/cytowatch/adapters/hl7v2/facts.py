"""What segments state, before it is admitted: facts with what corrections need, and silent rows in few columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import polars as pl

from cytowatch.adapters.gather import SILENT, silent_rows

Effect = Literal["preliminary", "final", "amended", "retract"]


class Identity(NamedTuple):
    """A patient as a message names one: the id and who assigned it (empty if not said)."""

    id: str
    authority: str = ""


class Listed(NamedTuple):
    """One identifier of a list: the id, and its type (HL7 table 0203, empty if not said)."""

    who: Identity
    kind: str = ""


class Key(NamedTuple):
    """What two segments must share to speak of the same result: order, code and sub-id (the patient comes later).

    A correction may also find it by one of all the ``codings`` of an OBX, or by its concept and ``category``.
    """

    order: str
    code: str
    sub_id: str
    codings: frozenset[tuple[str, str]] = frozenset()
    category: str = ""


@dataclass(slots=True)
class Fact:
    """One fact that a segment states, or tried to: ``rule`` says why it cannot be used, then it is a reject.

    ``message``: number of the message in the run. ``moment``: its time in microseconds, where that is known.
    ``effect``: what its status does. ``order``: which rates continue one another. ``is_quiet``: a retraction that
    speaks of its own moment only, and need not find anything there. ``is_spoken``: nobody knows more than that an
    observation speaks of it; ``is_mild``: and that of some oxygen, or some pressor.
    """

    row: int
    source: str
    message: int
    patient: Identity | None
    concept: str
    key: Key | None
    effect: Effect = "final"
    time: str | None = None
    moment: int | None = None
    until: str | None = None
    available: str | None = None
    value: str | None = None
    unit: str | None = None
    comparator: str | None = None
    text: str | None = None
    range_low: str | None = None
    range_high: str | None = None
    order: str | None = None
    rule: str = ""
    reason: str = ""
    hint: str = ""
    given: str = ""
    is_quiet: bool = False
    is_spoken: bool = False
    is_mild: bool = False

    @property
    def code(self) -> str:
        """The code by which it is the same result as another; empty if nothing can speak of it."""
        return self.key.code if self.key is not None else ""

    def refuse(self, rule: str, reason: str, hint: str, given: str | None = None) -> Fact:
        """The same fact as a reject; the first rule stands. At most the head of what was written is kept."""
        if not self.rule:
            self.rule, self.reason, self.hint = rule, reason, hint
            self.given = (self.given if given is None else given)[:200]
        return self


@dataclass
class Silent:
    """Rows that state no fact: ignored and superseded ones as plain columns, rejected ones as records."""

    rows: list[int] = field(default_factory=list)
    fates: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    rejected: list[dict[str, object]] = field(default_factory=list)

    def leave(self, row: int, reason: str, fate: str = "ignored") -> None:
        """A row that is understood and states nothing that counts."""
        self.rows.append(row)
        self.fates.append(fate)
        self.reasons.append(reason)

    def reject(self, row: int, source: str, rule: str, reason: str, hint: str, **told: object) -> None:
        """A row that cannot be read."""
        self.rejected.append({"row": row, "source": source, "rule": rule, "reason": reason, "hint": hint, **told})

    def refuse(self, fact: Fact, patient: str) -> None:
        """A fact that cannot be used, as the reject of its row."""
        self.reject(
            fact.row,
            fact.source,
            fact.rule,
            fact.reason,
            fact.hint,
            patient=patient or None,
            concept=fact.concept or None,
            value=fact.given or None,
        )

    def name_few(self, group: str, most: int) -> None:
        """Of the reasons that begin with ``group`` only the most frequent stay as they are; the others are counted."""
        counts = Counter(reason for reason in self.reasons if reason.startswith(group))
        others = {reason for reason, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[most:]}
        if others:
            told = f"{group}{len(others)} others"
            self.reasons = [told if reason in others else reason for reason in self.reasons]

    def mark(self) -> tuple[int, int]:
        """How far it has been filled."""
        return len(self.rows), len(self.rejected)

    def back_to(self, mark: tuple[int, int]) -> None:
        """Forget everything since a mark."""
        for column in (self.rows, self.fates, self.reasons):
            del column[mark[0] :]
        del self.rejected[mark[1] :]

    def frame(self) -> pl.DataFrame:
        """All of them, as `gather.Mapped` takes them."""
        records = [{**one, "fate": "rejected"} for one in self.rejected]
        left = pl.DataFrame(
            {"row": self.rows, "fate": self.fates, "reason": self.reasons},
            schema={"row": pl.Int64, "fate": pl.String, "reason": pl.String},
        )
        empty = [pl.lit(None, pl.String).alias(name) for name in SILENT if name not in left.columns]
        return pl.concat([silent_rows(records), left.with_columns(empty).select(SILENT)])


_COLUMNS = (
    "time", "until", "available", "concept", "value", "unit", "comparator", "text", "range_low", "range_high", "source",
)  # fmt: skip
_TYPES = {"row": pl.Int64(), "patient": pl.String(), "status": pl.String(), **dict.fromkeys(_COLUMNS, pl.String())}


def fact_frame(facts: list[tuple[Fact, str]]) -> pl.DataFrame:
    """Facts with the id of their patient, as raw rows of the contract's long table."""
    columns: dict[str, list[object]] = {name: [getattr(one, name) for one, _ in facts] for name in _COLUMNS}
    columns |= {"row": [one.row for one, _ in facts], "patient": [patient or None for _, patient in facts]}
    columns["status"] = [one.effect for one, _ in facts]
    return pl.DataFrame(columns, schema_overrides=_TYPES).select(*_TYPES)
