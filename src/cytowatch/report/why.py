"""Why two scales say what they say of one patient at one moment: from timeline rows and the tables, nothing graded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.probability import probability_in_words
from cytowatch.report import words
from cytowatch.report.course import Row
from cytowatch.report.order import FAMILIES
from cytowatch.report.signs import ScaleSigns, Sign


@dataclass(frozen=True)
class Reason:
    """One met sign of a scale, and what the other scale makes of it.

    ``standing``: ``alone`` (the other does not read it at all), ``same`` (the worst that it makes there is the same
    grade), ``otherwise`` (it is another grade: ``elsewhere``), ``unmet`` (the other reads it, and nothing that reads
    it is met there), ``shared`` (the other reads it, and their numbers are not the same kind), or empty where there
    is nothing to compare with, or a worse sign of the same axis is met as well and says it.
    """

    sign: Sign
    decides: bool
    standing: str
    elsewhere: tuple[Sign, ...] = ()


@dataclass(frozen=True)
class Said:
    """What one scale says at the moment; ``row`` is None where it does not watch the patient then."""

    scale: str
    title: str
    row: Row | None
    reasons: tuple[Reason, ...]
    missing: tuple[str, ...]
    flags: tuple[str, ...]
    evidence: tuple[tuple[str, tuple[str, ...]], ...]
    probability: str = ""
    is_sum: bool = False

    @property
    def grade(self) -> str:
        """The grade, the range, or why there is none."""
        if self.row is None:
            return "not watched"
        said = words.grade(self.row["at_least"], self.row["at_most"])
        return f"{said} points" if self.is_sum and self.row["at_least"] is not None else said

    @property
    def bounds(self) -> tuple[int, int] | None:
        """At least and at most; None without a grade."""
        if self.row is None or self.row["at_least"] is None or self.row["at_most"] is None:
            return None
        return int(self.row["at_least"]), int(self.row["at_most"])


@dataclass(frozen=True)
class Comparison:
    """Two scales of one patient at one moment, and in a sentence how they stand to each other."""

    first: Said
    second: Said
    verdict: str
    sentence: str


def row_at(rows: Iterable[Row], scale: str, moment: int) -> Row | None:
    """The row of a scale in which a moment lies; None where the patient is not watched then."""
    return next((row for row in rows if row["scale"] == scale and row["start"] <= moment < row["end"]), None)


def compare(
    rows: Sequence[Row],
    moment: int,
    scales: tuple[str, str],
    knowledge: Knowledge,
    values: Mapping[str, Sequence[str]] | None = None,
    concepts: Mapping[str, frozenset[str]] | None = None,
) -> Comparison:
    """Both grades at the moment, what makes each, what only one of the two counts, and what is missing.

    rows: timeline of one patient; moment: microseconds; values: what stands behind each source, in words; concepts:
    the concepts behind each source, which tell what a sign that may rest on several things rests on here.
    """
    signs = [ScaleSigns(scale, knowledge) for scale in scales]
    found = [row_at(rows, scale, moment) for scale in scales]
    sides = [
        _said(signs[me], signs[1 - me], found[me], found[1 - me], knowledge, values or {}, concepts or {})
        for me in (0, 1)
    ]
    verdict = verdict_of(sides[0].bounds, sides[1].bounds, comparable=is_comparable(*signs))
    return Comparison(sides[0], sides[1], verdict, _sentence(verdict, sides[0], sides[1], signs))


def is_comparable(first: ScaleSigns, second: ScaleSigns) -> bool:
    """Whether two scales mean to grade the same thing, and neither counts points."""
    return first.subject == second.subject and not first.is_sum and not second.is_sum


def verdict_of(first: tuple[int, int] | None, second: tuple[int, int] | None, *, comparable: bool) -> str:
    """``none`` (one does not grade), ``apart`` (not the same thing), ``same``, ``differ``, ``disjoint`` or ``open``."""
    if first is None or second is None:
        return "none"
    if not comparable:
        return "apart"
    if first[0] == first[1] and second[0] == second[1]:
        return "same" if first == second else "differ"
    return "disjoint" if first[0] > second[1] or second[0] > first[1] else "open"


SENTENCES = {
    "none": "There is nothing to compare: {gap}.",
    "apart": "{a} and {b} do not grade the same thing: {ga} and {gb} say nothing about each other.",
    "same": "Both say {ga}.",
    "differ": "They differ: {a} says {ga}, {b} says {gb}.",
    "disjoint": "They differ, though not both are certain: {a} says {ga}, {b} says {gb}.",
    "open": "Whether they differ is open: {a} says {ga}, {b} says {gb}.",
}
GAPS = {"unwatched": "{a} does not watch the patient at this moment", "ungraded": "{a} gives no grade here"}


# What stands behind a met sign about the other scale, and where no sign makes the grade.
TAGS = {
    "alone": "{b} does not look at this",
    "same": "{b} counts it the same",
    "otherwise": "{b} counts it otherwise: {there}",
    "unmet": "{b} looks at this too, and it meets nothing there",
    "shared": "{b} looks at this too",
}
BETWEEN = "No sign at this moment makes it: an episode is open, and the grade holds between its signs."


def tag_of(reason: Reason, other: str, *, points: bool = False) -> str:
    """What the other scale makes of a met sign, in words; empty where there is nothing to compare with."""
    word = "points" if points else "grade"
    there = "; ".join(f"{item.label}" + (f" ({word} {item.grade})" if item.grade else "") for item in reason.elsewhere)
    return TAGS[reason.standing].format(b=other, there=there) if reason.standing else ""


def _sentence(verdict: str, first: Said, second: Said, signs: Sequence[ScaleSigns]) -> str:
    gaps = [
        GAPS["unwatched" if side.row is None else "ungraded"].format(a=side.title)
        for side in (first, second)
        if side.bounds is None
    ]
    said = SENTENCES[verdict].format(
        a=first.title, b=second.title, ga=first.grade, gb=second.grade, gap=" and ".join(gaps)
    )
    families = [FAMILIES[item.family].lower() for item in signs]
    return f"{said} ({families[0]}; {families[1]})" if verdict == "apart" and families[0] != families[1] else said


def _said(
    own: ScaleSigns,
    other: ScaleSigns,
    row: Row | None,
    beside: Row | None,
    knowledge: Knowledge,
    values: Mapping[str, Sequence[str]],
    concepts: Mapping[str, frozenset[str]],
) -> Said:
    names = words.Words(knowledge)
    title = names.short(own.scale)
    if row is None:
        return Said(own.scale, title, None, (), (), (), ())
    scale = knowledge.scales.get(own.scale)
    return Said(
        scale=own.scale,
        title=title,
        row=row,
        reasons=tuple(_reasons(own, other, row, beside, concepts)),
        missing=tuple(names.missing(key) for key in row["missing"] or []),
        flags=tuple(names.flag(own.scale, key) for key in row["flags"] or []),
        evidence=tuple((key, tuple(values.get(key, ()))) for key in row["evidence"] or []),
        probability=probability_in_words(scale, row["at_least"], row["at_most"]) if scale else "",
        is_sum=own.is_sum,
    )


def _reasons(
    own: ScaleSigns, other: ScaleSigns, row: Row, beside: Row | None, concepts: Mapping[str, frozenset[str]]
) -> list[Reason]:
    """The met signs, those that make the grade first."""
    deciding = own.deciding(row["criteria"] or [], row["at_least"])
    met = [other.sign(key) for key in (beside["criteria"] or [])] if beside else []
    comparable, out = is_comparable(own, other), []
    for key in row["criteria"] or []:
        sign, decides = own.sign(key), key in deciding
        active = active_concepts(sign.concepts, row["evidence"] or [], concepts)
        standing = _reason(sign, active, other, met, decides=decides, comparable=comparable)
        told = beside is not None and not any(_outdone(sign, own.sign(name)) for name in row["criteria"] or [])
        out.append(standing if told else Reason(sign, decides, ""))
    return sorted(out, key=lambda item: not item.decides)


def _reason(
    sign: Sign, active: frozenset[str], other: ScaleSigns, met: Sequence[Sign], *, decides: bool, comparable: bool
) -> Reason:
    """What the other scale makes of one sign; ``active``: the concepts that it rests on here."""
    if not active & other.reads:
        return Reason(sign, decides, "alone")
    if not comparable:
        return Reason(sign, decides, "shared")
    like = tuple(item for item in met if item.concepts & active)
    if not like:
        return Reason(sign, decides, "unmet")
    worst = max(item.grade or 0 for item in like)
    there = tuple(item for item in like if (item.grade or 0) == worst)
    return Reason(sign, decides, "same" if worst == sign.grade else "otherwise", there)


def _outdone(sign: Sign, other: Sign) -> bool:
    return other.axis == sign.axis and (other.grade or 0) > (sign.grade or 0)


def active_concepts(
    read: frozenset[str], evidence: Sequence[str], concepts: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Of the concepts that a sign reads those with a row among the evidence; all of them where no row tells."""
    shown = frozenset(name for source in evidence for name in concepts.get(source, frozenset()))
    return read & shown or read
