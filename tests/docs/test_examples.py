"""Every example in the documentation runs.

A page is one story: its blocks run in order, in one empty folder. A ``csv``, ``toml`` or ``json`` block under a line
``<!-- file: NAME -->`` is written there; ``python`` blocks share their names, and a block under ``<!-- prints -->``
holds what the one before it prints; in a ``console`` block each line with ``$ `` is a command, and the lines under it
must occur, in this order, in what it prints (``...`` stands for any lines). Commands of ours run in this process, as
each process of its own would import and prove the tables anew; in ``make long`` they run as a reader runs them.
A block under ``<!-- not run: REASON -->`` is left out.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cytowatch import cli

ROOT = Path(__file__).parent.parent.parent
# The contract states forms, with stand-ins for a user's own names; it holds no example.
FORMS_ONLY = {"docs/reference/contract.md"}
BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n+)?```(?P<kind>[a-z]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
COMMAND_SECONDS = 170
# what a reader types first is run as he runs it, every time
FRESH = "README.md"
# a command as a list of words, run in a folder: its exit code, and all that it printed
Runner = Callable[[list[str], Path], tuple[int, str]]


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    kind: str
    mark: str
    body: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found["kind"], found["mark"] or "", found["body"], text[: found.start()].count("\n") + 1)
        for found in BLOCK.finditer(text)
    ]


def pages() -> list[str]:
    """Every page that holds something to run."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    names = [str(page.relative_to(ROOT)) for page in sorted(found)]
    return [name for name in names if name not in FORMS_ONLY and any(runs(block) for block in blocks(ROOT / name))]


def runs(block: Block) -> bool:
    """Whether a block is executed."""
    return block.kind in {"python", "console"} and not block.mark.startswith("not run:")


def by_processes(words: list[str], folder: Path) -> tuple[int, str]:
    """Run a command as a process, ours with this Python."""
    command = [sys.executable, "-m", *words] if words[0] == "cytowatch" else words
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    return done.returncode, done.stdout + done.stderr


def by_this_process(words: list[str], folder: Path) -> tuple[int, str]:
    """Run a command of ours without a process of its own; the current folder is the page's."""
    if words[0] != "cytowatch":
        return by_processes(words, folder)
    printed, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        code = cli.run(words[1:])
    return code, printed.getvalue() + errors.getvalue()


def one_space(text: str) -> str:
    """Text with every run of white space made one space."""
    return " ".join(text.split())


def expect(shown: str, printed: str, by: str) -> None:
    """The lines of ``shown`` occur in ``printed`` in this order; AssertionError naming the first that does not."""
    flat, at = one_space(printed), 0
    for line in (one_space(line) for line in shown.splitlines()):
        if line and line != "...":
            assert line in flat[at:], f"{by} does not print {line!r}; it prints:\n{printed}"
            at = flat.index(line, at) + len(line)


def run_console(block: Block, folder: Path, run: Runner) -> None:
    """Run the commands of a block and look for the lines under each; a command must succeed."""
    for part in re.split(r"^\$ ", block.body.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        code, printed = run(shlex.split(command), folder)
        assert code == 0, f"`{command}` ended with {code}:\n{printed}"
        expect(shown, printed, f"`{command}`")


def run_python(block: Block, page: Path, names: dict[str, Any]) -> str:
    """Run a block with the names of the blocks before it; what it prints."""
    printed = io.StringIO()
    # Blank lines before it, so that a traceback names the line of the page.
    code = compile("\n" * block.line + block.body, str(page), "exec")
    with contextlib.redirect_stdout(printed):
        exec(code, names)  # noqa: S102 - our own pages
    return printed.getvalue()


def run_page(page: Path, folder: Path, run: Runner) -> None:
    """Run all blocks of a page in a folder."""
    names: dict[str, Any] = {"__name__": "example"}
    printed = ""
    for block in blocks(page):
        if block.mark.startswith("file: "):
            target = folder / block.mark.removeprefix("file: ")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.body, encoding="utf-8")
        elif block.mark == "prints":
            expect(block.body, printed, f"{page.name}, the example above line {block.line},")
        elif runs(block) and block.kind == "console":
            run_console(block, folder, run)
        elif runs(block):
            printed = run_python(block, page, names)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the current one, and a terminal that is wide and has no color."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"), prepend=os.pathsep)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.mark.parametrize("name", pages())
def test_examples_run(name: str, folder: Path) -> None:
    run_page(ROOT / name, folder, by_processes if name == FRESH else by_this_process)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in pages() if name != FRESH])
def test_examples_run_as_a_reader_runs_them(name: str, folder: Path) -> None:
    run_page(ROOT / name, folder, by_processes)


def test_a_wrong_line_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo one two\none\ntwo\n```\n", encoding="utf-8")
    run_page(page, tmp_path, by_processes)
    page.write_text("```console\n$ echo one two\ntwo\none\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="does not print 'one'"):
        run_page(page, tmp_path, by_this_process)


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"]:
        targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        local = [target for target in targets if "://" not in target]
        broken += [f"{page.relative_to(ROOT)} -> {target}" for target in local if not (page.parent / target).exists()]
    assert broken == []
