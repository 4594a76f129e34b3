"""Sheets for a ward or a trial team: a product by date, and what raises, lowers or prevents toxicity."""

from cytowatch.sheets.frames import product, risks

__all__ = ["product", "risks"]
