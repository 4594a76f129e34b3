"""What the command is asked for in words: numbers, limits, and the arms of a what-if."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cytowatch.errors import ArgumentError
from cytowatch.simulate.cohort import Plan
from cytowatch.simulate.dirt import Dirt
from cytowatch.simulate.whatif import AS_PLANNED


def numbers(texts: Iterable[str], where: str) -> dict[str, float]:
    """``name=value`` each; ArgumentError if it cannot be read."""
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise ArgumentError(
                f"`{text}` is no name=value.", where=where, hint="Such as tocilizumab_grade=3."
            ) from None
    return found


def limits(texts: Iterable[str]) -> dict[str, tuple[float, float]]:
    """``name=low:high`` each; ArgumentError if it cannot be read."""
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        low, _, high = value.partition(":")
        try:
            found[name.strip()] = (float(low), float(high))
        except ValueError:
            raise ArgumentError(
                f"`{text}` is no name=low:high.", where="--only", hint="Such as weight=50:90."
            ) from None
    return found


def arms(plan: Plan, texts: Iterable[str]) -> dict[str, Plan]:
    """The arms of a what-if by name; ArgumentError for one that cannot be read or simulated, or a name twice."""
    found: dict[str, Plan] = {}
    for text in texts:
        name, other = _other(plan, text)
        if name in (*found, AS_PLANNED):
            raise ArgumentError(f"Two arms cannot both be called `{name}`.", where="--what-if", hint="Give it a name.")
        found[name] = other
    return found


def _other(plan: Plan, text: str) -> tuple[str, Plan]:
    """One arm of a what-if: its name and its plan."""
    name, colon, settings = text.partition(":")
    if not colon or not name.strip():
        raise ArgumentError(
            f"`{text}` has no name.",
            where="--what-if",
            hint='Write "name: key=value", such as "early: tocilizumab_grade=1".',
        )
    parts = [part.strip() for part in _by_keys(settings)]
    doses = next((part.partition("=")[2] for part in parts if part.startswith("doses=")), plan.doses)
    changed = numbers((part for part in parts if not part.startswith("doses=")), "--what-if")
    try:
        other = replace(plan, doses=doses, changed={**plan.changed, **changed}, dirt=Dirt())
        other.drawn()
    except ArgumentError as error:
        # the same fault of the plan itself would name another argument
        raise ArgumentError(error.what, where=f'--what-if "{text}"', why=error.why, hint=error.hint) from None
    return name.strip(), other


def _by_keys(settings: str) -> list[str]:
    """Settings at their commas, but for those within a plan of doses."""
    parts: list[str] = []
    for part in settings.split(","):
        if "=" in part or not parts:
            parts.append(part)
        else:
            parts[-1] += f",{part}"
    return parts
