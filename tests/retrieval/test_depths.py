"""How deep each side looks, and that it looks so deep."""

from collections.abc import Mapping

import pytest

from retrieval.corpus.store import Corpus
from retrieval.depths import Depths
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest
from retrieval.settings import SearchSettings
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store


@pytest.mark.parametrize(
    ("fields", "k", "least", "expected"),
    [
        ({}, 10, 0, Depths(100, 100, 100)),
        ({}, 50, 0, Depths(200, 200, 200)),
        ({"dense_candidates": 30}, 5, 0, Depths(30, 100, 100)),
        ({"candidates": 20, "lexical_candidates": 300}, 5, 0, Depths(20, 300, 20)),
        ({"dense_candidates": 30, "lexical_candidates": 10}, 5, 40, Depths(40, 40, 100)),
    ],
)
def test_each_side_has_its_own_depth_above_a_common_floor(
    fields: Mapping[str, int], k: int, least: int, expected: Depths
) -> None:
    assert Depths.of(SearchSettings.model_validate(fields), k, least) == expected


async def test_each_side_fetches_as_many_as_it_is_set(
    corpus: Corpus, word_embedder: WordEmbedder, batching: BatchingEmbedder, searcher: Searcher
) -> None:
    chunks = [make_chunk(f"d-{at:02}", f"boat {at:02} sail") for at in range(40)]
    store(corpus, word_embedder, chunks)
    depths = {"dense_candidates": 12, "lexical_candidates": 31}
    searcher = Searcher(corpus, batching, searcher.settings.model_copy(update=depths))
    request = SearchRequest(query="boat", namespace="ns", k=2)
    candidates, _ = await searcher.candidates(request)
    assert len(candidates.dense_ranked) == 12
    assert len(candidates.lexical or ()) == 31
    searcher.close()
