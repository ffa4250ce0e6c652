"""Lists that are retrieved once give what searches with the same settings give."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eval.asking import chunks_of
from eval.datasets.base import Dataset, DatasetDocument
from eval.metrics import parse_metric
from eval.sweep.lists import SharedLists
from eval.sweep.spec import Grid, Setting, Steps
from retrieval.corpus.store import Corpus
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.indexing import index_chunks
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest
from retrieval.settings import SearchSettings
from tests.embedders import WordEmbedder

WORDS = ["boat", "sail", "rope", "lamp", "tide", "harbour", "oven", "bread", "steam", "lens"]
DOCUMENTS = tuple(
    DatasetDocument(
        f"d{n}",
        "",
        passages=tuple(f"{WORDS[(n + at) % 10]} {WORDS[(n * 3 + at) % 10]} {n}" for at in range(3)),
    )
    for n in range(12)
)
DATASET = Dataset(
    "small",
    DOCUMENTS,
    {f"q{n}": f"{WORDS[n]} {WORDS[(n + 4) % 10]}" for n in range(10)},
    {f"q{n}": {f"d{n}": 1, f"d{(n + 1) % 12}": 2} for n in range(10)},
)
NOW = Setting(fusion="convex", alpha=0.7, neighbor_share=0.4)
GRID = Grid(
    fusion=["convex", "rrf", "dbsf"],
    alpha=Steps(start=0, stop=1, step=0.5),
    neighbor_share=[0, 0.4],
)
PATIENCE = {
    "timeout_ms": 120_000,
    "embed_timeout_ms": 60_000,
    "dense_timeout_ms": 60_000,
    "lexical_timeout_ms": 60_000,
}


@pytest.fixture
async def stored(
    tmp_path: Path, word_embedder: WordEmbedder
) -> AsyncIterator[tuple[Corpus, BatchingEmbedder]]:
    """A corpus that holds the documents."""
    corpus = Corpus.open(str(tmp_path / "corpus"), word_embedder.identity)
    embedder = BatchingEmbedder(word_embedder)
    await index_chunks(corpus, embedder, chunks_of(DATASET, "ns"), replace=True)
    yield corpus, embedder
    embedder.close()


@pytest.mark.integration
async def test_shared_lists_rank_as_the_pipeline_does(
    stored: tuple[Corpus, BatchingEmbedder],
) -> None:
    corpus, embedder = stored
    searcher = Searcher(corpus, embedder, SearchSettings.model_validate(PATIENCE))
    seen: list[int] = []
    lists = await SharedLists.retrieve(
        searcher, DATASET, "ns", 1, lambda _stage, done, _total: seen.append(done), depth=50
    )
    searcher.close()
    assert seen == list(range(1, 11))
    for setting in GRID.settings(NOW):
        settings = SearchSettings.model_validate({**PATIENCE, **setting.model_dump()})
        direct = Searcher(corpus, embedder, settings)
        ranked = lists.ranked(setting)
        for query_id, text in DATASET.queries.items():
            request = SearchRequest(query=text, namespace="ns", k=50)
            hits = (await direct.search(request)).hits
            scores: dict[str, float] = {}
            for hit in hits:
                scores.setdefault(hit.doc_id, hit.score)
            # Equal scores may stand in another order: the pipeline orders them by chunk id.
            ours = [scores[doc_id] for doc_id in ranked[query_id]]
            assert ours == pytest.approx(sorted(scores.values(), reverse=True), abs=1e-6)
            assert set(ranked[query_id]) == scores.keys()
        direct.close()


async def test_values_are_those_of_the_metric(stored: tuple[Corpus, BatchingEmbedder]) -> None:
    corpus, embedder = stored
    searcher = Searcher(corpus, embedder, SearchSettings.model_validate(PATIENCE))
    lists = await SharedLists.retrieve(
        searcher, DATASET, "ns", 1, lambda _stage, _done, _total: None
    )
    searcher.close()
    metric = parse_metric("nDCG@10")
    values = lists.values(NOW, metric)
    for query_id, ranked in lists.ranked(NOW).items():
        assert values[query_id] == metric.compute(ranked, DATASET.qrels[query_id])
