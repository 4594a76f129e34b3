"""The tables that ``cw.product`` and ``cw.risks`` give: column, type and meaning."""

from __future__ import annotations

import polars as pl

from cytowatch.schema import Column, Table

_TEXT, _NUMBER, _COUNT, _DAY = pl.String(), pl.Float64(), pl.Int64(), pl.Date()
_LIST = pl.List(pl.String())
_CITED = (
    Column("source", _TEXT, "key of the source"),
    Column("locator", _TEXT, "where it stands in the source"),
    Column("basis", _TEXT, "how it is known: primary, secondary, recalled (not verified) or house"),
)

PRODUCT_FACTS = Table(
    "product_facts",
    (
        Column("product", _TEXT, "key of the product"),
        Column("topic", _TEXT, "what it is about: rate, onset, stay, rechallenge, …"),
        Column("fact", _TEXT, "its id: edition.fact"),
        Column("event", _TEXT, "what is counted or timed; empty for a rule"),
        Column("setting", _TEXT, "for whom"),
        Column("region", _TEXT, "US, EU, CH, …; empty where none was said"),
        Column("value", _TEXT, "the fact in words"),
        Column("percent_low", _NUMBER, "share in per cent; equal to percent_high where one number was printed"),
        Column("percent_high", _NUMBER, "its upper end"),
        Column("n", _COUNT, "how many"),
        Column("of", _COUNT, "of how many"),
        Column("grading", _TEXT, "scale that its grades are of: its id, or `not_said`"),
        Column("median", _NUMBER, "median time"),
        Column("low", _NUMBER, "lower end of a time or an amount"),
        Column("high", _NUMBER, "upper end of a time or an amount"),
        Column("spread", _TEXT, "what the ends of a time are: range, quartiles or not_said"),
        Column("unit", _TEXT, "unit of the time or amount"),
        Column("toxicity", _TEXT, "of a rule after a toxicity: crs, icans or neurotoxicity"),
        Column("grades", pl.List(pl.Int64()), "its grades; empty where none was said"),
        Column("occurrence", _TEXT, "any, first, recurrent, persistent, or persistent_or_recurrent"),
        Column("action", _TEXT, "continue, hold, postpone, next_dose, slower or stop"),
        Column("resolved_hours", _NUMBER, "hours that it must have been gone before the next dose"),
        Column("stay_hours_low", _NUMBER, "hours to stay at the next dose, fewest"),
        Column("stay_hours_high", _NUMBER, "hours to stay at the next dose, most"),
        Column("edition", _TEXT, "edition that says it"),
        Column("effective_from", _DAY, "first day on which it held; empty where that was not read"),
        Column("effective_to", _DAY, "first day on which it holds no more; empty if it still does"),
        Column("as_of", _TEXT, "date of the edition that was read: a year, a month or a day"),
        Column("holds", _TEXT, "in_force, start_unknown (not ended, its start not read) or observed (no rule)"),
        Column("differs_from", _LIST, "facts of the same product that say otherwise"),
        *_CITED,
    ),
)

RISKS = Table(
    "risks",
    (
        Column("kind", _TEXT, "risk (a factor), result (of an intervention) or recommendation"),
        Column("key", _TEXT, "key of the factor or intervention"),
        Column("label", _TEXT, "its name"),
        Column("outcome", _TEXT, "crs, icans, crs_or_icans, infection, organ, efficacy, survival or care"),
        Column("outcome_label", _TEXT, "the outcome in words"),
        Column(
            "direction", _TEXT, "raises, lowers, no_effect, unclear, not_studied; of a result for, against, neither"
        ),
        Column("standing", _TEXT, "of a recommendation: label, guideline, investigational, not_recommended, …"),
        Column("effect", _TEXT, "the number, or the recommendation, in words"),
        Column("measure", _TEXT, "HR, OR, percent, p_only, none_given or none_found"),
        Column("value", _NUMBER, "the number as printed; of a percentage with two ends the lower"),
        Column("low", _NUMBER, "lower end of its interval"),
        Column("high", _NUMBER, "upper end of its interval"),
        Column("p", _NUMBER, "probability"),
        Column("versus_low", _NUMBER, "percentage that it is compared with, lower end"),
        Column("versus_high", _NUMBER, "percentage that it is compared with, upper end"),
        Column("grading", _TEXT, "scale that its grades are of: its id, or `not_said`"),
        Column("population", _TEXT, "in whom"),
        Column("n", _COUNT, "of how many"),
        Column("products", _LIST, "products that it is told of"),
        Column("classes", _LIST, "classes of products that it is told of"),
        *_CITED,
    ),
)
