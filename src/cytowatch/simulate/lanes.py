"""The solver of processors: the same equations and the same care as `solve.py`, sixteen patients to an instruction.

The equations are traced once (`vectors.py`) into two straight stretches of vector instructions, the care of an hour
and a step, which stay in the nearest cache; JAX walks through arrays of all patients for each operation instead. Both
give the same patients to the rounding of single precision (`tests/simulate`); JAX stays for accelerators and for 64
bits.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from cytowatch.simulate import bedside, core
from cytowatch.simulate.maths import Maths, Named
from cytowatch.simulate.mechanism import Mechanism
from cytowatch.simulate.solve import (
    HIGHEST,
    LOWEST,
    MEMORY_REDUCED,
    NOT_FINITE,
    OUT_OF_RANGE,
    PEAKS,
    STEPS_AN_HOUR,
    Schedule,
    Solved,
    as_given,
    doses,
    factors,
    higher,
    paces,
    signs_of,
)
from cytowatch.simulate.solve import run as solve_batch
from cytowatch.simulate.vectors import FLOAT, LANES, VECTOR, Lane, Vectors, constant

_INDEX, _PACE = ir.IntType(64), ir.IntType(32)
_BYTES = 4 * LANES
_LARGEST = 3e38
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """What a compiled solver depends on: all but the numbers."""

    mechanism: str
    varied: tuple[str, ...]
    weighted: tuple[str, ...]
    fixed: tuple[tuple[str, float], ...]
    weights: tuple[tuple[tuple[str, tuple[float, ...]], ...], ...]
    planned: tuple[str, ...]
    keep: tuple[str, ...]
    counts: tuple[int, ...]
    care: bool

    @property
    def model(self) -> Mechanism:
        """The mechanism."""
        return core.by_key(self.mechanism)

    @property
    def rows(self) -> dict[tuple[str, str], int]:
        """Where each number of a block of patients lies: parameters, weights, states, memory, peaks, the code."""
        states = self.model.states(dict(self.fixed) | dict.fromkeys(self.varied, 1.0))
        each = range(len(self.counts))
        weights = [f"{name}.{place}.{pace}" for pace in each for name in self.weighted for place in range(6)]
        kinds = {"parameter": self.varied, "weight": weights, "state": states, "memory": bedside.MEMORY,
                 "peak": PEAKS, "code": ("code",)}  # fmt: skip
        named = [(kind, name) for kind, names in kinds.items() for name in names]
        return {one: number for number, one in enumerate(named)}


def run(
    mechanism: Mechanism,
    parameters: Mapping[str, Any],
    hours: int,
    schedule: Schedule,
    *,
    keep: Sequence[str] = (),
    steps: int | Sequence[int] = STEPS_AN_HOUR,
    care: bool = True,
) -> Solved:
    """Solve a batch as `solve.run` does, in single precision, on every processor."""
    planned = schedule.hourly(hours)
    if any(amounts.ndim > 1 for amounts in planned.values()):
        # doses of each patient's own: only calibration asks for them
        return solve_batch(mechanism, parameters, hours, schedule, keep=keep, steps=steps, care=care)
    varied = tuple(name for name, value in parameters.items() if np.ndim(value))
    counts, kinds = paces(steps, hours)
    weights = [factors(mechanism, parameters, 1.0 / count, np.float32) for count in counts]
    weighted = tuple(name for name, row in weights[0].items() if any(np.ndim(one) for one in row))
    shape = Shape(
        mechanism.key, varied, weighted,
        tuple((name, float(value)) for name, value in parameters.items() if not np.ndim(value)),
        tuple(
            tuple((name, tuple(float(one) for one in row)) for name, row in each.items() if name not in weighted)
            for each in weights
        ),
        tuple(planned), tuple(keep), counts, care,
    )  # fmt: skip
    patients = max((np.shape(parameters[name])[0] for name in varied), default=1)
    data = _filled(shape, parameters, weights, patients)
    amounts = np.ascontiguousarray(np.stack([planned[name] for name in planned], axis=1, dtype=np.float32)
                                   if planned else np.zeros((hours, 1), np.float32))  # fmt: skip
    kept = _aligned((data.shape[0], hours, max(len(keep), 1), LANES) if keep else (1, 1, 1, LANES))
    _each_processor(_compiled(shape), data, amounts, kinds, kept, hours)
    return _solved(shape, data, kept, patients)


def _each_processor(
    work: _Compiled, data: Array, amounts: Array, kinds: NDArray[np.int32], kept: Array, hours: int
) -> None:
    blocks = data.shape[0]
    cuts = np.linspace(0, blocks, min(os.cpu_count() or 1, blocks) + 1).astype(int)
    each = kept[0].nbytes if kept.shape[0] == blocks else 0

    def part(begin: int, end: int) -> None:
        work.call(
            data[begin:].ctypes.data, amounts.ctypes.data, kinds.ctypes.data, kept.ctypes.data + begin * each, hours,
            end - begin,
        )  # fmt: skip

    with ThreadPoolExecutor(len(cuts)) as pool:
        for done in [pool.submit(part, int(a), int(b)) for a, b in pairwise(cuts) if b > a]:
            done.result()


def _aligned(shape: tuple[int, ...]) -> Array:
    """Zeros that begin at a whole vector."""
    size = int(np.prod(shape))
    raw = np.zeros(size + LANES, np.float32)
    first = (-raw.ctypes.data % _BYTES) // 4
    return raw[first : first + size].reshape(shape)


def _filled(shape: Shape, parameters: Mapping[str, Any], weights: Sequence[Mapping[str, Any]], patients: int) -> Array:
    """Blocks × rows × lanes: every number that a block begins with, the last one filled up with its last patient."""
    start = shape.model.start(parameters)
    begun: dict[tuple[str, str], Any] = {("parameter", name): parameters[name] for name in shape.varied}
    begun |= {
        ("weight", f"{name}.{place}.{pace}"): one
        for pace, each in enumerate(weights) for name in shape.weighted for place, one in enumerate(each[name])
    }  # fmt: skip
    begun |= {("state", name): value for name, value in start.items()}
    begun |= {("memory", name): value for name, value in bedside.MEMORY.items()}
    begun |= {("peak", name): value for name, value in PEAKS.items()} | {("code", "code"): 0.0}
    blocks = -(-patients // LANES)
    data = _aligned((blocks, len(shape.rows), LANES))
    for one, row in shape.rows.items():
        value = np.broadcast_to(np.asarray(begun[one], dtype=np.float32), patients)
        padded = np.concatenate([value, np.repeat(value[-1:], blocks * LANES - patients)])
        data[:, row, :] = padded.reshape(blocks, LANES)
    return data


def _solved(shape: Shape, data: Array, kept: Array, patients: int) -> Solved:
    def row(kind: str, name: str) -> Array:
        return data[:, shape.rows[kind, name], :].reshape(-1)[:patients].copy()

    hourly = {
        name: np.ascontiguousarray(kept[:, :, place, :].transpose(1, 0, 2).reshape(kept.shape[1], -1)[:, :patients])
        for place, name in enumerate(shape.keep)
    }
    reduced = {name: row("peak", name) for name in PEAKS} | {name: row("memory", name) for name in MEMORY_REDUCED}
    return Solved(hourly, reduced, row("code", "code").astype(np.int32))


@dataclass(frozen=True)
class _Compiled:
    """Machine code, and the engine that keeps it."""

    call: Any
    engine: Any


@cache
def _compiled(shape: Shape) -> _Compiled:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    host = llvm.get_host_cpu_features().flatten()
    machine = llvm.Target.from_default_triple().create_target_machine(
        opt=3, cpu=llvm.get_host_cpu_name(), features=host
    )
    module = llvm.parse_assembly(str(_module(shape)))
    module.verify()
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    pointer, whole = ctypes.c_void_p, ctypes.c_int64
    kind = ctypes.CFUNCTYPE(None, pointer, pointer, pointer, pointer, whole, whole)
    return _Compiled(kind(engine.get_function_address("run")), engine)


def _module(shape: Shape) -> ir.Module:
    """``run(data, amounts, kinds, kept, hours, blocks)``: for each block of patients, for each hour, care and steps."""
    module = ir.Module()
    pointer = FLOAT.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, _PACE.as_pointer(), pointer, _INDEX, _INDEX])
    function = ir.Function(module, kind, "run")
    data, amounts, kinds, kept, hours, blocks = function.args
    build = ir.IRBuilder(function.append_basic_block("entry"))
    with _counted(build, blocks, "block") as number:
        here = build.gep(data, [build.mul(number, ir.Constant(_INDEX, len(shape.rows) * LANES))])
        with _counted(build, hours, "hour") as at:
            written = build.add(build.mul(number, hours), at)
            place = build.gep(kept, [build.mul(written, ir.Constant(_INDEX, max(len(shape.keep), 1) * LANES))])
            given = build.gep(amounts, [build.mul(at, ir.Constant(_INDEX, max(len(shape.planned), 1)))])
            _care(shape, build, here, given, place, at)
            _steps(shape, build, here, build.load(build.gep(kinds, [at])))
            _judge(shape, build, here)
    build.ret_void()
    return module


@contextmanager
def _counted(build: ir.IRBuilder, times: Any, name: str) -> Iterator[Any]:
    """What is written inside is done so many times (at least once); gives the number of the turn."""
    before = build.block
    body = build.append_basic_block(name)
    build.branch(body)
    build.position_at_end(body)
    turn = build.phi(_INDEX)
    turn.add_incoming(ir.Constant(_INDEX, 0), before)
    yield turn
    following = build.add(turn, ir.Constant(_INDEX, 1))
    turn.add_incoming(following, build.block)
    after = build.append_basic_block(f"after_{name}")
    build.cbranch(build.icmp_signed("<", following, times), body, after)
    build.position_at_end(after)


class _Block:
    """The numbers of sixteen patients, where they lie."""

    def __init__(self, shape: Shape, work: Vectors, base: Any) -> None:
        self._shape, self._work = shape, work
        self._base = work.build.bitcast(base, VECTOR.as_pointer())

    def slot(self, row: int) -> Any:
        """The address of a row."""
        return self._work.build.gep(self._base, [ir.Constant(_INDEX, row)])

    def loaded(self, kind: str) -> dict[str, Lane]:
        """All rows of a kind by name."""
        rows = {name: row for (of, name), row in self._shape.rows.items() if of == kind}
        build = self._work.build
        return {name: Lane(self._work, build.load(self.slot(row), align=_BYTES)) for name, row in rows.items()}

    def store(self, kind: str, values: Mapping[str, Lane]) -> None:
        """Write rows back."""
        for name, value in values.items():
            self._work.build.store(self._work.value(value), self.slot(self._shape.rows[kind, name]), align=_BYTES)


def _splat(work: Vectors, number: Any) -> Lane:
    """One number in every lane."""
    kind = ir.IntType(32)
    one = work.build.insert_element(constant(0), number, ir.Constant(kind, 0))
    everywhere = ir.Constant(ir.VectorType(kind, LANES), [0] * LANES)
    return Lane(work, work.build.shuffle_vector(one, constant(0), everywhere))


def _care(shape: Shape, build: ir.IRBuilder, here: Any, given: Any, place: Any, at: Any) -> None:
    """What comes before the steps of an hour, of sixteen patients: planned doses, signs, care, peaks."""
    work = Vectors(build)
    block, kept = _Block(shape, work, here), _Block(shape, work, place)
    p = _numbers(shape, work, block)
    y, seen, peaks = (block.loaded(kind) for kind in ("state", "memory", "peak"))
    for row, name in enumerate(shape.planned):
        y[name] = y[name] + _splat(work, build.load(build.gep(given, [ir.Constant(_INDEX, row)])))
    number = _splat(work, build.sitofp(at, FLOAT))
    signs = signs_of(Named(y), p, seen, work)
    amounts = dict[str, Any]()
    if shape.care:
        seen, amounts = bedside.act(number, signs, seen, p, work)
        y = {**y, **{name: y[name] + more for name, more in doses(amounts, p, work).items()}}
    every = {**y, **signs, **seen, **as_given(amounts)}
    for row, name in enumerate(shape.keep):
        build.store(work.value(every[name]), kept.slot(row), align=_BYTES)
    block.store("peak", higher(peaks, y, signs, seen, number, work))
    block.store("state", y)
    block.store("memory", seen)


def _numbers(shape: Shape, work: Vectors, block: _Block) -> Named:
    fixed = {name: Lane(work, constant(value)) for name, value in shape.fixed}
    return Named({**fixed, **block.loaded("parameter")})


def _steps(shape: Shape, build: ir.IRBuilder, here: Any, kind: Any) -> None:
    """The steps of an hour at its pace: for each pace one step is written, and done so many times."""
    after = build.append_basic_block("stepped")
    begins = [build.append_basic_block(f"pace_{count}") for count in shape.counts]
    chosen = build.switch(kind, begins[0])
    for pace, begin in enumerate(begins):
        if pace:
            chosen.add_case(ir.Constant(_PACE, pace), begin)
        build.position_at_end(begin)
        with _counted(build, ir.Constant(_INDEX, shape.counts[pace]), "step"):
            work = Vectors(build)
            block = _Block(shape, work, here)
            own = block.loaded("weight")
            weights = {name: tuple(Lane(work, constant(one)) for one in row) for name, row in shape.weights[pace]}
            weights |= {name: tuple(own[f"{name}.{place}.{pace}"] for place in range(6)) for name in shape.weighted}
            block.store("state", step(shape.model, block.loaded("state"), _numbers(shape, work, block), weights, work))
        build.branch(after)
    build.position_at_end(after)


def _judge(shape: Shape, build: ir.IRBuilder, here: Any) -> None:
    work = Vectors(build)
    block = _Block(shape, work, here)
    block.store("code", {"code": _judged(block.loaded("state"), block.loaded("code")["code"], work)})


def step(mechanism: Mechanism, y: dict[str, Any], p: Named, weights: Mapping[str, Any], m: Maths) -> dict[str, Any]:
    """One step of the fourth order, state by state (`solve._step` has it in arrays)."""

    def rest(at: dict[str, Any]) -> dict[str, Any]:
        rates = mechanism.rates(Named(at), p, m)
        return {name: rates[name] + row[0] * at[name] for name, row in weights.items()}

    def half(base: dict[str, Any], slope: dict[str, Any]) -> dict[str, Any]:
        return {name: row[1] * base[name] + row[2] * slope[name] for name, row in weights.items()}

    n0 = rest(y)
    a = half(y, n0)
    na = rest(a)
    nb = rest(half(y, na))
    nc = rest(half(a, {name: 2 * nb[name] - n0[name] for name in weights}))
    return {
        name: row[1] * row[1] * y[name] + row[3] * n0[name] + 2 * row[4] * (na[name] + nb[name]) + row[5] * nc[name]
        for name, row in weights.items()
    }


def _judged(y: dict[str, Lane], code: Lane, m: Vectors) -> Lane:
    total, most, least = (m.zeros_like(code) for _ in range(3))
    for value in y.values():
        total, most, least = total + value, m.maximum(value, most), m.minimum(value, least)
    finite = (total < _LARGEST) & (total > -_LARGEST)
    extreme = (most > HIGHEST) | (least < LOWEST)
    fault = m.where(finite, m.where(extreme, float(OUT_OF_RANGE), 0.0), float(NOT_FINITE))
    return m.where(code > 0, code, fault)
