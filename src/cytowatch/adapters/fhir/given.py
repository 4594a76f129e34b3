"""What was given, once it is known what each drug is; and which device was on.

An infusion with a rate runs at that rate. With a start and an end (or still going) and no rate it ran, at a rate that
nobody wrote: it is on, its value is missing, and it is never off. A push (an amount at a moment) is no rate, and is
handed on as it stands: admission refuses the unit, and the drug is in doubt from then on.
"""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.fhir import said as why
from cytowatch.adapters.fhir.quantities import Units
from cytowatch.adapters.fhir.said import Register, Said, ignored
from cytowatch.adapters.fhir.sheet import FACTS, Run
from cytowatch.adapters.fhir.things import Meant
from cytowatch.adapters.resolve import find_unit
from cytowatch.knowledge.model import Knowledge

_UNREAD = "unread"
_ERROR = "entered-in-error"
# of one file
_MOST_REMARKS = 20
_NOT_A_DRUG = ignored("its code names no drug that is given or running")


_T, _I, _B = pl.String(), pl.Int64(), pl.Boolean()
_MEANT: dict[str, pl.DataType] = {
    "thing": _I, "place": _I, "concept": _T, "category": _T, "kind": _T,
    "own": _B, "doubtful": _B, "whole": _B, "mixed": _B, "every": _T, "said": _I,
}  # fmt: skip


class Meanings:
    """What each thing of a run stands for, as a table to join."""

    def __init__(self, run: Run, lost: set[int]) -> None:
        self._run = run
        self._meant: list[tuple[int, Meant]] = [
            (number, meant)
            for number in range(len(run.things.each))
            for meant in run.things.meaning(number, lost, run.addresses)
        ]
        register = run.register
        rows = [
            (number, place, meant.target.concept or None, meant.target.category, meant.target.kind, meant.target.own,
             meant.target.doubtful, meant.whole, meant.mixed, meant.every or None,
             None if meant.target.said is None else register.number(meant.target.said))
            for place, (number, meant) in enumerate(self._meant)
        ]  # fmt: skip
        self.frame = pl.DataFrame(
            rows,
            schema=_MEANT,
            orient="row",
        )  # fmt: skip

    def with_units(self, frame: pl.DataFrame, name: str, units: Units) -> pl.DataFrame:
        """Add ``<name>_unit`` and ``<name>_contradiction`` for a number with its two spellings of the unit."""
        keys = ["place", f"{name}_code", f"{name}_words"]
        distinct = frame.select(keys).unique()
        decided = [
            (place, code, words, *self._decided(place, (code, words), units))
            for place, code, words in distinct.iter_rows()
        ]
        schema: dict[str, pl.DataType] = {
            **{key: frame.schema[key] for key in keys},
            f"{name}_unit": pl.String(),
            f"{name}_contradiction": pl.Int64(),
        }
        table = pl.DataFrame(decided, schema=schema, orient="row")
        return frame.join(table, on=keys, how="left", nulls_equal=True)

    def _decided(
        self, place: int | None, given: tuple[str | None, str | None], units: Units
    ) -> tuple[str | None, int | None]:
        if place is None or not self._meant[place][1].target.concept:
            return given[0] or given[1], None
        unit, contradicted = units.of(self._meant[place][1].target, given)
        return unit, None if contradicted is None else self._run.register.number(contradicted)


def facts_of_doses(
    doses: pl.DataFrame, meanings: Meanings, run: Run
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, list[str]]:
    """Facts, rows that state none, the orders of rates (``row, order``), and remarks."""
    known = doses.join(meanings.frame, on="thing", how="left")
    for name in ("dose", "rate"):
        known = meanings.with_units(known, name, run.units)
    known = _judged(known, run.register)
    stated = known.filter(pl.col("why").is_null())
    stated, remarks = _without_odd_amounts(stated, run.knowledge)
    facts = _stated(stated)
    refused = known.filter(pl.col("why").is_not_null())
    silent = refused.select("row", pl.col("why").alias("said"), "concept", pl.col("what").alias("value"))
    unread = _unread(refused, run.register)
    orders = stated.filter(pl.col("kind") == "infusion", pl.col("order").is_not_null())
    # a mixture states several rates of one row
    return pl.concat([facts, unread]), silent, orders.select("row", "order").unique(), remarks


def _without_odd_amounts(stated: pl.DataFrame, knowledge: Knowledge) -> tuple[pl.DataFrame, list[str]]:
    """Triggers without an amount that is none of theirs (68 mL, 1 bag): what was given, and when, is certain."""
    trigger = (pl.col("kind") == "trigger") & (pl.col("dose") > 0)
    amounts = ["concept", "dose", "dose_unit"]
    odd = [
        one for one in stated.filter(trigger).select(amounts).unique().iter_rows() if not _is_amount(knowledge, *one)
    ]
    if not odd:
        return stated, []
    table = pl.DataFrame(odd, schema={name: stated.schema[name] for name in amounts}, orient="row")
    marked = stated.join(table.with_columns(odd=True), on=amounts, how="left", nulls_equal=True)
    no_dose = pl.when(pl.col("odd").is_null() | ~trigger).then("dose").alias("dose")
    told = [f"the amount beside {key} not used: {dose:g} {unit or 'without a unit'}" for key, dose, unit in odd]
    return marked.with_columns(no_dose).drop("odd"), sorted(told)[:_MOST_REMARKS]


def _is_amount(knowledge: Knowledge, key: str, dose: float, unit: str | None) -> bool:
    """Whether a number with its unit may be an amount of a concept."""
    concept = knowledge.concepts[key]
    known = find_unit(concept, unit or "")
    if known is None:
        return False
    low, high = concept.plausible.get(known.to, (float("-inf"), float("inf")))
    return low <= dose * float(known.factor) + float(known.shift) <= high


def _judged(known: pl.DataFrame, register: Register) -> pl.DataFrame:
    """Add ``why``, the number of what is said of a row that states nothing; empty for one that does."""
    drug = pl.col("kind").is_in(["infusion", "dose", "trigger"])
    infusion = pl.col("kind") == "infusion"
    no_rate = infusion & pl.col("rate").is_null() & pl.col("dose").is_null() & pl.col("until").is_null()
    no_rate &= ~pl.col("running")
    taken_back = pl.col("status") == _ERROR
    rated = infusion & pl.col("rate").is_not_null()
    not_needed = _is_ignored("said", register).fill_null(value=False)
    mixture = infusion & pl.col("mixed") & pl.col("rate").is_null() & ~taken_back
    contradicted = (
        pl.when(pl.col("kind") == "trigger")
        .then(None)
        .when(rated)
        .then("rate_contradiction")
        .when(pl.col("dose").is_not_null())
        .then("dose_contradiction")
    )
    number = {name: pl.lit(register.number(said), pl.Int64) for name, said in _SAID.items()}
    first_of = (
        pl.when(pl.col("refused").is_not_null())
        .then("refused")
        # what was not given, or is taken back, needs no name
        .when(pl.col("said").is_not_null() & _is_ignored("trouble", register))
        .then("trouble")
        .when(taken_back & ~pl.col("own"))
        .then(number["error"])
        # a trigger stands, whatever way; and what names nothing is needed by no way
        .when(pl.col("local").is_not_null() & (pl.col("kind") != "trigger") & ~not_needed)
        .then("local")
        .when(pl.col("said").is_not_null())
        .then("said")
        .when(~drug)
        .then(number["other"])
        .when(pl.col("trouble").is_not_null())
        .then("trouble")
        .when(mixture)
        .then(number["mixture"])
        .when(no_rate & ~taken_back)
        .then(number["no_rate"])
        .otherwise(contradicted)
    )
    return known.with_columns(first_of.alias("why"))


def _is_ignored(name: str, register: Register) -> pl.Expr:
    return pl.col(name).is_in([number for number, said in enumerate(register.each) if said.fate == "ignored"])


_SAID: dict[str, Said] = {"other": _NOT_A_DRUG, "error": why.IN_ERROR, "mixture": why.MIXTURE, "no_rate": why.NO_RATE}


def _stated(stated: pl.DataFrame) -> pl.DataFrame:
    infusion = pl.col("kind") == "infusion"
    rated = infusion & pl.col("rate").is_not_null()
    # an amount over a time is not a rate that anybody set
    push = infusion & pl.col("rate").is_null() & pl.col("until").is_null() & ~pl.col("running")
    amount = ~infusion & pl.col("whole")
    columns: dict[str, pl.Expr] = {
        "number": pl.when(rated & pl.col("whole")).then("rate").when(amount | (push & pl.col("whole"))).then("dose"),
        "unit": pl.when(rated & pl.col("whole")).then("rate_unit").when(amount | push).then("dose_unit"),
        "comparator": pl.when(rated).then("rate_comparator").when(amount | push).then("dose_comparator"),
    }
    columns["unit"] = pl.when(columns["number"].is_not_null()).then(columns["unit"])
    columns["comparator"] = pl.when(columns["number"].is_not_null()).then(columns["comparator"])
    columns["until"] = pl.when(infusion | pl.col("own")).then("until")
    return _facts(stated, **columns, text=pl.col("category"), unread=pl.lit(value=False))


def _unread(refused: pl.DataFrame, register: Register) -> pl.DataFrame:
    """Therapies that were refused leave a doubt; of a thing that says nothing of itself, any that it may be."""
    rejected = [number for number, said in enumerate(register.each) if said.fate == "rejected"]
    named = pl.col("concept").is_not_null() & pl.col("doubtful")
    in_doubt = refused.filter(pl.col("why").is_in(rejected), named | pl.col("every").is_not_null())
    in_doubt = in_doubt.with_columns(pl.coalesce("concept", "every"))
    return _facts(
        in_doubt, printed=pl.lit(_UNREAD), text=pl.lit(_UNREAD), unread=pl.lit(value=True), status=pl.lit(None)
    )


def _facts(frame: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    same = ("row", "time", "until", "concept", "status", "available")
    given: dict[str, pl.Expr] = {name: pl.col(name) for name in same if name in frame.columns}
    if "origin" in frame.columns:
        given["origin"] = pl.when("own").then("origin")
    every = {name: pl.lit(None, dtype) for name, dtype in FACTS.items()} | given | columns
    return frame.select(every[name].cast(dtype).alias(name) for name, dtype in FACTS.items())


def facts_of_uses(uses: pl.DataFrame, meanings: Meanings, run: Run) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Facts of devices in use, and rows that state none."""
    known = uses.join(meanings.frame, on="thing", how="left")
    not_used = pl.when(_is_ignored("trouble", run.register)).then("trouble")
    why_not = pl.coalesce("refused", not_used, "said", "trouble")
    known = known.with_columns(why_not.alias("why"), pl.col("what").alias("value"))
    stated = known.filter(pl.col("why").is_null())
    refused = known.filter(pl.col("why").is_not_null())
    silent = refused.select("row", pl.col("why").alias("said"), "concept", "value")
    facts = _facts(stated, text=pl.col("category"), unread=pl.lit(value=False))
    return pl.concat([facts, _unread(refused, run.register)]), silent
