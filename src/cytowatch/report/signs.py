"""The signs of a scale as a comparison needs them: label, grade, what each reads, and which of them make a grade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cytowatch.knowledge.lint.rule_tree import concepts_read
from cytowatch.knowledge.model import Criterion, Domain, Knowledge, Scale
from cytowatch.report import words

# families whose scales all grade one thing
_ONE_SUBJECT = ("crs", "icans")


@dataclass(frozen=True)
class Sign:
    """One criterion of a scale: its words, the grade (or points) it makes, the concepts it reads, its place."""

    id: str
    label: str
    grade: int | None
    concepts: frozenset[str]
    axis: str
    source: str
    locator: str
    evidence: str = ""

    @property
    def place(self) -> str:
        """Where it stands in its source."""
        return ", ".join(part for part in (self.source, self.locator) if part) + unread(self.evidence)


def unread(evidence: str) -> str:
    """What is added to everything that rests on memory alone."""
    return " (recalled, to be confirmed)" if evidence == "recalled" else ""


class ScaleSigns:
    """Every sign that a scale can count. A view has the signs of the scale that it words anew, with its own grades."""

    def __init__(self, scale: str, knowledge: Knowledge) -> None:
        self.scale = scale
        self._knowledge = knowledge
        self._words = words.Words(knowledge)
        self._found = knowledge.scales.get(scale)
        self._viewed = knowledge.scales.get(self._found.view_of) if self._found and self._found.view_of else None

    @property
    def is_sum(self) -> bool:
        """True where grades are points that add up."""
        return self._found is not None and self._found.scoring == "sum"

    @property
    def subject(self) -> str:
        """What it grades: CRS, neurotoxicity, one term of CTCAE in any edition, or something of its own."""
        if self.family in _ONE_SUBJECT:
            return self.family
        return self.scale.rpartition(".")[2] if self.family == "organ" else self.scale

    @property
    def family(self) -> str:
        """The family of the scale."""
        return self._found.family if self._found else ""

    @cached_property
    def reads(self) -> frozenset[str]:
        """Every concept that some sign of the scale reads."""
        scale = self._rules()
        if scale is None:
            return frozenset()
        of_domains = [_domain_concepts(domain) for domain in scale.domains]
        of_criteria = [concepts_read(criterion.when, self._knowledge) for criterion in scale.criteria]
        found = {name for part in (*of_domains, *of_criteria, scale.episode.waived_by) for name in part}
        # a flow or a fraction tells of oxygen where no device is charted
        return frozenset(found | ({"oxygen_flow", "fio2"} if "oxygen_device" in found else set()))

    def sign(self, key: str) -> Sign:
        """A sign by the id that the timeline gives it."""
        scale = self._rules()
        label = self._words.criterion(self.scale, key)
        if scale is None:
            return Sign(key, label, None, frozenset(), key, "", "")
        own = next((item for item in scale.criteria if item.id == key), None)
        if own is not None:
            concepts = frozenset(concepts_read(own.when, self._knowledge))
            return self._made(key, label, own.grade, concepts, own.domain, own)
        if key == scale.episode.death_criterion:
            return self._made(key, label, max(scale.grades), frozenset({"death"}), key, None)
        domain = next(
            (item for item in scale.domains if item.id == key.rpartition("_grade_")[0] or item.id == key), None
        )
        if domain is not None:
            grade = int(key.rpartition("_grade_")[2]) if "_grade_" in key else None
            return self._made(key, label, grade, frozenset(_domain_concepts(domain)), domain.id, domain)
        # what stands for fever while a drug hides it makes what fever makes
        opens = next((item for item in scale.criteria if item.id == scale.episode.opens_with), None)
        waived = frozenset(scale.episode.waived_by)
        return self._made(key, label, opens.grade if opens else None, waived, opens.domain if opens else key, opens)

    def deciding(self, criteria: Sequence[str], at_least: int | None) -> list[str]:
        """The met signs that make the certain grade: those of that grade; in a sum the best of each item.

        None where nothing that is met makes it: between the signs of an episode the grade can hold without one.
        """
        found = [self.sign(key) for key in criteria]
        if not at_least:
            return []
        if not self.is_sum:
            exact = [item.id for item in found if item.grade == at_least]
            return exact or [item.id for item in found if item.grade is None]
        best: dict[str, Sign] = {}
        for item in found:
            if (item.grade or 0) > (best[item.axis].grade or 0 if item.axis in best else 0):
                best[item.axis] = item
        return [item.id for item in best.values()]

    def _rules(self) -> Scale | None:
        return self._viewed or self._found

    def _made(
        self,
        key: str,
        label: str,
        grade: int | None,
        concepts: frozenset[str],
        axis: str,
        place: Criterion | Domain | None,
    ) -> Sign:
        mapped = self._found.view.get(grade, grade) if self._viewed and self._found and grade is not None else grade
        scale = self._rules()
        source = (place.source if place else "") or (scale.source if scale else "")
        locator, evidence = (place.locator, place.evidence) if place else ("", "")
        return Sign(key, label, mapped, concepts, axis, source, locator, evidence)


def _domain_concepts(domain: Domain) -> tuple[str, ...]:
    """What a scored or coded axis reads; an axis of criteria reads what these say."""
    if not (domain.concept or domain.bands or domain.categories or domain.items):
        return ()
    staged = (domain.staged.concept,) if domain.staged else ()
    return (domain.concept or domain.id, *(item for item, _ in domain.items), *staged)
