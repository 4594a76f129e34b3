"""Events: AE, CE and FA about them, SUPPAE: grades that people gave, and findings that an event tells.

A syndrome (CRS, ICANS) gives a reported grade with the scale that it was given on; a neurologic event gives the
finding that it names. The version of CTCAE stands nowhere in AE, so a grade in AETOXGR is kept and compared with no
scale, unless a site's list says which one it is.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from cytowatch.adapters.gather import Mapped
from cytowatch.adapters.sdtm.dates import read_dates
from cytowatch.adapters.sdtm.findings import findings
from cytowatch.adapters.sdtm.lasting import in_doubt
from cytowatch.adapters.sdtm.lookups import Lookups
from cytowatch.adapters.sdtm.overheard import hear, told
from cytowatch.adapters.sdtm.rows import (
    absent,
    capitals,
    cell,
    cut_short,
    facts,
    ignored,
    no_facts,
    occurrence,
    rejected,
    unknown_occurrence,
    unsure,
)
from cytowatch.adapters.vocabulary import Code

_OTHER = "an event that is no CRS, no ICANS and no finding of any table (codes/sdtm_events.csv)"


def syndrome(lookups: Lookups, *names: pl.Expr) -> pl.Expr:
    """`crs` or `icans` by the whole name of an event; empty for others."""
    terms = {key: row["syndrome"] for key, row in lookups.rows("syndromes").items()}
    found = [capitals(name).replace_strict(terms, default=None, return_dtype=pl.String) for name in names]
    return pl.coalesce(*found)


def events(frame: pl.DataFrame, domain: str, lookups: Lookups) -> Mapped:
    """What the rows of AE or CE state."""
    names = [cell(frame, f"{domain}DECOD"), cell(frame, f"{domain}TERM")]

    def find(decoded: str | None, term: str | None) -> Code | None:
        site = lookups.of_site((f"{domain}DECOD", decoded), (f"{domain}TERM", term))
        return site or lookups.in_table("events", decoded) or lookups.in_table("events", term)

    frame = lookups.join(frame, names, find).with_columns(syndrome(lookups, *names).alias("_syndrome"))
    frame, start = read_dates(frame, f"{domain}STDTC", f"{domain}STDY")
    frame, end = read_dates(frame, f"{domain}ENDTC", f"{domain}ENDY")
    frame = frame.with_columns(
        cell(frame, f"{domain}TOXGR").str.extract(r"^(?i)(?:grade\s*)?(.*)$", 1).alias("_grade"),
        pl.coalesce("concept", pl.when(pl.col("_syndrome").is_not_null()).then(pl.lit("reported_grade"))).alias(
            "concept"
        ),
        _scale(lookups, pl.lit("TOXGR"), domain).alias("_scale"),
    )
    frame = frame.with_columns(_event_why(frame, domain).alias("_why"))
    needed = frame.filter(pl.col("_why").is_null())
    doubtful = needed.filter(unsure(frame, domain))
    live = needed.filter(~unsure(frame, domain))
    cut, graded = pl.col(start.partial), pl.col("_syndrome").is_not_null()
    finding = ~graded & (pl.col("fate") == "map")
    grades = facts(
        live.filter(graded, ~cut, pl.col("_grade").is_not_null()),
        start.text,
        concept=pl.lit("reported_grade"),
        value=pl.col("_grade"),
        text=pl.col("_scale"),
    )
    seen = live.filter(finding, ~cut)
    # how long a seizure lasted is a category of its own, and not the length of the event
    until = pl.when((pl.col("concept") != "seizure") & ~pl.col(end.partial)).then(end.text)
    stated = facts(
        seen.filter(pl.col("category").is_not_null()),
        start.text,
        until=until,
        concept=pl.col("concept"),
        text=pl.col("category"),
    )
    open_ended = seen.filter((pl.col("doubt") == "yes").fill_null(value=False))
    vague = live.filter(finding, cut, pl.col(start.earliest).is_not_null())
    vague = pl.concat([vague, doubtful.filter(finding, cut, pl.col(start.earliest).is_not_null())])
    unread = pl.concat(
        [
            in_doubt(pl.concat([open_ended, doubtful.filter(finding, ~cut)]), start.text, until),
            in_doubt(vague, start.earliest, pl.coalesce(end.latest, start.latest)),
        ]
    )
    unclear = seen.filter(pl.col("category").is_null())
    silent = [
        ignored(frame.filter(pl.col("_why").is_not_null()), pl.col("_why")),
        unknown_occurrence(doubtful, domain),
        cut_short(live.filter(cut), start),
        rejected(
            unclear,
            "finding_without_detail",
            pl.format("the event tells of {}, but not how severe it was", pl.col("concept")),
            "give the finding itself (domain NV or QS), or name a category for the term in a code list",
            concept=pl.col("concept"),
            value=pl.coalesce(*names),
        ),
    ]
    died, told = _deaths(frame, domain, end.text, end.partial)
    return Mapped(pl.concat([grades, stated, died]), pl.concat([*silent, told]), unread=unread)


def _event_why(frame: pl.DataFrame, domain: str) -> pl.Expr:
    known = pl.col("_syndrome").is_not_null() | (pl.col("fate") == "map")
    ungraded = pl.col("_syndrome").is_not_null() & pl.col("_grade").is_null()
    return (
        pl.when(pl.col("fate") == "ignore")
        .then("reason")
        .when(~known.fill_null(value=False))
        .then(pl.lit(_OTHER))
        .when(absent(frame, domain))
        .then(pl.lit("the event did not occur"))
        .when(ungraded)
        .then(pl.lit("the syndrome without a grade in this row"))
    )


def _scale(lookups: Lookups, grade: pl.Expr, variable_of: str) -> pl.Expr:
    """The scale of a grade by where it stands and for which syndrome; a site's list first."""
    scales = {key: row["scale"] for key, row in lookups.rows("grades").items()}
    for variable, kind, scale in lookups.site_scales:
        name = "TOXGR" if variable == f"{variable_of}TOXGR" else variable
        scales[f"{name}|{kind}"] = scale
    key = pl.concat_str([capitals(grade), pl.col("_syndrome").str.to_uppercase()], separator="|")
    return key.replace_strict(scales, default=None, return_dtype=pl.String)


def _deaths(frame: pl.DataFrame, domain: str, end: str, partial: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A death by the end of a syndrome that was fatal; other events that killed are told by DM and DS."""
    fatal = (capitals(cell(frame, f"{domain}OUT")) == "FATAL") | (capitals(cell(frame, f"{domain}SDTH")) == "Y")
    died = frame.filter(fatal.fill_null(value=False) & pl.col("_syndrome").is_not_null())
    placed = died.filter(~pl.col(partial), pl.col(end).is_not_null())
    cut = died.filter(pl.col(partial) | pl.col(end).is_null())
    told = rejected(
        cut,
        "partial_date",
        pl.lit("the event was fatal, and its end says no time of day, so the death cannot be placed"),
        "give the time of day in --ENDTC",
        concept=pl.lit("death"),
        value=pl.col(end),
    )
    return facts(placed, end, concept=pl.lit("death"), text=pl.col("_syndrome")), told


def supplements(frame: pl.DataFrame, parents: pl.DataFrame | None, domain: str, lookups: Lookups) -> Mapped:
    """SUPPAE or SUPPCE: the grade on another scale, placed at the start of the event that it belongs to."""
    name = cell(frame, "QNAM")
    if parents is None:
        return Mapped(no_facts(), ignored(frame, pl.lit(f"a qualifier of {domain}, which is not in the input")))
    own, keyed = _keys(frame, parents, domain)
    joined = own.join(keyed, on=["USUBJID", "_variable", "_key"], how="left", maintain_order="left")
    joined, start = read_dates(joined, f"{domain}STDTC", f"{domain}STDY")
    joined = joined.with_columns(
        pl.coalesce(_scale(lookups, name, domain), _scale(lookups, cell(frame, "QLABEL"), domain)).alias("_scale"),
        pl.lit("reported_grade").alias("concept"),
    )
    lonely = joined["_found"].is_null()
    other = joined["_syndrome"].is_null() | joined["_scale"].is_null()
    live = joined.filter(~lonely & ~other)
    silent = [
        rejected(
            joined.filter(lonely),
            "dangling_reference",
            pl.format("it belongs to a row of {} that is not there", pl.lit(domain)),
            "export the domain and its qualifiers together",
            value=cell(joined, "IDVARVAL"),
        ),
        ignored(
            joined.filter(~lonely & other),
            pl.format("qualifier {} is no grade of a syndrome that a table knows", cell(joined, "QNAM").fill_null("")),
        ),
        cut_short(live.filter(pl.col(start.partial)), start),
    ]
    good = live.filter(~pl.col(start.partial))
    raw = facts(good, start.text, concept=pl.col("concept"), value=cell(good, "QVAL"), text=pl.col("_scale"))
    return Mapped(raw, pl.concat(silent))


def _keys(frame: pl.DataFrame, parents: pl.DataFrame, domain: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both sides with the key by which they belong together: --SEQ or --SPID, however a number is written."""

    def plain(text: pl.Expr) -> pl.Expr:
        return text.str.replace(r"^(\d+)\.0*$", "$1")

    own = frame.with_columns(
        capitals(cell(frame, "IDVAR")).alias("_variable"), plain(cell(frame, "IDVARVAL")).alias("_key")
    )
    wanted = [f"{domain}STDTC", f"{domain}STDY", "_reference"]
    extra = [name for name in wanted if name in parents.columns and name not in frame.columns]
    keyed = [
        parents.select(
            "USUBJID", "_syndrome", *extra, _variable=pl.lit(name), _key=plain(pl.col(name)), _found=pl.lit(value=True)
        )
        for name in (f"{domain}SEQ", f"{domain}SPID", f"{domain}GRPID")
        if name in parents.columns
    ]
    if not keyed:
        none = parents.select(
            "USUBJID",
            "_syndrome",
            *extra,
            _variable=pl.lit(None, pl.String),
            _key=pl.lit(None, pl.String),
            _found=pl.lit(value=True),
        )
        return own, none.clear()
    return own, pl.concat(keyed).unique(["USUBJID", "_variable", "_key"], keep="first", maintain_order=True)


def findings_about(frame: pl.DataFrame, domain: str, lookups: Lookups) -> Mapped:
    """FA: the grade of a syndrome by day, whether a finding occurred, and what else a test names."""
    frame = frame.with_columns(syndrome(lookups, cell(frame, "FAOBJ")).alias("_syndrome"))
    category = cell(frame, "FASCAT")
    scale = pl.coalesce(
        pl.when(category.str.to_lowercase().is_in(list(lookups.knowledge.scales))).then(category.str.to_lowercase()),
        _scale(lookups, cell(frame, "FATESTCD"), domain),
        _scale(lookups, cell(frame, "FATEST"), domain),
    )
    graded = capitals(cell(frame, "FATESTCD")).is_in(["ASTCTGR", "TOXGR", "TOXGRADE"]) | scale.is_not_null()
    frame = frame.with_columns(scale.alias("_scale"), graded.fill_null(value=False).alias("_graded"))
    about = frame.filter(pl.col("_syndrome").is_not_null() & pl.col("_graded") & pl.col("_scale").is_not_null())
    rest = frame.join(about, on="row", how="anti")
    about, when = read_dates(about, "FADTC", "FADY")
    about = about.with_columns(
        pl.lit("reported_grade").alias("concept"),
        pl.coalesce(cell(about, "FASTRESC"), cell(about, "FASTRESN"), cell(about, "FAORRES")).alias("_value"),
    )
    done = capitals(cell(about, "FASTAT")).fill_null("") != "NOT DONE"
    empty = about.filter(~done | pl.col("_value").is_null())
    live = about.join(empty, on="row", how="anti")
    occurred, spoken, those = _occurred(rest, lookups)
    other = findings(rest.join(those, on="row", how="anti"), domain, lookups)
    raw = facts(
        live.filter(~pl.col(when.partial)),
        when.text,
        concept=pl.col("concept"),
        value=pl.col("_value"),
        text=pl.col("_scale"),
    )
    silent = [
        ignored(empty, pl.lit("not done, or without a result")),
        cut_short(live.filter(pl.col(when.partial)), when),
    ]
    return Mapped(
        pl.concat([raw, occurred.raw, other.raw]),
        pl.concat([*silent, occurred.silent, other.silent]),
        unread=occurred.unread,
        spoken=pl.concat([one for one in (spoken, other.spoken) if one is not None]),
    )


def _occurred(frame: pl.DataFrame, lookups: Lookups) -> tuple[Mapped, pl.DataFrame, pl.DataFrame]:
    """Findings that FA says occurred (FATESTCD OCCUR about an event that a table knows); what is spoken of; which rows.

    Only a yes says that one did: without a result, or with one that is neither yes nor no, it is in doubt. An object
    that is no event of any table may speak of a therapy (`MECHANICAL VENTILATION`).
    """
    mine = frame.filter(capitals(cell(frame, "FATESTCD")) == "OCCUR")
    mine, when = read_dates(mine, "FADTC", "FADY")
    mine, end = read_dates(mine, "FAENDTC", "FAENDY")

    def find(term: str | None) -> Code | None:
        return lookups.of_site(("CETERM", term)) or lookups.in_table("events", term)

    known = lookups.join(mine, [cell(mine, "FAOBJ")], find)
    other = pl.col("fate").is_null() & syndrome(lookups, cell(mine, "FAOBJ")).is_null()
    heard = hear(known, "FA", other, lookups)
    silent, spoken = told(heard, "FA", (when, end), lookups)
    events_of = mine.join(heard.filter(pl.col("_spoken").is_not_null()), on="row", how="anti")
    stated = events(_as_events(events_of), "CE", lookups)
    return replace(stated, silent=pl.concat([stated.silent, silent])), spoken, mine.select("row")


def _as_events(mine: pl.DataFrame) -> pl.DataFrame:
    """Rows of FA about whether something occurred, as rows of CE."""
    result = pl.coalesce(cell(mine, "FASTRESC"), cell(mine, "FAORRES"))
    letters = {"yes": "Y", "no": "N", "unknown": "U"}
    answer = occurrence(result).replace_strict(letters, default=None, return_dtype=pl.String)
    return mine.with_columns(
        cell(mine, "FAOBJ").alias("CETERM"),
        answer.fill_null("U").alias("CEOCCUR"),
        cell(mine, "FADTC").alias("CESTDTC"),
        cell(mine, "FADY").alias("CESTDY"),
        cell(mine, "FASTAT").alias("CESTAT"),
    )
