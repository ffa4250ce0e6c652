"""Following in a thread: it keeps up, gives way, and comes back after trouble."""

import time
from collections.abc import Callable, Iterator

import pytest

from retrieval.corpus.locking import sole
from retrieval.corpus.store import Corpus
from retrieval.projection.following import Following
from retrieval.projection.projection import Projection
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store
from tests.retrieval.projection.engine import MemoryEngine, chunks_table


@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine()


@pytest.fixture
def following(corpus: Corpus, engine: MemoryEngine) -> Iterator[Following]:
    projection = Projection(corpus, engine, [chunks_table(corpus)])
    with Following(corpus, projection, pause_s=0.01) as made:
        yield made


def wait_for(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.005)


def test_it_keeps_up(following: Following, corpus: Corpus, word_embedder: WordEmbedder) -> None:
    version = store(corpus, word_embedder, [make_chunk("a-1", "text")]).version
    wait_for(lambda: following.progress.shows(version))
    wait_for(lambda: following.progress.lag_seconds == 0)
    assert following.progress.lag_versions == 0


def test_trouble_is_told_and_got_over(
    following: Following, corpus: Corpus, engine: MemoryEngine, word_embedder: WordEmbedder
) -> None:
    wait_for(lambda: following.progress.shows(1))
    engine.away = True
    version = store(corpus, word_embedder, [make_chunk("a-1", "text")]).version
    wait_for(lambda: following.progress.trouble)
    assert following.progress.trouble == "memory is away"
    wait_for(lambda: following.progress.lag_seconds > 0)
    engine.away = False
    wait_for(lambda: following.progress.shows(version))
    wait_for(lambda: following.progress.trouble is None)


def test_another_process_is_left_to_it(
    following: Following, corpus: Corpus, engine: MemoryEngine, word_embedder: WordEmbedder
) -> None:
    wait_for(lambda: following.progress.shows(1))
    with sole(corpus.chunks_uri, "follow-memory", 60) as ours:
        assert ours
        version = store(corpus, word_embedder, [make_chunk("a-1", "text")]).version
        wait_for(lambda: following.progress.newest >= version)
        assert not following.progress.shows(version)
        assert following.progress.lag_versions > 0
    wait_for(lambda: following.progress.shows(version))


def test_a_doubt_has_the_engine_looked_through(
    following: Following, corpus: Corpus, engine: MemoryEngine, word_embedder: WordEmbedder
) -> None:
    version = store(corpus, word_embedder, [make_chunk("a-1", "text")]).version
    wait_for(lambda: following.progress.shows(version))
    assert engine.serving is not None
    engine.serving.entries.clear()
    following._verified = 0.0
    following.doubt()
    wait_for(lambda: engine.serving and engine.serving.held())
