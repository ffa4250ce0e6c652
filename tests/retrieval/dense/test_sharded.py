"""Searches over shards: the same as over one index, with what fails named, and without a gap."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import get_args

import numpy as np
import pytest

from retrieval.corpus.store import Corpus
from retrieval.dense.directory import Directory
from retrieval.dense.follower import DenseFollower
from retrieval.dense.holding import Holding, Share
from retrieval.dense.shard import AsyncShard, At, DenseShard
from retrieval.dense.sharded import ShardedIndex
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.entity import Alias, Entity
from retrieval.errors import StageError, StaleIndexError
from retrieval.pipeline import Searcher
from retrieval.query import Fusion, SearchResponse
from retrieval.settings import SearchSettings
from tests.embedders import WordEmbedder
from tests.retrieval.asking import ask, ids
from tests.retrieval.building import make_chunk, store
from tests.retrieval.dense.sharding import Troubled, shards_of, troubled

PATIENT = SearchSettings(
    timeout_ms=120_000,
    embed_timeout_ms=60_000,
    dense_timeout_ms=60_000,
    lexical_timeout_ms=60_000,
    graph_timeout_ms=60_000,
    candidates=20,
)
IN_A_HURRY = PATIENT.model_copy(update={"dense_timeout_ms": 100})
WORDS = ["boat", "tide", "rope", "lamp", "song", "drum", "reef", "sail", "mast", "knot"]


@pytest.fixture
def filled(corpus: Corpus, word_embedder: WordEmbedder) -> Corpus:
    """A hundred passages, and ten that mention an entity by another name than the queries."""
    texts = [f"{WORDS[at % 10]} {WORDS[at % 7]} {WORDS[at % 3]}" for at in range(100)]
    chunks = [make_chunk(f"d{at % 9}-{at}", texts[at]) for at in range(100)]
    chunks += [make_chunk(f"q{at}-1", f"quiet studio {at} silence") for at in range(10)]
    store(corpus, word_embedder, chunks)
    anna = Entity("ns", "anna", "Anna", "PERSON", (Alias("quiet studio"),))
    corpus.entities.change("ns", lambda _: [anna])
    return corpus


@asynccontextmanager
async def gateway(
    corpus: Corpus,
    batching: BatchingEmbedder,
    shards: Sequence[AsyncShard],
    settings: SearchSettings = PATIENT,
) -> AsyncIterator[Searcher]:
    """A searcher over `shards`, ready."""
    directory = Directory(corpus)
    index = ShardedIndex(shards, directory)
    searcher = Searcher(corpus, batching, settings, directory, index=index)
    try:
        await searcher.refresh()
        yield searcher
    finally:
        searcher.close(wait=True)


def scored(response: SearchResponse) -> list[tuple[str, float]]:
    """Return what an answer holds, in its order."""
    return [(hit.chunk_id, round(hit.score, 4)) for hit in response.hits]


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
@pytest.mark.parametrize("query", ["boat rope", "lamp of Anna", "zebra"])
async def test_answers_are_those_of_one_index(
    filled: Corpus, batching: BatchingEmbedder, query: str, mode: str
) -> None:
    single = Searcher(filled, batching, PATIENT)
    with shards_of(filled, 3) as shards:
        async with gateway(filled, batching, shards) as searcher:
            for k in (1, 5, 60):
                one = await ask(single, query, mode=mode, k=k, graph_boost=1.0)
                other = await ask(searcher, query, mode=mode, k=k, graph_boost=1.0)
                assert sorted(scored(other)) == sorted(scored(one))
                assert (other.degraded, other.index_version) == ([], one.index_version)
    single.close(wait=True)


async def test_what_mentions_an_entity_joins_from_every_shard(
    filled: Corpus, batching: BatchingEmbedder
) -> None:
    with shards_of(filled, 3) as shards:
        async with gateway(filled, batching, shards) as searcher:
            answer = await ask(searcher, "lamp of Anna", k=5, graph_boost=1.0)
            assert all(name.startswith("q") for name in ids(answer))


async def test_a_shard_that_fails_leaves_the_rest_and_is_named(
    filled: Corpus, batching: BatchingEmbedder
) -> None:
    with shards_of(filled, 4) as shards:
        some = troubled(shards)
        async with gateway(filled, batching, some) as searcher:
            whole = await ask(searcher, mode="dense", k=200)
            some[2].error = StageError("dense-shard-2 does not answer")
            part = await ask(searcher, mode="dense", k=200)
            (told,) = part.degraded
            assert told.stage == "dense"
            assert told.reason.startswith("1 of 4 shards did not answer: shard 2 failed")
            assert set(ids(part)) < set(ids(whole))
            assert len(ids(part)) > 40
            both = await ask(searcher, "boat", k=200)
            assert [part.stage for part in both.degraded] == ["dense"]
            some[2].error = None
            assert ids(await ask(searcher, mode="dense", k=200)) == ids(whole)


async def test_a_shard_that_dies_after_its_search_is_named_as_well(
    filled: Corpus, batching: BatchingEmbedder
) -> None:
    with shards_of(filled, 2) as shards:
        some = troubled(shards)
        async with gateway(filled, batching, some) as searcher:
            some[1].tells_nothing = True
            answer = await ask(searcher, "boat rope", k=5)
            (told,) = answer.degraded
            assert told.reason == (
                "1 of 2 shards did not answer: shard 1 failed: StageError: gone since"
            )
            assert answer.hits


@pytest.mark.parametrize("rule", get_args(Fusion))
async def test_a_passage_in_a_lost_shard_is_still_found_by_its_words(
    corpus: Corpus, word_embedder: WordEmbedder, batching: BatchingEmbedder, rule: Fusion
) -> None:
    names = [f"d{at}-1" for at in range(24)]
    texts = [f"a chapter about topic{at} and its history" for at in range(24)]
    store(corpus, word_embedder, [make_chunk(*pair) for pair in zip(names, texts, strict=True)])
    settings = PATIENT.model_copy(update={"fusion": rule})
    with shards_of(corpus, 2) as shards:
        some = troubled(shards)
        async with gateway(corpus, batching, some, settings) as searcher:
            there = await nearest_of_shard_0(searcher, some)
            for at, name in enumerate(names):
                answer = await ask(searcher, f"chapter about topic{at}", k=5)
                # By ranks, a first place on both sides is little more than many second ones.
                assert ids(answer)[0] == name or (rule == "rrf" and name in there)
                assert [part.stage for part in answer.degraded] == ["dense"]


async def nearest_of_shard_0(searcher: Searcher, some: Sequence[Troubled]) -> list[str]:
    """Let shard 1 go; return what the other one finds by meaning."""
    some[1].error = StageError("gone")
    answer = await ask(searcher, "chapter", k=100, mode="dense")
    assert 0 < len(answer.hits) < 24
    return ids(answer)


async def test_a_shard_that_hangs_is_not_waited_for(
    filled: Corpus, batching: BatchingEmbedder
) -> None:
    with shards_of(filled, 2) as shards:
        some = troubled(shards)
        async with gateway(filled, batching, some, IN_A_HURRY) as searcher:
            some[0].hangs = True
            part = await ask(searcher, "boat", k=200)
            (told,) = part.degraded
            expected = "1 of 2 shards did not answer: shard 0 took longer than its time limit"
            assert (told.stage, told.reason) == ("dense", expected)
            assert part.hits


async def test_without_any_shard_the_words_answer(
    filled: Corpus, batching: BatchingEmbedder
) -> None:
    with shards_of(filled, 2) as shards:
        some = troubled(shards)
        async with gateway(filled, batching, some) as searcher:
            for one in some:
                one.error = StageError("gone")
            answer = await ask(searcher, "boat")
            assert answer.hits
            (told,) = answer.degraded
            assert "2 of 2 shards did not answer" in told.reason
            with pytest.raises(StageError, match="2 of 2 shards"):
                await ask(searcher, mode="dense")
            # A new version does not wait for shards that are gone.
            version = store_one(filled, batching)
            answer = await ask(searcher, "zebra", min_index_version=version)
            assert ids(answer)[0] == "new-1"
            assert [shard.up for shard in searcher.shards()] == [False, False]


def store_one(corpus: Corpus, batching: BatchingEmbedder) -> int:
    """Store one passage more; return the version."""
    return store(corpus, WordEmbedder(), [make_chunk("new-1", "zebra zebra")]).version


async def test_a_version_is_searched_once_each_shard_has_it(
    filled: Corpus, batching: BatchingEmbedder
) -> None:
    with shards_of(filled, 3) as shards:
        some = troubled(shards)
        async with gateway(filled, batching, some) as searcher:
            before = searcher.version
            some[1].lags = True
            version = store_one(filled, batching)
            with pytest.raises(StaleIndexError, match="not visible yet"):
                await ask(searcher, "zebra", min_index_version=version, timeout_ms=300)
            old = await ask(searcher, "zebra")
            assert (old.index_version, old.degraded) == (before, [])
            assert "new-1" not in ids(old)
            some[1].lags = False
            new = await ask(searcher, "zebra", min_index_version=version)
            assert new.index_version >= version
            assert (ids(new)[0], new.degraded) == ("new-1", [])
            assert [state.version for state in searcher.shards()] == [new.index_version] * 3
            assert sum(state.rows for state in searcher.shards()) == 111


async def test_the_number_of_shards_changes_without_a_gap(
    filled: Corpus, batching: BatchingEmbedder
) -> None:
    """The gateways of before search their shards until the others are ready."""
    answers: list[SearchResponse] = []
    done = asyncio.Event()

    async def go_on(searcher: Searcher) -> None:
        while not done.is_set():
            answers.append(await ask(searcher, "boat", mode="dense", k=200))

    with shards_of(filled, 2) as former:
        async with gateway(filled, batching, former) as old:
            whole = set(ids(await ask(old, "boat", mode="dense", k=200)))
            load = asyncio.create_task(go_on(old))
            with shards_of(filled, 3) as shards:
                async with gateway(filled, batching, shards) as new:
                    answers.append(await ask(new, "boat", mode="dense", k=200))
                    done.set()
                    await load
    assert len(answers) > 1
    assert all(set(ids(answer)) == whole for answer in answers)
    assert all(answer.degraded == [] for answer in answers)


def test_a_shard_goes_back_to_a_version_that_others_still_search(
    filled: Corpus, word_embedder: WordEmbedder
) -> None:
    follower = DenseFollower(filled, holding=Holding(Share(0, 2)))
    old = follower.refresh()
    shard, before = DenseShard(0, follower), At.of(old)
    rows = shard.state().rows
    filled.delete_document("ns", "d3")
    store(filled, word_embedder, [make_chunk(f"d1-{at}", f"knot {at}") for at in range(20)])
    # A replica that was started meanwhile has never seen the version of before.
    late = DenseFollower(filled, holding=Holding(Share(0, 2)))
    newest = late.refresh()
    back = late.refresh_to(before.table)
    assert late.snapshot is newest
    assert back.counts() == {"ns": rows}
    held = old.dataset.to_table(columns=[], with_row_address=True)["_rowaddr"].to_numpy()
    addresses = np.sort(held.astype(np.int64))
    assert np.array_equal(back.holds(["ns"], addresses), old.holds(["ns"], addresses))
    assert np.array_equal(back.vectors(["ns"], addresses), old.vectors(["ns"], addresses))
    with pytest.raises(StaleIndexError, match="cannot be read any more"):
        shard.apply(At(10**6, 10**6))
    shard.close()
    late.close(wait=True)


def test_the_directory_holds_no_vectors(filled: Corpus) -> None:
    directory = Directory(filled)
    snapshot = directory.refresh()
    (segment,) = snapshot.segments(["ns"])
    assert (len(segment), segment.store.index.d) == (110, 0)
    assert directory.version == 0
    directory.publish(snapshot)
    assert directory.version == snapshot.version
    directory.close(wait=True)
