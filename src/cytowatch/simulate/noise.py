"""Chance of a chart, by patient: what noise patient 17 of a seed gets does not depend on who else is charted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def _stream(seed: int, purpose: int, patient: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, purpose], counter=[0, 0, 0, patient]))


def normals(seed: int, purpose: int, patients: Sequence[int], hours: int, kinds: int) -> Array:
    """Standard normals, kinds × hours × patients; the first hours are the same however many there are."""
    each = [_stream(seed, purpose, patient).standard_normal((hours, kinds)) for patient in patients]
    return np.stack(each, axis=2).transpose(1, 0, 2)


def uniforms(seed: int, purpose: int, patients: Sequence[int], moments: int, kinds: int) -> Array:
    """Numbers from 0 to 1, patients × moments × kinds, with the same promise."""
    return np.stack([_stream(seed, purpose, patient).random((moments, kinds), np.float32) for patient in patients])
