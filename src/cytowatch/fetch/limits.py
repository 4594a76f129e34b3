"""Every bound of a fetch in one place; the numbers are ours and only guard against servers that never end."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """How much, how often and how long; seconds and bytes."""

    connect_seconds: float = 10.0
    # silence of a connection
    read_seconds: float = 60.0
    # one whole page or manifest, however steadily it trickles
    answer_seconds: float = 900.0
    # after decompression
    page_bytes: int = 64 * _MIB
    # attempts at one request; while the server has never answered; at a status 500; at a damaged body
    attempts: int = 7
    first_attempts: int = 3
    fault_attempts: int = 3
    damaged_attempts: int = 3
    # full jitter: between 0 and the smaller of cap and base * 2^n
    backoff_seconds: float = 1.0
    backoff_cap: float = 60.0
    # waiting for one request in all, and the longest wait that a server may ask for
    waiting_seconds: float = 1_800.0
    redirects: int = 5
    pages: int = 100_000
    # pages in a row that bring nothing new
    idle_pages: int = 50
    # lines whose digest is remembered to tell doubles; beyond, older ones are forgotten by and by
    remembered: int = 2_000_000
    ids_at_once: int = 50
    # searches in a row that fail before the whole run stops
    failures: int = 20
    # how far a cursor lies before the server's clock: a resource may be committed after the moment it carries
    overlap_seconds: float = 300.0
    export_seconds: float = 24 * 3600.0
    poll_seconds: float = 60.0
    # how often a download is made durable
    durable_bytes: int = 8 * _MIB


DEFAULT = Limits()
