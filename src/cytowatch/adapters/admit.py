"""Admission: the contract's long table in; canonical observations, rejects and a ledger out.

Each row ends in one place. Names, units and categories are decided once per distinct combination; rows only look
the decision up, so a file of millions of clean rows costs a few passes over its columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cytowatch.adapters import limits, rules, values
from cytowatch.adapters.clean import WORTH_IT, part_clean
from cytowatch.adapters.doubt import in_doubt
from cytowatch.adapters.explain import explained
from cytowatch.adapters.frame import LINE, ROW, clock_of, long_table
from cytowatch.adapters.intake import Admission, Clock, no_units, summed_units
from cytowatch.adapters.resolve import Dictionary
from cytowatch.adapters.spans import Span, file_of, line_of
from cytowatch.adapters.times import check_zone
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import DAY_US, LEDGER, OBSERVATIONS


def admit(
    raw: pl.DataFrame | pl.LazyFrame,
    knowledge: Knowledge,
    *,
    file: str,
    first_row: int = 0,
    clock: Clock | None = None,
    zone: str | None = None,
    files: Sequence[Span] = (),
) -> Admission:
    """Admit or reject every row of a raw long table (contract §1).

    ``raw`` may be all text or typed; optional columns may be missing; NaN in a typed number is missing. ``file``
    names it in sources and the ledger; ``first_row`` is the number of its first row in the run. ``clock`` None takes
    the clock most rows are written in; a row that fills both `time` and `hours` is read by that clock. ``zone``
    (an IANA name) places times without one. A column `_line` (whole numbers), if there, says on which line of the
    file each row stands; a column `_row` gives the number of the input row that it comes from, in place of its own.
    ``files``: where rows of several files are mixed, which row numbers are whose; sources and the ledger name them.
    Raises InputError if a needed column is missing, ArgumentError for an unknown zone.
    """
    check_zone(zone)
    given, extra = long_table(raw, file=file)
    clock = clock or clock_of(given)
    dictionary = Dictionary(knowledge)
    numbered = _numbered(given, file, first_row, files)
    every = numbered[ROW]
    clean = OBSERVATIONS.empty()
    if len(numbered) >= WORTH_IT:
        clean, numbered = part_clean(numbered, dictionary, clock)
    work = rules.Work(numbered)
    rules.read_patients(work)
    meanings = rules.read_names(work, dictionary)
    longest = int(float(str(knowledge.policy("placeholder_end_days"))) * DAY_US)
    rules.read_moments(work, meanings, clock, zone, file, longest_us=longest)
    rules.read_statuses(work)
    values.read_values(work, meanings)
    values.read_comparators(work)
    limits.read_limits(work, meanings)
    texts = rules.read_texts(work, meanings, dictionary)
    bad = work.frame.select(pl.any_horizontal(pl.lit(False), *work.flags.values())).to_series()
    none = not bad.any()
    refused = work.frame.clear() if none else work.frame.filter(bad)
    rejects = explained(refused, work.flags, meanings, texts, clock)
    good = work.frame if none else work.frame.filter(~bad)
    observations = _observations(good, meanings)
    whole = pl.concat([clean, observations], rechunk=False) if len(clean) else observations
    told = [f"column {name!r} is not read" for name in extra]
    if files:
        ledger = _ledger_of_files(every, rejects, told, _limits_of_files(good, meanings, files), files)
    else:
        ledger = _ledger(file, len(whole), rejects, [*told, *limits.not_used(good, meanings)])
    units = summed_units([_units_given(work, meanings), _canonical_units(clean)])
    return Admission(whole, rejects, ledger, clock, in_doubt(refused, meanings), units)


def _numbered(given: pl.DataFrame, file: str, first_row: int, files: Sequence[Span]) -> pl.DataFrame:
    """Add the row number; a row without a source gets the file and its line, or its place in the frame from 1."""
    if ROW in given.columns:
        frame = given
    else:
        frame = given.with_columns(pl.int_range(first_row, first_row + pl.len(), dtype=pl.Int64).alias(ROW))
    has_source = "source" in frame.columns
    if has_source and not frame["source"].null_count():
        return frame
    place = pl.lit(line_of(frame[ROW], files)) if files else pl.col(ROW) - first_row + 1
    line = pl.col(LINE) if LINE in frame.columns else place
    invented = pl.format("{}:{}", pl.lit(file_of(frame[ROW], files)) if files else pl.lit(file), line)
    return frame.with_columns((pl.coalesce("source", invented) if has_source else invented).alias("source"))


def _units_given(work: rules.Work, meanings: rules.Meanings) -> pl.DataFrame:
    """How often each concept came in each unit as given; counted by the codes of the pairs, so it costs little."""
    counts = work.frame["_pair"].value_counts().sort("_pair")
    pairs = [meanings.coded.pairs[code] for code in counts["_pair"]]
    keys = [meanings.each[code].concept for code in counts["_pair"]]
    given = [(key.key, unit or "") for key, (_, unit) in zip(keys, pairs, strict=True) if key is not None]
    rows = [count for key, count in zip(keys, counts["count"], strict=True) if key is not None]
    return pl.DataFrame({"concept": [key for key, _ in given], "unit": [unit for _, unit in given], "rows": rows},
                        schema=no_units().schema)  # fmt: skip


def _canonical_units(clean: pl.DataFrame) -> pl.DataFrame:
    counted = clean.group_by("concept", "unit").len("rows")
    return counted.select("concept", pl.col("unit").fill_null(""), pl.col("rows").cast(pl.Int64))


def _observations(good: pl.DataFrame, meanings: rules.Meanings) -> pl.DataFrame:
    """The table `observations` of the rows that nothing refused."""
    unit = meanings.spread([m.unit.to if m.unit and m.unit.to else None for m in meanings.each], pl.String())
    columns: dict[str, pl.Expr] = {
        "row": pl.col("_row"),
        "patient": pl.col("patient"),
        "concept": meanings.concepts(),
        "unit": unit if not good["_value"].null_count() else pl.when(pl.col("_value").is_not_null()).then(unit),
        "source": pl.col("source"),
        "status": pl.lit("final"),
    }
    columns |= {name[1:]: pl.col(name) for name in good.columns if name.startswith("_") and name[1:] in _READ}
    nothing = {name: pl.lit(None, dtype) for name, dtype in OBSERVATIONS.schema.items()}
    return good.select({**nothing, **columns}[name].alias(name) for name in OBSERVATIONS.names)


def _limits_of_files(good: pl.DataFrame, meanings: rules.Meanings, files: Sequence[Span]) -> list[tuple[str, str]]:
    """What is told of limits, with the file whose rows it is told of."""
    if not limits.not_used(good, meanings):
        return []
    of_files = good.with_columns(file_of(good[ROW], files).alias("_file")).partition_by("_file", maintain_order=True)
    return [(str(part["_file"][0]), line) for part in of_files for line in limits.not_used(part, meanings)]


def _ledger_of_files(
    rows: pl.Series, rejects: pl.DataFrame, told: list[str], of_files: list[tuple[str, str]], files: Sequence[Span]
) -> pl.DataFrame:
    """The ledgers of several files whose rows are mixed; what is told of the table is told of each of them."""
    read = file_of(rows, files).to_frame().group_by("file").len("rows")
    refused = rejects.select(pl.lit(file_of(rejects["row"], files)).alias("file"), pl.col("rule").alias("reason"))
    refused = refused.group_by("file", "reason").len("rows").with_columns(pl.lit("rejected").alias("fate"))
    lost = refused.group_by("file").agg(pl.col("rows").sum().alias("lost"))
    used = read.join(lost, on="file", how="left").select(
        "file", pl.lit("used").alias("fate"), pl.lit("").alias("reason"), pl.col("rows") - pl.col("lost").fill_null(0)
    )
    left = read.select("file").join(pl.DataFrame({"reason": told}, schema={"reason": pl.String}), how="cross")
    left = left.with_columns(pl.lit("ignored").alias("fate"), pl.lit(0).alias("rows"))
    limited = pl.DataFrame([(file, "ignored", line, 0) for file, line in of_files], schema=LEDGER.schema, orient="row")
    parts = [used.filter(pl.col("rows") > 0), refused, left, limited]
    return pl.concat([part.select(LEDGER.names).cast(pl.Schema(LEDGER.schema)) for part in parts]).sort(
        "file", "fate", "reason"
    )


_READ = ("time", "until", "available", "value", "comparator", "text", "status", "range_low", "range_high")


def _ledger(file: str, used: int, rejects: pl.DataFrame, told: list[str]) -> pl.DataFrame:
    """One line for the rows used and one per rule; what is left out of rows that are used counts no rows."""
    lines: list[tuple[str, str, str, int]] = [(file, "used", "", used)] if used else []
    for rule, rows in rejects.group_by("rule").len().sort("rule").iter_rows():
        lines.append((file, "rejected", rule, rows))
    lines += [(file, "ignored", reason, 0) for reason in told]
    return pl.DataFrame(lines, schema=LEDGER.schema, orient="row")
