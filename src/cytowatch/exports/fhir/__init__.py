"""A graded run as FHIR R4 resources: what was charted, what was derived from it, and by what.

What FHIR cannot carry, or what is left out on purpose, is counted in an OperationOutcome (see `losses.py`).
"""
