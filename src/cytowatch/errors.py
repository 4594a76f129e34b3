"""Every error cytowatch raises on purpose, drawn as one tree.

CytowatchError
├── ArgumentError      a wrong argument or option                          exit code 4
├── InputError         a file or frame that cannot be read at all          exit code 2
└── KnowledgeError     a clinical table that is wrong                      exit code 3

A single bad row is not an error: it becomes a line in ``rejects`` and the run goes on.
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_REJECTS_WITH_STRICT = 1
EXIT_INPUT = 2
EXIT_KNOWLEDGE = 3
EXIT_ARGUMENTS = 4
EXIT_UNFORESEEN = 70


class CytowatchError(Exception):
    """Base of all errors: what happened, where, why it matters, and what to do."""

    exit_code = EXIT_UNFORESEEN

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint
        super().__init__(self.message())

    def message(self) -> str:
        """The whole message, one line a part."""
        parts = [self.what]
        if self.where:
            parts.append(f"  where: {self.where}")
        if self.why:
            parts.append(f"  why it matters: {self.why}")
        if self.hint:
            parts.append(f"  what to do: {self.hint}")
        return "\n".join(parts)


class ArgumentError(CytowatchError):
    """An argument or option that cannot be used."""

    exit_code = EXIT_ARGUMENTS


class InputError(CytowatchError):
    """An input that cannot be read at all; nothing was written."""

    exit_code = EXIT_INPUT


class KnowledgeError(CytowatchError):
    """A clinical table that is wrong; nothing is graded with it."""

    exit_code = EXIT_KNOWLEDGE
