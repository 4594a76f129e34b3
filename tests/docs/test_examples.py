"""Every example in the documentation runs.

A page is one story: its blocks run in order, in one empty folder. A ``csv``, ``toml`` or ``json`` block under a line
``<!-- file: NAME -->`` is written there; ``python`` blocks share their names, and a block under ``<!-- prints -->``
holds what the one before it prints; in a ``console`` block each line with ``$ `` is a command, and the lines under it
must occur, in this order, in what it prints (``...`` stands for any lines).
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
# The contract states forms, with stand-ins for a user's own names; it holds no example.
FORMS_ONLY = {"docs/reference/contract.md"}
BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n+)?```(?P<kind>[a-z]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
COMMAND_SECONDS = 170


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


def words(command: str) -> list[str]:
    """A command as a list of words, with this Python's cytowatch."""
    parts = shlex.split(command)
    return [sys.executable, "-m", "cytowatch", *parts[1:]] if parts[0] == "cytowatch" else parts


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


def run_console(block: Block, folder: Path) -> None:
    """Run the commands of a block and look for the lines under each; a command must succeed."""
    for part in re.split(r"^\$ ", block.body.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        done = subprocess.run(
            words(command), cwd=folder, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
        assert done.returncode == 0, f"`{command}` ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        expect(shown, done.stdout + done.stderr, f"`{command}`")


def run_python(block: Block, page: Path, names: dict[str, Any]) -> str:
    """Run a block with the names of the blocks before it; what it prints."""
    printed = io.StringIO()
    # Blank lines before it, so that a traceback names the line of the page.
    code = compile("\n" * block.line + block.body, str(page), "exec")
    with contextlib.redirect_stdout(printed):
        exec(code, names)  # noqa: S102 - our own pages
    return printed.getvalue()


def run_page(page: Path, folder: Path) -> None:
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
            run_console(block, folder)
        elif runs(block):
            printed = run_python(block, page, names)


@pytest.mark.parametrize("name", pages())
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"), prepend=os.pathsep)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    run_page(ROOT / name, tmp_path)


def test_a_wrong_line_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo one two\none\ntwo\n```\n", encoding="utf-8")
    run_page(page, tmp_path)
    page.write_text("```console\n$ echo one two\ntwo\none\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="does not print 'one'"):
        run_page(page, tmp_path)


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"]:
        targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        local = [target for target in targets if "://" not in target]
        broken += [f"{page.relative_to(ROOT)} -> {target}" for target in local if not (page.parent / target).exists()]
    assert broken == []
