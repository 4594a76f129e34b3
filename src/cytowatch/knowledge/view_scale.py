"""A scale as the table that a clinician knows, each cell with its source: what `cytowatch knowledge show` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cytowatch.knowledge.model import Domain, Knowledge, Scale
from cytowatch.knowledge.view_words import Words, plain

_METHODS = {
    "fever_led": "led by fever, with episodes",
    "neuro": "worst of the domains",
    "rules": "worst of the domains",
    "view": "the grades of another scale in other words",
}


class Cell(NamedTuple):
    """One sign of a scale: the grade or the points that it makes, in words, and where it was read."""

    id: str
    domain: str
    grade: int
    label: str
    encoding: str
    source: str
    locator: str
    evidence: str


def cells(scale: Scale, knowledge: Knowledge) -> list[Cell]:
    """Every criterion, band and category of a scale, in the order of its table."""
    words = Words(knowledge)
    found = [
        Cell(p.id, p.domain, p.grade, p.label, words.condition(p.when), p.source, p.locator, p.evidence)
        for p in scale.criteria
    ]
    return [*found, *(cell for domain in scale.domains for cell in _graded(domain, words))]


def _graded(domain: Domain, words: Words) -> Iterator[Cell]:
    for band in domain.bands:
        told = f"{words.concept(domain.concept)} {band.low:g} to {band.high:g}"
        locator = band.locator or domain.locator
        yield Cell(domain.id, domain.id, band.grade, domain.label, told, domain.source, locator, domain.evidence)
    for category, grade in domain.categories.items():
        told = f"{words.concept(domain.concept)}: {plain(category)}"
        yield Cell(domain.id, domain.id, grade, domain.label, told, domain.source, domain.locator, domain.evidence)
    if domain.staged:
        made = domain.staged
        told = f"{words.concept(made.concept)} {made.low:g} or more"
        yield Cell(domain.id, domain.id, made.grade, domain.label, told, domain.source, made.locator, made.evidence)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; nothing without rows."""
    lines = [[_escaped(part) for part in row] for row in rows]
    columns = [*head]
    return "\n".join(f"| {' | '.join(line)} |" for line in [columns, ["---"] * len(columns), *lines]) if lines else ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def scale_parts(scale: Scale, knowledge: Knowledge) -> Iterator[str]:
    """The parts of the page of one scale, below its title; some may be empty."""
    made = "points" if scale.scoring == "sum" else "grade"
    yield _about(scale, knowledge)
    yield table((made if scale.scoring == "worst" else "score", "meaning"), meanings(scale))
    yield _mapped(scale)
    head = ("criterion", made, "label", "our encoding", "evidence", "source, locator")
    rows = ((c.id, str(c.grade), c.label, c.encoding, c.evidence, cited(c)) for c in cells(scale, knowledge))
    yield table(head, rows)
    yield _titled("Domains, and what takes them away:", domains(scale))
    yield episode(scale)
    yield _titled("Flags:", flags(scale, knowledge))
    yield _titled("Published probability:", probability(scale))
    yield table(("not encoded", "what is done instead"), ((part.text, part.handled) for part in scale.not_encoded))


def _titled(title: str, made: str) -> str:
    return f"{title}\n\n{made}" if made else ""


def _about(scale: Scale, knowledge: Knowledge) -> str:
    source = knowledge.sources.get(scale.source)
    told = f"{source.citation or source.title} ({scale.source})" if source else scale.source
    return f"Source: {told}. Revision {scale.revision}, {scale.status}; knowledge {knowledge.version}. {method(scale)}"


def method(scale: Scale) -> str:
    """How the grade is made, and when it is looked for, in a sentence or two."""
    if scale.method == "view":
        return f"It is no scale of its own: it words the grades of `{scale.view_of}` anew."
    made = "Sum of the points of its items" if scale.scoring == "sum" else _METHODS[scale.method].capitalize()
    if scale.method != "rules":
        return f"{made}."
    when = "in the whole record" if scale.watch == "record" else "after an exposure"
    if scale.window_days is not None:
        when = f"from day {scale.window_days[0]:g} to day {scale.window_days[1]:g} after an exposure"
    return f"{made}; looked for {when}."


def meanings(scale: Scale) -> list[tuple[str, str]]:
    """Each grade, or score from which on something is said, with its meaning."""
    sign = "from " if scale.scoring == "sum" else ""
    return [(f"{sign}{grade}", text) for grade, text in scale.grade_meaning.items()]


def _mapped(scale: Scale) -> str:
    return table((f"grade of {scale.view_of}", "grade here"), ((str(old), str(new)) for old, new in scale.view.items()))


def cited(cell: Cell) -> str:
    """Where a cell was read."""
    return f"{cell.source}, {cell.locator}" if cell.locator else cell.source


def domains(scale: Scale) -> str:
    """The axes of a scale, and what takes each of them away."""

    def rows() -> Iterator[tuple[str, ...]]:
        for domain in scale.domains:
            reasons = f"{domain.excluded_by}: {', '.join(domain.excluding)}" if domain.excluded_by else ""
            chronic = f"; only what was there before: {', '.join(domain.chronic)}" if domain.chronic else ""
            sedation = "unknown" if domain.under_sedation == "unknown" else ""
            holds = "" if domain.holds_open else "does not keep an episode open"
            yield (domain.id, domain.label, domain.attribution, reasons + chronic, sedation, holds)

    head = ("domain", "what", "charted to another cause", "taken away by", "under sedation", "episodes")
    said = [*rows()]
    used = [place for place in range(len(head)) if any(row[place] for row in said)]
    return table([head[place] for place in used], ([row[place] for place in used] for row in said))


def episode(scale: Scale) -> str:
    """How episodes open, and what a death makes."""
    rule, parts = scale.episode, []
    if scale.has_episodes:
        opens = f"criterion `{rule.opens_with}`" if rule.opens_with else "any grade of at least 1"
        held = f"at least {rule.floor}, until the hours of policy `episode_gap_hours` have passed since the last one"
        between = held if rule.floor else "that of the moment"
        parts.append(f"An episode opens with {opens}. Between its signs the grade is {between}.")
    if rule.waived_by:
        parts.append(f"Fever is not needed after: {', '.join(rule.waived_by)}.")
    if rule.death_cause:
        parts.append(f"Grade 5 is a death charted with the cause `{rule.death_cause}` (`{rule.death_criterion}`).")
    return " ".join(parts)


def flags(scale: Scale, knowledge: Knowledge) -> str:
    """Every remark that can be raised, and when, where a rule of the scale says it."""
    words = Words(knowledge)
    rules = {part.id: words.condition(part.when) for part in scale.flag_rules}
    rows = ((name, text, rules.get(name, "")) for name, text in scale.flags.items())
    return table(("flag", "what it says", "raised while"), rows)


def probability(scale: Scale) -> str:
    """The published probability of each score."""
    return table(("score", "per cent"), ((f"{score:g}", f"{share:g}") for score, share in scale.probability))
