"""What a user may ask of an export besides the folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cytowatch.adapters.times import check_zone
from cytowatch.errors import ArgumentError
from cytowatch.pipeline import Clock, moment


@dataclass(frozen=True)
class Options:
    """The options of ``cytowatch export``; each form reads those that concern it.

    ``zero``: the moment of hour 0, for a run that counts hours. ``recorded``: when the export counts as recorded.
    ``bundle``: also one file a patient. ``arms``: a table of the trial's arms. ``zone``: where wall-clock times are
    written, for a form that stores no zone.
    """

    zero: str | None = None
    recorded: str | None = None
    bundle: bool = False
    arms: Path | None = None
    zone: str | None = None

    def zone_of(self, run: Mapping[str, Any], clock: Clock) -> str:
        """Where wall-clock times are written: the zone that was asked for, else that of the run, else UTC.

        A run that counts hours says no zone: its hours are laid out from the moment of hour 0 in UTC. ArgumentError for
        a zone that is not known.
        """
        said = None if clock == "hours" else run.get("zone")
        zone = self.zone or said or "UTC"
        check_zone(zone)
        return str(zone)

    def zero_us(self, clock: Clock) -> int:
        """What is added to a time of the run to make it microseconds since 1970 in UTC.

        ArgumentError if hours have no zero, or if times have one.
        """
        if clock == "time" and self.zero is not None:
            raise ArgumentError(
                "This run has times of its own.",
                where="--zero",
                why="A zero would move nothing, or everything.",
                hint="Leave it out; it is for runs that count hours.",
            )
        if clock == "time":
            return 0
        if self.zero is None:
            raise ArgumentError(
                "This run counts hours, and the form that was asked for needs dates.",
                where="--zero",
                why="No date can be made of hours alone, and none may be invented.",
                hint="Say which moment is hour 0: --zero 2026-03-01T08:00:00+01:00.",
            )
        return moment(self.zero, "time", "--zero") or 0
