import asyncio
from collections.abc import Callable
from typing import Any

import faiss
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.corpus.store import Corpus
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.errors import FilterError, StaleIndexError
from retrieval.pipeline import Searcher
from retrieval.query import SearchResponse
from retrieval.settings import SearchSettings
from tests.embedders import WordEmbedder
from tests.retrieval.asking import PASSAGES, ask, ids
from tests.retrieval.building import make_chunk, store
from tests.retrieval.strategies import texts


async def test_an_answer_is_ranked_and_cited(library: Corpus, searcher: Searcher) -> None:
    response = await ask(searcher, "torn sail")
    assert ids(response)[0] == "sail-2"
    assert set(ids(response)) == {"sail-1", "sail-2", "rope-1", "lamp-1", "song-1"}
    first = response.hits[0]
    assert (first.text, first.payload) == ("The sail was torn in the storm", {"page": 2})
    assert (first.source.uri, first.source.url) == ("file:///sail", "file:///sail")
    assert response.degraded == []
    stages = {"embed", "dense", "lexical", "fuse", "smooth", "hydrate", "total"}
    assert set(response.timings_ms) == stages


def test_a_search_thread_computes_alone(searcher: Searcher) -> None:
    # What OpenMP is told in one thread says nothing for the others.
    assert searcher._threads.submit(faiss.omp_get_max_threads).result() == 1


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
async def test_an_empty_corpus_gives_an_empty_answer(searcher: Searcher, mode: str) -> None:
    response = await ask(searcher, mode=mode, explain=True)
    assert (response.hits, response.degraded) == ([], [])
    assert response.index_version > 0


async def test_more_than_there_is(library: Corpus, searcher: Searcher) -> None:
    assert len(ids(await ask(searcher, k=200))) == 5
    assert len(ids(await ask(searcher, k=2))) == 2


async def test_modes(library: Corpus, searcher: Searcher) -> None:
    lexical = await ask(searcher, "boat", mode="lexical")
    assert set(ids(lexical)) == {"sail-1", "rope-1"}
    assert "embed" not in lexical.timings_ms
    dense = await ask(searcher, "boat", mode="dense")
    assert len(ids(dense)) == 5
    assert "lexical" not in dense.timings_ms


@pytest.mark.parametrize("fusion", ["convex", "rrf", "dbsf"])
async def test_every_rule_answers_with_the_union(
    library: Corpus, searcher: Searcher, fusion: str
) -> None:
    response = await ask(searcher, "red boat", fusion=fusion, explain=True)
    assert len(ids(response)) == 5
    assert "sail-1" in ids(response)[:2]
    assert all(hit.explain and hit.explain.fusion == fusion for hit in response.hits)


async def test_namespaces_are_a_wall(library: Corpus, searcher: Searcher) -> None:
    assert set(ids(await ask(searcher, namespace="other"))) == {"other-1", "other-2"}
    assert ids(await ask(searcher, namespace="nobody")) == []
    both = await ask(searcher, namespaces=["ns", "other"])
    assert {hit.namespace for hit in both.hits} == {"ns", "other"}
    assert len(ids(await ask(searcher, namespaces=["other", "nobody", "other"]))) == 2


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
async def test_filters_hold_on_both_sides(library: Corpus, searcher: Searcher, mode: str) -> None:
    found = await ask(searcher, "boat sail", mode=mode, filters={"metadata.page": 1})
    assert set(ids(found)) == {"sail-1", "rope-1"}
    assert ids(await ask(searcher, mode=mode, filters={"doc_id": "other"})) == []
    tagged = await ask(searcher, "boat", mode=mode, filters={"metadata.tags": "sea"})
    assert ids(tagged) == ["sail-1"]


async def test_a_selective_filter_still_gives_k(
    corpus: Corpus, word_embedder: WordEmbedder, searcher: Searcher
) -> None:
    near = [make_chunk(f"near-{at:03}", "boat boat", rare=False) for at in range(150)]
    rare = [make_chunk(f"rare-{at}", f"something else {at}", rare=True) for at in range(5)]
    store(corpus, word_embedder, [*near, *rare])
    response = await ask(searcher, "boat", k=5, filters={"metadata.rare": True})
    assert set(ids(response)) == {f"rare-{at}" for at in range(5)}


async def test_a_bad_filter_is_an_error_and_not_a_degraded_answer(
    library: Corpus, searcher: Searcher
) -> None:
    with pytest.raises(FilterError, match="unknown field"):
        await ask(searcher, filters={"colour": "red"})


async def test_a_passage_that_only_one_side_finds_can_win(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    """With ten candidates a side, the long passage is out of the dense side's reach."""
    many = " ".join(f"w{at}" for at in range(60))
    near = [make_chunk(f"near-{at:02}", f"boat w{at} w{at + 1}") for at in range(30)]
    store(corpus, word_embedder, [*near, make_chunk("long-1", f"{many} xylophone")])
    batching = BatchingEmbedder(word_embedder)
    searcher = Searcher(corpus, batching, SearchSettings(candidates=10, neighbor_share=0))
    lexical = await ask(searcher, "boat xylophone", alpha=0.3, k=1, explain=True)
    assert ids(lexical) == ["long-1"]
    explain = lexical.hits[0].explain
    assert explain is not None
    assert explain.dense is not None
    assert explain.lexical is not None
    assert (explain.dense.rank, explain.lexical.rank) == (None, 1)
    assert explain.dense.score is not None
    dense = await ask(searcher, "boating w3 w4", alpha=0.9, k=1)
    assert ids(dense) == ["near-03"]
    searcher.close()
    batching.close()


async def test_equal_passages_are_ordered_by_chunk_id(
    corpus: Corpus, word_embedder: WordEmbedder, searcher: Searcher
) -> None:
    names = [f"d-{(at * 7) % 20:02}" for at in range(20)]
    store(corpus, word_embedder, [make_chunk(name, "the same boat") for name in names])
    for mode in ("hybrid", "dense", "lexical"):
        assert ids(await ask(searcher, mode=mode, k=7)) == sorted(names)[:7]


async def test_explain_says_why(library: Corpus, searcher: Searcher) -> None:
    response = await ask(searcher, "red boat", explain=True, alpha=0.6)
    for hit in response.hits:
        explain = hit.explain
        assert explain is not None
        assert explain.dense is not None
        assert explain.lexical is not None
        fused = 0.6 * explain.dense.normalized + 0.4 * explain.lexical.normalized
        assert hit.score == pytest.approx(fused + explain.boosts["neighbors"])
    assert all(hit.explain is None for hit in (await ask(searcher, "red boat")).hits)


async def test_alpha_of_the_request_goes_before_the_setting(
    library: Corpus, batching: BatchingEmbedder
) -> None:
    searcher = Searcher(library, batching, SearchSettings(alpha=0.0, neighbor_share=0))
    lexical = await ask(searcher, "red boat", mode="lexical")
    assert ids(await ask(searcher, "red boat"))[: lexical.k] == ids(lexical)
    assert ids(await ask(searcher, "red boat", alpha=1.0)) == ids(
        await ask(searcher, "red boat", mode="dense")
    )
    searcher.close()


async def test_what_is_not_configured_is_said(library: Corpus, searcher: Searcher) -> None:
    response = await ask(searcher, use_rerank=True, graph_boost=0.3)
    found = {(part.stage, part.reason) for part in response.degraded}
    assert found == {("rerank", "not configured"), ("graph", "not configured")}
    assert not response.used_rerank
    assert (await ask(searcher, use_rerank=False, graph_boost=0)).degraded == []


async def test_a_write_is_seen_by_who_names_its_version(
    library: Corpus, searcher: Searcher, word_embedder: WordEmbedder
) -> None:
    await ask(searcher)
    for at in range(3):
        commit = store(library, word_embedder, [make_chunk(f"new-{at}", f"zebra number {at}")])
        response = await ask(searcher, "zebra", min_index_version=commit.version, mode="lexical")
        assert response.index_version >= commit.version
        assert len(ids(response)) == at + 1
    deleted = library.delete_document("ns", "new")
    assert (
        ids(await ask(searcher, "zebra", min_index_version=deleted.version, mode="lexical")) == []
    )


async def test_a_version_that_does_not_come_is_an_error(
    library: Corpus, searcher: Searcher
) -> None:
    with pytest.raises(StaleIndexError, match="index version 9999 is not visible yet"):
        await ask(searcher, min_index_version=9_999, timeout_ms=100)


async def test_stats(library: Corpus, searcher: Searcher) -> None:
    version = await searcher.refresh()
    assert searcher.stats() == {
        "index_version": version,
        "corpus_version": version,
        "vectors": {"ns": 5, "other": 2},
        "segments": 2,
        "build": 0,
    }


@pytest.mark.integration
@given(
    st.tuples(texts, st.sampled_from(["", "boat", "red sail"])).map(" ".join).filter(str.strip),
    st.integers(1, 9),
    st.floats(0, 1),
    st.sampled_from(["convex", "rrf", "dbsf"]),
    st.sampled_from(["hybrid", "dense", "lexical"]),
)
@settings(max_examples=40)
def test_any_request_gets_an_ordered_answer(
    asked: Callable[..., SearchResponse], query: str, k: int, alpha: float, fusion: str, mode: str
) -> None:
    response = asked(query, k=k, alpha=alpha, fusion=fusion, mode=mode, explain=True)
    assert response.degraded == []
    if mode != "lexical":
        assert response.k == min(k, 5)


@pytest.fixture(scope="module")
def asked(
    tmp_path_factory: pytest.TempPathFactory, word_embedder: WordEmbedder
) -> Callable[..., SearchResponse]:
    """Put one request to a corpus of the passages above, each in an event loop of its own."""
    corpus = Corpus.open(str(tmp_path_factory.mktemp("asked")), word_embedder.identity)
    store(corpus, word_embedder, PASSAGES)

    async def once(query: str, **fields: Any) -> SearchResponse:
        embedder = BatchingEmbedder(word_embedder)
        searcher = Searcher(corpus, embedder)
        try:
            return await ask(searcher, query, **fields)
        finally:
            searcher.close()
            embedder.close()

    return lambda query, **fields: asyncio.run(once(query, **fields))


@pytest.mark.integration
async def test_fifty_searches_while_writes_go_on(
    library: Corpus, searcher: Searcher, word_embedder: WordEmbedder
) -> None:
    """A document of four passages is replaced again and again; answers see one state of it."""

    def write() -> None:
        for number in range(6):
            chunks = [make_chunk(f"live-{at}", f"zebra {number}", n=number) for at in range(4)]
            store(library, word_embedder, chunks, replace=True)
            library.delete_document("ns", "lamp")
            library.optimize()

    writing = asyncio.create_task(asyncio.to_thread(write))
    searches = 0
    while not writing.done() or searches < 50:
        answers = await asyncio.gather(*(ask(searcher, "zebra boat", k=200) for _ in range(50)))
        searches += len(answers)
        for response in answers:
            assert response.degraded == []
            live = [hit.payload["n"] for hit in response.hits if hit.doc_id == "live"]
            assert len(live) in (0, 4)
            assert len(set(live)) <= 1
            assert {"sail-1", "rope-1"} <= set(ids(response))
    await writing
    await searcher.refresh()
    last = await ask(searcher, "zebra", k=200)
    assert [hit.payload["n"] for hit in last.hits if hit.doc_id == "live"] == [5] * 4
    assert "lamp-1" not in ids(last)
