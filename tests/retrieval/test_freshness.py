import asyncio
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower, Snapshot
from retrieval.errors import CorpusError, StaleIndexError
from retrieval.freshness import Freshness
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store


class HeldFollower(DenseFollower):
    """Counts refreshes, and holds them up or fails them on demand."""

    def __init__(self, corpus: Corpus) -> None:
        super().__init__(corpus)
        self.gate, self.entered, self.applied, self.leave = Event(), Event(), Event(), Event()
        self.gate.set()
        self.leave.set()
        self.refreshes = 0
        self.failure: Exception | None = None

    def refresh(self) -> Snapshot:
        """Apply the newest version once the gate is open; return once it may leave."""
        self.refreshes += 1
        self.entered.set()
        assert self.gate.wait(30)
        if self.failure is not None:
            raise self.failure
        snapshot = super().refresh()
        self.applied.set()
        assert self.leave.wait(30)
        return snapshot


class Clock:
    """Stands for the `time` module of the code under test."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        """Return the real time, moved ahead."""
        return time.monotonic() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the test can move."""
    made = Clock()
    monkeypatch.setattr("retrieval.freshness.time", made)
    return made


@pytest.fixture
def follower(corpus: Corpus) -> Iterator[HeldFollower]:
    """A follower that can be held up."""
    made = HeldFollower(corpus)
    yield made
    made.gate.set()
    made.leave.set()


@pytest.fixture
def freshness(follower: HeldFollower, clock: Clock) -> Iterator[Freshness]:
    """What is tested, on that clock."""
    with ThreadPoolExecutor(2) as threads:
        yield Freshness(follower, threads)
        follower.gate.set()
        follower.leave.set()


def soon(clock: Clock, seconds: float = 20.0) -> float:
    return clock.monotonic() + seconds


def add(corpus: Corpus, embedder: WordEmbedder, name: str = "d-1") -> int:
    return store(corpus, embedder, [make_chunk(name, "boat")]).version


async def test_the_first_search_loads_the_index(freshness: Freshness, clock: Clock) -> None:
    assert (await freshness.snapshot(None, soon(clock))).version > 0


async def test_loading_keeps_to_the_deadline(
    freshness: Freshness, follower: HeldFollower, clock: Clock
) -> None:
    follower.gate.clear()
    with pytest.raises(StaleIndexError, match="version 1 is not visible yet, 0 is; ask again"):
        await freshness.snapshot(None, soon(clock, 0.05))
    follower.gate.set()
    assert (await freshness.snapshot(None, soon(clock))).version > 0


async def test_a_named_version_is_waited_for(
    freshness: Freshness, corpus: Corpus, clock: Clock, word_embedder: WordEmbedder
) -> None:
    before = await freshness.snapshot(None, soon(clock))
    written = add(corpus, word_embedder)
    assert written > before.version
    assert (await freshness.snapshot(written, soon(clock))).version >= written


async def test_a_version_that_comes_while_waiting_is_seen(
    freshness: Freshness, corpus: Corpus, clock: Clock, word_embedder: WordEmbedder
) -> None:
    wanted = (await freshness.snapshot(None, soon(clock))).version + 1
    waiting = asyncio.create_task(freshness.snapshot(wanted, soon(clock)))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await asyncio.to_thread(add, corpus, word_embedder)
    assert (await waiting).version >= wanted


async def test_a_version_that_does_not_come_is_an_error_in_time(
    freshness: Freshness, clock: Clock
) -> None:
    await freshness.snapshot(None, soon(clock))
    with pytest.raises(StaleIndexError, match="index version 999 is not visible yet"):
        await freshness.snapshot(999, soon(clock, 0.05))


async def test_a_slow_refresh_does_not_hold_a_search_past_its_deadline(
    freshness: Freshness, follower: HeldFollower, clock: Clock
) -> None:
    await freshness.snapshot(None, soon(clock))
    follower.gate.clear()
    with pytest.raises(StaleIndexError):
        await freshness.snapshot(999, soon(clock, 0.05))


async def test_searches_look_for_news_now_and_then_only(
    freshness: Freshness, follower: HeldFollower, clock: Clock
) -> None:
    await freshness.snapshot(None, soon(clock))
    before = follower.refreshes
    for _ in range(5):
        await freshness.snapshot(None, soon(clock))
    assert follower.refreshes == before
    clock.ahead += 0.3
    await freshness.snapshot(None, soon(clock))
    assert follower.refreshes == before + 1


async def test_what_others_refreshed_needs_no_look(
    freshness: Freshness, follower: HeldFollower, clock: Clock
) -> None:
    await freshness.snapshot(None, soon(clock))
    clock.ahead += 3_600
    await freshness.refresh()
    follower.gate.clear()
    before = follower.refreshes
    assert (await freshness.snapshot(None, soon(clock))).version > 0
    assert follower.refreshes == before


async def test_news_that_are_slow_to_load_leave_the_search_with_what_is_there(
    freshness: Freshness,
    follower: HeldFollower,
    corpus: Corpus,
    clock: Clock,
    word_embedder: WordEmbedder,
) -> None:
    old = await freshness.snapshot(None, soon(clock))
    written = add(corpus, word_embedder)
    follower.gate.clear()
    clock.ahead += 0.3
    assert await freshness.snapshot(None, soon(clock)) is old
    follower.gate.set()
    assert (await freshness.refresh()).version >= written


async def test_after_a_long_rest_a_search_waits_for_the_news(
    freshness: Freshness,
    follower: HeldFollower,
    corpus: Corpus,
    clock: Clock,
    word_embedder: WordEmbedder,
) -> None:
    await freshness.snapshot(None, soon(clock))
    written = add(corpus, word_embedder)
    clock.ahead += 3_600
    follower.gate.clear()
    follower.entered.clear()
    waiting = asyncio.create_task(freshness.snapshot(None, soon(clock)))
    await asyncio.to_thread(follower.entered.wait, 30)
    await asyncio.sleep(0.1)
    assert not waiting.done()
    follower.gate.set()
    assert (await waiting).version >= written


async def test_a_refresh_sees_what_was_written_before_it_was_asked_for(
    freshness: Freshness, follower: HeldFollower, corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    follower.leave.clear()
    early = asyncio.create_task(freshness.refresh())
    await asyncio.to_thread(follower.applied.wait, 30)
    written = await asyncio.to_thread(add, corpus, word_embedder)
    late = [asyncio.create_task(freshness.refresh()) for _ in range(3)]
    await asyncio.sleep(0.01)
    follower.leave.set()
    assert (await early).version < written
    assert all(snapshot.version >= written for snapshot in await asyncio.gather(*late))


async def test_a_corpus_out_of_reach_leaves_what_is_there(
    freshness: Freshness,
    follower: HeldFollower,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = await freshness.snapshot(None, soon(clock))
    follower.failure = CorpusError("the disk is gone")
    clock.ahead += 0.3
    with caplog.at_level(logging.WARNING, "retrieval.freshness"):
        assert await freshness.snapshot(None, soon(clock)) is old
    assert "cannot look for a newer index version: the disk is gone" in caplog.text
    with pytest.raises(CorpusError, match="the disk is gone"):
        await freshness.snapshot(old.version + 1, soon(clock))


async def test_one_impatient_caller_does_not_stop_the_refresh_of_others(
    freshness: Freshness, follower: HeldFollower
) -> None:
    follower.gate.clear()
    impatient = asyncio.create_task(freshness.refresh())
    await asyncio.to_thread(follower.entered.wait, 30)
    impatient.cancel()
    patient = asyncio.create_task(freshness.refresh())
    await asyncio.sleep(0.01)
    follower.gate.set()
    assert (await patient).version > 0
    assert impatient.cancelled()
