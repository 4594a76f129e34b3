"""Cohorts larger than memory, on one machine: looked at, sorted once if need be, graded in parts, resumed if cut short.

``look`` finds out whether the rows of each patient stand together; ``plan`` cuts the input into parts of whole
patients; ``runs`` and ``people`` sort what does not stand together; ``parts`` grades and keeps each part; ``merge``
puts the parts in the order of one run in memory; ``work`` is the folder in which all this lies until it is moved to its
place. ``stream`` is the whole way.
"""

from cytowatch.streaming.inputs import LargeInput, find_large
from cytowatch.streaming.stream import Streamed, stream

__all__ = ["LargeInput", "Streamed", "find_large", "stream"]
