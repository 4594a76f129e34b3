"""Equations as vector instructions: each operation is written once, for sixteen patients side by side.

A `Lane` looks like a number to the right-hand sides and to the bedside policy; what they do with it becomes LLVM
instructions of vectors, so that no compiler has to find out by itself that patients are independent. Single precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

LANES = 16
FLOAT = ir.FloatType()
VECTOR = ir.VectorType(FLOAT, LANES)
_TRUTH = ir.VectorType(ir.IntType(1), LANES)
_WHOLE = ir.VectorType(ir.IntType(32), LANES)
# products and sums may be fused, and a division may become a product with the reciprocal; nothing about NaN is assumed
_FLAGS = ("contract", "arcp", "nsz")
_LOG2_E, _LN_2 = 1.4426950408889634, 0.6931471805599453
# 1.5 · 2²³: adding and taking it away rounds to a whole number
_ROUNDER = 12582912.0
_MOST_POWER = 120.0
_EXPONENT_AT, _BIAS, _MANTISSA, _ONE = 23, 127, 0x7FFFFF, 0x3F800000
_SQUARE_ROOT_OF_2 = 1.41421356
# of e^x about 0, and of the logarithm by (x-1)/(x+1): their series, from the last term on
_EXP = (1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1.0, 1.0)
_LOG = (1 / 9, 1 / 7, 1 / 5, 1 / 3, 1.0)


def constant(number: float) -> ir.Constant:
    """The same number in every lane."""
    return ir.Constant(VECTOR, [float(np.float32(number))] * LANES)


def _whole(number: int) -> ir.Constant:
    return ir.Constant(_WHOLE, [number] * LANES)


class Lane:
    """One value of each of sixteen patients, or one truth of each."""

    __slots__ = ("of", "value")
    dtype = None

    def __init__(self, of: Vectors, value: Any) -> None:
        self.of, self.value = of, value

    @property
    def is_truth(self) -> bool:
        """Whether it holds truths."""
        return bool(self.value.type == _TRUTH)

    def __add__(self, other: Any) -> Lane:
        return self.of.do("fadd", self, other)

    def __radd__(self, other: Any) -> Lane:
        return self.of.do("fadd", other, self)

    def __sub__(self, other: Any) -> Lane:
        return self.of.do("fsub", self, other)

    def __rsub__(self, other: Any) -> Lane:
        return self.of.do("fsub", other, self)

    def __mul__(self, other: Any) -> Lane:
        return self.of.do("fmul", self, other)

    def __rmul__(self, other: Any) -> Lane:
        return self.of.do("fmul", other, self)

    def __truediv__(self, other: Any) -> Lane:
        return self.of.do("fdiv", self, other)

    def __rtruediv__(self, other: Any) -> Lane:
        return self.of.do("fdiv", other, self)

    def __neg__(self) -> Lane:
        return self.of.do("fsub", -0.0, self)

    def __pow__(self, power: int) -> Lane:
        found = self
        for _ in range(power - 1):
            found = found * self
        return found

    def __lt__(self, other: Any) -> Lane:
        return self.of.compare("<", self, other)

    def __le__(self, other: Any) -> Lane:
        return self.of.compare("<=", self, other)

    def __gt__(self, other: Any) -> Lane:
        return self.of.compare(">", self, other)

    def __ge__(self, other: Any) -> Lane:
        return self.of.compare(">=", self, other)

    def __eq__(self, other: object) -> Lane:  # type: ignore[override]
        return self.of.compare("==", self, other)

    __hash__ = None  # type: ignore[assignment]

    def __and__(self, other: Lane) -> Lane:
        return self.of.join("and_", self, other)

    def __or__(self, other: Lane) -> Lane:
        return self.of.join("or_", self, other)

    def __invert__(self) -> Lane:
        return Lane(self.of, self.of.build.not_(self.value))

    def astype(self, _: object) -> Lane:
        """The same: there is one type of number."""
        return self


class Vectors:
    """Writes instructions at the place of a builder, each only once; `Maths` for right-hand sides and policy."""

    def __init__(self, build: ir.IRBuilder) -> None:
        self.build = build
        self._done: dict[tuple[Any, ...], Lane] = {}
        # a value is told from another by its place in memory, so none may go while others are written
        self._alive: list[Any] = []

    def _key(self, one: Any) -> Any:
        if not isinstance(one, Lane):
            return float(one)
        self._alive.append(one.value)
        return id(one.value)

    def value(self, one: Any) -> Any:
        """The vector of a lane or of a plain number; truths as 1 and 0."""
        if not isinstance(one, Lane):
            return constant(one)
        return self.build.select(one.value, constant(1), constant(0)) if one.is_truth else one.value

    def _once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Lane:
        if key not in self._done:
            self._done[key] = Lane(self, make())
        return self._done[key]

    def do(self, name: str, x: Any, y: Any) -> Lane:
        """Arithmetic."""
        make = getattr(self.build, name)
        return self._once((name, self._key(x), self._key(y)), lambda: make(self.value(x), self.value(y), flags=_FLAGS))

    def compare(self, sign: str, x: Any, y: Any) -> Lane:
        """A comparison, false where either is not a number."""
        key = ("compare", sign, self._key(x), self._key(y))
        return self._once(key, lambda: self.build.fcmp_ordered(sign, self.value(x), self.value(y)))

    def join(self, name: str, x: Lane, y: Lane) -> Lane:
        """Both, or either."""
        return self._once((name, self._key(x), self._key(y)), lambda: getattr(self.build, name)(x.value, y.value))

    def where(self, truth: Lane, x: Any, y: Any) -> Lane:
        """One value where a truth holds, else another."""
        key = ("where", self._key(truth), self._key(x), self._key(y))
        return self._once(key, lambda: self.build.select(truth.value, self.value(x), self.value(y)))

    def maximum(self, x: Any, y: Any) -> Lane:
        """The greater; the second where the first is not a number."""
        return self.where(self.compare(">", x, y), x, y)

    def minimum(self, x: Any, y: Any) -> Lane:
        """The lesser."""
        return self.where(self.compare("<", x, y), x, y)

    def zeros_like(self, _: Any) -> Lane:
        """Zero in every lane."""
        return Lane(self, constant(0))

    def exp(self, x: Lane) -> Lane:
        """The exponential, to the last digits of single precision; of a power of 2 and a series."""

        def make() -> Any:
            bounded = self.minimum(self.maximum(x * _LOG2_E, -_MOST_POWER), _MOST_POWER)
            power = Lane(self, self.build.fsub((bounded + _ROUNDER).value, constant(_ROUNDER)))
            rest = (bounded - power) * _LN_2
            series = Lane(self, constant(1 / 5040))
            for term in _EXP:
                series = series * rest + term
            bits = self.build.add(self.build.fptosi(power.value, _WHOLE), _whole(_BIAS))
            scale = self.build.bitcast(self.build.shl(bits, _whole(_EXPONENT_AT)), VECTOR)
            return self.build.fmul(series.value, scale)

        return self._once(("exp", self._key(x)), make)

    def log(self, x: Any) -> Lane:
        """The natural logarithm of a number above 0."""

        def make() -> Any:
            build = self.build
            bits = build.bitcast(self.value(x), _WHOLE)
            power = build.sub(build.and_(build.lshr(bits, _whole(_EXPONENT_AT)), _whole(255)), _whole(_BIAS))
            part = build.or_(build.and_(bits, _whole(_MANTISSA)), _whole(_ONE))
            mantissa = Lane(self, build.bitcast(part, VECTOR))
            large = mantissa > _SQUARE_ROOT_OF_2
            mantissa = self.where(large, mantissa * 0.5, mantissa)
            whole = Lane(self, build.sitofp(power, VECTOR)) + self.where(large, 1.0, 0.0)
            ratio = (mantissa - 1.0) / (mantissa + 1.0)
            square = ratio * ratio
            series = Lane(self, constant(1 / 11))
            for term in _LOG:
                series = series * square + term
            return (whole * _LN_2 + ratio * series * 2.0).value

        return self._once(("log", self._key(x)), make)
