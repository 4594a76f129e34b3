"""Bodies as they come over the wire, decompressed in small pieces, bounded, and known to be whole."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from cytowatch.fetch.failures import DamagedError, MismatchError

_PIECE = 256 * 1024
# a file may be of any size, but records never shrink so much: from here on, and by this much
_GROWN = 64 * 1024 * 1024
_RATIO = 200
_GZIP = zlib.MAX_WBITS | 16


class TooLargeError(MismatchError):
    """More bytes than allowed, as sent or after decompression."""


def unpacked(chunks: Iterator[bytes], encoding: str, most: int | None) -> Iterator[bytes]:
    """The decoded bytes of a body; ``encoding`` as its Content-Encoding, ``most`` bytes after decoding.

    A compressed body that stops before its end is a DamagedError: libraries commonly let it pass.
    """
    sent = [0]
    chunks = _counted(chunks, sent)
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        pieces = chunks
    elif name in {"gzip", "x-gzip"}:
        pieces = _inflated(chunks)
    else:
        raise MismatchError(f"The body is compressed as {name[:20]!r}, which was not asked for")
    total = 0
    for piece in pieces:
        total += len(piece)
        if most is not None and total > most:
            raise TooLargeError(f"The answer is larger than {most / 1024 / 1024:,.0f} MiB")
        if total > _GROWN and total > _RATIO * sent[0]:
            raise TooLargeError("The compressed answer grows beyond all measure")
        yield piece


def _counted(chunks: Iterator[bytes], sent: list[int]) -> Iterator[bytes]:
    for chunk in chunks:
        sent[0] += len(chunk)
        yield chunk


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    engine, begun = zlib.decompressobj(_GZIP), False
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if engine.eof:
                    # several gzip members after one another are one body
                    engine = zlib.decompressobj(_GZIP)
                begun = True
                yield engine.decompress(rest, _PIECE)
                rest = engine.unused_data if engine.eof else engine.unconsumed_tail
        # zlib may hold back output that a full piece left no room for
        while begun and not engine.eof and (left := engine.decompress(b"", _PIECE)):
            yield left
    except zlib.error as error:
        raise DamagedError("The compressed body is damaged") from error
    if begun and not engine.eof:
        raise DamagedError("The compressed body stops before its end")
