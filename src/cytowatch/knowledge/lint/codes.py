"""Are codes well formed, and does each point at one thing that exists?"""

from __future__ import annotations

from collections.abc import Callable

from cytowatch.knowledge.lint.finding import Findings, Place
from cytowatch.knowledge.model import Concept, Knowledge

# what Verhoeff's scheme makes of a digit, applied once more at each place to the left
_PERMUTED = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def loinc_is_valid(code: str) -> bool:
    """Whether a LOINC code ends in its own mod-10 check digit."""
    body, dash, check = code.partition("-")
    if not (dash and body.isdecimal() and len(check) == 1 and check.isdecimal()):
        return False
    digits = [int(digit) for digit in reversed(body)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[::2]]
    return (sum(doubled) + sum(digits[1::2]) + int(check)) % 10 == 0


def snomed_is_valid(code: str) -> bool:
    """Whether a SNOMED CT identifier ends in its own Verhoeff check digit."""
    if not (code.isdecimal() and 6 <= len(code) <= 18):
        return False
    total = 0
    for place, digit in enumerate(reversed(code)):
        total = _product(total, _permuted(int(digit), place % 8))
    return total == 0


def _product(left: int, right: int) -> int:
    """The product in the dihedral group of order ten: 0 to 4 are turns, 5 to 9 reflections."""
    turn = left % 5 + (right % 5 if left < 5 else -(right % 5))
    return turn % 5 + (5 if (left < 5) != (right < 5) else 0)


def _permuted(digit: int, times: int) -> int:
    for _ in range(times):
        digit = _PERMUTED[digit]
    return digit


_FORMS: dict[str, tuple[Callable[[str], bool], str]] = {
    "loinc": (loinc_is_valid, "is not a LOINC code: its check digit is wrong"),
    "snomed": (snomed_is_valid, "is not a SNOMED CT identifier: its check digit is wrong"),
    "rxnorm": (str.isdecimal, "is not a number, as RxNorm identifiers are"),
    "omop": (str.isdecimal, "is not a number, as OMOP concept ids are"),
    "mimic_items": (str.isdecimal, "is not a number, as MIMIC items are"),
}


def check_codes(knowledge: Knowledge) -> Findings:
    """Every row of every table of codes."""
    for name, rows in knowledge.codes.items():
        seen: dict[str, tuple[str, str]] = {}
        for row in rows:
            code = next(iter(row.values()))
            place = Place(f"codes/{name}.csv", code)
            yield from _check_form(name, code, place)
            yield from _check_target(row, place, knowledge)
            target = (row.get("concept", ""), row.get("category", ""))
            if seen.setdefault(code, target) != target:
                other = " ".join(seen[code]).strip()
                yield place.error("concept", f"The code `{code}` already means {other}.", "Keep one of the two rows.")


def _check_form(name: str, code: str, place: Place) -> Findings:
    is_valid, why = _FORMS.get(name, (bool, "is empty"))
    if not is_valid(code):
        yield place.error("code", f"`{code}` {why}.", "Look the code up again; a digit was probably mistyped.")


def _check_target(row: dict[str, str], place: Place, knowledge: Knowledge) -> Findings:
    key, category = row.get("concept", ""), row.get("category", "")
    if row.get("fate") == "ignore":
        if not row.get("reason"):
            yield place.error("reason", "It is ignored without a reason.", "Say why it is not needed.")
        return
    if "concept" not in row:
        key = "oxygen_device" if "category" in row else ""
    elif key not in knowledge.concepts:
        yield place.error("concept", f"There is no concept `{key}`.", "Use a key of concepts.toml.")
        return
    if key:
        yield from _check_details(row, knowledge.concepts[key], category, place, knowledge)
    elif row.get("unit") and not any(_accepts(concept, row["unit"]) for concept in knowledge.concepts.values()):
        yield place.error("unit", f"No concept accepts the unit {row['unit']!r}.")


def _check_details(
    row: dict[str, str], concept: Concept, category: str, place: Place, knowledge: Knowledge
) -> Findings:
    if category and concept.kind == "trigger" and category not in knowledge.products:
        yield place.error("category", f"There is no product `{category}`.", "Use a key of the products' files.")
    if category and concept.kind != "trigger" and category not in concept.categories:
        yield place.error("category", f"`{concept.key}` has no category `{category}`.")
    if row.get("unit") and not _accepts(concept, row["unit"]):
        yield place.error("unit", f"`{concept.key}` does not accept the unit {row['unit']!r}.")


def _accepts(concept: Concept, unit: str) -> bool:
    return any(part.name == unit for part in concept.accepted)
