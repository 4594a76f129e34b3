"""When all files are read: which rows count, of whom they speak, and each row's place in the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from cytowatch.adapters.fhir import doubts, people
from cytowatch.adapters.fhir.complete import shortfalls
from cytowatch.adapters.fhir.given import Meanings, facts_of_doses, facts_of_uses
from cytowatch.adapters.fhir.said import TWO_SERVERS, Said
from cytowatch.adapters.fhir.sheet import MILD, SILENT, SPOKEN, Run, Sheet
from cytowatch.adapters.fhir.structs import Patient
from cytowatch.adapters.fhir.versions import lost
from cytowatch.adapters.gather import SILENT as SILENT_ROWS
from cytowatch.adapters.gather import Gathering, Mapped, not_recorded
from cytowatch.adapters.intake import Intake
from cytowatch.schema import REJECTS

KEY = "fhir"
# of codes and types that no table has, so many are named in the ledger
_NAMED = 25
_LONGEST_ID = 80
_ERROR = "entered-in-error"
_IS_SPOKEN = pl.col("unread") & pl.col("text").is_in([SPOKEN, MILD]).fill_null(value=False)
# where a device may be recorded; such a resource that states none is no sign that devices are recorded
_DEVICES = ("Procedure", "DeviceUseStatement", "Observation")


@dataclass(frozen=True)
class _Part:
    """What stands of one sheet."""

    facts: pl.DataFrame
    silent: pl.DataFrame
    orders: pl.DataFrame
    remarks: list[str]


def settled(run: Run, sheets: list[Sheet], gathering: Gathering) -> Intake:
    """Everything read, as what a run is graded from."""
    short = shortfalls(page for _, page in run.pages)
    for sheet, page in run.pages:
        if page in short:
            run.lost |= page.kinds
            sheet.remarks.append(short[page])
    headers = pl.concat([_pointed(sheet) for sheet in sheets])
    fates = _lost(run, headers)
    fates = pl.concat([fates, _rows_said(run, _of_two_servers(headers, fates), TWO_SERVERS)])
    gone = set(fates["row"].to_list())
    kept = [(row, one) for row, one in run.patients if row not in gone]
    merged = people.survivors((one for _, one in kept), run.addresses)
    kept, replaced = people.standing(kept, merged, run.codes)
    fates = pl.concat([fates, _rows_said(run, replaced, people.MERGED)])
    meanings = Meanings(run, gone)
    parts = [_part(sheet, run, meanings, fates) for sheet in sheets]
    subjects = _subjects(headers, run, merged)
    headers = headers.join(subjects, on="subject", how="left", nulls_equal=True, maintain_order="left")
    words = _words(run, parts)
    parts = [_pointing_back(part, parts, headers) for part in parts]
    standing = pl.DataFrame({"row": [row for row, _ in kept]}, schema={"row": pl.Int64})
    unread, spoken = [], []
    for sheet, part in zip(sheets, parts, strict=True):
        rows = headers.slice(sheet.first, sheet.rows)
        in_doubt = _take(gathering, sheet.label, rows, part, words, standing)
        spoken.append(in_doubt.filter(_IS_SPOKEN))
        unread.append(in_doubt.filter(~_IS_SPOKEN))
        for remark in (*part.remarks, *sheet.remarks):
            gathering.enter(sheet.label, "ignored", remark, 0)
    gathering.close_by_order(pl.concat([part.orders for part in parts]))
    observed = gathering.observed()
    gathering.doubt(doubts.placed(pl.concat(unread), observed, run.knowledge, gathering.zone))
    whole = pl.concat(spoken)
    mild = whole.select("row", "concept", mild=pl.col("text") == MILD).unique()
    placed = doubts.placed(whole, observed, run.knowledge, gathering.zone)
    gathering.speak(placed.join(mild, on=["row", "concept"], how="left", maintain_order="left"))
    table = _persons(gathering, kept, headers)
    absent = run.knowledge.doors[KEY].unrecorded_kinds(_present(run, parts, headers))
    return gathering.intake(table, not_recorded=not_recorded(run.knowledge, absent))


def _pointed(sheet: Sheet) -> pl.DataFrame:
    """The resources of a sheet with ``source``: file, place in it, type and id."""
    headers = sheet.table("headers")
    name = pl.when(pl.col("id").is_not_null()).then(
        pl.format("{}/{}", pl.col("kind"), pl.col("id").str.slice(0, _LONGEST_ID))
    )
    where = (
        pl.when(pl.col("place") == "")
        .then(pl.lit(sheet.label))
        .otherwise(pl.format("{}:{}", pl.lit(sheet.label), pl.col("place")))
    )
    kind = pl.coalesce(name, "kind")
    source = pl.when(kind == "").then(where).otherwise(pl.format("{}#{}", where, kind))
    return headers.with_columns(source.alias("source"))


def _lost(run: Run, headers: pl.DataFrame) -> pl.DataFrame:
    """Rows of versions that do not count (``row, said``)."""
    whole = people.survivors((one for _, one in run.patients), run.addresses)
    subjects = _subjects(headers, run, whole).select("subject", "patient")
    found = lost(headers.join(subjects, on="subject", how="left", maintain_order="left"), run.deleted)
    return pl.concat([_rows_said(run, rows.to_list(), said) for said, rows in found.items()])


def _of_two_servers(headers: pl.DataFrame, fates: pl.DataFrame) -> list[int]:
    """Rows of patients whose id two servers give: nobody can say whose birth date is whose."""
    persons = headers.filter(pl.col("kind") == "Patient").join(fates, on="row", how="anti")
    return persons.filter(pl.col("server").drop_nulls().n_unique().over("id") > 1)["row"].to_list()


def _rows_said(run: Run, rows: list[int], said: Said) -> pl.DataFrame:
    number = run.register.number(said)
    return pl.DataFrame({"row": rows, "said": [number] * len(rows)}, schema={"row": pl.Int64, "said": pl.Int64})


def _part(sheet: Sheet, run: Run, meanings: Meanings, fates: pl.DataFrame) -> _Part:
    given, of_doses, orders, remarks = facts_of_doses(sheet.table("doses"), meanings, run)
    used, of_uses = facts_of_uses(sheet.table("uses"), meanings, run)
    facts = pl.concat([sheet.table("facts"), given, used]).join(fates, on="row", how="anti")
    own = fates.filter(pl.col("row").is_between(sheet.first, sheet.first + sheet.rows - 1))
    nothing = {name: pl.lit(None, dtype) for name, dtype in SILENT.items()}
    own = own.select(**(nothing | {"row": pl.col("row"), "said": pl.col("said")}))
    silent = pl.concat([sheet.table("silent"), of_doses, of_uses]).join(fates, on="row", how="anti")
    return _Part(facts, pl.concat([silent, own]), orders.join(fates, on="row", how="anti"), remarks)


def _subjects(headers: pl.DataFrame, run: Run, merged: dict[str, str]) -> pl.DataFrame:
    """Each distinct subject with ``patient``, or with ``nobody``, the number of what is said of it."""
    distinct = headers["subject"].unique().sort()
    patients, said = people.subjects(distinct, run.addresses, merged)
    numbers = [None if one is None else run.register.number(one) for one in said]
    return pl.DataFrame(
        {"subject": distinct, "patient": patients, "nobody": numbers},
        schema={"subject": pl.String, "patient": pl.String, "nobody": pl.Int64},
    )


def _words(run: Run, parts: list[_Part]) -> pl.DataFrame:
    """Every fate in words (``said, fate, reason, rule, hint``); of long lists of codes the most frequent by name."""
    counts = pl.concat([part.silent["said"] for part in parts]).value_counts(name="rows")
    rows = dict(counts.iter_rows())
    reasons = {number: said.reason for number, said in enumerate(run.register.each)}
    groups: dict[str, list[int]] = {}
    for number, said in enumerate(run.register.each):
        if said.group and number in rows:
            groups.setdefault(said.group, []).append(number)
    for group, numbers in groups.items():
        few = sorted(numbers, key=lambda number: (-rows[number], reasons[number]))[_NAMED:]
        reasons |= dict.fromkeys(few, f"{group}: {len(few)} others")
    told = [(n, one.fate, reasons[n], one.rule, one.hint) for n, one in enumerate(run.register.each)]
    names = ("fate", "reason", "rule", "hint")
    return pl.DataFrame(told, schema={"said": pl.Int64, **dict.fromkeys(names, pl.String)}, orient="row")


def _pointing_back(part: _Part, parts: list[_Part], headers: pl.DataFrame) -> _Part:
    """Our own rows that take another one back point to it: both carry the same origin."""
    wrong = (pl.col("status") == _ERROR) & pl.col("origin").is_not_null()
    if not part.facts.select(wrong.any()).item():
        return part
    every = pl.concat([one.facts for one in parts]).filter(pl.col("origin").is_not_null(), ~wrong)
    names = ["patient", "concept", "origin"]
    patients = headers.select("row", "patient", "source")
    named = every.join(patients, on="row").group_by(names).agg(pl.col("source").min().alias("back"))
    facts = part.facts.join(patients.select("row", "patient"), on="row", how="left")
    facts = facts.join(named, on=names, how="left").drop("patient")
    return _Part(facts.with_columns(pl.when(wrong).then("back").alias("back")), part.silent, part.orders, part.remarks)


def _take(
    gathering: Gathering, label: str, rows: pl.DataFrame, part: _Part, words: pl.DataFrame, standing: pl.DataFrame
) -> pl.DataFrame:
    """Hand one sheet to the gathering: its patients, which count by being there, and all else.

    Gives back what is in doubt, which is placed when everything is admitted.
    """
    facts = part.facts.join(rows.select("row", "source", "patient", "nobody"), on="row", how="left")
    nobody = facts.filter(pl.col("nobody").is_not_null())
    lines = [
        part.silent,
        nobody.select("row", pl.col("nobody").alias("said"), "concept", value=pl.lit(None, pl.String)),
    ]
    silent = _silent(pl.concat(lines).unique(maintain_order=True), rows, words)
    raw = _raw(facts.filter(pl.col("nobody").is_null()))
    unread, stated = raw.filter("unread"), raw.filter(~pl.col("unread")).drop("unread")
    lost = doubts.without_moment(stated, gathering.knowledge, gathering.zone)
    persons = rows.join(standing, on="row", how="semi").select("row", "source")
    others = rows.join(standing, on="row", how="anti").select("row", "source")
    for those, anyway in ((persons, True), (others, False)):
        if those.height:
            own, told = (frame.join(those, on="row", how="semi") for frame in (stated, silent))
            if anyway:
                # a field of a person that cannot be read: the person is used all the same
                gathering.refuse(told.filter(pl.col("fate") == "rejected"))
                told = told.clear()
            gathering.take(label, those, Mapped(own, told), used_anyway=anyway)
    lost = lost.with_columns(unread=pl.lit(value=False)).select(unread.columns)
    return pl.concat([unread, lost]).with_columns(pl.col("value").cast(pl.String))


def _silent(silent: pl.DataFrame, rows: pl.DataFrame, words: pl.DataFrame) -> pl.DataFrame:
    told = silent.join(words, on="said", how="left").join(rows.select("row", "source", "patient"), on="row", how="left")
    return told.select(pl.col(name) for name in SILENT_ROWS)


def _raw(facts: pl.DataFrame) -> pl.DataFrame:
    """Facts under the contract's names; numbers stay numbers unless some are printed as text."""
    value = pl.col("number")
    if facts["printed"].count():
        value = pl.coalesce("printed", pl.col("number").cast(pl.String))
    source = pl.coalesce("back", "source") if "back" in facts.columns else pl.col("source")
    same = ("row", "patient", "time", "until", "concept", "unit", "comparator", "text", "status", "available",
            "range_low", "range_high", "unread")  # fmt: skip
    return facts.select(*same, value.alias("value"), source.alias("source"))


def _persons(gathering: Gathering, kept: list[tuple[int, Patient]], headers: pl.DataFrame) -> pl.DataFrame:
    """The table of patients; what cannot be read of a field stands in the rejects under the patient's own row."""
    label = "patients"
    read = gathering.persons(people.table(kept), file=label)
    row = pl.col("source").str.slice(len(label) + 1).cast(pl.Int64)
    rejects = (
        read.rejects.with_columns(row.alias("row"))
        .drop("source")
        .join(headers.select("row", "source"), on="row", how="left")
    )
    gathering.refuse(rejects.select(REJECTS.names))
    return read.frame


def _present(run: Run, parts: Iterable[_Part], headers: pl.DataFrame) -> set[str]:
    """The types of resources that record a kind of therapy in this input.

    A device may be written in several types, and most hospitals write it in none; only a type that states one counts.
    What cytowatch wrote itself is a closed world, as its own table is.
    """
    facts = pl.concat([part.facts.select("row", "concept", "origin", "unread") for part in parts])
    facts = facts.join(headers.select("row", "kind"), on="row", how="left")
    bedside = facts.filter(pl.col("kind") != "Patient")
    devices = [key for key, concept in run.knowledge.concepts.items() if concept.kind == "device"]
    stated = set(facts.filter(pl.col("concept").is_in(devices), ~pl.col("unread"))["kind"].unique().to_list())
    recorded = run.knowledge.doors[KEY].recorded
    if bedside.height and not bedside["origin"].null_count():
        present = {part for door in recorded for part in door.parts}
    else:
        present = {kind for kind in run.kinds if kind not in _DEVICES} | stated
    # what was lost of a kind of resource may have stated any therapy that stands in it
    open_again = {part for door in recorded if run.lost & set(door.parts) & present for part in door.parts}
    return present - open_again
