"""The OMOP door: tables of the common data model 5.3 and 5.4, from CSV, Parquet, DuckDB or PostgreSQL.

``opening`` finds the tables; ``files``, ``duck`` and ``postgres`` hand them over as text, block after block.
``vocabulary`` says what their concept ids mean; ``readings``, ``drugs``, ``events`` and ``people`` turn rows into
facts; ``door`` puts it together.
"""

from __future__ import annotations

from cytowatch.adapters.omop.door import read_omop

__all__ = ["read_omop"]
