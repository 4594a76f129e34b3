"""From matched rules to rows of advice: doses worked out, limits counted, what is missing, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from cytowatch.advise import course
from cytowatch.advise.doses import Given, amount, blocked, counts, course_count, needs_weight
from cytowatch.advise.exposures import lane_of
from cytowatch.advise.facts import PREFIX
from cytowatch.advise.match import Match, circumstances
from cytowatch.advise.moments import laid_under, merged
from cytowatch.advise.situations import Situations, columns_of
from cytowatch.knowledge.advice import AdviceRule, AdvisedDose
from cytowatch.knowledge.model import Knowledge
from cytowatch.schema import ADVICE, HOUR_US

_NO_TEXTS = pl.lit([], pl.List(pl.String))
_NEVER = 2**62
_WEIGHT = ("weight", "weight_is_old", "weight_is_undated")
_UNDATED = "The weight is that of the patients table, which has no date."
_DOSE = ("drug", "dose", "dose_most", "dose_unit", "route", "arithmetic", "schedule", "blocked_by")
_RANGE = ("if_lower", "if_higher")


@dataclass(frozen=True)
class Teller:
    """Tells matches: ``lanes`` holds the timelines of scales and facts, with criteria, missing and evidence."""

    knowledge: Knowledge
    given: Mapping[str, Given]
    found: Situations
    lanes: pl.DataFrame

    def rows(self, matches: Sequence[Match]) -> pl.DataFrame:
        """Rows of ``schema.ADVICE`` for all matches; neighbors that say the same are one row."""
        parts = [self._of(number, match) for number, match in enumerate(matches)]
        thin = pl.concat([part for part in parts if part.height] or parts[:1])
        if thin.is_empty():
            return ADVICE.empty()
        told = thin.join(_words(matches), on="match", how="left", maintain_order="left").with_row_index("place")
        told = self._with_grounds(told)
        told = told.join(self._missing(told, matches), on="place", how="left", maintain_order="left")
        told = told.with_columns(pl.col("missing").fill_null(_NO_TEXTS))
        return told.select(pl.col(name).cast(kind) for name, kind in ADVICE.schema.items())

    # ------------------------------------------------------------ what, how much, how certain

    def _of(self, number: int, match: Match) -> pl.DataFrame:
        """The rows of one rule, thin: what differs from row to row."""
        rule, scale = match.rule, match.guideline.scales[match.rule.toxicity]
        runs = self.found.runs_with(self._moving(rule, scale))
        held = runs.join(match.table, on="situation", how="inner").sort("state", "patient", "start")
        dosed = held.with_columns(**self._dose(rule, scale)).with_columns(
            pl.lit(number).alias("match"),
            pl.when("certain").then(pl.lit("certain")).otherwise(pl.lit("possible")).alias("holds"),
            _level(rule).alias("level"),
        )
        says = ["patient", "state", "holds", "grade", "level", *_DOSE, "limits", "not_before", "cautions"]
        kinds = {name: kind for name, kind in ADVICE.schema.items() if name in says}
        columns = [pl.col(name).cast(kinds[name]) for name in says]
        return merged(dosed.select("match", "situation", "start", "end", *columns), says)

    def _moving(self, rule: AdviceRule, scale: str) -> list[str]:
        dose = [] if rule.dose is None else columns_of(self.given[rule.dose.drug])
        weight = _WEIGHT if rule.dose is not None and needs_weight(rule.dose) else ()
        return [*dose, *weight, *([] if rule.wait_hours is None else [f"{scale}|over_since"])]

    def _dose(self, rule: AdviceRule, scale: str) -> dict[str, pl.Expr]:
        """The columns of a dose; empty where the rule gives none."""
        dose = rule.dose
        if dose is None:
            none = {**{name: pl.lit(None) for name in _DOSE}, "limits": _NO_TEXTS, "cautions": _NO_TEXTS}
            return {**none, "not_before": _next_dose_from(rule, scale)}
        drug = self.knowledge.advice.drugs[dose.drug]
        number, arithmetic = amount(dose, drug)
        which, until = self._blocked(dose)
        undated = pl.col("weight_is_undated") & pl.col("weight").is_not_null()
        note = pl.when(undated).then(pl.lit([_UNDATED])).otherwise(_NO_TEXTS) if needs_weight(dose) else _NO_TEXTS
        return {
            "drug": pl.lit(drug.key),
            "dose": pl.when(which.is_null()).then(number),
            "dose_most": pl.when(which.is_null()).then(pl.lit(dose.amount_most)),
            "dose_unit": pl.lit(drug.unit),
            "route": pl.lit(dose.route or drug.route),
            "arithmetic": arithmetic,
            "schedule": pl.lit(_schedule(dose) or None),
            "limits": counts(self.given[drug.key], dose.most_doses),
            "blocked_by": which,
            # a course that is full frees no dose
            "not_before": pl.when(until < _NEVER).then(until),
            "cautions": pl.concat_list("cautions", note),
        }

    def _blocked(self, dose: AdvisedDose) -> tuple[pl.Expr, pl.Expr]:
        """Which limit forbids a dose now, and when it frees one; what a rule itself allows is one, too."""
        doses = self.given[dose.drug]
        which, until = blocked(doses)
        if (doses.drug.limits or dose.most_doses) and not doses.is_recorded:
            return pl.lit("not_recorded"), pl.lit(None, pl.Int64)
        if not dose.most_doses:
            return which, until
        full = pl.col(course_count(dose.drug)) >= dose.most_doses
        return (
            pl.when(full).then(pl.lit("most_doses")).otherwise(which),
            pl.when(full).then(None).otherwise(until),
        )

    # ------------------------------------------------------------ on what grounds

    def _with_grounds(self, told: pl.DataFrame) -> pl.DataFrame:
        """Add ``why`` and ``evidence``: what makes the grade at the start, and the facts that the rule asks for."""
        parts = []
        for scale in told["scale"].unique().to_list():
            own = told.filter(pl.col("scale") == scale).sort("patient", "start")
            parts.append(laid_under(own, self._lane(scale), "own", ("criteria", "missing", "evidence")))
        whole = pl.concat(parts)
        return whole.with_columns(
            pl.concat_list(pl.col("own|criteria").fill_null(_NO_TEXTS), "facts").alias("why"),
            pl.col("own|evidence").fill_null(_NO_TEXTS).alias("evidence"),
        )

    def _missing(self, told: pl.DataFrame, matches: Sequence[Match]) -> pl.DataFrame:
        """What would settle each row that is possible, or hangs on a grade that is a range: place, missing."""
        open_ = told.filter((pl.col("holds") == "possible") | pl.col("state").is_in(_RANGE))
        names = [self._of_situations(open_, matches), *self._of_lanes(open_, matches)]
        ranged = open_.filter(pl.col("state").is_in(_RANGE))
        names.append(ranged.select("place", pl.lit(99).alias("order"), pl.col("own|missing").alias("name")))
        listed = pl.concat(names).explode("name").drop_nulls("name").sort("place", "order", maintain_order=True)
        return listed.group_by("place", maintain_order=True).agg(
            pl.col("name").unique(maintain_order=True).alias("missing")
        )

    def _of_lanes(self, open_: pl.DataFrame, matches: Sequence[Match]) -> Iterable[pl.DataFrame]:
        """What each lane that a rule asks for names at the start of the row."""
        asking: dict[str, list[int]] = {}
        for number, match in enumerate(matches):
            for lane, _, _ in circumstances(match.guideline, match.rule):
                asking.setdefault(lane, []).append(number)
        for order, (lane, numbers) in enumerate(asking.items()):
            own = open_.filter(pl.col("match").is_in(numbers), pl.col("holds") == "possible").sort("patient", "start")
            under = laid_under(own, self._lane(lane), "asked", ("missing",))
            yield under.select("place", pl.lit(order).alias("order"), pl.col("asked|missing").alias("name"))

    def _of_situations(self, open_: pl.DataFrame, matches: Sequence[Match]) -> pl.DataFrame:
        """What is not known of the exposure and of the course."""
        parts = [open_.clear().select("place", pl.lit(0).alias("order"), pl.lit([""]).alias("name"))]
        for number, match in enumerate(matches):
            asked = _unknowns(match)
            names = pl.concat_list([pl.when(here).then(pl.lit(name)) for here, name in asked]).list.drop_nulls()
            table = self.found.table.select("situation", names.alias("name")).filter(pl.col("name").list.len() > 0)
            own = open_.filter(pl.col("match") == number).select("place", "situation") if table.height else None
            if own is not None and own.height:
                told = own.join(table, on="situation")
                parts.append(told.select("place", pl.lit(50).alias("order"), "name"))
        return pl.concat(parts)

    def _lane(self, name: str) -> pl.DataFrame:
        return self.lanes.filter(pl.col("scale") == name)


def _unknowns(match: Match) -> list[tuple[pl.Expr, str]]:
    """Where something that the rule asks for is not known, and its name."""
    rule, scale, lane = match.rule, match.guideline.scales[match.rule.toxicity], lane_of(match.guideline.triggers)
    found = [(~pl.col(f"{lane}|alone"), "which_exposure")]
    if rule.products or rule.classes or rule.not_products or match.guideline.products:
        found.append((pl.col(f"{lane}|class").is_null() | pl.col(f"{lane}|product").is_null(), "product"))
    if rule.no_better:
        found.append((pl.col(course.lane_of(scale, rule.no_better)).is_null(), "course_of_grade"))
    if rule.measured_since:
        found.append((pl.col(course.measured_lane(rule.measured_since)).is_null(), rule.measured_since.missing))
    answers = course.answers_asked(rule, scale)
    return [*found, *((pl.col(f"{name}|may") & ~pl.col(f"{name}|sure"), "onset") for name in answers)]


def _words(matches: Sequence[Match]) -> pl.DataFrame:
    """What is the same in every row of a rule, by the number of the match."""
    rows = [
        {
            "match": number,
            "kind": "gap" if match.rule.topic == "gap" else "advice",
            "guideline": match.guideline.key,
            "rule": match.rule.id,
            "toxicity": match.rule.toxicity,
            "scale": match.guideline.scales[match.rule.toxicity],
            "topic": match.rule.topic,
            "strength": None if match.rule.topic == "gap" else match.rule.strength,
            "choice": match.rule.choice or None,
            "action": match.rule.action,
            "then": match.rule.then or None,
            "facts": [PREFIX + key for key in match.rule.needs],
            "source": match.rule.cited.source,
            "locator": match.rule.cited.locator,
            "basis": match.rule.cited.evidence,
        }
        for number, match in enumerate(matches)
    ]
    lists = {"facts": pl.List(pl.String)}
    return pl.DataFrame(rows, schema_overrides=lists, infer_schema_length=None).with_columns(
        pl.col("match").cast(pl.Int32)
    )


def _level(rule: AdviceRule) -> pl.Expr:
    """What was not read in a source is never more than `unverified`."""
    if rule.cited.evidence == "recalled":
        return pl.lit("unverified")
    if rule.topic == "gap":
        return pl.lit("note")
    is_note = (pl.col("state") != "now") | ~pl.col("certain")
    held = pl.when(is_note).then(pl.lit("note")).when(pl.col("blocked_by").is_not_null()).then(pl.lit("limit"))
    return held.otherwise(pl.lit("alert" if rule.alert else "advice"))


def _next_dose_from(rule: AdviceRule, scale: str) -> pl.Expr:
    """When the reaction has been over long enough for the next dose of the product."""
    if rule.wait_hours is None:
        return pl.lit(None)
    return pl.col(f"{scale}|over_since") + round(rule.wait_hours * HOUR_US)


def _schedule(dose: AdvisedDose) -> str:
    every = ""
    if dose.every:
        shortest, longest = dose.every
        every = f"every {shortest:g} h" if shortest == longest else f"every {shortest:g} to {longest:g} h"
    return ", ".join(part for part in (every, dose.schedule) if part)
