"""Reads the clinical tables, lays a site's folders over them, and checks their shape."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TypeVar

from cytowatch.knowledge import parse, parse_advice, parse_drug_rows, parse_plan, parse_prevention, parse_product
from cytowatch.knowledge.advice import Advice, Drug, Guideline
from cytowatch.knowledge.door import Door
from cytowatch.knowledge.layers import Layer, codes, documents, read_layer
from cytowatch.knowledge.model import Concept, Knowledge, LookAlike, Node, Policy, Product, Scale
from cytowatch.knowledge.parse_door import door
from cytowatch.knowledge.parse_education import education
from cytowatch.knowledge.parse_lookalike import lookalike
from cytowatch.knowledge.parse_node import Library, references
from cytowatch.knowledge.parse_scale import scale
from cytowatch.knowledge.parse_symptom import symptom
from cytowatch.knowledge.plan import MonitoringPlan, Plans, WorkUpPlan
from cytowatch.knowledge.prevention import Prevention
from cytowatch.knowledge.shape import Document, Reader, near

T = TypeVar("T")
_PRODUCT_TABLES = ("product", "shared", "event")
_PREVENTION = ("risk_factors", "interventions", "conflicts")
P = TypeVar("P", MonitoringPlan, WorkUpPlan)
_FACTS, _CONFLICTS = "advice/facts.toml", "advice/conflicts.toml"
# policies whose tables are by concept, so that a site may add one
_OPEN_TABLES = ("symptom_contradicts",)
TABLES = Path(__file__).parent / "tables"


def load(*folders: Path | str) -> Knowledge:
    """The clinical tables of the package, with each folder laid over them in order.

    A folder has the layout of the package's tables and holds only what differs: tables are merged by key, lists of
    rows by their ``id`` or ``name``, code rows by their first column; aliases and new files are added.
    Raises KnowledgeError with the file, the table and the key of anything missing, unknown or of the wrong type.
    """
    return _load(tuple(str(Path(folder).resolve()) for folder in folders))


@lru_cache(maxsize=1)
def _base() -> Layer:
    return read_layer(TABLES)


def _load(folders: tuple[str, ...]) -> Knowledge:
    return _base_knowledge() if not folders else _build([_base(), *(read_layer(Path(folder)) for folder in folders)])


@lru_cache(maxsize=1)
def _base_knowledge() -> Knowledge:
    return _build([_base()])


def _build(layers: list[Layer]) -> Knowledge:
    files = documents(layers)
    _check_overlaid_policies(layers, files)
    policies = _named(files, "policy.toml", "policy", parse.policy, ("policy", "threshold"))
    concepts = _concepts(files)
    products = _products(files, policies)
    symptoms = _named(files, "symptoms.toml", "symptom", symptom, ("symptom",))
    scales = _scales(files)
    return Knowledge(
        version=next((layer.version for layer in reversed(layers) if layer.version), ""),
        sources=_named(files, "sources.toml", "source", parse.source, ("source",)),
        concepts=concepts,
        concept_aliases=_aliases(files, "concept", {key: part.aliases for key, part in concepts.items()}),
        policies=policies,
        thresholds=_named(files, "policy.toml", "threshold", parse.threshold, ("policy", "threshold")),
        quantities=_named(files, "quantities.toml", "quantity", parse.quantity, ("quantity",)),
        products=products,
        product_aliases=_aliases(files, "product", {key: part.brands for key, part in products.items()}),
        scales=scales,
        codes=codes(layers),
        messages=_messages(files),
        digest=hashlib.sha256(b"".join(layer.digest for layer in layers)).hexdigest(),
        folders=tuple(str(layer.folder) for layer in layers[1:]),
        symptoms=symptoms,
        symptom_aliases=_aliases(files, "symptom", {key: part.aliases for key, part in symptoms.items()}),
        lookalikes=_lookalikes(files, scales),
        advice=_advice(files, scales),
        education=education(files),
        formulary=parse_drug_rows.formulary(_drug_files(files), {name: _lent(part) for name, part in scales.items()}),
        product_events=_named(files, "products/events.toml", "event", parse_product.event, _PRODUCT_TABLES),
        prevention=_prevention(files),
        plans=Plans(_plans(files, "monitoring/", parse_plan.monitoring), _plans(files, "workup/", parse_plan.work_up)),
        doors=_doors(files),
    )


def _root(files: dict[str, Document], name: str, known: tuple[str, ...]) -> Reader:
    document = files.get(name, Document(name, {}, ()))
    reader = Reader(document, (), document.content)
    for key in known:
        reader.any(key, {})
    reader.finish()
    return reader


def _named(
    files: dict[str, Document], name: str, key: str, build: Callable[[str, Reader], T], known: tuple[str, ...]
) -> dict[str, T]:
    return {part: _done(build(part, reader), reader) for part, reader in _root(files, name, known).named(key)}


def _done(found: T, reader: Reader) -> T:
    reader.finish()
    return found


def _concepts(files: dict[str, Document]) -> dict[str, Concept]:
    known = ("unit_set", "concept")
    sets = _named(files, "concepts.toml", "unit_set", lambda _, reader: parse.unit_set(reader), known)
    return _named(files, "concepts.toml", "concept", lambda key, reader: parse.concept(key, reader, sets), known)


def _check_overlaid_policies(layers: list[Layer], files: dict[str, Document]) -> None:
    """A folder may answer a question that the package asks, in the same kind of answer; it may not ask new ones."""
    base = layers[0].documents.get("policy.toml", {}).get("policy", {})
    for layer in layers[1:]:
        given = layer.documents.get("policy.toml", {}).get("policy", {})
        for key, table in given.items() if isinstance(given, dict) else ():
            reader = Reader(files["policy.toml"], ("policy", key), table)
            if key not in base:
                reader.fail("There is no such policy.", hint=f"`cytowatch knowledge list` names them.{near(key, base)}")
            stray = _stray_keys(key, base[key]["value"], table.get("value"))
            if stray:
                known = ", ".join(base[key]["value"])
                reader.fail(
                    f"`value` names `{stray[0]}`, which is nothing that this policy asks for.",
                    "value",
                    hint=f"It knows: {known}.",
                )
            if "value" in table and not _same_type(base[key]["value"], table["value"]):
                kind = type(base[key]["value"]).__name__
                reader.fail(f"`value` must be of the type that the package uses ({kind}).", "value")


def _stray_keys(policy: str, base: object, given: object) -> list[str]:
    """The keys of a table that the policy has no use for."""
    if policy in _OPEN_TABLES or not isinstance(base, dict) or not isinstance(given, dict) or not base:
        return []
    return [key for key in given if key not in base]


def _same_type(base: object, given: object) -> bool:
    number = (int, float)
    if isinstance(base, number) and not isinstance(base, bool):
        return isinstance(given, number) and not isinstance(given, bool)
    if isinstance(base, dict) and isinstance(given, dict) and not base:
        return all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in given.values())
    if isinstance(base, dict) and isinstance(given, dict):
        return all(_same_type(base.get(key, next(iter(base.values()))), value) for key, value in given.items())
    return type(base) is type(given)


def _products(files: dict[str, Document], policies: dict[str, Policy]) -> dict[str, Product]:
    """Every product of its file, and after its own facts those that it shares with others."""
    windows = _windows(files, policies)
    found: dict[str, Product] = {}
    names = sorted(name for name in files if name.startswith("products/"))
    for name in names:
        for key, reader in _root(files, name, _PRODUCT_TABLES).named("product"):
            if key in found:
                reader.fail(f"The product `{key}` stands in two files.")
            found[key] = _done(parse_product.product(key, reader, windows), reader)
    for reader in (part for name in names for part in _root(files, name, _PRODUCT_TABLES).tables("shared", ())):
        lent = parse_product.shared(reader)
        for key in lent.products:
            if key not in found:
                reader.fail(f"There is no product `{key}`.", "products", hint=f"Correct it.{near(key, list(found))}")
            found[key] = replace(found[key], facts=(*found[key].facts, *lent.facts))
    return found


def _prevention(files: dict[str, Document]) -> Prevention:
    factors, interventions, conflicts = (f"prevention/{name}.toml" for name in _PREVENTION)
    return Prevention(
        _named(files, factors, "factor", parse_prevention.factor, ("factor",)),
        _named(files, interventions, "intervention", parse_prevention.intervention, ("intervention",)),
        _named(files, conflicts, "conflict", parse_prevention.conflict, ("conflict",)),
    )


def _windows(files: dict[str, Document], policies: dict[str, Policy]) -> dict[str, float]:
    """Days after a trigger of each kind, by trigger concept."""
    given = policies["windows"].value if "windows" in policies else None
    if not isinstance(given, dict) or not all(_same_type(0, days) for days in given.values()):
        reader = Reader(files.get("policy.toml", Document("policy.toml", {}, ())), ("policy", "windows"), {})
        reader.fail("The policy `windows` must be a table from trigger concept to days.", "value")
    return {str(concept): float(days) for concept, days in given.items()}


def _scales(files: dict[str, Document]) -> dict[str, Scale]:
    """Every scale, those that take criteria from others after them; in the order of their ids."""
    readers: dict[str, Reader] = {}
    for name, reader in _scale_readers(files):
        key = str(reader.data.get("id", name))
        if key in readers:
            reader.fail(f"The scale `{key}` stands in two files.", "id", hint="Keep one, or give the other an id.")
        readers[key] = reader
    found: dict[str, Scale] = {}
    library: Library = {}
    for name in _in_order(readers):
        found[name] = scale(readers[name], library)
        library[name] = _lent(found[name])
    for name, part in found.items():
        seen = found.get(part.view_of)
        if part.method == "view" and (seen is None or seen.method == "view"):
            readers[name].fail(f"`view_of` names {part.view_of!r}, which is no scale that can be viewed.", "view_of")
    return dict(sorted(found.items()))


def _lent(found: Scale) -> dict[str, tuple[int | None, Node]]:
    """The criteria of a scale that other tables may take: grade (none in a score) and condition."""
    is_sum = found.scoring == "sum"
    return {part.id: (None if is_sum else part.grade, part.when) for part in found.criteria}


def _scale_readers(files: dict[str, Document]) -> Iterator[tuple[str, Reader]]:
    """A file holds one scale, or a list of small ones that share what stands at its head."""
    for name in sorted(name for name in files if name.startswith("scales/")):
        content = files[name].content
        if "scale" not in content:
            yield name, Reader(files[name], (), content)
            continue
        head = {key: value for key, value in content.items() if key != "scale"}
        for reader in Reader(files[name], (), content).tables("scale"):
            yield reader.path[-1], Reader(files[name], reader.path, head | reader.data)


def _in_order(readers: dict[str, Reader]) -> list[str]:
    needs = {name: references(reader.data) & readers.keys() - {name} for name, reader in readers.items()}
    try:
        return list(TopologicalSorter({name: sorted(part) for name, part in sorted(needs.items())}).static_order())
    except CycleError as error:
        names = " -> ".join(error.args[1])
        readers[error.args[1][0]].fail(f"Scales take criteria from each other in a ring: {names}.", "id")


def _lookalikes(files: dict[str, Document], scales: dict[str, Scale]) -> dict[str, LookAlike]:
    library = {name: _lent(found) for name, found in scales.items()}
    return _named(
        files, "lookalikes.toml", "lookalike", lambda key, reader: lookalike(key, reader, library), ("lookalike",)
    )


def _advice(files: dict[str, Document], scales: dict[str, Scale]) -> Advice:
    """Drugs, one file each or several in one; facts and conflicts; and every other file of ``advice/`` a guideline."""
    library = {name: _lent(found) for name, found in scales.items()}
    drugs = {
        key: part
        for document in _drug_files(files)
        for key, part in _named(files, document.name, "drug", _drug, parse_drug_rows.TABLES).items()
    }
    facts = _named(files, _FACTS, "fact", lambda key, reader: parse_advice.fact(key, reader, library), ("fact",))
    conflicts = _named(files, _CONFLICTS, "conflict", parse_advice.conflict, ("conflict",))
    guidelines: dict[str, Guideline] = {}
    for name in sorted(name for name in files if name.startswith("advice/") and name not in (_FACTS, _CONFLICTS)):
        reader = Reader(files[name], (), files[name].content)
        found = parse_advice.guideline(reader)
        if found.key in guidelines:
            reader.fail(f"The guideline `{found.key}` stands in two files.", "id")
        guidelines[found.key] = found
    return Advice(drugs, facts, guidelines, conflicts)


def _drug_files(files: dict[str, Document]) -> list[Document]:
    return [files[name] for name in sorted(files) if name.startswith("drugs/")]


def _drug(key: str, reader: Reader) -> Drug:
    """A drug as advice needs it; its other rows are read by ``parse_drug_rows``."""
    found = parse_advice.drug(key, reader)
    reader.asked += parse_drug_rows.ROWS
    return found


def _plans(files: dict[str, Document], folder: str, build: Callable[[Reader], P]) -> dict[str, P]:
    """Every file of ``monitoring/`` or ``workup/`` by its id."""
    found: dict[str, P] = {}
    for name in sorted(name for name in files if name.startswith(folder)):
        reader = Reader(files[name], (), files[name].content)
        part = build(reader)
        if part.head.key in found:
            reader.fail(f"The plan `{part.head.key}` stands in two files.", "id")
        found[part.head.key] = part
    return found


def _doors(files: dict[str, Document]) -> dict[str, Door]:
    """Every file of ``doors/`` by its id."""
    found: dict[str, Door] = {}
    for name in sorted(name for name in files if name.startswith("doors/")):
        reader = Reader(files[name], (), files[name].content)
        part = door(reader)
        if part.key in found:
            reader.fail(f"The door `{part.key}` stands in two files.", "id")
        found[part.key] = part
    return found


def _messages(files: dict[str, Document]) -> dict[str, str]:
    """Sentences by ``<table>.<key>``, such as ``missing.body_temperature``."""
    if "messages.toml" not in files:
        return {}
    reader = Reader(files["messages.toml"], (), files["messages.toml"].content)
    tables = {name: reader.table(name) for name in reader.data}
    return {f"{name}.{key}": table.text(key) for name, table in tables.items() for key in table.data}


def _aliases(files: dict[str, Document], table: str, names: dict[str, tuple[str, ...]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, aliases in names.items():
        for alias in aliases:
            folded = parse.fold(alias)
            taken = folded if folded in names and folded != key else found.get(folded, key)
            if taken != key:
                _owner(files, table, key).fail(
                    f"The alias {alias!r} of `{key}` already means `{taken}`.",
                    why="One name for two things would be read as the wrong one.",
                    hint="Take it out of one of the two.",
                )
            found |= parse.spellings({alias: key})
    return found


def _owner(files: dict[str, Document], table: str, key: str) -> Reader:
    document = next(part for part in files.values() if key in part.content.get(table, {}))
    return Reader(document, (table, key), {})
