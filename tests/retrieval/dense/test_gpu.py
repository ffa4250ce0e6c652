"""Searches on a GPU, with a double that keeps to what FAISS allows there."""

from typing import Any

import faiss
import numpy as np
import pytest

from retrieval.chunk import Vectors
from retrieval.corpus.store import Corpus
from retrieval.dense.gpu import Gpu, open_gpu
from retrieval.dense.holding import Share
from retrieval.dense.index import Nearest
from retrieval.dense.opening import open_shard
from retrieval.dense.segment import Segment
from retrieval.dense.shard import At
from retrieval.settings import DenseSettings, LibrarySettings
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store


class OnGpu:
    """An index on the GPU: no selectors, and no more than 2,048 rows."""

    def __init__(self, index: faiss.IndexFlatIP) -> None:
        self._index = index
        self.searches = 0

    def search(self, queries: Vectors, k: int) -> Any:
        """Search as FAISS does there."""
        assert k <= 2_048
        self.searches += 1
        return self._index.search(queries, k)


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> list[OnGpu]:
    """The indexes that were moved to the GPU."""
    made: list[OnGpu] = []

    def move(_resources: object, device: int, index: faiss.IndexFlatIP) -> OnGpu:
        assert device == 0
        made.append(OnGpu(index))
        return made[-1]

    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)
    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(faiss, "index_cpu_to_gpu", move, raising=False)
    return made


@pytest.mark.parametrize("count", [50, 5_000])
def test_it_finds_what_the_cpu_finds(moved: list[OnGpu], count: int) -> None:
    random = np.random.default_rng(1)
    vectors = random.standard_normal((count, 16)).astype(np.float32)
    addresses = np.arange(count, dtype=np.int64) * 3
    whole = Segment.build(addresses, vectors)
    some, few = whole.keep(addresses[: count - 7]), whole.keep(addresses[::2])
    gpu = Gpu()
    for segment in (whole, some, few):
        for k in (1, 20, count):
            query = random.standard_normal(16).astype(np.float32)
            here, there = segment.search(query, k), gpu.search(segment, query, k)
            assert here[0].tolist() == there[0].tolist()
            np.testing.assert_allclose(here[1], there[1])
    assert len(moved) == 1
    # What cannot be done there is done here.
    assert moved[0].searches == (9 if count == 50 else 4)


def test_a_shard_uses_the_gpu_that_faiss_sees(
    corpus: Corpus, word_embedder: WordEmbedder, moved: list[OnGpu]
) -> None:
    store(corpus, word_embedder, [make_chunk(f"a-{at}", f"boat {at}") for at in range(30)])
    shard = open_shard(corpus, LibrarySettings(dense=DenseSettings(gpu=True)), Share(0, 1))
    at = At(corpus.version, int(corpus.dataset().version))
    query = word_embedder.embed_queries(["boat"])[0]
    assert len(shard.nearest(at, Nearest(query, ("ns",), 10))[0]) == 10
    assert [one.searches for one in moved] == [1]
    shard.close()


def test_without_a_gpu_the_cpu_searches(caplog: pytest.LogCaptureFixture) -> None:
    assert open_gpu(False) is None
    assert not caplog.messages
    assert open_gpu(True) is None
    assert "this FAISS sees no GPU" in caplog.text
