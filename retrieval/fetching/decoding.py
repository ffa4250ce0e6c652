"""Unpacking what came compressed, with a bound on what comes out."""

import zlib
from collections.abc import Iterable, Iterator

from retrieval.fetching.errors import FetchLimitError, UnreachableError

ACCEPTED = "gzip, deflate"
_STEP = 2**18
_GZIP, _ZLIB = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS
_IDENTITY = ("", "identity")


def decoded(parts: Iterable[bytes], encoding: str, most: int) -> Iterator[bytes]:
    """Yield `parts` unpacked as `encoding` (a Content-Encoding) says, piece by piece.

    Raises `FetchLimitError` after `most` bytes, sent or unpacked, and `UnreachableError`
    for damaged data and for encodings that were not asked for.
    """
    bounded = _bounded(parts, most)
    name = encoding.strip().lower()
    if name in _IDENTITY:
        return bounded
    if name in ("gzip", "x-gzip", "deflate"):
        return _bounded(_inflated(bounded, _GZIP if "gzip" in name else _ZLIB), most)
    raise UnreachableError(f"the answer is encoded as {encoding[:100]!r}, which nobody asked for")


def _bounded(parts: Iterable[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > most:
            raise FetchLimitError(f"the answer is larger than {most:,} bytes")
        yield part


def _inflated(parts: Iterable[bytes], window: int) -> Iterator[bytes]:
    engine = zlib.decompressobj(window)
    started = False
    try:
        for part in parts:
            if not started and window == _ZLIB and part[0] & 0x0F != 8:
                # Some servers send bare deflate under this name.
                engine = zlib.decompressobj(-zlib.MAX_WBITS)
            started = True
            while part and not engine.eof:
                yield engine.decompress(part, _STEP)
                part = engine.unconsumed_tail
    except zlib.error as error:
        raise UnreachableError(f"the answer cannot be unpacked: {error}") from error
    if started and not engine.eof:
        raise UnreachableError("the answer ends before its compressed data does")
