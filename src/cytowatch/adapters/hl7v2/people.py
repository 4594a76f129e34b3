"""PID and MRG: who a patient is, what is known of the person, and which two ids became one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cytowatch.adapters.hl7v2.context import Context, read_identities
from cytowatch.adapters.hl7v2.facts import Identity, Listed, Silent
from cytowatch.adapters.hl7v2.stamps import Stamp, date_of, utc_text
from cytowatch.adapters.hl7v2.syntax import NULL, Segment, component
from cytowatch.adapters.hl7v2.tables import Tables

# when, old, surviving
Merge = tuple[tuple[int, int], Identity, Identity]
_NO_IDS = (
    "which two ids became one is not said, so facts of one patient may stand under two", "send PID-3 and MRG-1"
)  # fmt: skip
_SAID_AGAIN = "says the same of the person again, or was replaced by a later statement"
_CONTEXT = "names the patient of what follows"


@dataclass(slots=True)
class Statement:
    """What one PID says of a person; ``""`` in a field takes back what was said before.

    ``ids``: all identifiers that name the person, the patient's first.
    """

    row: int
    source: str
    order: tuple[int, int]
    patient: Identity
    ids: tuple[Listed, ...]
    update: bool
    birth: str
    sex: str
    died: tuple[str, str]
    death: Stamp
    available: str | None


@dataclass
class People:
    """Everything that PID and MRG segments say, in the order in which messages were sent."""

    tables: Tables
    statements: list[Statement] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    merge_rows: list[int] = field(default_factory=list)

    def read_pid(self, segment: Segment, row: int, context: Context, silent: Silent) -> None:
        """A PID: whose results follow, and what it says of the person."""
        separators = context.separators
        lists = [] if segment.damage else [read_identities(segment[number], separators) for number in (3, 2)]
        ids = next(filter(None, lists), ())
        who = ids[0].who if ids else None
        context.begin_patient(who)
        if who is None:
            rule = segment.damage or "missing_patient"
            why = "nothing in this message can be told to be anybody's"
            silent.reject(row, context.source(segment), rule, why, "send PID-3 with a medical record number")
            return
        birth, sex = (_said(segment[number], context) for number in (7, 8))
        died = (_said(segment[29], context), _said(segment[30], context).upper())
        moment = context.stamp(segment[29]) if died[0] != NULL else Stamp()
        # of a death that lies ahead of the message nothing is said about when it became known
        ahead = moment.moment is not None and (context.sent.moment or 0) < moment.moment
        sent = utc_text(context.sent.moment) if context.sent.moment is not None and not ahead else None
        order, update = (context.sent.moment or 0, row), context.kind[0] == "ADT"
        self.statements.append(
            Statement(
                row, context.source(segment), order, who, ids, update, birth, sex, died, moment, sent,
            )
        )  # fmt: skip

    def read_mrg(self, segment: Segment, row: int, context: Context, silent: Silent) -> None:
        """An MRG: the id that no longer is, if the event merges patients."""
        meaning = self.tables.code("0003", context.kind[1])
        if meaning is not None and meaning.is_ignored:
            silent.leave(row, meaning.reason)
            return
        # MRG-4: the id of former versions, which events of the outer id (A39, A46) name
        lists = [read_identities(segment[number], context.separators) for number in (1, 4)]
        olds = [] if segment.damage or meaning is None else [one.who for ids in lists for one in ids]
        new = context.patient
        if not olds or new is None:
            why, hint = _NO_IDS
            if meaning is None:
                event = context.kind[1][:20] or "no event"
                why, hint = f"HL7 table 0003 here lacks {event} (MSH-9): two patients may be one", "send a merge as A40"
            silent.reject(row, context.source(segment), "unread_merge", why, hint)
            return
        for old in olds:
            # a number without its authority is of the same house as the other
            self.merges.append(
                (
                    (context.sent.moment or 0, row),
                    old._replace(authority=old.authority or new.authority),
                    new._replace(authority=new.authority or old.authority),
                )
            )
        self.merge_rows.append(row)


def _said(raw: str, context: Context) -> str:
    return NULL if raw.strip() == NULL else component(raw, 1, context.separators)


def survivors(merges: Iterable[Merge]) -> Callable[[Identity], Identity]:
    """Which id stands for each; of two merges that go in a circle the later one holds."""
    became: dict[Identity, Identity] = {}

    def current(who: Identity) -> Identity:
        while who in became:
            who = became[who]
        return who

    for _, old, new in sorted(merges):
        if old == new:
            continue
        if current(new) == old:
            # the way back: the id that is merged into lives again
            became.pop(new, None)
        if current(new) != old:
            became[old] = new
    return current


def settled(
    statements: list[Statement], of: Callable[[Statement], object], empty: object, gone: object
) -> list[Statement]:
    """The statements of one field that stand for one patient: the last update, else every different one.

    Of statements that say the same the first stands, because from then on it was known. Several are a contradiction.
    """
    said = sorted((one for one in statements if of(one) != empty), key=lambda one: one.order)
    updates = [one for one in said if one.update]
    if updates:
        last = of(updates[-1])
        earlier = updates[::-1]
        run = next((place for place, one in enumerate(earlier) if of(one) != last), len(earlier))
        return [] if last == gone else [earlier[run - 1]]
    first: dict[object, Statement] = {}
    for one in said:
        if of(one) != gone:
            first.setdefault(of(one), one)
    return list(first.values())


def person_rows(statements: list[Statement], tables: Tables) -> tuple[list[dict[str, object]], set[int]]:
    """Fields of one patient as rows (row, birth_date, sex), and the numbers of the PIDs that they come from."""
    births = settled(statements, lambda one: date_of(one.birth) if one.birth != NULL else NULL, "", NULL)
    sexes = settled(statements, lambda one: _sex(one.sex, tables), "", NULL)
    rows: list[dict[str, object]] = [{"row": one.row, "birth_date": date_of(one.birth)} for one in births]
    rows += [{"row": one.row, "sex": _sex(one.sex, tables)} for one in sexes]
    return rows, {one.row for one in (*births, *sexes)}


def _sex(code: str, tables: Tables) -> str:
    """The sex of HL7 table 0001; empty for unknown, as written where the table lacks it."""
    if code in ("", NULL):
        return code
    meaning = tables.code("0001", code)
    return code if meaning is None else "" if meaning.is_ignored else meaning.meaning


def death_of(statements: list[Statement]) -> Statement | None:
    """The statement that one patient died, if one stands."""
    found = settled(statements, _death, "", NULL)
    died = [one for one in found if one.died[1] in ("", "Y") or one.died[0]]
    return min(died, key=lambda one: one.order, default=None)


def _death(one: Statement) -> str:
    """Empty if it says nothing of a death, null if it says that there was none."""
    when, whether = one.died
    if NULL in (when, whether) or (whether == "N" and not when):
        return NULL
    return f"{when}{whether}"


def silent_statements(statements: list[Statement], used: set[int], silent: Silent) -> None:
    """PIDs that give nothing: those that only name the patient, and those whose word was said before or replaced."""
    for one in statements:
        if one.row not in used:
            says = bool(one.birth or one.sex or any(one.died))
            silent.leave(one.row, _SAID_AGAIN if says else _CONTEXT, "superseded" if says else "ignored")
