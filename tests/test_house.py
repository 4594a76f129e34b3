"""The plan of the house, held against the code: who may import whom, how large a file may be, what must be said.

The rooms of ``src/cytowatch`` stand on floors; a room may use the floors below its own, never its neighbors and
never what is above. A room is a file or a folder directly under ``cytowatch``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "cytowatch"
SOURCE = Path(__file__).parent.parent / "src" / PACKAGE
# From the ground up. The three rooms of the ground floor are stairs: each may use the one before it.
FLOORS = [
    {"errors", "terminal"},
    {"schema"},
    {"units", "buckets"},
    {"knowledge"},
    {"adapters", "engine", "store"},
    {"advise", "predict", "simulate"},
    {"pipeline", "report", "handout"},
    # what pipeline.py returns: as a folder, in a few lines, as a plan of what to measure; the sheet of a product;
    # one bucket of patients, for every engine that shares them out
    {"results", "summary", "planning", "sheets", "bucket_run"},
    # the whole way once, on the data that ship with the package; steroids and interactions of a run; one command
    # (and reading a live server into files, which knows none of the rooms above the second floor)
    {"demo", "drugs", "plan_command", "advising", "exports", "streaming", "cluster", "fetch"},
    {"grade_command", "doors_command", "quality", "simulate_command"},
    {"service", "cli"},
]
# The front doors: what a user imports or runs. They may use any room; no room may use them.
FRONT = {"", "__main__"}
# What passes between two rooms that may not know each other.
DOORS = {
    ("adapters", "engine"): "an adapter hands over the `observations` table of schema.py; pipeline.py joins the two",
    ("engine", "adapters"): "the engine takes the `observations` table of schema.py; pipeline.py joins the two",
    ("report", "pipeline"): "a report reads the tables of schema.py and run.json; cli.py joins the two",
    ("report", "engine"): "a report reads the tables of schema.py; nothing is computed from rows again",
    ("pipeline", "report"): "pipeline.py returns frames; cli.py hands them to the report",
}
LONGEST_FILE = 500
TWIN = f"{PACKAGE}.engine.reference"
# Where the twin turns frames into plain rows, and its rows back into frames.
TWIN_DOORS = {TWIN, f"{TWIN}.rows"}


def module_name(path: Path, root: Path) -> str:
    """The dotted name of a file under ``root`` (the folder of the package)."""
    parts = [PACKAGE, *path.relative_to(root).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files(root: Path) -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    return {module_name(path, root): path for path in sorted(root.rglob("*.py"))}


def imported(path: Path, name: str, known: dict[str, Path]) -> Iterator[tuple[str, int]]:
    """The modules of the package that a file imports, also for types only, with the line."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if alias.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            if base.split(".")[0] == PACKAGE:
                for alias in node.names:
                    full = f"{base}.{alias.name}"
                    inner = full in known or any(other.startswith(f"{full}.") for other in known)
                    yield (full if inner else base), node.lineno


def room(name: str) -> str:
    """The room of a module; empty for the package itself."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def floor(name: str) -> int:
    """The floor of a room, from 0; -1 if the plan does not have it."""
    return next((number for number, rooms in enumerate(FLOORS) if name in rooms), -1)


def complaint(user: str, used: str) -> str:
    """Why one room may not use another, and the door to use instead; empty if it may."""
    if user in FRONT or user == used:
        return ""
    if used in FRONT:
        return f"'{user}' imports the front door of {PACKAGE}; import the room that holds the name"
    if floor(user) < 0 or floor(used) < 0:
        return f"the plan has no room '{user if floor(user) < 0 else used}'; give it a floor in tests/test_house.py"
    if floor(used) < floor(user):
        return ""
    below = sorted(set().union(*FLOORS[: floor(user)]))
    side = "beside" if floor(used) == floor(user) else "above"
    door = DOORS.get((user, used), f"move what both need into one of {', '.join(below)}")
    return f"'{user}' uses '{used}', which is {side} it; the door: {door}"


def violations(root: Path) -> list[str]:
    """Every import that breaks the plan: file, line, why, and the door to use."""
    known = files(root)
    found = []
    for name, path in known.items():
        for target, line in imported(path, name, known):
            why = complaint(room(name), room(target))
            if why:
                found.append(f"{path.relative_to(root)}:{line}: {why}")
    return found


def cycle(root: Path) -> list[str]:
    """The modules of one import cycle, or nothing."""
    known = files(root)
    graph = {name: {target for target, _ in imported(path, name, known)} - {name} for name, path in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions and classes of a module, and the public methods of those classes."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in tree.body:
        if isinstance(node, kinds) and not node.name.startswith("_"):
            yield node
            inner = node.body if isinstance(node, ast.ClassDef) else []
            yield from (part for part in inner if isinstance(part, kinds) and not part.name.startswith("_"))


def modules(prefix: str, known: dict[str, Path]) -> set[str]:
    """The modules of a folder (or the one file of that name)."""
    return {name for name in known if name == prefix or name.startswith(f"{prefix}.")}


def test_imports_go_down_only() -> None:
    assert violations(SOURCE) == []


def test_no_module_imports_itself_by_a_detour() -> None:
    assert cycle(SOURCE) == []


def test_no_file_grows_into_a_giant() -> None:
    sizes = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in files(SOURCE).items()}
    assert {name: lines for name, lines in sizes.items() if lines > LONGEST_FILE} == {}


def test_every_public_name_says_what_it_is() -> None:
    silent = []
    for name, path in files(SOURCE).items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        silent += [name] if tree.body and not ast.get_docstring(tree) else []
        silent += [f"{name}.{node.name}" for node in public(tree) if not ast.get_docstring(node)]
    assert silent == []


def test_the_twin_shares_nothing_with_the_fast_engine() -> None:
    known = files(SOURCE)
    twin = modules(TWIN, known)
    fast = modules(f"{PACKAGE}.engine", known) - twin
    assert twin, "the slow twin is missing"
    crossing = [
        f"{name} imports {target}"
        for name in twin | (fast - {f"{PACKAGE}.engine"})
        for target, _ in imported(known[name], name, known)
        if target in (fast if name in twin else twin)
    ]
    assert crossing == []


def test_the_twin_knows_data_frames_only_at_its_door() -> None:
    known = files(SOURCE)
    for name in modules(TWIN, known) - TWIN_DOORS:
        for node in ast.walk(ast.parse(known[name].read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(part.split(".")[0] in {"polars", "duckdb", "numpy"} for part in names), name


@pytest.mark.parametrize(
    ("where", "line", "said"),
    [
        ("adapters/files.py", "from cytowatch.engine import apply", "pipeline.py joins the two"),
        ("adapters/files.py", "from ..engine.apply import grade", "pipeline.py joins the two"),
        ("knowledge/load.py", "import cytowatch.pipeline", "which is above it"),
        ("report/page.py", "from cytowatch import pipeline", "cli.py joins the two"),
        ("engine/apply.py", "from cytowatch import __version__", "front door"),
        ("engine/apply.py", "from cytowatch.helpers import x", "no room 'helpers'"),
        ("errors.py", "from cytowatch.schema import Table", "which is above it"),
    ],
)
def test_the_house_test_finds_what_it_looks_for(tmp_path: Path, where: str, line: str, said: str) -> None:
    for name in (
        "adapters/files",
        "engine/apply",
        "knowledge/load",
        "report/page",
        "pipeline",
        "errors",
        "schema",
        "helpers",
    ):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("", encoding="utf-8")
    (tmp_path / where).write_text(line + "\n", encoding="utf-8")
    found = violations(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(f"{where}:1:")
    assert said in found[0]


def test_the_house_test_finds_cycles(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "one.py").write_text("from cytowatch.engine.two import x\n", encoding="utf-8")
    (tmp_path / "engine" / "two.py").write_text("from cytowatch.engine import one\n", encoding="utf-8")
    assert set(cycle(tmp_path)) == {"cytowatch.engine.one", "cytowatch.engine.two"}
