"""The few functions that right-hand sides need, so that one text of equations serves every solver.

With NumPy it is the adaptive reference, with JAX the fast batch, with SymPy the text of an SBML file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Maths(Protocol):
    """What equations may use beside ``+ - * / **``."""

    def exp(self, x: Any, /) -> Any:
        """The exponential."""

    def log(self, x: Any, /) -> Any:
        """The natural logarithm."""

    def maximum(self, x: Any, y: Any, /) -> Any:
        """The greater of two."""


class Named:
    """A mapping whose entries read as in a paper: ``y.IL6`` for ``y["IL6"]``."""

    __slots__ = ("_of",)

    def __init__(self, of: Mapping[str, Any]) -> None:
        self._of = of

    def __getattr__(self, name: str) -> Any:
        try:
            return self._of[name]
        except KeyError:
            raise AttributeError(name) from None


def power_hill(x: Any, half: Any, power: Any, m: Maths) -> Any:
    """The rising Hill function with any power, by exponential and logarithm; ``x`` over 0."""
    return 1 / (1 + m.exp(power * m.log(half / x)))


def rising(x: Any, half: Any, power: Any = 1) -> Any:
    """Hill function that rises from 0 to 1, ``1/2`` at ``half``; of amounts that are not negative."""
    if isinstance(power, int) and power == 1:
        return x / (x + half)
    return x**power / (x**power + half**power)


def falling(x: Any, half: Any, power: Any = 1) -> Any:
    """Hill function that falls from 1 to 0."""
    if isinstance(power, int) and power == 1:
        return half / (x + half)
    return half**power / (x**power + half**power)
