"""Several documents at the same time, where each spends its time in another process."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from queue import Full, Queue
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")
_LOOK_SECONDS = 0.5


def together(
    items: Sequence[In],
    step: Callable[[In, int], Iterable[Out]],
    workers: int,
    *,
    wait: bool = False,
) -> Generator[Out]:
    """Yield what `step` makes of each item, as it comes; the first error ends it all.

    `step` is given the number of its worker, from 0; no two items have the same at once.
    Little is made ahead of the reader, and nothing more once it has left; with `wait`, it
    leaves when what was being made then has come to its end.
    """
    pending = iter(items)
    results: Queue[Out | _Over] = Queue(maxsize=2 * workers)
    left, lock = threading.Event(), threading.Lock()

    def put(result: "Out | _Over") -> bool:
        while not left.is_set():
            try:
                results.put(result, timeout=_LOOK_SECONDS)
            except Full:
                continue
            return True
        return False

    def run(number: int) -> None:
        try:
            while True:
                with lock:
                    item = next(pending, None)
                if item is None or not all(put(made) for made in step(item, number)):
                    break
        except BaseException as error:
            put(_Over(error))
        else:
            put(_Over())

    count = min(workers, len(items))
    with _running(run, count, left, wait):
        yield from _until_over(results, count)


@contextmanager
def _running(
    run: Callable[[int], None], count: int, left: threading.Event, wait: bool
) -> Iterator[None]:
    """Have `count` threads run for the block; at its end `left` is set."""
    threads = [threading.Thread(target=run, args=(at,), daemon=True) for at in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        left.set()
        for thread in threads if wait else ():
            thread.join()


def _until_over(results: "Queue[Out | _Over]", count: int) -> Iterator[Out]:
    """Yield results until `count` workers are over; raise what ended one of them."""
    while count:
        result = results.get()
        if not isinstance(result, _Over):
            yield result
            continue
        if result.error is not None:
            raise result.error
        count -= 1


class _Over:
    """One worker has come to its end."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
