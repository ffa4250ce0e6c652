"""Documents that a thread makes before they are asked for."""

import threading
from collections.abc import Callable, Generator, Iterable
from typing import Generic, TypeVar

Out = TypeVar("Out")
_PATIENCE_S = 0.25


def ahead(
    items: Iterable[Out],
    weigh: Callable[[Out], int],
    room: int,
    give_up: Callable[[], object] = lambda: None,
) -> Generator[list[Out]]:
    """Yield `items` in their order, which a thread makes: all at once that wait.

    What waits weighs `room` at most, or is one item. A list is empty where nothing has come
    for a moment, so that the reader may see to something else. What ends the items is
    raised after them. Once the reader has left nothing more is made, and the thread has ended;
    `give_up` is called before it is waited for.
    """
    shelf = _Shelf[Out](weigh, room)
    thread = threading.Thread(target=shelf.fill, args=(items,), daemon=True)
    thread.start()
    try:
        while (found := shelf.take()) is not None:
            yield found
        if shelf.error is not None:
            raise shelf.error
    except BaseException:
        give_up()
        raise
    finally:
        shelf.leave()
        thread.join()


class _Shelf(Generic[Out]):
    """What is made and not taken yet; `error` is what ended the making."""

    def __init__(self, weigh: Callable[[Out], int], room: int) -> None:
        self.error: BaseException | None = None
        self._weigh = weigh
        self._room = room
        self._waiting: list[Out] = []
        self._weight = 0
        self._over = self._left = False
        self._changed = threading.Condition()

    def fill(self, items: Iterable[Out]) -> None:
        """Put all `items`, as long as somebody wants them."""
        try:
            for item in items:
                if not self._put(item, self._weigh(item)):
                    break
        except BaseException as error:
            self.error = error
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def take(self) -> list[Out] | None:
        """Return what waits, or nothing after a moment; None when no more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over, _PATIENCE_S)
            if self._over and not self._waiting:
                return None
            found, self._waiting, self._weight = self._waiting, [], 0
            self._changed.notify_all()
            return found

    def leave(self) -> None:
        """Say that nobody wants any more."""
        with self._changed:
            self._left = True
            self._changed.notify_all()

    def _put(self, item: Out, weight: int) -> bool:
        def fits() -> bool:
            return self._left or not self._waiting or self._weight + weight <= self._room

        with self._changed:
            self._changed.wait_for(fits)
            self._waiting.append(item)
            self._weight += weight
            self._changed.notify_all()
            return not self._left
