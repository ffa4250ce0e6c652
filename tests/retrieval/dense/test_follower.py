from dataclasses import replace
from functools import partial
from threading import Event

import lance
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.chunk import Chunk, Vectors
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower, Snapshot
from retrieval.dense.tiers import Sizes
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, run_together, store

SCOPES = [("a",), ("b",), ("a", "b"), ("nobody",), ()]
WORDS = ["boat", "tide", "rope", "lamp", "song", "drum", "reef", "sail", "mast", "knot"]


def some_chunks(random: np.random.Generator, count: int, namespace: str) -> list[Chunk]:
    return [
        make_chunk(
            f"d{random.integers(6)}-{at}", " ".join(random.choice(WORDS, 4)), namespace, n=at % 7
        )
        for at in range(count)
    ]


def products(snapshot: Snapshot, query: Vectors, scope: tuple[str, ...]) -> dict[int, float]:
    """Return the inner product of every row of `scope`, read from the table."""
    table = snapshot.dataset.to_table(columns=["namespace", "vector"], with_row_address=True)
    values = np.array(table["vector"].to_pylist(), np.float32).reshape(-1, len(query)) @ query
    names, addresses = table["namespace"].to_pylist(), table["_rowaddr"].to_pylist()
    rows = zip(addresses, values.tolist(), names, strict=True)
    return {address: value for address, value, name in rows if name in scope}


def assert_exact(snapshot: Snapshot, embedder: WordEmbedder) -> None:
    """Compare with brute force: every scope, with and without a filter, several k."""
    query = embedder.embed_queries(["boat rope"])[0]
    rows = np.array(sorted(products(snapshot, query, ("a", "b"))), np.int64)
    for scope in SCOPES:
        exact = products(snapshot, query, scope)
        for allowed in (None, rows[::3], rows[:0]):
            here = [exact[at] for at in exact if allowed is None or at in allowed]
            for k in (1, 5, 1_000):
                found, scores = snapshot.search(query, scope, k, allowed)
                assert len(set(found.tolist())) == len(found)
                assert allowed is None or np.isin(found, allowed).all()
                np.testing.assert_allclose(scores, sorted(here, reverse=True)[:k], atol=1e-5)
                np.testing.assert_allclose(scores, [exact[at] for at in found.tolist()], atol=1e-5)


operations = st.lists(
    st.tuples(
        st.sampled_from(["add", "replace", "delete", "optimize"]),
        st.sampled_from(["a", "b"]),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.integration
@given(operations, st.integers(0, 2**32))
@settings(max_examples=8)
def test_every_version_is_searched_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    word_embedder: WordEmbedder,
    steps: list[tuple[str, str, int]],
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    corpus = Corpus.open(str(tmp_path_factory.mktemp("follower")), word_embedder.identity)
    follower, kept = DenseFollower(corpus), list[Snapshot]()
    for step, namespace, count in steps:
        if step == "optimize":
            corpus.optimize()
        elif step == "delete":
            corpus.delete_document(namespace, f"d{count % 6}")
        else:
            chunks = some_chunks(random, count, namespace)
            store(corpus, word_embedder, chunks, replace=step == "replace")
        snapshot = follower.refresh()
        assert snapshot.version == follower.version == corpus.version
        assert_exact(snapshot, word_embedder)
        kept.append(snapshot)
    for snapshot in kept:
        assert_exact(snapshot, word_embedder)


def test_an_empty_corpus_finds_nothing(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    snapshot = DenseFollower(corpus).snapshot
    assert_exact(snapshot, word_embedder)
    assert snapshot.counts() == {}
    assert snapshot.vectors(("ns",), np.array([1, 2])).tolist() == np.zeros((2, 32)).tolist()


def test_a_selective_filter_still_gives_k(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    near = [make_chunk(f"near-{at}", "boat rope") for at in range(50)]
    far = [make_chunk(f"far-{at}", "quiet mountain hut") for at in range(5)]
    store(corpus, word_embedder, [*near, *far])
    snapshot = DenseFollower(corpus).snapshot
    table = snapshot.dataset.scanner(
        columns=[], filter="doc_id = 'far'", with_row_address=True
    ).to_table()
    allowed = table["_rowaddr"].to_numpy().astype(np.int64)
    found, _ = snapshot.search(word_embedder.embed_queries(["boat"])[0], ("ns",), 5, allowed)
    assert sorted(found.tolist()) == sorted(allowed.tolist())


def test_vectors_and_counts_follow_the_namespaces(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    chunks = [make_chunk("d-1", "one", "a"), make_chunk("d-2", "two", "b")]
    store(corpus, word_embedder, chunks)
    snapshot = DenseFollower(corpus).snapshot
    assert snapshot.counts() == {"a": 1, "b": 1}
    table = snapshot.dataset.to_table(columns=["chunk_id"], with_row_address=True)
    addresses = table["_rowaddr"].to_numpy().astype(np.int64)
    order = [table["chunk_id"].to_pylist().index(name) for name in ("d-1", "d-2")]
    both = snapshot.vectors(("a", "b"), addresses[order])
    assert np.array_equal(both, word_embedder.embed_passages(["one", "two"]))
    assert not snapshot.vectors(("a",), addresses[order])[1].any()


def test_a_new_version_costs_its_new_fragments_only(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [make_chunk("d-1", "one")])
    follower = DenseFollower(corpus)
    first = follower.snapshot
    store(corpus, word_embedder, [make_chunk("e-1", "two")])
    second = follower.refresh()
    assert len(second.fragments) == 2
    assert second.fragments.items() >= first.fragments.items()
    assert follower.refresh() is second


def test_rows_written_anew_keep_their_vectors(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    """Compaction moves every row; only a new row is read."""
    random = np.random.default_rng(3)
    for at in range(4):
        store(corpus, word_embedder, some_chunks(random, 20, "ab"[at % 2]))
    follower = DenseFollower(corpus)
    before = {id(part.store) for part in follower.snapshot.segments("ab")}
    corpus.delete_document("a", "d3")
    corpus.optimize()
    store(corpus, word_embedder, [make_chunk("e-1", "boat", "b")])
    snapshot = follower.refresh()
    assert len(snapshot.fragments) < 4
    assert_exact(snapshot, word_embedder)
    new = [part for part in snapshot.segments("ab") if id(part.store) not in before]
    assert sum(map(len, new)) <= 21


def test_vectors_that_changed_under_the_same_text_are_read_again(
    corpus: Corpus, word_embedder: WordEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    store(corpus, word_embedder, some_chunks(np.random.default_rng(3), 40, "a"))
    follower = DenseFollower(corpus)
    follower.refresh()
    table = corpus.dataset().to_table()
    others = -np.array(table["vector"].to_pylist(), np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(others.ravel()), others.shape[1])
    at = table.schema.get_field_index("vector")
    lance.write_dataset(
        table.set_column(at, table.schema.field(at), column), corpus.chunks_uri, mode="overwrite"
    )
    assert_exact(follower.refresh(), word_embedder)
    assert "written anew" in caplog.text


def test_a_restored_version_brings_its_rows_back(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, some_chunks(np.random.default_rng(3), 40, "a"))
    follower, before = DenseFollower(corpus), corpus.version
    follower.refresh()
    for document in range(6):
        corpus.delete_document("a", f"d{document}")
        assert_exact(follower.refresh(), word_embedder)
    assert follower.snapshot.counts() == {}
    old = lance.dataset(corpus.chunks_uri, version=before)
    old.restore()  # type: ignore[no-untyped-call]
    snapshot = follower.refresh()
    assert snapshot.counts() == {"a": 40}
    assert_exact(snapshot, word_embedder)


@pytest.mark.integration
def test_a_large_namespace_is_clustered_while_it_serves(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    follower = DenseFollower(corpus, Sizes(exact=100, largest=200))
    random = np.random.default_rng(3)
    for _ in range(8):
        store(corpus, word_embedder, some_chunks(random, 60, "a"))
        snapshot = follower.refresh()
        scores = snapshot.search(word_embedder.embed_queries(["boat"])[0], ("a",), 5)[1]
        assert len(scores) == 5
    assert follower.settle(60)
    settled = follower.snapshot
    assert settled.version == corpus.version
    assert settled.counts() == {"a": corpus.dataset().count_rows()}
    assert any(part.store.clusters for part in settled.segments("a"))
    rows = np.array(sorted(products(settled, np.zeros(32, np.float32), ("a",))), np.int64)
    assert len(settled.search(np.ones(32, np.float32), ("a",), 10_000, rows)[0]) == len(rows)


@pytest.mark.integration
def test_deletes_during_a_build_are_not_lost(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    follower = DenseFollower(corpus, Sizes(exact=50, largest=500))
    random = np.random.default_rng(3)
    for number in range(6):
        store(corpus, word_embedder, some_chunks(random, 80, "a"))
        follower.refresh()
        corpus.delete_document("a", f"d{number}")
        snapshot = follower.refresh()
        assert follower.settle(60)
        for version in (snapshot, follower.snapshot):
            assert version.counts() == {"a": version.dataset.count_rows()}
            alive = set(products(version, np.ones(32, np.float32), ("a",)))
            assert {
                int(address)
                for part in version.segments("a")
                for address in part.addresses[part.mask]
            } == alive


def test_behind_tells_whether_there_is_news(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    follower = DenseFollower(corpus)
    assert (follower.version, follower.behind()) == (0, True)
    follower.refresh()
    assert not follower.behind()
    store(corpus, word_embedder, [make_chunk("d-1", "one")])
    assert follower.behind()
    follower.refresh()
    assert not follower.behind()


def test_lag_and_delays(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    follower = DenseFollower(corpus)
    follower.refresh()
    assert follower.delays() == []
    assert follower.lag_seconds(corpus.version) == 0
    store(corpus, word_embedder, [make_chunk("d-1", "one")])
    assert follower.lag_seconds(corpus.version) > 0
    assert follower.lag_seconds(None) > 0
    follower.refresh()
    assert follower.lag_seconds(corpus.version) == 0
    (delay,) = follower.delays()
    assert 0 < delay < 300
    assert follower.delays() == []


@pytest.mark.integration
def test_readers_see_whole_versions_while_writes_go_on(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    """Each round replaces all six texts of a document; a search must find one round only."""
    follower, done = DenseFollower(corpus), Event()
    query = word_embedder.embed_queries(["boat"])[0]
    chunks = [make_chunk(f"d-{at}", "boat") for at in range(6)]
    store(corpus, word_embedder, chunks, replace=True)

    def write() -> None:
        try:
            for number in range(6):
                texts = [replace(chunk, metadata={"round": number}) for chunk in chunks]
                store(corpus, word_embedder, texts, replace=True)
                follower.refresh()
            corpus.optimize()
            follower.refresh()
        finally:
            done.set()

    def read() -> None:
        while not done.is_set():
            snapshot = follower.snapshot
            found, _ = snapshot.search(query, ("ns",), 10)
            rows = snapshot.dataset._take_rows(found.tolist(), columns=["chunk_id", "metadata"])
            assert sorted(rows["chunk_id"].to_pylist()) == [f"d-{at}" for at in range(6)]
            assert len(set(rows["metadata"].to_pylist())) == 1

    run_together([write, read, read, read])


def test_threads_search_one_snapshot_alike(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    random = np.random.default_rng(1)
    store(corpus, word_embedder, some_chunks(random, 300, "a"))
    corpus.delete_document("a", "d3")
    snapshot = DenseFollower(corpus).snapshot
    table = snapshot.dataset.to_table(columns=[], with_row_address=True)
    allowed = table["_rowaddr"].to_numpy().astype(np.int64)[::2]
    queries = random.standard_normal((40, 32)).astype(np.float32)
    expected = [snapshot.search(query, ("a",), 10, allowed) for query in queries]

    def search() -> None:
        for query, (addresses, scores) in zip(queries, expected, strict=True):
            found, values = snapshot.search(query, ("a",), 10, allowed)
            assert found.tolist() == addresses.tolist()
            assert values.tolist() == scores.tolist()

    run_together([partial(search) for _ in range(6)])
