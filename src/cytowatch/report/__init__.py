"""A graded run as one HTML page that opens without a network."""

from cytowatch.report.advice import advice_lines
from cytowatch.report.data import ReportData
from cytowatch.report.folder import read_folder, read_parts
from cytowatch.report.plan import plan_lines
from cytowatch.report.render import Limits, render_report, write_report
from cytowatch.report.why_text import why_lines

__all__ = [
    "Limits",
    "ReportData",
    "advice_lines",
    "plan_lines",
    "read_folder",
    "read_parts",
    "render_report",
    "why_lines",
    "write_report",
]
