"""HL7 v2 messages in a few words, and what the door made of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from cytowatch.adapters.hl7v2 import read_hl7v2
from cytowatch.adapters.intake import Intake
from cytowatch.knowledge.load import load

KNOWLEDGE = load()
# 1 March 2025, 8 in the morning, an hour east of Greenwich
EIGHT = "202503010800+0100"
EIGHT_US = 1_740_812_400_000_000
HOUR_US = 3_600_000_000


def msh(sent: str = "202503010805+0100", *, control: str = "M1", kind: str = "ORU^R01", charset: str = "") -> str:
    return f"MSH|^~\\&|LAB|HOSP|CYTO|HOSP|{sent}||{kind}|{control}|P|2.5.1|||||{'|' if charset else ''}{charset}"


def pid(who: str = "P1^^^HOSP^MR", *, birth: str = "", sex: str = "", died: str = "", dead: str = "") -> str:
    return f"PID|1||{who}||||{birth}|{sex}{'|' * 21}{died}|{dead}"


def obr(order: str = "F1", *, taken: str = EIGHT, reported: str = "", status: str = "") -> str:
    return f"OBR|1|O1|{order}|57021-8^CBC^LN|||{taken}{'|' * 15}{reported}|||{status}"


def obx(
    code: str = "777-3^Platelets^LN",
    value: str = "210",
    unit: str = "10*3/uL^^UCUM",
    *,
    kind: str = "NM",
    status: str = "F",
    time: str = "",
    sub: str = "",
    limits: str = "",
    device: str = "",
) -> str:
    return f"OBX|1|{kind}|{code}|{sub}|{value}|{unit}|{limits}||||{status}|||{time}||||{device}"


def rxa(
    drug: str = "7512^norepinephrine^RXNORM",
    amount: str = "0.1",
    unit: str = "ug/kg/min",
    *,
    start: str = EIGHT,
    end: str = "",
    per: str = "",
    done: str = "CP",
    action: str = "A",
    sub: str = "1",
) -> str:
    return f"RXA|0|{sub}|{start}|{end}|{drug}|{amount}|{unit}|||||{per}||||||||{done}|{action}"


def message(*segments: str, end: str = "\r") -> str:
    return "".join(segment + end for segment in segments)


def result(*results: str, **header: str) -> str:
    """A message with one patient, one order and these results."""
    return message(msh(**header), pid(), obr(), *results)


def given(*administrations: str, order: str = "ORC|RE||RX7", **header: str) -> str:
    """A message with one patient and what was administered under one order."""
    return message(msh(**{"kind": "RAS^O17", "control": "A1", **header}), pid(), order, *administrations)


def read(folder: Path, *texts: str | bytes, zone: str | None = None, **options: object) -> Intake:
    """Each text as a file of its own, in this order, and nothing else."""
    inside = folder / "messages"
    inside.mkdir(exist_ok=True)
    for old in inside.iterdir():
        old.unlink()
    for place, text in enumerate(texts):
        data = text if isinstance(text, bytes) else text.encode()
        (inside / f"{place:03}.hl7").write_bytes(data)
    return read_hl7v2(inside, KNOWLEDGE, zone=zone, **options)  # type: ignore[arg-type]


def fates(intake: Intake) -> dict[str, int]:
    """How many rows ended how."""
    return {
        fate: rows
        for fate, rows in intake.ledger.group_by("fate").agg(pl.col("rows").sum()).sort("fate").iter_rows()
        if rows
    }


def stated(intake: Intake) -> list[tuple[str, float | None, str | None]]:
    """Concept, value and unit of what was admitted, by concept."""
    rows = intake.observations.filter(pl.col("status") != "entered-in-error").sort("concept", "time", "value")
    return rows.select("concept", "value", "unit").rows()


def rules(intake: Intake) -> list[str]:
    """The rules by which rows were refused."""
    return sorted(intake.rejects["rule"].to_list())


def told(intake: Intake, words: str) -> bool:
    """Whether the ledger says so."""
    return intake.ledger["reason"].str.contains(words, literal=True).any()
