"""Findings under tests that no table knows: which of them speak of a therapy (decision 0034).

`Ventilator Mode` = `CMV` in VS is no device that can be graded, and no silence. The therapy is in doubt from then on,
unless what is known explains it.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cytowatch.adapters.gather import Mapped
from cytowatch.adapters.hearing import of_number
from cytowatch.adapters.sdtm.dates import WHOLE, Moment, read_dates
from cytowatch.adapters.sdtm.lasting import in_doubt
from cytowatch.adapters.sdtm.lookups import Lookups
from cytowatch.adapters.sdtm.rows import capitals, cell, ignored, no_facts, rejected
from cytowatch.knowledge.parse import fold

_NAMES, _ANSWERS = ("TEST", "TESTCD", "OBJ", "CAT"), ("STRESC", "ORRES", "STRESN")
_LONGEST = 60
_UNDATED = "_undated"
# domains of which a drug that a test is named after was not given: it was measured, or its effect was
_DRUG_GIVEN = ("VS", "RE", "QS", "FT", "RS", "NV", "FA", "CV")
# in a laboratory oxygen alone is what the blood holds
_LABORATORY, _OF_A_LABORATORY = "LB", {"oxygen", "o2"}
# the first letters of domains that a study made for itself
_CUSTOM = "XYZ"


def hear(frame: pl.DataFrame, domain: str, asked: pl.Expr, lookups: Lookups) -> pl.DataFrame:
    """The rows with ``_spoken``: the concept that those ``asked`` speak of; empty if none, or if the answer is no."""
    names = [f"{domain}{name}" for name in _NAMES]
    answers = [f"{domain}{name}" for name in _ANSWERS if f"{domain}{name}" in frame.columns]
    keys = [f"_said_{place}" for place in range(len(names) + len(answers))]
    texts = [*(cell(frame, name) for name in names), *map(_answer, answers)]
    keyed = frame.with_columns(text.alias(key) for key, text in zip(keys, texts, strict=True))
    done = capitals(cell(frame, f"{domain}STAT")).fill_null("") != "NOT DONE"
    found = []
    for key in keyed.filter(asked & done).select(keys).unique().iter_rows() if keys else ():
        concept = _spoken(key[: len(names)], key[len(names) :], domain, lookups)
        if concept and _may_tell(domain, lookups.knowledge.concepts[concept].kind):
            mild = lookups.likeness.hearing.is_mild(key[: len(names)], key[len(names) :])
            found.append((*key, concept, mild))
    schema = dict.fromkeys((*keys, "_spoken"), pl.String()) | {"_mild": pl.Boolean()}
    table = pl.DataFrame(found, schema=schema, orient="row")
    if table.is_empty():
        return frame.with_columns(pl.lit(None, pl.String).alias("_spoken"), pl.lit(value=False).alias("_mild"))
    joined = keyed.join(table, on=keys, how="left", nulls_equal=True, maintain_order="left").drop(keys)
    return joined.with_columns(pl.when(asked & done).then("_spoken").alias("_spoken"))


def _spoken(names: Sequence[str | None], answers: Sequence[str | None], domain: str, lookups: Lookups) -> str:
    """What a finding speaks of by its test, object and answers; its category is heard too, but mutes nothing."""
    *asked, category = names
    if domain == _LABORATORY and {fold(name or "") for name in asked[:2]} & _OF_A_LABORATORY:
        return ""
    hearing = lookups.likeness.hearing
    return hearing.observed(asked, answers) or (hearing.about([category]) and hearing.observed([category], answers))


def _may_tell(domain: str, kind: str) -> bool:
    """Whether a domain may tell that a therapy of this kind was given."""
    return kind not in ("infusion", "dose") or domain in _DRUG_GIVEN or domain.startswith(tuple(_CUSTOM))


def _answer(column: str) -> pl.Expr:
    """An answer in words as it is; of a number only what `hearing.of_number` leaves of it."""
    number = pl.col(column).cast(pl.Float64, strict=False)
    return pl.when(number.is_null()).then(pl.col(column)).otherwise(of_number(number))


def told(
    frame: pl.DataFrame, domain: str, moments: tuple[Moment, Moment], lookups: Lookups
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of the rows with ``_spoken`` the rejects, and the doubts.

    ``moments``: of the finding and of its end. A date that is cut short leaves a doubt over all that it may mean, and
    none at all one over all the time of the patient.
    """
    heard = frame.filter(pl.col("_spoken").is_not_null())
    if heard.is_empty():
        return rejected(heard, "", pl.lit(""), ""), no_facts().with_columns(mild=pl.lit(value=False))
    kinds = {key: concept.kind for key, concept in lookups.knowledge.concepts.items()}
    kind = pl.col("_spoken").replace_strict(kinds, return_dtype=pl.String)
    heard = heard.with_columns(pl.lit(None, pl.String).alias(_UNDATED), concept="_spoken", kind=kind)
    silent = rejected(
        heard,
        "unknown_code",
        pl.format("the test `{}` is in no table, and its words speak of {}", _said(heard, domain), pl.col("concept")),
        f"name it in a code list (`--codes`: system {domain}TESTCD or {domain}TEST), or say there that it is ignored; "
        "the therapy is in doubt from then on, unless what is known explains it",
        concept=pl.col("concept"),
        value=_said(heard, domain),
    )
    when, end = moments
    cut = pl.col(when.partial)
    whole_end = pl.when(pl.col(end.text).str.contains(WHOLE)).then(end.text)
    vague = heard.filter(cut, pl.col(when.earliest).is_not_null())
    doubts = [
        in_doubt(heard.filter(~cut, pl.col(when.earliest).is_not_null()), when.text, whole_end),
        in_doubt(vague, when.earliest, pl.coalesce(end.latest, when.latest)),
        # of one without a date nobody knows when it was
        in_doubt(heard.filter(pl.col(when.earliest).is_null()), _UNDATED, pl.lit(None, pl.String)),
    ]
    mild = heard.select("row", mild="_mild").unique("row")
    return silent, pl.concat(doubts).join(mild, on="row", how="left", maintain_order="left")


def _said(frame: pl.DataFrame, domain: str) -> pl.Expr:
    names = [cell(frame, f"{domain}{name}") for name in ("TEST", "TESTCD", "OBJ")]
    answers = [cell(frame, f"{domain}{name}") for name in _ANSWERS]
    both = [pl.coalesce(*texts).str.slice(0, _LONGEST) for texts in (names, answers)]
    return pl.concat_str(both, separator=": ", ignore_nulls=True)


def is_findings(frame: pl.DataFrame, domain: str) -> bool:
    """Whether a table has the tests and the results of findings about subjects."""
    names, answers = ({f"{domain}{name}" for name in some} for some in (_NAMES[:2], _ANSWERS))
    there = set(frame.columns)
    return "USUBJID" in there and bool(names & there) and bool(answers & there)


def elsewhere(frame: pl.DataFrame, domain: str, why: str, lookups: Lookups) -> Mapped:
    """Findings of a domain that is not read: nothing but what they speak of; ``why`` the others are left out."""
    frame = hear(frame, domain, pl.lit(value=True), lookups)
    frame, when = read_dates(frame, f"{domain}DTC", f"{domain}DY")
    frame, end = read_dates(frame, f"{domain}ENDTC", f"{domain}ENDY")
    silent, spoken = told(frame, domain, (when, end), lookups)
    rest = ignored(frame.filter(pl.col("_spoken").is_null()), pl.lit(why))
    return Mapped(no_facts(), pl.concat([silent, rest]), spoken=spoken)
