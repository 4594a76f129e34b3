"""Doors: one for each source of data; each hands on admitted observations, patients, rejects and a ledger."""

from cytowatch.adapters.admit import admit
from cytowatch.adapters.files import read_files, read_frames
from cytowatch.adapters.intake import Admission, Clock, Intake
from cytowatch.adapters.patients import read_patients
from cytowatch.adapters.wide import Mapping, read_mapping

__all__ = [
    "Admission",
    "Clock",
    "Intake",
    "Mapping",
    "admit",
    "read_files",
    "read_frames",
    "read_mapping",
    "read_patients",
]
