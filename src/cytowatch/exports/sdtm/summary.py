"""The summary that labels print, by arm: how many, how soon, how long, what was given, with bounds."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import polars as pl

from cytowatch.exports.sdtm.arms import ALL, Arms
from cytowatch.exports.sdtm.derived import onsets, syndromes
from cytowatch.exports.sdtm.doses import treated, with_open_counts
from cytowatch.knowledge.model import Knowledge
from cytowatch.report import ReportData
from cytowatch.report.agreement import confusion, weighted_kappa
from cytowatch.schema import DAY_US

SUMMARY = {
    "scale": pl.String(),
    "arm": pl.String(),
    "statistic": pl.String(),
    "of": pl.Int64(),
    "n": pl.Int64(),
    "n_possible": pl.Int64(),
    "percent": pl.Float64(),
    "percent_possible": pl.Float64(),
    "median": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "text": pl.String(),
}
CONCORDANCE = {
    "scale": pl.String(),
    "level": pl.String(),
    "arm": pl.String(),
    "rows": pl.Int64(),
    "agree": pl.Int64(),
    "differ": pl.Int64(),
    "compatible": pl.Int64(),
    "not_comparable": pl.Int64(),
    "kappa": pl.Float64(),
    "kappa_low": pl.Float64(),
    "kappa_high": pl.Float64(),
    "kappa_pairs": pl.Int64(),
}
_GRADES = tuple(range(6))
Row = dict[str, object]


def summary(data: ReportData, knowledge: Knowledge, arms: Arms) -> pl.DataFrame:
    """One row a scale, arm and statistic (columns `SUMMARY`); ``n`` is certain, ``n_possible`` what is not excluded.

    Shares are of the patients with an exposure and a timeline; ``graded`` counts those of them of whom an event was
    ever certain or excluded. Onset is that of the first certain episode, in days from the first exposure, and from the
    latest one before it; duration is that of the same episode, over those that resolved. The worst grade is said twice:
    over the whole watch, hours without a measurement among it, and of the episodes alone, as ADAE has them.
    """
    rows: list[Row] = []
    episodes = with_open_counts(data.episodes, data, knowledge)
    for scale in syndromes(data):
        people = onsets(data, knowledge, scale)
        for part in (_worst(data, scale), _episodes(data, scale), treated(episodes, data, knowledge, scale)):
            people = people.join(part, on="patient", how="left")
        for arm, members in arms.groups():
            group = people if members is None else people.join(members, on="patient", how="semi")
            enrolled = arms.table.height if members is None else members.height
            rows += [{"scale": scale, "arm": arm, **row} for row in _statistics(group, enrolled)]
    return pl.DataFrame(rows, schema=SUMMARY)


def _worst(data: ReportData, scale: str) -> pl.DataFrame:
    own = data.timeline.filter(pl.col("scale") == scale)
    return own.group_by("patient").agg(pl.col("at_least").max().alias("least"), pl.col("at_most").max().alias("most"))


def _episodes(data: ReportData, scale: str) -> pl.DataFrame:
    own = data.episodes.filter(pl.col("scale") == scale)
    return own.group_by("patient").agg(
        pl.col("max_at_least").max().alias("found_least"),
        pl.col("max_at_most").max().alias("found_most"),
        (pl.col("recurrent").fill_null(value=False) & (pl.col("max_at_least") >= 1)).any().alias("again"),
        (pl.col("recurrent").fill_null(value=False) & (pl.col("max_at_most") >= 1)).any().alias("maybe_again"),
    )


def _statistics(group: pl.DataFrame, enrolled: int) -> list[Row]:
    size = group.height

    def count(expression: pl.Expr) -> int:
        return int(group.select(expression.fill_null(value=False).sum()).item())

    graded = count(pl.col("answered"))
    rows: list[Row] = [
        {"statistic": "graded", "of": max(enrolled, size), "n": graded, "text": f"{graded} of {max(enrolled, size)}"}
    ]
    for name, certain, possible in (
        ("any grade", pl.col("least") >= 1, pl.col("most") >= 1),
        ("grade 3 or higher", pl.col("least") >= 3, pl.col("most") >= 3),
        ("grade 5", pl.col("least") >= 5, pl.col("most") >= 5),
        ("recurrent", pl.col("again"), pl.col("maybe_again")),
    ):
        rows.append(_share(name, size, count(certain), count(possible)))
    for place, low, high in (
        ("of the whole watch", pl.col("least"), pl.col("most")),
        ("of the episodes", pl.col("found_least"), pl.col("found_most")),
    ):
        for grade in _GRADES:
            exactly, within = (low == grade) & (high == grade), (low <= grade) & (high >= grade)
            rows.append(_share(f"worst grade {grade} {place}", size, count(exactly), count(within)))
    without = count(pl.col("found_most").is_null())
    rows.append(_share("no episode", size, without, without))
    lasted = group["hours"].drop_nulls().to_list()
    open_ended = count(pl.col("onset").is_not_null() & pl.col("hours").is_null())
    first = _days(group, "exposed")
    rows.append(_spread("time to onset, days", first))
    rows.append(_spread("time to onset from the latest dose, days", _days(group, "latest_dose")))
    rows.append(_spread("duration, days", [hours / 24 for hours in lasted]))
    rows.append(
        {
            "statistic": "not resolved when last seen",
            "of": len(first),
            "n": open_ended,
            "text": f"{open_ended} of {len(first)}",
        }
    )
    for name, drug in (("tocilizumab in an episode", "tocilizumab"), ("steroids in an episode", "steroid")):
        rows.append(_share(name, size, count(pl.col(drug)), count(pl.col(f"maybe_{drug}"))))
    return rows


def _days(group: pl.DataFrame, since: str) -> list[float]:
    days = group.select(((pl.col("onset") - pl.col(since)) / DAY_US).alias("days"))["days"]
    return [float(one) for one in days.drop_nulls()]


def _share(name: str, of: int, n: int, possible: int) -> Row:
    low, high = _percent(n, of), _percent(possible, of)
    text = f"{n} ({_shown(low)} %)" if n == possible else f"{n} to {possible} ({_shown(low)} to {_shown(high)} %)"
    return {
        "statistic": name,
        "of": of,
        "n": n,
        "n_possible": possible,
        "percent": low,
        "percent_possible": high,
        "text": text,
    }


def _percent(n: int, of: int) -> float | None:
    return round(100 * n / of, 1) if of else None


def _shown(percent: float | None) -> str:
    return "–" if percent is None else f"{percent:g}"


def _spread(name: str, values: Sequence[float]) -> Row:
    if not values:
        return {"statistic": name, "n": 0, "text": "–"}
    middle, low, high = median(values), min(values), max(values)
    text = f"{middle:.1f} ({low:.1f} to {high:.1f})"
    return {"statistic": name, "n": len(values), "median": middle, "low": low, "high": high, "text": text}


def concordance_by_arm(data: ReportData, arms: Arms) -> pl.DataFrame:
    """Derived against reported grades by scale, level and arm, with the weighted kappa of pairs that are one number."""
    rows: list[Row] = []
    for (scale, level), part in data.concordance.group_by(["scale", "level"], maintain_order=True):
        for arm, members in arms.groups():
            own = part if members is None else part.join(members, on="patient", how="semi")
            if own.height or arm == ALL:
                rows.append({"scale": scale, "level": level, "arm": arm, **_agreement(own)})
    return pl.DataFrame(rows, schema=CONCORDANCE)


def _agreement(part: pl.DataFrame) -> Row:
    counts: Row = {
        name: part.filter(pl.col("verdict") == name).height
        for name in ("agree", "differ", "compatible", "not_comparable")
    }
    exact = part.filter(
        pl.col("verdict").is_in(["agree", "differ"]), pl.col("derived_at_least") == pl.col("derived_at_most")
    )
    pairs = [
        (int(one), int(other)) for one, other in exact.select("reported", "derived_at_least").drop_nulls().iter_rows()
    ]
    kappa = weighted_kappa(confusion(pairs, _GRADES))
    return {
        "rows": part.height,
        **counts,
        "kappa": kappa.value,
        "kappa_low": kappa.low,
        "kappa_high": kappa.high,
        "kappa_pairs": kappa.pairs,
    }
