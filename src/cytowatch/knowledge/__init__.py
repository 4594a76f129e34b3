"""Clinical knowledge as data: cited tables, read and checked before anything is graded with them."""

from cytowatch.knowledge.lint import Finding, lint
from cytowatch.knowledge.lint.counted import counted_lines
from cytowatch.knowledge.load import load
from cytowatch.knowledge.model import Knowledge
from cytowatch.knowledge.view import diff, list_items, show

__all__ = ["Finding", "Knowledge", "counted_lines", "diff", "lint", "list_items", "load", "show"]
