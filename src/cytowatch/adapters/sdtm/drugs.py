"""Drugs and study treatment: CM (what was given besides), EX and EC (the trigger).

A row with a moment and a rate is an infusion from its start to its end; one with a moment and a dose is a dose at its
start. A course (several days, several times a day) is one row of SDTM: its first dose is placed by its start, the
others were not written down, so on each later day a dose is in doubt. Of a date that is cut short the same holds from
its earliest to its latest moment.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from cytowatch.adapters.gather import MOST_UNTOLD, Mapped, no_silent
from cytowatch.adapters.resolve import find_unit
from cytowatch.adapters.sdtm.dates import Moment, read_dates
from cytowatch.adapters.sdtm.lasting import Part, Seen, in_doubt, lasting, ongoing, over_its_time, vague_rows
from cytowatch.adapters.sdtm.lookups import NAMELESS, NEAR, Lookups
from cytowatch.adapters.sdtm.rows import (
    absent,
    capitals,
    cell,
    cut_short,
    facts,
    ignored,
    ignored_by_name,
    no_facts,
    rejected,
    unknown_occurrence,
    unsure,
)
from cytowatch.adapters.vocabulary import Code

_ONCE = ("ONCE", "1 TIME", "SINGLE", "STAT", "CONTINUOUS")
_STAMP = "%Y-%m-%dT%H:%M"
_NAME_IT = (
    "name it in a code list (`--codes`: system EXTRT, concept car_t_infusion or t_cell_engager_dose, category its "
    "product), or say there that it is ignored"
)
_NAME_DRUG = (
    "name it in a code list (`--codes`: system CMDECOD or CMTRT), or say there that it is ignored; until then it is "
    "in doubt for the time of the row"
)
_NAMELESS = "the row has no name of a drug, so it may be of any"
_WRITE_IT = "write CMTRT; until then every drug is in doubt for the time of the row"
_NOT_NEEDED = "drug not needed by any loaded table"
_INFUSED = "infusion"
# a course in doubt for longer than that says nothing about one reaction
_MOST_DAYS = 3_000


def drugs(frame: pl.DataFrame, domain: str, lookups: Lookups, seen: Seen, *, told: bool = True) -> Mapped:
    """What the rows of CM, EX or EC state.

    A row of CM without a name may be of any drug. It is left out where too many have none (not ``told``), for then no
    drug counts as not given anyway.
    """
    find = _finder(domain, lookups)
    names = [cell(frame, f"{domain}DECOD"), cell(frame, f"{domain}TRT")]
    frame = _components(frame, names)
    frame = lookups.join(frame, [pl.col("_decoded"), pl.col("_treatment")], find)
    if domain == "CM" and told:
        frame = lookups.any_of(frame, _nameless(), ("infusion", "dose"))
    frame, start = read_dates(frame, f"{domain}STDTC", f"{domain}STDY")
    frame, end = read_dates(frame, f"{domain}ENDTC", f"{domain}ENDY")
    frame = frame.with_columns(
        cell(frame, f"{domain}DOSE").alias("_dose"), lookups.units(frame, cell(frame, f"{domain}DOSU")).alias("_unit")
    ).with_columns(pl.when(~pl.col("_part")).then("_dose").alias("_dose"))
    frame = frame.with_columns(_why_not(frame, domain, lookups).alias("_why"))
    passed = pl.col("_why") == _NOT_NEEDED
    name = pl.coalesce("_decoded", "_treatment")
    silent = [
        ignored(frame.filter(pl.col("_why").is_not_null() & ~passed), pl.col("_why")),
        ignored_by_name(frame.filter(passed), _NOT_NEEDED, name),
    ]
    live = frame.filter(pl.col("_why").is_null())
    silent.append(
        rejected(
            live.filter(pl.col("fate").is_null()),
            "unknown_code",
            pl.format("the treatment `{}` is no product and no drug of any table", name.fill_null("")),
            _NAME_IT,
            value=name,
        )
    )
    live = live.filter(pl.col("fate").is_not_null())
    doubtful = _doubtful(live, domain)
    silent += _told(live, doubtful, domain)
    live = live.with_columns(doubtful.is_not_null().alias("_doubtful"))
    lasts = live.filter(pl.col("kind").is_in([_INFUSED, "device", "switch"]))
    parts = [
        lasting(lasts.filter(~pl.col("_doubtful")), start, end, domain, seen),
        (no_facts(), no_silent(), over_its_time(lasts.filter("_doubtful"), start, end, domain, seen)),
        _doses(live, start, end, domain, seen),
        _triggers(live.filter(~pl.col("_doubtful")), start, lookups),
    ]
    raw, others, unread = (pl.concat([part[place] for part in parts]) for place in range(3))
    return Mapped(raw, pl.concat([*silent, others]), unread=unread)


def are_told(frame: pl.DataFrame | None) -> bool:
    """Whether all but a few rows of CM have a name."""
    if frame is None or frame.is_empty():
        return True
    named = pl.coalesce(cell(frame, "CMDECOD"), cell(frame, "CMTRT"))
    return bool(frame.select(named.is_null().sum()).item() <= MOST_UNTOLD * frame.height)


def _nameless() -> pl.Expr:
    return pl.col("_decoded").is_null() & pl.col("_treatment").is_null() & ~pl.col("_part")


def _doubtful(frame: pl.DataFrame, domain: str) -> pl.Expr:
    """Why a row of a known therapy states no fact and opens a doubt; empty where it states one."""
    return (
        pl.when(pl.col("fate").is_in([NEAR, NAMELESS]))
        .then("fate")
        .when(unsure(frame, domain))
        .then(pl.lit("unsure"))
        # what stands beside other drugs in one product is hardly infused: a tablet for colds, a local anesthetic
        .when(pl.col("_part") & (pl.col("kind") == _INFUSED))
        .then(pl.lit("part"))
    )


def _told(live: pl.DataFrame, doubtful: pl.Expr, domain: str) -> list[pl.DataFrame]:
    """The rejects of the rows that open a doubt."""
    name = pl.coalesce("_decoded", "_treatment")
    near, part = live.filter(doubtful == NEAR), live.filter(doubtful == "part")
    return [
        rejected(
            near,
            "unknown_code",
            pl.format("the drug `{}` is in no table, and its words speak of {}", name, pl.col("concept")),
            _NAME_DRUG,
            concept=pl.col("concept"),
            value=name,
        ),
        unknown_occurrence(live.filter(doubtful == "unsure"), domain),
        rejected(
            live.filter(doubtful == NAMELESS).unique("row", maintain_order=True),
            "unknown_code",
            pl.lit(_NAMELESS),
            _WRITE_IT,
        ),
        rejected(
            part,
            "infusion_in_a_combination",
            pl.format("`{}` is a part of a combination, so it is not known whether it was infused", name),
            "write an infusion as a row of its own; until then it is in doubt for the time of the row",
            concept=pl.col("concept"),
            value=name,
        ),
    ]


def _finder(domain: str, lookups: Lookups) -> Callable[..., Code | None]:
    """What a treatment means by its dictionary name, else by the name that was written."""

    def find(decoded: str | None, treatment: str | None) -> Code | None:
        site = lookups.of_site((f"{domain}DECOD", decoded), (f"{domain}TRT", treatment))
        found = site or lookups.drug(decoded, treatment)
        if found is None and domain == "CM":
            near = lookups.near_drug(decoded, treatment)
            return near or Code("", treatment or "", "", fate="ignore", reason=_NOT_NEEDED)
        return found

    return find


def _components(frame: pl.DataFrame, names: list[pl.Expr]) -> pl.DataFrame:
    """One row a component where the dictionary name lists several (`HYDROCODONE;PARACETAMOL`), without its dose."""
    split = names[0].str.split(";").list.eval(pl.element().str.strip_chars())
    frame = frame.with_columns(split.alias("_decoded"), names[1].alias("_treatment"))
    frame = frame.with_columns((pl.col("_decoded").list.len() > 1).fill_null(value=False).alias("_part"))
    frame = frame.explode("_decoded", empty_as_null=True, keep_nulls=True)
    # the name that was written stands for the whole, so it may not name a component
    return frame.with_columns(pl.when(~pl.col("_part")).then("_treatment").alias("_treatment"))


def _why_not(frame: pl.DataFrame, domain: str, lookups: Lookups) -> pl.Expr:
    """Why a row is ignored; empty where it is read."""
    rows = lookups.rows("routes")
    given = capitals(cell(frame, f"{domain}ROUTE"))

    def reasons(what: str) -> pl.Expr:
        kept = {key: row["reason"] for key, row in rows.items() if row["what"] == what}
        return given.replace_strict(kept, default=None, return_dtype=pl.String)

    reason = pl.coalesce(cell(frame, f"{domain}REASND"), pl.lit("no reason given"))
    planned = capitals(cell(frame, f"{domain}MOOD")) == "SCHEDULED"
    return (
        pl.when(pl.col("fate") == "ignore")
        .then("reason")
        .when(absent(frame, domain))
        .then(pl.format("not given: {}", reason))
        .when(planned.fill_null(value=False))
        .then(pl.lit("scheduled, not given"))
        .when(reasons("").is_not_null() & (pl.col("kind") != "device"))
        .then(reasons(""))
        .when(reasons(_INFUSED).is_not_null() & (pl.col("kind") == _INFUSED))
        .then(reasons(_INFUSED))
    )


def _doses(live: pl.DataFrame, start: Moment, end: Moment, domain: str, seen: Seen) -> Part:
    """A dose at each start that can be placed; a dose in doubt on every other day of a course."""
    frame = live.filter(pl.col("kind") == "dose")
    vague = pl.col(start.partial) | pl.col(start.text).is_null()
    raw = facts(
        frame.filter(~vague, ~pl.col("_doubtful")),
        start.text,
        concept=pl.col("concept"),
        value=pl.col("_dose"),
        unit=pl.col("_unit"),
        text=pl.col("category"),
    )
    silent = vague_rows(frame.filter(vague, ~pl.col("_doubtful")), start, end)
    first = in_doubt(frame.filter(~vague, "_doubtful"), start.text, pl.lit(None, pl.String))
    return raw, silent, pl.concat([first, _days_in_doubt(frame, start, end, domain, vague, seen)])


def _days_in_doubt(
    frame: pl.DataFrame, start: Moment, end: Moment, domain: str, vague: pl.Expr, seen: Seen
) -> pl.DataFrame:
    """A dose in doubt on each day that a course or a vague date may mean, within the days on which the patient is seen.

    It stands at the first and at the last minute of the day: what follows a dose may begin at either.
    """
    often = ~capitals(cell(frame, f"{domain}DOSFRQ")).is_in(_ONCE)
    first, last = _day(start.earliest), _day(end.latest, late=True)
    # without an end, and not said to go on, it is one dose: in doubt for as long as its own start is
    last = pl.coalesce(last, pl.when(ongoing(frame, domain)).then("last_day"), _day(start.latest, late=True))
    course = often.fill_null(value=True) | vague
    known = frame.join(seen.days, left_on="USUBJID", right_on="patient", how="inner").filter(course)
    spans = known.with_columns(
        pl.max_horizontal(first.fill_null(pl.col("first_day")), "first_day").alias("_from"),
        pl.min_horizontal(last.fill_null(pl.col("last_day")), "last_day").alias("_to"),
    )
    spans = spans.filter(pl.col("_from") <= pl.col("_to")).with_columns(
        pl.max_horizontal("_from", pl.col("_to") - pl.duration(days=_MOST_DAYS)).alias("_from")
    )
    if spans.is_empty():
        return no_facts()
    each = spans.with_columns(pl.date_ranges("_from", "_to").alias("_doubt")).explode(
        "_doubt", empty_as_null=True, keep_nulls=True
    )
    # the first dose of a course is placed, and so is its day
    placed = ~vague & (pl.col("_doubt") == _day(start.earliest))
    each = each.filter(~placed.fill_null(value=False))
    both = [
        each.with_columns(pl.col("_doubt").dt.strftime(f"%Y-%m-%dT{clock}").alias("_at"))
        for clock in ("00:00", "23:59")
    ]
    return in_doubt(pl.concat(both), "_at", pl.lit(None, pl.String))


def _day(column: str, *, late: bool = False) -> pl.Expr:
    """The day of a bound; of a bound that is not included the day before midnight."""
    stamp = pl.col(column).str.slice(0, 16).str.to_datetime(_STAMP, strict=False)
    return (stamp.dt.offset_by("-1m") if late else stamp).dt.date()


def _triggers(live: pl.DataFrame, start: Moment, lookups: Lookups) -> Part:
    """Infusions of cells, doses of engagers and antibodies; one whose amount cannot be read is kept without it."""
    frame = live.filter(pl.col("kind") == "trigger")
    readable = _readable(frame, lookups)
    vague = pl.col(start.partial)
    good = frame.filter(~vague).with_columns(readable.alias("_readable"))
    raw = facts(
        good,
        start.text,
        concept=pl.col("concept"),
        value=pl.when(pl.col("_readable")).then("_dose"),
        unit=pl.when(pl.col("_readable")).then("_unit"),
        text=pl.col("category"),
    )
    nothing = (
        (good["_dose"].cast(pl.Float64, strict=False) == 0).fill_null(value=False)
        if good.height
        else pl.Series([], dtype=pl.Boolean)
    )
    zero = good.filter(nothing)
    lost = good.filter(~pl.col("_readable"), ~nothing)
    silent = [
        cut_short(frame.filter(vague), start, consequence="without its trigger this patient is not graded"),
        rejected(
            lost,
            "unknown_unit",
            pl.format(
                "the amount {} {} cannot be read; the exposure counts without it",
                pl.col("_dose"),
                pl.col("_unit").fill_null(""),
            ),
            "write the dose in a unit that is known, or leave it empty",
            concept=pl.col("concept"),
            value=pl.col("_dose"),
        ),
        ignored(zero, pl.lit("a dose of 0 was not given")),
    ]
    raw = raw.join(zero.select("row"), on="row", how="anti")
    return raw, pl.concat([no_silent(), *silent]), no_facts()


def _readable(frame: pl.DataFrame, lookups: Lookups) -> pl.Expr:
    """Whether the amount is a number in a unit of its concept and plausible; without an amount it is."""
    fits = {}
    for key, unit in frame.select("concept", "_unit").unique().iter_rows():
        found = find_unit(lookups.knowledge.concepts[key], unit or "")
        if found:
            fits[f"{key}|{unit or ''}"] = (
                float(found.factor),
                *lookups.knowledge.concepts[key].plausible.get(found.to, (0.0, float("inf"))),
            )
    key = pl.concat_str([pl.col("concept"), pl.col("_unit").fill_null("")], separator="|")
    factor, low, high = (
        key.replace_strict(
            {name: bounds[place] for name, bounds in fits.items()}, default=None, return_dtype=pl.Float64
        )
        for place in range(3)
    )
    return (
        pl.col("_dose").is_null() | (pl.col("_dose").cast(pl.Float64, strict=False) * factor).is_between(low, high)
    ).fill_null(value=False)
