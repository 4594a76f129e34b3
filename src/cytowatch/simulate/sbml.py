"""A mechanism as SBML, the language in which other engines read models: the same equations, solved by other hands.

The right-hand side is called once with symbols of SymPy in the place of numbers; what comes out is written as Antimony
text, which its own library turns into SBML Level 3. The assembled mechanism has its graded signs too, under the support
that events set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from cytowatch.errors import ArgumentError, CytowatchError
from cytowatch.simulate import signs
from cytowatch.simulate.core import TRIGGERS
from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.mechanism import Event, Mechanism, in_order
from cytowatch.simulate.population import parameters as assembled
from cytowatch.simulate.tables import Parameter, table

SECONDS = {"h": 3600, "d": 86400}
# words of Antimony and SBML that no name may be
_WORDS = """
abs after and annotation arccos arcsin arctan at avogadro ceil ceiling compartment const constraint cos delay delete
delta diff e end event exp exponentiale extentunit factorial false floor formula function gene has identity import in
inf infinity is lengthunit ln log log10 max maximize min minimize model module nan not notes operator or pi piecewise
pow power priority quotient rateof reaction root sec sin species sqrt substance substanceonly tan time time_unit true
unit unset var volume xor
"""
RESERVED = frozenset(_WORDS.split())
# of the states of the assembled mechanism; of published models their tables and articles tell
_STATE_UNITS = {
    **dict.fromkeys(("TNF", "IL6", "IL10", "IL1", "IFNg"), "pg/mL"), **dict.fromkeys(("MR", "MA"), "share"),
    **dict.fromkeys(("TCM", "TEM", "TEff", "Homing"), "cells/uL"), "Burden": "1 = the reference",
    **dict.fromkeys(("Depot", "Drug", "Peripheral"), "ug/kg"), "Toci": "mg/L", "Dex": "ng/mL", "AnaDepot": "mg",
    **dict.fromkeys(("Trest", "Tact", "Bblood", "Bnode"), "1 = the reference"), "Ana": "mg/L", "Para": "mg",
    "Temp": "°C", "NO": "1 = the reference", "Leak": "1 = the reference", "Fluid": "L", "CRP": "mg/L",
    "Ferritin": "ug/L",
}  # fmt: skip
_SIGN_UNITS = {"pressure": "mmHg", "heart_rate": "/min", "desaturation": "%", "saturation": "%", "ice_lost": "share"}
# what runs at the bedside and acts on a sign at once: 0 until an event sets it
SUPPORT = {
    "norepinephrine": "dose that runs [ug/kg/min]", "epinephrine": "dose that runs [ug/kg/min]",
    "vasopressin": "dose that runs [U/min]",
    "oxygen_benefit": "share of the fall in saturation that the device takes, 0 on room air [1]",
}  # fmt: skip


@dataclass(frozen=True)
class _Traced:
    """Right-hand sides, starts and signs in symbols, and what names them in the text."""

    rates: dict[str, Any]
    start: dict[str, Any]
    signs: dict[str, Any]
    states: dict[str, str]
    constants: dict[str, str]


def to_sbml(mechanism: Mechanism, values: Mapping[str, float], events: Sequence[Event] = ()) -> str:
    """SBML Level 3 of a mechanism with these values and events; CytowatchError where the text is not accepted.

    Of the assembled mechanism events may set `SUPPORT` too.
    """
    antimony = _needed("antimony")
    text = to_antimony(mechanism, values, events)
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text) < 0:
        raise CytowatchError(f"{mechanism.key} makes no SBML: {antimony.getLastError()}")
    return str(antimony.getSBMLString(antimony.getMainModuleName()))


def to_antimony(mechanism: Mechanism, values: Mapping[str, float], events: Sequence[Event] = ()) -> str:
    """The same as Antimony text, which people can read: parts shared by equations, equations, signs, values, events."""
    traced = _trace(mechanism, values)
    known = {**table(mechanism.table).parameters}
    if mechanism in TRIGGERS.values():
        known |= assembled(mechanism)
    support = {name: name for name in SUPPORT if traced.signs}
    changed = {event.target for event in events if event.what == "set"} - set(support)
    used = _used(traced) | {traced.constants[name] for name in changed}
    lines = [*_head(mechanism), *_equations(traced), *_signs_at_once(traced)]
    lines += _values(traced.constants, values, known, used, changed)
    lines += _events(events, {**traced.constants, **traced.states, **support})
    body = "\n".join(f"  {line}" for line in lines)
    return f"model *{_identifier(mechanism.key)}()\n{body}\nend\n"


def names_in_sbml(mechanism: Mechanism, values: Mapping[str, float]) -> dict[str, str]:
    """How states and parameters are called in the text; nearly all as in the tables."""
    traced = _trace(mechanism, values)
    return {**traced.constants, **traced.states}


def _needed(module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError:
        raise ArgumentError(
            f"SBML needs {module}, which is not installed.", where="--sbml",
            hint="Install the extra: pip install 'cytowatch[simulate]'.",
        ) from None  # fmt: skip


def _trace(mechanism: Mechanism, values: Mapping[str, float]) -> _Traced:
    sympy = _needed("sympy")
    states = {name: _identifier(name) for name in mechanism.states(values)}
    graded = mechanism in TRIGGERS.values()
    taken = {*states.values(), *(_SIGN_UNITS if graded else ()), *(SUPPORT if graded else ())}
    constants = {name: f"{one}_value" if one in taken else one for name in values for one in [_identifier(name)]}
    y = {name: sympy.Symbol(one, real=True) for name, one in states.items()}
    p = {name: sympy.Symbol(one, real=True) for name, one in constants.items()}
    maths = cast(Maths, SimpleNamespace(exp=sympy.exp, log=sympy.log, maximum=sympy.Max))
    rates = mechanism.rates(Named(y), Named(p), maths)
    start: Mapping[str, Any] = mechanism.start(cast(Mapping[str, float], p))
    return _Traced(
        {name: sympy.sympify(rates[name]) for name in states}, {name: sympy.sympify(start[name]) for name in states},
        _traced_signs(Named(y), Named(p), maths) if graded else {}, states, constants,
    )  # fmt: skip


def _traced_signs(y: Named, p: Named, m: Maths) -> dict[str, Any]:
    """The signs that are graded, by name."""
    import sympy

    # as names, not as what they stand for: so the text says that heart rate follows pressure
    at = Named({name: sympy.Symbol(name, real=True) for name in (*SUPPORT, *_SIGN_UNITS)})
    return {
        "pressure": signs.pressure(y, p, m, at.norepinephrine, at.epinephrine, at.vasopressin),
        "heart_rate": signs.heart_rate(y, p, m, at.pressure), "desaturation": signs.desaturation(y, p),
        "saturation": signs.saturation(at.desaturation, p, m, at.oxygen_benefit), "ice_lost": signs.ice_lost(y, p, m),
    }  # fmt: skip


def _identifier(name: str) -> str:
    """A name that Antimony and SBML take."""
    legal = re.sub(r"\W", "_", name, flags=re.ASCII)
    # short words are reserved as they stand, such as e, but not E
    word = legal.lower() if len(legal) > 2 else legal
    if legal[0].isdigit():
        return f"_{legal}"
    return f"{legal}_" if word in RESERVED else legal


def _used(traced: _Traced) -> set[str]:
    sides = (*traced.rates.values(), *traced.start.values(), *traced.signs.values())
    return {str(symbol) for side in sides for symbol in side.free_symbols}


def _head(mechanism: Mechanism) -> Iterator[str]:
    of = table(mechanism.table)
    assembled_too = [table("core-network"), table("signs")] if mechanism in TRIGGERS.values() else []
    told = [f"{one.title}. {one.citation}. {one.note}" for one in (of, *assembled_too)]
    yield f"model notes {_quoted(' '.join(told) + ' For teaching and testing, never for a real patient.')}"
    yield f"unit time_unit = {SECONDS[of.time_unit]} second"


def _equations(traced: _Traced) -> Iterator[str]:
    """Parts that several equations share, by rules; then rates and starts."""
    import sympy

    names = (sympy.Symbol(f"part{number}", real=True) for number in range(1, 10_000))
    shared, rates = sympy.cse(list(traced.rates.values()), symbols=names)
    for symbol, part in shared:
        yield f"var {symbol} := {_written(part)}"
    for name, rate in zip(traced.rates, rates, strict=True):
        unit = _STATE_UNITS.get(name, "")
        yield f"var {traced.states[name]} = {_written(traced.start[name])}{f'  // {unit}' if unit else ''}"
        yield f"{traced.states[name]}' = {_written(rate)}"


def _signs_at_once(traced: _Traced) -> Iterator[str]:
    """Signs by rules, after the support that they depend on."""
    for name, meaning in SUPPORT.items() if traced.signs else ():
        yield f"var {name} = 0"
        yield f"{name} is {_quoted(meaning)}"
    for name, sign in traced.signs.items():
        yield f"var {name} := {_written(sign)}  // {_SIGN_UNITS[name]}"


def _written(side: Any) -> str:
    """An expression as Antimony has it: ``^`` for powers.

    The greater of two stays ``max``: told by cases, engines look for the moment at which the case changes, and never
    leave a state of rest, which lies on the edge.
    """
    from sympy.printing.str import StrPrinter

    class Printer(StrPrinter):  # type: ignore[misc]
        def _print_Max(self, whole: Any) -> str:
            return f"max({', '.join(self._print(one) for one in whole.args)})"

    return str(Printer({"full_prec": False}).doprint(side)).replace("**", "^")


def _values(
    names: Mapping[str, str], values: Mapping[str, float], known: Mapping[str, Parameter], used: Iterable[str],
    changed: set[str],
) -> Iterator[str]:  # fmt: skip
    used = set(used)
    for name, shown in names.items():
        if shown not in used:
            continue
        yield f"{'var' if name in changed else 'const'} {shown} = {float(values[name])!r}"
        if name in known:
            one = known[name]
            yield f"{shown} is {_quoted(f'{one.meaning or name} [{one.unit}]')}"
            yield f"{shown} notes {_quoted(f'Basis: {one.evidence}. {one.locator}')}"


def _events(events: Sequence[Event], names: Mapping[str, str]) -> Iterator[str]:
    """One event for each moment; amounts of one target at one moment add up, after what was set."""
    by_time: dict[float, dict[str, str]] = {}
    for event in in_order(events):
        done, target = by_time.setdefault(event.time, {}), names[event.target]
        if event.what == "set":
            done[target] = repr(float(event.amount))
        else:
            done[target] = f"{done.get(target, target)} + {float(event.amount)!r}"
    for number, (time, done) in enumerate(by_time.items(), 1):
        told = ", ".join(f"{target} = {amount}" for target, amount in done.items())
        yield f"given{number}: at (time >= {float(time)!r}), t0=false: {told}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "/").replace('"', "'").replace("\n", " ") + '"'
