"""A graded folder as trial tables: SDTM domains of what was read, derived events, analysis tables, and summaries."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from cytowatch.exports.options import Options
from cytowatch.exports.sdtm.arms import read_arms
from cytowatch.exports.sdtm.derived import derived
from cytowatch.exports.sdtm.losses import Losses
from cytowatch.exports.sdtm.observed import observed
from cytowatch.exports.sdtm.stamps import Stamps
from cytowatch.exports.sdtm.summary import concordance_by_arm, summary
from cytowatch.exports.sdtm.write import variables, write_domains
from cytowatch.knowledge.model import Knowledge
from cytowatch.report import ReportData
from cytowatch.results import atomically

__all__ = ["write_sdtm"]


def write_sdtm(
    folder: Path,
    target: Path,
    knowledge: Knowledge,
    *,
    zero: str | None = None,
    arms: Path | None = None,
    zone: str | None = None,
) -> list[Path]:
    """Write three folders and four tables into ``target`` and give back their paths.

    ``sdtm/``: the admitted observations as domains, which `--from sdtm` reads again. ``derived/``: episodes as AE,
    SUPPAE and FA, and ADAE and ADTTE. Beside them `summary.csv`, `concordance.csv`, `variables.csv` and `losses.csv`
    (what SDTM or XPT cannot hold, counted), and `codes.csv` where a product is in no table. ``zero``: the moment of
    hour 0 of a run in hours. ``arms``: a file with the arm of each subject. ``zone``: where days begin; by default in
    the zone of the run. ArgumentError or InputError for options that cannot be used.
    """
    data = ReportData.from_folder(folder)
    stamps = Stamps.of(data.clock, zero, Options(zone=zone).zone_of(data.run, data.clock))
    groups, losses = read_arms(arms), Losses()
    came = observed(data, knowledge, stamps, groups, losses)
    events = derived(data, knowledge, stamps, groups)
    paths = write_domains(came.domains, target / "sdtm", losses) + write_domains(events, target / "derived", losses)
    tables = {
        "summary": summary(data, knowledge, groups),
        "concordance": concordance_by_arm(data, groups),
        "variables": variables({"sdtm": came.domains, "derived": events}),
        "losses": losses.frame(),
    }
    codes = target / "codes.csv"
    codes.unlink(missing_ok=True)
    if came.codes:
        tables["codes"] = pl.DataFrame(came.codes, schema=["system", "code", "concept", "category"], orient="row")
    for name, frame in tables.items():
        atomically(target / f"{name}.csv", frame.write_csv)
        paths.append(target / f"{name}.csv")
    return paths
