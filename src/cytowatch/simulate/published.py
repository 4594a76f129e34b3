"""Every published mechanism that is solved here, alone, and which rows of its table are no parameters of its rates."""

from __future__ import annotations

from cytowatch.simulate import crp, dobreva, drugs, hardiansyah, hosseini, mueller_schoell, tue, windoloski
from cytowatch.simulate.mechanism import Mechanism

# with the names that stand beside the rates: a dose, a weight, the spread of what was measured
PUBLISHED: tuple[tuple[Mechanism, tuple[str, ...]], ...] = (
    (hardiansyah.MODEL, ("dose",)),
    (mueller_schoell.MODEL, mueller_schoell.BESIDE),
    (hosseini.MODEL, hosseini.BESIDE),
    (dobreva.MODEL, dobreva.BESIDE),
    (windoloski.MODEL, ("flow", "hours")),
    (tue.MODEL, ("bolus_hours", "flow")),
    *((one, drugs.BESIDE[one.table]) for one in (drugs.FREY, drugs.MOES, drugs.HORNIK)),
    *((one, drugs.BESIDE[one.table]) for one in (drugs.DEXAMETHASONE, drugs.ANAKINRA)),
    (crp.CRP, crp.BESIDE),
)
