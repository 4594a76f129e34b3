"""The SDTM door: a folder of domains of a trial in, admitted observations and a ledger out.

The subject (USUBJID) is the patient. Every row of every domain ends used, superseded, ignored or rejected. Dates
without a time of day are rejected, with their number in the ledger; a therapy with such a date is in doubt for as long
as the date allows (see dates.py and drugs.py).
"""

from cytowatch.adapters.sdtm.door import read_sdtm

__all__ = ["read_sdtm"]
