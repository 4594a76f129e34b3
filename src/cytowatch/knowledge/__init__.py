"""Clinical knowledge as data: cited tables, read and checked before anything is graded with them."""

from cytowatch.knowledge.load import load
from cytowatch.knowledge.model import Knowledge

__all__ = ["Knowledge", "load"]
