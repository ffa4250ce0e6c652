"""Reranking inside the pipeline: over a real corpus, with a reranker that can be held up."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from retrieval.corpus.store import Corpus
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.errors import StageError
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest, SearchResponse
from retrieval.rerank.base import RerankerState, Scores
from retrieval.rerank.fusion import RULES
from retrieval.rerank.stage import RerankStage
from retrieval.settings import RerankSettings, SearchSettings
from tests.retrieval.asking import ask, ids
from tests.retrieval.building import make_chunk, store

ALL = 30
PATIENT = {"timeout_ms": 60_000}


class HeldReranker:
    """Scores the number in a passage: the last ones are best.

    From passage `late_from` on it never answers; from passage `broken_from` on it fails.
    """

    per_call = 4

    def __init__(self, late_from: int = ALL, broken_from: int = ALL) -> None:
        self.late_from, self.broken_from = late_from, broken_from
        self.asked: list[list[str]] = []
        self.cancelled = 0

    async def score(self, query: str, passages: Sequence[str]) -> Scores:
        """Score, or wait for ever, or fail."""
        first = sum(map(len, self.asked))
        self.asked.append(list(passages))
        if first >= self.late_from:
            try:
                await asyncio.sleep(3_600)
            finally:
                self.cancelled += 1
        if first >= self.broken_from:
            raise StageError("the model broke")
        return np.array([number(text) / ALL for text in passages], dtype=np.float32)

    async def state(self) -> RerankerState:
        """Return that it is one."""
        return RerankerState(provider="held", model="m", loaded=True)


def number(text: str) -> int:
    return int(text.split()[1])


@pytest.fixture
def numbered(corpus: Corpus, word_embedder: Any) -> Corpus:
    """Passages that a search for `boat` ranks by their length."""
    chunks = [make_chunk(f"d-{at:02}", f"boat {at:02} " + "sail " * at) for at in range(ALL)]
    store(corpus, word_embedder, chunks)
    return corpus


Make = Callable[..., Searcher]


@pytest.fixture
def make(numbered: Corpus, batching: BatchingEmbedder) -> Iterator[Make]:
    """Return searchers over `numbered`, by reranker and settings."""
    made: list[Searcher] = []

    def searcher(reranker: HeldReranker, **fields: Any) -> Searcher:
        settings = RerankSettings.model_validate(PATIENT | {"enabled": True} | fields)
        patience = SearchSettings(timeout_ms=120_000, embed_timeout_ms=60_000)
        stage = RerankStage(reranker, settings, "m")
        made.append(Searcher(numbered, batching, patience, reranking=stage))
        return made[-1]

    yield searcher
    for item in made:
        item.close()


async def plain(searcher: Searcher, **fields: Any) -> SearchResponse:
    """Return the answer without the reranker."""
    return await ask(searcher, use_rerank=False, **fields)


def scores(response: SearchResponse) -> dict[str, float]:
    return {hit.chunk_id: hit.score for hit in response.hits}


@pytest.mark.parametrize("rule", ["mul", "wsum"])
async def test_the_head_is_reranked_and_the_rest_keeps_its_order(make: Make, rule: str) -> None:
    searcher = make(HeldReranker(), topn=10, fusion=rule)
    before = await plain(searcher, k=ALL)
    after = await ask(searcher, k=ALL, explain=True)
    assert (before.used_rerank, before.rerank_provider) == (False, None)
    assert (after.used_rerank, after.rerank_provider) == (True, "held")
    assert after.degraded == []
    assert sorted(ids(after)[:10]) == sorted(ids(before)[:10])
    assert ids(after)[:10] != ids(before)[:10]
    assert ids(after)[10:] == ids(before)[10:]
    first = scores(before)
    join = RULES[rule]  # type: ignore[index]
    for at, hit in enumerate(after.hits):
        reranked = number(hit.text) / ALL if at < 10 else None
        assert hit.rerank_score == (None if reranked is None else pytest.approx(reranked))
        assert hit.score == pytest.approx(join(first[hit.chunk_id], reranked or 0.0))
        assert hit.explain is not None
        assert hit.explain.rerank_fusion == rule
        assert (hit.explain.rerank is None) == (at >= 10)
    assert {"rerank", "hydrate"} <= after.timings_ms.keys()


async def test_requests_choose_for_themselves(make: Make) -> None:
    searcher = make(HeldReranker(), topn=10, by_default=False)
    assert not (await ask(searcher)).used_rerank
    few: dict[str, Any] = {"use_rerank": True, "rerank_topn": ALL, "rerank_k": 3, "k": 20}
    response = await ask(searcher, rerank_fusion="wsum", **few)
    assert ids(response) == ["d-29", "d-28", "d-27"]
    product = await ask(searcher, rerank_fusion="mul", **few)
    assert len(product.hits) == 3
    assert scores(product) != scores(response)


async def test_a_head_is_as_long_as_the_hits_that_shall_come_out(make: Make) -> None:
    reranker = HeldReranker()
    response = await ask(make(reranker, topn=5), rerank_k=12, k=15)
    assert len(response.hits) == 12
    assert all(hit.rerank_score is not None for hit in response.hits)


async def test_the_setting_of_hits_counts_where_nothing_is_asked_for(make: Make) -> None:
    searcher = make(HeldReranker(), topn=20, k=4)
    assert len((await ask(searcher)).hits) == 4
    assert len((await ask(searcher, k=15)).hits) == 15
    assert len((await ask(searcher, use_rerank=False)).hits) == 10


async def test_a_single_side_is_reranked_only_if_it_is_asked_for(make: Make) -> None:
    searcher = make(HeldReranker())
    assert not (await ask(searcher, mode="lexical")).used_rerank
    assert (await ask(searcher, mode="dense", use_rerank=True)).used_rerank


async def test_what_is_not_scored_in_time_keeps_its_order_and_is_said(make: Make) -> None:
    reranker = HeldReranker(late_from=8)
    searcher = make(reranker, topn=20, timeout_ms=300)
    before = await plain(searcher, k=ALL)
    after = await ask(searcher, k=ALL)
    (said,) = after.degraded
    assert (said.stage, said.reason) == (
        "rerank",
        "took longer than its time limit; 8 of 20 passages are reranked",
    )
    assert after.used_rerank
    assert set(ids(after)[:8]) == set(ids(before)[:8])
    assert ids(after)[8:] == ids(before)[8:]
    assert [hit.rerank_score is None for hit in after.hits] == [False] * 8 + [True] * (ALL - 8)
    await asyncio.sleep(0)
    assert reranker.cancelled == 3


async def test_the_time_of_the_request_bounds_the_reranker(make: Make) -> None:
    searcher = make(HeldReranker(late_from=0))
    before = await plain(searcher)
    after = await ask(searcher, timeout_ms=1_500)
    assert scores(after) == scores(before)
    assert not after.used_rerank
    assert [part.reason for part in after.degraded] == ["took longer than its time limit"]


async def test_a_failure_changes_no_score_and_is_said(make: Make) -> None:
    searcher = make(HeldReranker(broken_from=0), topn=8)
    before = await plain(searcher)
    after = await ask(searcher)
    assert (ids(after), scores(after)) == (ids(before), scores(before))
    assert (after.used_rerank, after.rerank_provider) == (False, None)
    assert all(hit.rerank_score is None for hit in after.hits)
    assert [part.reason for part in after.degraded] == ["failed: StageError: the model broke"]


async def test_scores_are_remembered_by_model_query_and_content(
    make: Make, numbered: Corpus, word_embedder: Any
) -> None:
    reranker = HeldReranker()
    searcher = make(reranker, topn=8)
    first = await ask(searcher)
    again = await ask(searcher)
    assert (ids(again), scores(again)) == (ids(first), scores(first))
    assert sum(map(len, reranker.asked)) == 8
    changed = first.hits[0]
    text = changed.text + " torn"
    store(numbered, word_embedder, [make_chunk(changed.chunk_id, text)])
    await searcher.refresh()
    await ask(searcher, rerank_topn=ALL)
    asked = [passage for call in reranker.asked[2:] for passage in call]
    assert text in asked
    assert first.hits[1].text not in asked


async def test_what_was_late_is_asked_for_again(make: Make) -> None:
    reranker = HeldReranker(late_from=4)
    searcher = make(reranker, topn=8, timeout_ms=300)
    assert len((await ask(searcher)).degraded) == 1
    reranker.late_from = ALL
    after = await ask(searcher)
    assert after.degraded == []
    assert sum(hit.rerank_score is not None for hit in after.hits) == 8
    assert len(reranker.asked[-1]) == 4


async def test_no_candidates_need_no_reranker(make: Make) -> None:
    reranker = HeldReranker()
    response = await ask(make(reranker), namespace="empty")
    assert response.hits == []
    assert reranker.asked == []


def test_more_hits_than_the_head_holds_are_refused() -> None:
    with pytest.raises(ValidationError, match="rerank_k: 9 hits cannot come out of rerank_topn"):
        SearchRequest(query="x", rerank_k=9, rerank_topn=8)
