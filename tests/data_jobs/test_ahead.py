"""Making items in a thread before they are asked for."""

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_jobs.stages.together import ahead


@given(st.lists(st.integers()))
def test_items_come_in_their_order(items: list[int]) -> None:
    assert list(ahead(iter(items))) == items


def test_no_more_are_made_than_there_is_room_for() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    found = ahead(items())
    assert next(found) == 0
    time.sleep(0.3)
    # One handed out, two that wait, and one in hand.
    assert len(made) <= 4
    found.close()


def test_what_ends_the_items_is_raised_after_them() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the disk is full")

    found = ahead(items())
    assert next(found) == 1
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
    found = ahead(items())
    next(found)
    found.close()
    assert threading.active_count() == before
    assert closed.wait(1)
