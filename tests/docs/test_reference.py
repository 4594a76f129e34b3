"""What exists is named in the documentation, and the pages made from the tables are current."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cytowatch.knowledge import load
from cytowatch.knowledge.model import Scale

ROOT = Path(__file__).parent.parent.parent
REFERENCE = ROOT / "docs" / "reference"


def said(name: str) -> str:
    """The text of a reference page."""
    return (REFERENCE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("tool", ["make_reference.py", "make_scale_pages.py"])
def test_the_made_pages_are_current(monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    # In a process of its own: the page of commands names the program that is running.
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"), prepend=os.pathsep)
    command = [sys.executable, ROOT / "tools" / tool, "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("page", "table"),
    [
        ("concepts.md", "concepts"),
        ("policies.md", "policies"),
        ("policies.md", "thresholds"),
        ("scales.md", "scales"),
        ("products.md", "products"),
        ("sources.md", "sources"),
        ("symptoms.md", "symptoms"),
    ],
)
def test_every_key_of_a_table_is_documented(page: str, table: str) -> None:
    text = said(page)
    assert [key for key in getattr(load(), table) if f"`{key}`" not in text] == []


def page_of(scale: Scale) -> str:
    """The page of a scale; the terms of one edition of CTCAE share one."""
    alone = REFERENCE / "scales" / f"{scale.id}.md"
    return (alone if alone.exists() else alone.with_name(f"{scale.id.rpartition('.')[0]}.md")).read_text("utf-8")


def test_every_investigation_of_ctcae_5_is_a_scale_or_said_to_be_none() -> None:
    workbook = ROOT.parent / "shared/data/terminology/ctcae_v5_terms.csv"
    if not workbook.exists():
        pytest.skip("the workbook is not at hand")
    with workbook.open(encoding="utf-8-sig", newline="") as file:
        rows = [row["CTCAE Term"].strip() for row in csv.DictReader(file) if row["MedDRA SOC"] == "Investigations"]
    terms = [term for term in rows if "Other, specify" not in term]
    text = said("scales/organ.ctcae-5.0.md")
    carried = {term for term in terms if f"`organ.ctcae-5.0.{re.sub(r'[^a-z0-9]+', '_', term.lower())}`" in text}
    left_out = {line.removeprefix("* ") for line in text.splitlines() if line.startswith("* ")}
    assert terms
    assert set(terms) - carried - left_out == set()
    assert not carried & left_out


def test_every_cell_of_a_scale_is_documented_with_its_source() -> None:
    for scale in load().scales.values():
        text = page_of(scale)
        for part in scale.criteria:
            assert f"{part.source}, {part.locator}".replace("|", "\\|") in text, (scale.id, part.id)
            assert part.label in text, (scale.id, part.id)
        assert [name for name in scale.flags if f"| {name} |" not in text] == [], scale.id
        assert [gap.text for gap in scale.not_encoded if gap.text not in text] == [], scale.id


def test_the_index_of_scales_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\((scales/[^)]+)\)", said("scales.md")))
    assert linked == {f"scales/{path.name}" for path in (REFERENCE / "scales").glob("*.md")}


def test_every_concept_of_the_contract_exists() -> None:
    """The names that the contract promises to every reader are keys of the dictionary."""
    part = said("contract.md").split("### Concepts every reader must know", 1)[1].split("### Rejects", 1)[0]
    knowledge = load()
    categories = {word for concept in knowledge.concepts.values() for word in concept.categories}
    columns = {"value", "text", "until", "source", "concepts.toml"}
    products = set(knowledge.products)
    unknown = []
    for quoted in re.findall(r"`([^`]+)`", part):
        for word in quoted.split():
            known = word in knowledge.concepts or word in categories or word in products or word in columns
            if re.fullmatch(r"[a-z][a-z0-9_]+", word) and not known:
                unknown.append(word)
    assert unknown == []


def test_every_choice_has_a_page_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    # those of the scales stand in an index of their own
    pages = [page for page in (ROOT / "docs").rglob("*.md") if page.name != "index.md" and page.parent.name != "scales"]
    assert [page.name for page in pages if str(page.relative_to(ROOT / "docs")) not in index] == []


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {project['version']} · knowledge {load().version}" in log


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_locks_name_no_index_and_hash_everything(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"https?:|file:|--(extra-)?index|--find-links|@", text)
    pinned = [line for line in text.splitlines() if re.match(r"[a-z0-9]", line)]
    assert pinned
    assert all("==" in line and line.endswith("\\") for line in pinned)


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    base = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    both = base + (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    for wanted, text in ((project["project"]["dependencies"], base), (project["dependency-groups"]["dev"], both)):
        # lock files write names in their normal form: fhir-resources for fhir.resources
        names = [re.sub(r"[-_.]+", "-", re.split(r"[<>=~ \[]", line, maxsplit=1)[0]).lower() for line in wanted]
        assert [name for name in names if f"\n{name}==" not in text] == []
