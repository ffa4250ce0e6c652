"""Taking many items apart into requests of a bearable size."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
_BYTES = 4 * 2**20
_CHARACTER_BYTES = 2


def pieces(items: Sequence[T]) -> Iterator[list[T]]:
    """Yield `items` in runs of about four MiB, as their text is long."""
    piece: list[T] = []
    size = 0
    for item in items:
        piece.append(item)
        size += _CHARACTER_BYTES * len(str(item))
        if size > _BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
