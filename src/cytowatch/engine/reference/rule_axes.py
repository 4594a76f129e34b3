"""Whether an axis of a scale counts at a moment: other causes, reasons for oxygen, sedation (rule page, section 4)."""

from __future__ import annotations

from cytowatch.engine.reference.chart import Chart
from cytowatch.engine.reference.lanes import NO_DEVICE, Lane
from cytowatch.engine.reference.oxygen import reasons
from cytowatch.engine.reference.rule_parts import OPEN, Part, Truth
from cytowatch.knowledge.model import Domain

SEDATED = "sedated"
NO_REASON = "attribution_hypoxia"
JUDGEMENT = "clinical_judgement"
NEVER = Truth(certain=False, possible=False)


class Axis:
    """One axis of a scale for one patient."""

    def __init__(self, domain: Domain, chart: Chart) -> None:
        self.domain = domain
        self.chart = chart
        self.reasons = reasons(chart, domain.excluded_by, domain.chronic) if domain.excluded_by else Lane([])

    def counts(self, time: int) -> str:
        """``fully``, ``never``, ``perhaps`` (for a chronic reason) or ``unknown`` (under sedation)."""
        domain, chart = self.domain, self.chart
        if domain.attribution and chart.elsewhere(domain.attribution, time):
            return "never"
        reason = self._reason(time)
        if reason == "never":
            return reason
        sedated = any(row.text == "yes" for row in chart.lane(SEDATED).on(time))
        return "unknown" if sedated and domain.under_sedation == "unknown" else reason

    def _reason(self, time: int) -> str:
        if not self.domain.excluded_by:
            return "fully"
        said = [row.text for row in self.reasons.on(time)]
        if said:
            if any(text not in self.domain.excluding for text in said):
                return "fully"
            return "perhaps" if all(text in self.domain.chronic for text in said) else "never"
        return "perhaps" if self.chart.subject.baseline_oxygen_device not in (None, NO_DEVICE) else "fully"

    def truth(self, part: Part, time: int) -> Truth:
        """What is left of the truth of a criterion of this axis."""
        counts = self.counts(time)
        if counts in ("never", "unknown"):
            return NEVER if counts == "never" else OPEN
        truth = part.truth(time)
        return truth if counts == "fully" else Truth(certain=False, possible=truth.possible)

    def names(self, part: Part, time: int) -> tuple[str, ...]:
        """What would settle a criterion of this axis that is open."""
        counts = self.counts(time)
        if counts == "unknown":
            return (SEDATED,)
        # a condition that is met leaves nothing open but its reason
        own = (part.names(time) or (JUDGEMENT,)) if part.truth(time).open else ()
        return own if counts == "fully" else (*own, NO_REASON)
