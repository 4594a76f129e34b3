"""What a source holds, before anything is graded: coverage, frequency, units, rejects, gaps, shifted times."""

from cytowatch.quality.measure import Quality, Remark, measure

__all__ = ["Quality", "Remark", "measure"]
