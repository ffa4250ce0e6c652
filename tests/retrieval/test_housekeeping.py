"""The corpus is kept in order beside its use, and nothing of that outlives it."""

import threading
from collections.abc import Callable

import pytest

from retrieval.corpus.store import Corpus
from retrieval.errors import CorpusError
from retrieval.housekeeping import Housekeeping

NEVER = 86_400.0


class Watched(Corpus):
    """A corpus that tells of each round, and does what a test wants in it."""

    entered: threading.Semaphore
    rounds: threading.Semaphore
    round: Callable[[], object] | None = None

    def optimize(self) -> bool:
        """Do what the test wants, then the real round, and tell of it."""
        self.entered.release()
        if self.round is not None:
            self.round()
        done = super().optimize()
        self.rounds.release()
        return done


@pytest.fixture
def watched(corpus: Corpus) -> Watched:
    """The empty corpus, watched."""
    made = Watched(corpus.uri, corpus.identity)
    made.entered, made.rounds = threading.Semaphore(0), threading.Semaphore(0)
    return made


def test_a_round_comes_with_time(watched: Watched) -> None:
    with Housekeeping(watched, pause_s=0.01):
        assert all(watched.rounds.acquire(timeout=60) for _ in range(3))


def test_a_round_comes_with_many_commits(watched: Watched) -> None:
    with Housekeeping(watched, pause_s=NEVER, commits=3) as keeping:
        for _ in range(2):
            for _ in range(3):
                assert not watched.rounds.acquire(blocking=False)
                keeping.committed()
            assert watched.rounds.acquire(timeout=60)


def test_a_round_that_fails_is_not_the_last(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter([CorpusError("no space left"), RuntimeError("odd")])

    def fail() -> None:
        if error := next(failures, None):
            raise error

    watched.round = fail
    with Housekeeping(watched, pause_s=0.01):
        assert watched.rounds.acquire(timeout=60)
    assert "no space left" in caplog.text


def test_its_end_waits_for_the_round_under_way(watched: Watched) -> None:
    go = threading.Event()
    watched.round = lambda: go.wait(60)
    keeping = Housekeeping(watched, pause_s=0.01)
    assert watched.entered.acquire(timeout=60)
    closing = threading.Thread(target=keeping.close)
    closing.start()
    assert closing.is_alive()
    go.set()
    closing.join(60)
    assert not closing.is_alive()
    assert watched.rounds.acquire(blocking=False)
    assert "housekeeping" not in {thread.name for thread in threading.enumerate()}
