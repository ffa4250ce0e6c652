"""How many segments there are, and how often rows are copied."""

import numpy as np
import pytest

from retrieval.dense.building import build
from retrieval.dense.segment import Segment
from retrieval.dense.tiers import Sizes, joined, next_plan
from tests.retrieval.dense.vectors import topical

SIZES = Sizes(exact=400, largest=1_000)


def flat(first: int, rows: int) -> Segment:
    """Return a segment of `rows` rows from the address `first`."""
    return Segment.build(np.arange(first, first + rows, dtype=np.int64), topical(rows, first))


def settled(segments: tuple[Segment, ...], sizes: Sizes = SIZES) -> tuple[Segment, ...]:
    """Carry every plan out."""
    while plan := next_plan(segments, sizes):
        new = build(plan.segments, plan.clustered).segment(plan.segments)
        kept = [part for part in segments if part not in plan.segments]
        segments = joined([new, *kept], sizes)
    return segments


def addresses(segments: tuple[Segment, ...]) -> list[int]:
    return sorted(int(at) for part in segments for at in part.addresses[part.mask])


def test_many_small_commits_leave_few_segments_and_copy_rows_a_few_times() -> None:
    segments: tuple[Segment, ...] = ()
    copied = 0
    for at in range(300):
        before = {id(part.store) for part in segments}
        segments = joined([*segments, flat(at, 1)], SIZES)
        copied += sum(len(part) for part in segments if id(part.store) not in before)
    assert len(segments) <= 10
    assert copied <= 300 * 10
    assert addresses(segments) == list(range(300))


def test_up_to_the_limit_everything_is_exact() -> None:
    assert next_plan((flat(0, 390), flat(390, 10)), SIZES) is None


@pytest.mark.integration
def test_above_it_all_but_a_short_tail_is_clustered() -> None:
    segments: tuple[Segment, ...] = ()
    for at in range(0, 4_000, 40):
        segments = settled(joined([*segments, flat(at, 40)], SIZES))
    tail = sum(len(part) for part in segments if part.store.clusters is None)
    assert tail <= SIZES.tail
    assert all(len(part.store) <= SIZES.largest for part in segments)
    assert len(segments) <= 12
    assert addresses(segments) == list(range(4_000))


def test_pieces_over_the_limit_are_clustered_one_by_one() -> None:
    pieces = tuple(flat(at, 1_000) for at in range(0, 3_000, 1_000))
    segments = settled(pieces)
    assert [len(part) for part in segments] == [1_000] * 3
    assert all(part.store.clusters for part in segments)


def test_dead_rows_are_given_up() -> None:
    segments = settled((flat(0, 900),))
    worn = tuple(part.keep(np.arange(0, 700)) for part in segments)
    (fresh,) = settled(worn)
    assert len(fresh.store) == len(fresh) == 700
    few = tuple(part.keep(np.arange(0, 100)) for part in segments)
    (small,) = settled(few)
    assert small.store.clusters is None
    assert len(small.store) == 100
    (tidied,) = joined([flat(0, 100).keep(np.arange(70))], SIZES)
    assert len(tidied.store) == 70
    assert joined([flat(0, 10).keep(np.arange(0))], SIZES) == ()


def test_what_is_being_built_from_stays_as_it_is() -> None:
    one, other = flat(0, 10), flat(10, 10).keep(np.arange(0))
    busy = {id(one.store), id(other.store)}
    assert joined([one, other, flat(20, 10)], SIZES, busy)[:2] == (one, other)
