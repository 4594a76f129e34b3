"""Damaged input, the same for the same seed: what editors, cables, exports and people do to a file."""

from __future__ import annotations

import random

# pieces that break parsers: control characters, wide and half characters, huge numbers, dates that are none, markup
_PIECES = [
    *(
        b"\x00",
        b"\r",
        b"\n",
        b"\t",
        b" ",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xc3",
        "\u202e".encode(),
        "\U0001f9ea".encode(),
    ),
    *(b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",", b"|", b"^", b"~", b"&", b"<", b">", b"null", b"true"),
    *(b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"1" * 400, b"mcg/kg/min", b"mmHg", b"K/uL"),
    *(b"9999-12-31T23:59:59Z", b"0000-00-00", b"2025-13-45T99:99:99+99:99", b"2025-02", b"24:00"),
    *(b"<html><body>502 Bad Gateway</body></html>", b"A" * 5_000),
]


def mutated(data: bytes, seed: int, *, most: int = 4) -> bytes:
    """``data`` with 1 to ``most`` injuries: bytes flipped, cut, doubled, moved, or strange pieces put in."""
    chance = random.Random(seed)  # noqa: S311  (repeatable, not secret)
    for _ in range(chance.randint(1, most)):
        data = _injured(data, chance)
    return data


def _injured(data: bytes, chance: random.Random) -> bytes:
    place, other = (chance.randrange(len(data) + 1) for _ in range(2))
    low, high = min(place, other), min(max(place, other), min(place, other) + 200)
    kind = chance.randrange(7)
    if kind == 0 and data:
        at = min(place, len(data) - 1)
        return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
    if kind == 1:
        return data[:low] + data[high:]
    if kind == 2:
        return data[:high] + data[low:high] + data[high:]
    if kind == 3:
        return data[:place]
    if kind == 4:
        return data[high:] + data[low:high]
    return data[:place] + chance.choice(_PIECES) + data[place:]
