"""Measure what reading HL7 v2 costs, beside a plain split of the same bytes into segments and fields.

Each is measured in processor seconds of one process, best of several; only the ratios travel between machines.

    .venv/bin/python benchmarks/hl7_read.py --messages 20000
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cytowatch.adapters.hl7v2 import read_hl7v2
from cytowatch.adapters.hl7v2.syntax import read_segment
from cytowatch.adapters.hl7v2.wire import messages
from cytowatch.knowledge.load import load

_RESULTS = (
    ("777-3^Platelets^LN", "210", "10*3/uL"),
    ("718-7^Hemoglobin^LN", "10.5", "g/dL"),
    ("6690-2^Leukocytes^LN", "5.1", "10*3/uL"),
    ("1988-5^CRP^LN", "5", "mg/L"),
    ("2160-0^Creatinine^LN", "0.9", "mg/dL"),
    ("8310-5^Temperature^LN", "38.4", "Cel"),
    ("8480-6^Systolic^LN", "98", "mm[Hg]"),
    ("A1^Own^L", "1", "1"),
    ("A2^Own^L", "1", "1"),
    ("A3^Own^L", "1", "1"),
)


def made_up(number: int) -> str:
    """One message of 14 segments: a patient, an order and ten results, seven of codes that are known."""
    day = f"202410{1 + number % 28:02}{number // 28 % 24:02}"
    head = [
        f"MSH|^~\\&|LAB|HOSP|CYTO|HOSP|{day}0500+0100||ORU^R01^ORU_R01|M{number}|P|2.5.1",
        f"PID|1||P{number % 50}^^^HOSP^MR||X^Y||19800101|F",
        f"ORC|RE|O{number}|F{number}",
        f"OBR|1|O{number}|F{number}|57021-8^CBC^LN|||{day}0000+0100{'|' * 15}{day}0400+0100|||F",
    ]
    body = [
        f"OBX|{place}|NM|{code}||{value}|{unit}^^UCUM|3.5-5.0|N|||F|||{day}0000+0100"
        for place, (code, value, unit) in enumerate(_RESULTS, 1)
    ]
    return "\r".join([*head, *body]) + "\r"


def plain_split(data: bytes) -> int:
    """The yardstick: the same bytes into segments and fields, and nothing else."""
    return sum(len(segment.split(b"|")) for segment in data.split(b"\r"))


def parse(data: bytes) -> int:
    """Our parser: frames, sets of characters, headers, segments, fields."""
    fields = 0
    for raw in messages(io.BytesIO(data), "benchmark", {}):
        for line, text in raw.lines:
            segment = read_segment(line, text, raw.separators, clean=raw.clean) if raw.separators else None
            fields += len(segment.fields) if segment else 0
    return fields


def best(work: Callable[[], object], times: int) -> float:
    """Processor seconds of the quickest of several runs."""
    seconds = []
    for _ in range(times):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def main() -> None:
    """Print one line for each measurement."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--messages", type=int, default=20_000)
    asked.add_argument("--times", type=int, default=3)
    options = asked.parse_args()
    data = "".join(made_up(number) for number in range(options.messages)).encode()
    knowledge, size = load(), len(data) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "feed.hl7")
        path.write_bytes(data)
        seconds = {
            "plain split into segments and fields": best(lambda: plain_split(data), options.times),
            "parser": best(lambda: parse(data), options.times),
            "whole door, to admitted facts and ledger": best(lambda: read_hl7v2(path, knowledge), options.times),
        }
    yardstick = next(iter(seconds.values()))
    print(f"{options.messages:,} messages, {size:.1f} MB")
    for what, spent in seconds.items():
        print(f"{what}: {size / spent:.1f} MB/s, {spent / yardstick:.1f} times the split")


if __name__ == "__main__":
    main()
