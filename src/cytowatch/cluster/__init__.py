"""The same engine on a cluster: Spark hands out buckets of whole patients, and the graded tables stay with Spark.

``grade_spark`` takes a Spark frame (or Parquet) and gives Spark frames; ``graded_folder`` writes what ``cytowatch
grade --out`` writes. Needs the extra ``spark`` and Java; nothing of it is imported before it is asked for.
"""

from __future__ import annotations

from cytowatch.cluster.run import SparkResult, grade_spark

__all__ = ["SparkResult", "grade_spark"]
