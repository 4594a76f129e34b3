"""The HL7 v2 door: files of messages (results, administrations, admissions) in, facts and a ledger of segments out.

`read_hl7v2` reads files and folders; `door.py` says in which order the other modules work.
"""

from cytowatch.adapters.hl7v2.door import read_hl7v2

__all__ = ["read_hl7v2"]
