"""Making the next items of an iterator in a thread, while the last ones are used."""

import threading
from collections.abc import Generator, Iterator
from queue import Full, Queue
from typing import TypeVar

T = TypeVar("T")
_LOOK_SECONDS = 0.2


def ahead(items: Iterator[T], most: int = 2) -> Generator[T]:
    """Yield `items`, of which a thread makes up to `most` before they are asked for.

    What ends `items` is raised here. Nothing more is made once the reader has left.
    """
    made: Queue[T | _Over] = Queue(maxsize=most)
    left = threading.Event()
    maker = threading.Thread(target=_make, args=(items, made, left), daemon=True)
    maker.start()
    try:
        while not isinstance(item := made.get(), _Over):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        left.set()
        maker.join()


class _Over:
    """The items have come to their end."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def _make(items: Iterator[T], made: "Queue[T | _Over]", left: threading.Event) -> None:
    over = _Over()
    try:
        for item in items:
            if not _put(item, made, left):
                break
    except BaseException as error:
        over = _Over(error)
    _put(over, made, left)


def _put(item: "T | _Over", made: "Queue[T | _Over]", left: threading.Event) -> bool:
    while not left.is_set():
        try:
            made.put(item, timeout=_LOOK_SECONDS)
        except Full:
            continue
        return True
    return False
