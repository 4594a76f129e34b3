"""Settled rows, one frame a concept: what was charted, ready to be read in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Charted:
    """Frames by concept, each by patient (or subject) and time; of equal times the smallest source comes last."""

    frames: Mapping[str, pl.DataFrame]
    nothing: pl.DataFrame

    def of(self, concept: str) -> pl.DataFrame:
        """The rows of one concept; an empty frame if there are none."""
        return self.frames.get(concept, self.nothing)

    def of_any(self, concepts: Iterable[str]) -> pl.DataFrame:
        """The rows of several concepts, with their ``concept``, in no order."""
        named = [self.frames[key].with_columns(pl.lit(key).alias("concept")) for key in concepts if key in self.frames]
        return pl.concat([self.nothing.with_columns(pl.lit("").alias("concept")), *named])

    def only(self, concepts: Iterable[str]) -> Charted:
        """The rows of some concepts, and of no others."""
        return Charted({key: self.frames[key] for key in concepts if key in self.frames}, self.nothing)

    def each(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Charted:
        """The same concepts, every frame changed in the same way; frames left empty go."""
        changed = {key: change(frame) for key, frame in self.frames.items()}
        return Charted({key: frame for key, frame in changed.items() if frame.height}, change(self.nothing))
