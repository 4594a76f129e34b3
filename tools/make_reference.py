"""Make the reference pages from the clinical tables, the schema and the commands: ``make docs``.

The tables are the only truth; these pages repeat them for readers. ``--check`` writes nothing and fails if a page is
not what it would be.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from cytowatch import schema
from cytowatch.adapters.doubt import UNREAD
from cytowatch.cli import app
from cytowatch.engine.apply import needed_by
from cytowatch.knowledge import Knowledge, load
from cytowatch.knowledge.choose import check_scales
from cytowatch.knowledge.door import Door
from cytowatch.knowledge.lint.limits import bands, mistakes
from cytowatch.knowledge.model import Concept, Product, Threshold, ThresholdBand
from cytowatch.knowledge.products_by_date import Held
from cytowatch.knowledge.view_advice import advice_in_full
from cytowatch.knowledge.view_doors import COVERAGE_WORDS, door_lines, matrix, ordered
from cytowatch.knowledge.view_drugs import drugs_in_full
from cytowatch.knowledge.view_education import sections as education_sections
from cytowatch.knowledge.view_lookalikes import lookalikes_in_full
from cytowatch.knowledge.view_plan import plans_in_full
from cytowatch.knowledge.view_prevention import conflict_words, factor_table, intervention_parts
from cytowatch.knowledge.view_products import HEAD, by_topic
from cytowatch.knowledge.view_symptoms import symptoms_by_system
from cytowatch.sheets import tables as sheet_tables

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
MADE = "<!-- Made by `make docs` from the tables of the package. Change the tables, not this page. -->"


def cell(value: object) -> str:
    """Text that fits into one cell of a table."""
    return str(value).replace("|", "\\|").replace("\n", " ").strip()


def code(words: Iterable[str]) -> str:
    """Words as code, side by side."""
    return " ".join(f"`{word}`" for word in words if word)


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell(part) for part in line) + " |" for line in lines)


def number(value: float | None) -> str:
    """A number without needless zeros."""
    return "" if value is None else f"{value:g}"


def cited(source: str, locator: str, evidence: str) -> str:
    """Where an entry comes from, in one line."""
    word = "" if source == evidence else f" ({evidence})"
    return f"{source}, {locator}{word}" if locator else f"{source}{word}"


def page(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n\n".join([f"# {title}", MADE, *(part for part in parts if part)]) + "\n"


# --- concepts, policies, products, sources -------------------------------------------------------------------


def concept_row(concept: Concept) -> list[str]:
    """One concept."""
    ranges = [f"{number(low)} to {number(high)} {unit}" for unit, (low, high) in concept.plausible.items()]
    if concept.smallest:
        ranges.append(f"if not 0, from {number(concept.smallest)}")
    hours = "" if concept.valid_for_us is None else f"{concept.valid_for_us / schema.HOUR_US:g} h"
    accepted = [unit.name for unit in concept.accepted]
    said = code(concept.categories) or ("free text" if concept.free_text else "")
    names = code([*concept.units, *sorted(set(accepted) - set(concept.units) - {""})]) or said
    also = code(concept.aliases)
    return [f"`{concept.key}`", concept.label, concept.kind, names, "; ".join(ranges), hours, also]


def concepts(knowledge: Knowledge) -> str:
    """The page of concepts, by group."""
    groups: dict[str, list[Concept]] = {}
    for concept in knowledge.concepts.values():
        groups.setdefault(concept.group, []).append(concept)
    head = [
        "concept",
        "what",
        "kind",
        "units (canonical first) or categories",
        "accepted range",
        "valid for",
        "also called",
    ]
    parts = []
    for group, members in groups.items():
        parts += [f"## {group}", table(head, [concept_row(concept) for concept in members])]
    said = (
        "The canonical unit stands first. A value outside the accepted range is rejected, never clipped; what is "
        "accepted is not what is normal."
    )
    return page("Concepts and units", said, *parts, *limits_of_normal(knowledge))


def limits_of_normal(knowledge: Knowledge) -> list[str]:
    """Where limits of normal can lie, and which units they cannot be told apart in."""
    rows = []
    for concept in knowledge.concepts.values():
        if found := bands(concept):
            ends = [found.get(name) for name in ("limit_low", "limit_high")]
            limits = [f"{number(band[0])} to {number(band[1])} {concept.units[0]}" if band else "" for band in ends]
            alike = sorted(
                {tuple(sorted((part.printed.name, part.taken.name))) for part in mistakes(concept) if part.passes}
            )
            rows.append([f"`{concept.key}`", *limits, "; ".join(" and ".join(pair) for pair in alike)])
    said = (
        "Between these numbers a laboratory's own limits lie, whatever the method, sex and age; they say nothing "
        "of what is normal, and are our own choice (house). Limits printed beside a value that lie elsewhere are "
        "in another unit than the value, or mistyped: they are [not used](../how-to/limits-of-normal.md). A lower "
        "limit of 0 always passes. The last column names units that are so near to each other that limits in the "
        "one can pass for limits in the other."
    )
    head = ["concept", "lower limit", "upper limit", "units not told apart"]
    return ["## Limits of normal", said, table(head, rows)]


def band(row: ThresholdBand, unit: str) -> str:
    """One row of a threshold by age."""
    age = f"days {number(row.from_days)} to {number(row.to_days)}" if row.from_days is not None or row.to_days else ""
    if not age:
        age = f"years {number(row.from_years or 0)} to {number(row.to_years)}".removesuffix(" to ")
    grows = f" + {number(row.per_year)} x age" if row.per_year else ""
    return f"{age}: {number(row.base)}{grows} {unit}"


def threshold_row(part: Threshold) -> list[str]:
    """One cut-off that depends on age."""
    bands = "; ".join(band(row, part.unit) for row in part.bands)
    own = f"`{part.own}`" if part.own else ""
    return [f"`{part.key}`", f"`{part.concept}`", bands, own, cited(part.source, part.locator, part.evidence)]


def policies(knowledge: Knowledge) -> str:
    """The page of policies and thresholds."""
    rows = []
    for part in knowledge.policies.values():
        options = ", ".join(f"`{option}`" for option in part.options)
        source = cited(part.source, part.locator, part.evidence)
        rows.append([f"`{part.key}`", part.question, f"`{part.value}` {part.unit}", options, part.applied_by, source])
    ages = [threshold_row(part) for part in knowledge.thresholds.values()]
    return page(
        "Policies",
        "Choices of meaning that the sources leave open, each with the answer in force. A site lays its own over them: "
        "see [how](../how-to/site-policy.md).",
        table(["policy", "question", "answer", "other options", "applied by", "source"], rows),
        "## Thresholds by age",
        "From the first number, included, to the second, excluded.",
        table(["threshold", "concept", "cut-off", "replaced by the patient's own", "source"], ages),
    )


def product_row(part: Product) -> list[str]:
    """One trigger product."""
    names, source = ", ".join(part.brands), cited(part.source, part.locator, part.evidence)
    return [f"`{part.key}`", part.product_class, f"`{part.concept}`", number(part.window_days), names, source]


def products(knowledge: Knowledge) -> str:
    """The page of trigger products."""
    rows = [product_row(part) for _, part in sorted(knowledge.products.items())]
    head = ["product", "class", "given as", "watched days", "also called", "source"]
    said = (
        "Triggers that are known by name, with the days in which a reaction is looked for, and what is known of each. "
        "[How to ask for a day](../how-to/products.md). Not verified by a clinician: check each row at its source."
    )
    return page("Products", said, table(head, rows), *product_sections(knowledge))


def product_sections(knowledge: Knowledge) -> Iterable[str]:
    """The facts of each product by topic; products that have the very same ones share a section."""
    alike: dict[tuple[str, ...], list[Product]] = {}
    for _, part in sorted(knowledge.products.items()):
        if part.facts:
            own = [] if all(fact.shared for fact in part.facts) else [part.key]
            alike.setdefault((*own, *(fact.id for fact in part.facts)), []).append(part)
    for members in alike.values():
        yield f"## {', '.join(part.label for part in members)}"
        held = [Held(fact, "observed") for fact in members[0].facts]
        rows = [
            ["" if number else f"**{title}**", *row]
            for title, found in by_topic(held, members[0], knowledge)
            for number, row in enumerate(found)
        ]
        yield table(["", *HEAD], rows)
        yield from (f"*Not encoded.* {text} {handled}" for text, handled in members[0].not_encoded)


def sources(knowledge: Knowledge) -> str:
    """The page of sources."""
    rows = [
        [f"`{part.key}`", part.title, part.citation, part.doi or part.url, number(part.year)]
        for _, part in sorted(knowledge.sources.items())
    ]
    head = ["key", "title", "citation", "DOI or address", "year"]
    return page("Sources", "Every paper, label and standard that a table names.", table(head, rows))


# --- symptoms and look-alikes --------------------------------------------------------------------------------


def symptoms(knowledge: Knowledge) -> str:
    """The page of symptoms."""
    said = (
        "A row of the concept `symptom` carries one of these keys, or one of the other names, as its `text`; other "
        "words are kept as they are. Its `value`, if there is one, is the grade: 1 mild, 2 moderate, 3 severe, 4 a "
        "danger to life. A symptom is what a person says, never a measurement: `fever` here is no temperature."
    )
    return page("Symptoms", said, *symptoms_by_system(knowledge))


def lookalikes(knowledge: Knowledge) -> str:
    """The page of look-alikes."""
    said = (
        "What can look like cytokine release or neurotoxicity. Each finding points to its look-alike while its "
        "condition holds; it is no diagnosis, and a look-alike without a finding is not excluded. A finding may be "
        "unknown, as any criterion may. One that only supports is told beside another that is a finding by itself."
    )
    return page("Look-alikes", said, *lookalikes_in_full(knowledge))


# --- education -----------------------------------------------------------------------------------------------


def education(knowledge: Knowledge) -> str:
    """The page of what patients are told, in every language."""
    groups = ([f"`{key}`", code(classes)] for key, classes in knowledge.education.groups.items())
    said = (
        "What the [handout](../how-to/handout.md) and the wallet card say, by block: for whom (groups and products "
        "together; everybody where none is named), on which days, how it is known and where it stands. `recalled` was "
        "not read in a source and is marked on the sheet. Staff read `card`. No clinician has verified these texts."
    )
    parts = []
    for language in knowledge.education.languages.values():
        text = "\n\n".join(education_sections(knowledge, language)).replace("## ", "### ")
        parts += [f"## {language.name} (`education.{language.code}`)", text]
    return page("Education", said, "## Groups", table(["group", "classes of products"], groups), *parts)


def advice(knowledge: Knowledge) -> str:
    """The page of guidelines, facts and conflicts."""
    said = (
        "What guidelines, labels and statements recommend, rule by rule, as far as they were read: facts in our own "
        "words, drafts that no clinician has verified, and no order. `recalled` was not read in a source: it is shown "
        "as not verified and never alerts. [How to ask](../how-to/advice.md), "
        "[how it is read](../decisions/0020-advice.md)."
    )
    return page("Guidelines", said, *advice_in_full(knowledge))


def drugs(knowledge: Knowledge) -> str:
    """The page of drugs."""
    said = (
        "What the tables hold of drugs and supportive care: limits that are enforced, doses as they were read, "
        "cautions and interactions. Drafts, and no order: each row names its source. `recalled` means that it was read "
        "in none. "
        "See [how to look at the drugs of a record](../how-to/drugs.md)."
    )
    return page("Drugs and supportive care", said, *drugs_in_full(knowledge))


# --- prevention ----------------------------------------------------------------------------------------------


def prevention(knowledge: Knowledge) -> str:
    """The page of risk factors and interventions."""
    said = (
        "What was looked at as a reason for more or less toxicity, and what is done against it. Effects are as "
        "printed, to be read beside one another: never multiply them. `not studied` is a gap in the evidence, and is "
        "not `no effect found`. Not verified by a clinician: check each row at its source."
    )
    parts = ["## Risk factors"]
    for factor in knowledge.prevention.factors.values():
        parts += [f"### {factor.label}", f"`risk.{factor.key}`", factor_table(factor)]
    parts += ["## Interventions"]
    for part in knowledge.prevention.interventions.values():
        parts += [f"### {part.label}", f"`intervention.{part.key}`", *intervention_parts(part, knowledge)]
    conflicts = [f"* {conflict_words(part)}" for part in knowledge.prevention.conflicts.values()]
    return page("Risk factors and prevention", said, *parts, "## Not to be read as one", "\n".join(conflicts))


def monitoring(knowledge: Knowledge) -> str:
    """The page of monitoring and work-up."""
    said = (
        "What is measured, when and for whom, and what is sent when a toxicity is suspected, as the texts that were "
        "read say. Not a medical device: drafts, to be checked at their source and decided by a clinician. `recalled` "
        "was not read and is shown as not verified. What `nothing` shows is in the calendar, and said to be not seen "
        "in the record. [How to use it](../how-to/plan.md), [how it is read](../decisions/0022-monitoring-plan.md)."
    )
    return page("Monitoring and work-up", said, *plans_in_full(knowledge))


# --- tables and commands -------------------------------------------------------------------------------------


def tables(_knowledge: Knowledge) -> str:
    """The page of the tables that pass between the rooms."""
    parts = []
    for part in (*vars(schema).values(), *vars(sheet_tables).values()):
        if isinstance(part, schema.Table):
            rows = [[f"`{column.name}`", str(column.dtype), column.meaning] for column in part.columns]
            parts += [f"## `{part.name}`", table(["column", "type", "meaning"], rows)]
    said = "Times are whole microseconds inside; on the way out they take the form in which they came in."
    return page("Tables", said, *parts)


def commands(_knowledge: Knowledge) -> str:
    """The page of the commands."""
    text = str(app.generate_docs(output_format="markdown", heading_level=2))
    return page("Commands", "\n".join(line.rstrip() for line in text.strip().splitlines()))


def doors(knowledge: Knowledge) -> str:
    """The page of the doors: what each source can state, and each manifest in full."""
    found = ordered(knowledge)
    intro = (
        "A door reads one kind of source. All doors end in the same table of observations, and every row of the source "
        "has one fate: used, superseded, ignored (with its reason) or rejected (with its rule, reason and hint). "
        "`cytowatch doors` prints this page's tables, `cytowatch quality` measures a source before it is graded."
    )
    rows = [[f"`{key}`", door.title, door.versions, door.reads, _how_to(door.how_to)] for key, door in found.items()]
    needed = needed_by(check_scales(None, knowledge), knowledge) - {UNREAD}
    cells = [[f"`{concept.key}`", *said.values()] for concept, said in matrix(knowledge, needed)]
    words = "; ".join(f"{word}: {meaning}" for word, meaning in COVERAGE_WORDS.items())
    parts = [
        table(["door", "source", "versions", "reads", "how"], rows),
        "## What each can state",
        f"The concepts of the two ASTCT scales. {words}.",
        table(["concept", *found], cells),
    ]
    return page("Doors", intro, *parts, *(_door(door) for door in found.values()))


def _how_to(target: str) -> str:
    links = {"": "", "contract": "[contract](contract.md)"}
    return links.get(target, f"[how to](../{target})")


def _door(door: Door) -> str:
    sections = [
        f"## {door.title} (`--from {door.key}`)",
        cited(door.cited.source, door.cited.locator, door.cited.evidence),
    ]
    for heading, pairs in door_lines(door):
        sections += [f"**{heading}.**", table(["", ""], [[name, said] for name, said in pairs])]
    return "\n\n".join(sections)


PAGES: dict[str, Callable[[Knowledge], str]] = {
    "commands.md": commands,
    "concepts.md": concepts,
    "doors.md": doors,
    "policies.md": policies,
    "products.md": products,
    "prevention.md": prevention,
    "symptoms.md": symptoms,
    "lookalikes.md": lookalikes,
    "education.md": education,
    "advice.md": advice,
    "drugs.md": drugs,
    "monitoring.md": monitoring,
    "sources.md": sources,
    "tables.md": tables,
}


def differing(folder: Path = REFERENCE) -> list[str]:
    """The pages that are not what they would be if made now."""
    knowledge = load()
    made = {name: make(knowledge) for name, make in PAGES.items()}
    paths = {name: folder / name for name in made}
    return [name for name, path in paths.items() if not path.exists() or path.read_text(encoding="utf-8") != made[name]]


def main() -> None:
    """Write the pages, or check them."""
    if "--check" in sys.argv[1:]:
        stale = differing()
        sys.exit(f"not current: {', '.join(stale)}; run `make docs`" if stale else 0)
    knowledge = load()
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(knowledge), encoding="utf-8")


if __name__ == "__main__":
    main()
