"""The tables of this door: what becomes of a segment by its name, and what the codes of HL7's own tables mean."""

from __future__ import annotations

from dataclasses import dataclass

from cytowatch.knowledge.model import Knowledge


@dataclass(frozen=True)
class Meaning:
    """What a code of one of HL7's tables means, or why it states nothing."""

    meaning: str
    reason: str = ""

    @property
    def is_ignored(self) -> bool:
        """Whether a segment with it states nothing."""
        return bool(self.reason)


class Tables:
    """Look-ups in ``codes/hl7_segments.csv`` and ``codes/hl7_codes.csv``."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._codes = {
            row["code"].upper(): Meaning(row["meaning"], row["reason"] if row["fate"] == "ignore" else "")
            for row in knowledge.codes["hl7_codes"]
        }
        rows = knowledge.codes["hl7_segments"]
        self._reasons = {row["segment"]: row["reason"] for row in rows if row["fate"] == "ignore"}
        self.charsets = {
            code.partition("|")[2]: found.meaning for code, found in self._codes.items() if code.startswith("0211|")
        }

    def code(self, table: str, code: str) -> Meaning | None:
        """The meaning of a code in an HL7 table (`0085`, `F`); None if the table here lacks it."""
        return self._codes.get(f"{table}|{code.strip().upper()}")

    def local_route(self, code: str, words: str, system: str) -> str:
        """Why a drug given in this way (a CWE of HL7 table 0162) states nothing; empty if it is no local route.

        A code counts where it says that it is of that table, or says nothing and has no words; else its words do.
        """
        coded = system.upper() in ("HL70162", "0162") or not (system or words)
        found = (self.code("0162", code) if coded else None) or self.code("0162", words)
        return found.reason if found is not None else ""

    def reason(self, segment: str) -> str:
        """Why a segment of this name states nothing."""
        if segment.startswith("Z"):
            return "a segment of the site's own: not read"
        return self._reasons.get(segment, "no table knows this segment")
