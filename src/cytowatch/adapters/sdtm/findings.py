"""Domains of findings: vital signs, laboratory values, scales and scores, one row a result.

The standard result (--STRESC, --STRESN with --STRESU) counts; where there is none, the original (--ORRES, --ORRESU).
Where both can be read and contradict each other by more than rounding, the row is rejected; where they differ by
rounding, the finer one counts, and a bound that only the original result has stays a bound.
"""

from __future__ import annotations

import polars as pl

from cytowatch.adapters.gather import Mapped
from cytowatch.adapters.numbers import read_numbers
from cytowatch.adapters.resolve import find_unit
from cytowatch.adapters.sdtm.dates import WHOLE, read_dates
from cytowatch.adapters.sdtm.lookups import Lookups
from cytowatch.adapters.sdtm.overheard import hear, told
from cytowatch.adapters.sdtm.rows import capitals, cell, cut_short, facts, ignored, rejected
from cytowatch.adapters.vocabulary import Code

_TOLERANCE = 0.02
_BOUND = r"^\s*(<=|>=|=<|=>|<|>|≤|≥)\s*"
_DECIMALS = r"[.,](\d+)$"
# two ways of reckoning the same number: 38 and 100.4 in another unit
_LAST_BITS = 1e-9
_BAD_HINT = "keep the right one of the two results"


def findings(frame: pl.DataFrame, domain: str, lookups: Lookups) -> Mapped:
    """The facts of a findings domain, and why the other rows state none; what others speak of is in doubt."""
    table = "LB" if domain == "LB" else "VS" if domain in ("VS", "RE", "CV") else "QS"

    def find(code: str | None, name: str | None) -> Code | None:
        site = lookups.of_site((f"{domain}TESTCD", code), (f"{domain}TEST", name))
        return site or lookups.in_table("tests", f"{table}|{code}") or _by_test_name(name, lookups)

    frame = lookups.join(frame, [capitals(cell(frame, f"{domain}TESTCD")), cell(frame, f"{domain}TEST")], find)
    frame, when = read_dates(frame, f"{domain}DTC", f"{domain}DY")
    frame, end = read_dates(frame, f"{domain}ENDTC", f"{domain}ENDY")
    frame = hear(frame, domain, pl.col("fate").is_null(), lookups)
    overheard, spoken = told(frame, domain, (when, end), lookups)
    frame = _results(frame.filter(pl.col("_spoken").is_null()), domain, lookups)
    why, strange = _why_not(frame, domain, lookups), _strange_specimen(frame, domain, lookups)
    frame = frame.with_columns(why.alias("_why"), strange.alias("_strange"))
    live = frame.filter(pl.col("_why").is_null())
    cut = pl.col(when.partial)
    clash = ~cut & pl.col("_clash")
    strange = pl.col("_strange").is_not_null()
    silent = [
        overheard,
        ignored(frame.filter(pl.col("_why").is_not_null()), pl.col("_why")),
        rejected(
            live.filter(strange),
            "unknown_specimen",
            pl.format("the specimen `{}` is in no table (codes/sdtm_specimens.csv)", pl.col("_strange")),
            "write BLOOD, SERUM or PLASMA in LBSPEC if it is that",
            concept=pl.col("concept"),
            value=pl.col("_strange"),
        ),
        cut_short(live.filter(cut & ~strange), when),
        rejected(
            live.filter(clash & ~strange),
            "conflicting_results",
            pl.format(
                "the original result {} {} and the standard result {} {} are different values", *_both(domain, frame)
            ),
            _BAD_HINT,
            concept=pl.col("concept"),
            value=pl.col("_value"),
        ),
    ]
    good = live.filter(~cut & ~clash & ~strange)
    # an end without a time of day is none
    until = pl.when(pl.col(end.text).str.contains(WHOLE)).then(end.text)
    return Mapped(_stated(good, when.text, until, domain), pl.concat(silent), spoken=spoken)


def _by_test_name(name: str | None, lookups: Lookups) -> Code | None:
    """A concept by its whole name or key; not a drug that a test is named after."""
    found = lookups.vocabulary.concept(name) if name else None
    if found is None and name:
        found = lookups.labels.get(name.upper())
    if (
        found is None
        or found.kind in ("dose", "infusion", "trigger", "device", "death")
        or found.key == "reported_grade"
    ):
        return None
    return Code("name", name or "", found.key)


def _why_not(frame: pl.DataFrame, domain: str, lookups: Lookups) -> pl.Expr:
    """Why a row is ignored; empty where it is read."""
    done = capitals(cell(frame, f"{domain}STAT")).fill_null("") != "NOT DONE"
    code = pl.coalesce(cell(frame, f"{domain}TESTCD"), cell(frame, f"{domain}TEST"), pl.lit("without a code"))
    said: pl.Expr = (
        pl.when(pl.col("fate").is_null())
        .then(pl.format("{} is in no table of tests (codes/sdtm_tests.csv)", code))
        .when(pl.col("fate") == "ignore")
        .then(pl.format("{}: {}", code, pl.col("reason")))
        .otherwise(None)
    )
    if domain == "LB":
        # what was not taken from the blood comes first: the glucose of urine is not that of blood
        said = pl.when(_specimen(frame, lookups).is_not_null()).then(_specimen(frame, lookups)).otherwise(said)
    reason = pl.coalesce(cell(frame, f"{domain}REASND"), pl.lit("no reason given"))
    nothing = pl.col("_value").is_null()
    undone = pl.when(~done).then(pl.format("not done: {}", reason))
    return pl.coalesce(said, undone.when(nothing).then(pl.lit("the row holds no result")))


def _specimen(frame: pl.DataFrame, lookups: Lookups) -> pl.Expr:
    """Why a specimen is not blood; empty where it is, or where nothing is known."""
    spec, category = (_of_specimen(frame, lookups, variable) for variable in ("LBSPEC", "LBCAT"))
    return pl.when(spec.fill_null("") != "").then(spec).when(category.fill_null("") != "").then(category)


def _of_specimen(frame: pl.DataFrame, lookups: Lookups, variable: str) -> pl.Expr:
    """Why what a variable says is no blood, nothing (an empty text) of blood; empty where no table has it."""
    rows = lookups.rows("specimens")
    fates = {key: row["reason"] if row["fate"] == "ignore" else "" for key, row in rows.items()}
    # BLOOD, VENOUS is BLOOD VENOUS
    text = capitals(cell(frame, variable).str.replace_all(",", " "))
    return (pl.lit(f"{variable}|") + text).replace_strict(fates, default=None, return_dtype=pl.String)


def _strange_specimen(frame: pl.DataFrame, domain: str, lookups: Lookups) -> pl.Expr:
    """A specimen that no table has: it may be blood, and it may be anything else."""
    if domain != "LB":
        return pl.lit(None, pl.String)
    return pl.when(_of_specimen(frame, lookups, "LBSPEC").is_null()).then(cell(frame, "LBSPEC"))


def _results(frame: pl.DataFrame, domain: str, lookups: Lookups) -> pl.DataFrame:
    """Adds the result that counts (`_value, _unit, _low, _high`), and `_clash` where the other contradicts it."""
    printed, number = cell(frame, f"{domain}STRESC"), cell(frame, f"{domain}STRESN")
    # a comparator stands only in the text; more digits may stand in the number
    plain = printed.cast(pl.Float64, strict=False).is_not_null()
    standard = pl.when(plain & number.is_not_null()).then(number).otherwise(pl.coalesce(printed, number))
    frame = frame.with_columns(
        standard.alias("_standard"),
        cell(frame, f"{domain}ORRES").alias("_original"),
        lookups.units(frame, cell(frame, f"{domain}STRESU")).alias("_standard_unit"),
        lookups.units(frame, cell(frame, f"{domain}ORRESU")).alias("_original_unit"),
    )
    frame = _compared(frame, lookups)
    same_unit = pl.col("_standard_unit") == pl.col("_original_unit")
    # a bound stands at the number that was collected: what is made of it for the tables of a report is no value
    bound = pl.col("_original").str.contains(_BOUND) & ~pl.col("_standard").str.contains(_BOUND)
    number = pl.col("_original").str.replace(_BOUND, "").cast(pl.Float64, strict=False)
    same_number = pl.when(number == pl.col("_standard").cast(pl.Float64, strict=False)).then("_standard_unit")
    kept = bound | _finer(same_unit)
    first = pl.col("_standard").is_not_null() & ~kept.fill_null(value=False)

    def chosen(one: pl.Expr, other: pl.Expr) -> pl.Expr:
        return pl.when(first).then(one).otherwise(other)

    def limit(side: str) -> pl.Expr:
        one, other = cell(frame, f"{domain}STNR{side}"), cell(frame, f"{domain}ORNR{side}")
        return pl.coalesce(chosen(one, other), pl.when(same_unit).then(pl.coalesce(one, other)))

    return frame.with_columns(
        chosen(pl.col("_standard"), pl.col("_original")).alias("_value"),
        chosen(pl.col("_standard_unit"), pl.coalesce("_original_unit", same_number)).alias("_unit"),
        limit("LO").alias("_low"),
        limit("HI").alias("_high"),
    )


def _finer(same_unit: pl.Expr) -> pl.Expr:
    """Whether the standard result is the original one, rounded: 38 for 37.95 would make a fever.

    In one unit the original result counts wherever they differ; in two units the one whose last digit is worth less.
    Results that are equal but for the last bits of a conversion do not differ.
    """
    one, other = pl.col("_standard_canonical"), pl.col("_original_canonical")
    differ = ((one - other).abs() > _LAST_BITS * pl.max_horizontal(one.abs(), other.abs(), 1.0)) & (
        pl.col("_standard_to") == pl.col("_original_to")
    )
    return differ & (same_unit | (pl.col("_original_step") <= pl.col("_standard_step")))


def _compared(frame: pl.DataFrame, lookups: Lookups) -> pl.DataFrame:
    """Adds both results in the canonical unit, and `_clash`: further apart than rounding explains.

    Rounding is a fiftieth of the value, or what the table of tests says: for temperature so little that 38 standing for
    37.94 is told.
    """
    sides = ("_standard", "_original")
    for side in sides:
        frame = _canonical(frame, side, lookups)
    one, other = (pl.col(f"{side}_canonical") for side in sides)
    relative = pl.max_horizontal(one.abs(), other.abs()) * _TOLERANCE
    allowed = pl.coalesce(pl.col("tolerance").cast(pl.Float64, strict=False), relative)
    apart = ((one - other).abs() > allowed) & (pl.col("_standard_to") == pl.col("_original_to"))
    return frame.with_columns(apart.fill_null(value=False).alias("_clash"))


def _canonical(frame: pl.DataFrame, side: str, lookups: Lookups) -> pl.DataFrame:
    """Adds the number of one side in the canonical unit, and what its last digit is worth there, only to compare."""
    unit = f"{side}_unit"
    pairs = frame.select("concept", unit).unique()
    rows = []
    for key, name in pairs.iter_rows():
        concept = lookups.knowledge.concepts.get(key or "")
        found = find_unit(concept, name) if concept and name else None
        if found:
            rows.append((key, name, float(found.factor), float(found.shift), found.to))
    schema = {
        "concept": pl.String,
        unit: pl.String,
        "_factor": pl.Float64,
        "_shift": pl.Float64,
        f"{side}_to": pl.String,
    }
    units = pl.DataFrame(rows, schema=schema, orient="row")
    frame = frame.join(units, on=["concept", unit], how="left", maintain_order="left")
    numbers = read_numbers(frame[side])
    value = numbers.value
    for unsure in (numbers.comparator, numbers.other):
        # a bound is no value, and of a comma that may mean two things none is taken
        value = value if unsure is None else value.set(unsure.is_not_null(), None)
    canonical = (value + frame["_shift"]) * frame["_factor"]
    digits = pl.col(side).str.extract(_DECIMALS, 1).str.len_bytes().fill_null(0).cast(pl.Float64)
    step = pl.lit(10.0).pow(-digits) * pl.col("_factor")
    return frame.with_columns(canonical.alias(f"{side}_canonical"), step.alias(f"{side}_step")).drop(
        "_factor", "_shift"
    )


def _both(domain: str, frame: pl.DataFrame) -> list[pl.Expr]:
    names = ("ORRES", "ORRESU", "STRESC", "STRESU")
    return [cell(frame, f"{domain}{name}").fill_null("") for name in names]


def _stated(frame: pl.DataFrame, time: str, until: pl.Expr, domain: str) -> pl.DataFrame:
    """Facts: numbers for what is measured, texts for what has categories."""
    text = pl.col("coded").is_not_null()
    fact = facts(
        frame,
        time,
        until=until,
        concept=pl.col("concept"),
        value=pl.when(~text).then("_value"),
        unit=pl.when(~text).then("_unit"),
        text=pl.when(text).then(pl.coalesce("category", "_value")),
        range_low=pl.col("_low"),
        range_high=pl.col("_high"),
    )
    fasting = (
        frame.filter(pl.col("concept") == "glucose", capitals(cell(frame, "LBFAST")) == "Y")
        if domain == "LB"
        else frame.clear()
    )
    also = facts(
        fasting,
        time,
        concept=pl.lit("fasting_glucose"),
        value=pl.col("_value"),
        unit=pl.col("_unit"),
        range_low=pl.col("_low"),
        range_high=pl.col("_high"),
    )
    return pl.concat([fact, also])
