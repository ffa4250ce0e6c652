"""Making items in a thread before they are asked for."""

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_jobs.stages.ahead import ahead


def one(_item: int) -> int:
    """Weigh every item the same."""
    return 1


@given(st.lists(st.integers(0, 5)), st.integers(0, 8))
def test_items_come_in_their_order(items: list[int], room: int) -> None:
    lists = list(ahead(iter(items), lambda item: item, room))
    assert [item for found in lists for item in found] == items
    assert all(sum(found) <= room or len(found) == 1 for found in lists)


def test_no_more_are_made_than_there_is_room_for() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    found = ahead(items(), one, 2)
    taken = len(next(found))
    time.sleep(0.3)
    # What was handed out, two that wait, and one in hand.
    assert len(made) <= taken + 3
    assert next(found) == list(range(taken, taken + 2))
    found.close()


def test_a_reader_is_not_kept_while_nothing_comes() -> None:
    waiting = threading.Event()

    def items() -> Iterator[int]:
        waiting.wait(10)
        yield 1

    found = ahead(items(), one, 1)
    assert next(found) == []
    waiting.set()
    assert [item for few in found for item in few] == [1]


def test_a_reader_that_leaves_says_so_before_it_waits() -> None:
    given_up, ended = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 1
        given_up.wait(30)
        ended.set()

    found = ahead(items(), one, 1, given_up.set)
    while not next(found):
        pass
    with pytest.raises(KeyboardInterrupt):
        found.throw(KeyboardInterrupt)
    assert given_up.is_set()
    assert ended.is_set()


def test_what_ends_the_items_is_raised_after_them() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the disk is full")

    found = ahead(items(), one, 1)
    assert next(found) == [1]
    with pytest.raises(OSError, match="the disk is full"):
        next(found)


def test_a_reader_that_leaves_ends_the_thread() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    before = threading.active_count()
    found = ahead(items(), one, 1)
    next(found)
    found.close()
    assert threading.active_count() == before
    assert closed.wait(1)
