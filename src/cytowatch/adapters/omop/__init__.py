"""The OMOP door: tables of the common data model 5.3 and 5.4, from CSV, Parquet, DuckDB or PostgreSQL.

``source`` finds the tables and hands them over as text, block after block, whatever holds them (``files``, ``duck``,
``postgres``); ``vocabulary`` says what their concept ids mean; ``measurements``, ``drugs``, ``events`` and ``people``
turn rows into facts; ``door`` puts it together.
"""

from __future__ import annotations

from cytowatch.adapters.omop.door import read_omop

__all__ = ["read_omop"]
