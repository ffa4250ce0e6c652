from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from retrieval.corpus.filters import RowTest, filters_predicate, namespaces_predicate
from retrieval.corpus.locking import sole_keeper
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.lexical.fulltext import Within, search_text
from retrieval.matching import FilterCache
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store

PASSAGES = {
    "d-1": "The boats were sailing past the lighthouse at night",
    "d-2": "A boat, a rope and a lamp",
    "d-3": "Café owners serve coffee to the sailors' daughters",
    "d-4": "Invoice INV-2026-031 for the harbour lamp",
    "d-5": "The and of to in",
}


@pytest.fixture
def library(corpus: Corpus, word_embedder: WordEmbedder) -> Corpus:
    """The passages above in `ns`, and one in a namespace of others."""
    chunks = [make_chunk(name, text, size=len(text)) for name, text in PASSAGES.items()]
    store(corpus, word_embedder, [*chunks, make_chunk("x-1", "boats of others", "other")])
    return corpus


def ask(
    corpus: Corpus,
    query: str,
    *namespaces: str,
    k: int = 10,
    predicate: str | None = None,
) -> list[str]:
    """Return the chunk ids that a query finds, best first."""
    dataset = corpus.dataset()
    scope = namespaces or ("ns",)
    allowed = None
    if predicate is not None:
        test = RowTest(namespaces_predicate(scope), others=predicate)
        allowed = FilterCache().rows(dataset, test)
    addresses, scores = search_text(dataset, query, scope, k, allowed)
    assert all(one >= other for one, other in pairwise(scores))
    assert (scores > 0).all()
    if not len(addresses):
        return []
    rows = dataset._take_rows(addresses.tolist(), columns=["chunk_id"])
    found: list[str] = rows["chunk_id"].to_pylist()
    return found


@pytest.mark.parametrize("named", [0, 1_000])
def test_filters_work_inside_the_search(
    corpus: Corpus, word_embedder: WordEmbedder, named: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.lexical.fulltext._NAMED", named)
    many = [make_chunk(f"m-{at}", "boat boat", kind="many") for at in range(50)]
    few = [make_chunk(f"f-{at}", "a boat in a long line of words", kind="few") for at in range(3)]
    foreign = [make_chunk(f"o-{at}", "boat boat", "other", kind="few") for at in range(9)]
    store(corpus, word_embedder, [*many, *few, *foreign])
    predicate = filters_predicate({"metadata.kind": "few"})
    assert set(ask(corpus, "boat", k=3, predicate=predicate)) == {"f-0", "f-1", "f-2"}
    assert ask(corpus, "boat", k=3, predicate=filters_predicate({"doc_id": "none"})) == []


@pytest.mark.parametrize("named", [0, 1_000])
def test_a_search_goes_as_deep_as_the_allowed_passages_lie(
    corpus: Corpus, word_embedder: WordEmbedder, named: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.lexical.fulltext._NAMED", named)
    monkeypatch.setattr("retrieval.lexical.fulltext._FIRST_DEPTH", 2)
    better = [make_chunk(f"b-{at}", "boat boat") for at in range(40)]
    worse = [make_chunk(f"w-{at}", f"a boat {at * 'far '}", kind="kept") for at in range(40)]
    store(corpus, word_embedder, [*better, *worse])
    predicate = filters_predicate({"metadata.kind": "kept"})
    found = ask(corpus, "boat", k=5, predicate=predicate)
    assert found == [f"w-{at}" for at in range(5)]
    assert len(ask(corpus, "boat", k=60, predicate=predicate)) == 40


@pytest.mark.parametrize("share", [0.0, 0.5, 2.0])
def test_a_search_that_knows_its_rows_finds_what_a_masked_one_finds(
    corpus: Corpus, word_embedder: WordEmbedder, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.lexical.fulltext._LARGE_SHARE", share)
    monkeypatch.setattr("retrieval.lexical.fulltext._FIRST_DEPTH", 4)
    mine = [make_chunk(f"d-{at}", f"boat {at * 'far '}") for at in range(40)]
    better = [make_chunk(f"o-{at}", "boat boat", "other") for at in range(40)]
    store(corpus, word_embedder, [*better, *mine])
    follower = DenseFollower(corpus)
    snapshot = follower.snapshot
    follower.close()
    for scope in [("ns",), ("other",), ("ns", "other"), ("nobody's",)]:
        within = Within(partial(snapshot.holds, scope), snapshot.count(scope))
        found = search_text(snapshot.dataset, "boat far", scope, 9, within=within)
        masked = search_text(snapshot.dataset, "boat far", scope, 9)
        np.testing.assert_allclose(found[1], masked[1], rtol=1e-5)
        assert snapshot.holds(scope, found[0]).all()
    assert len(found[0]) == 0


def test_rows_outside_the_text_index_are_found_too(
    library: Corpus, word_embedder: WordEmbedder
) -> None:
    with sole_keeper(library.chunks_uri) as ours:
        assert ours
        store(library, word_embedder, [make_chunk("e-1", "one more boat")])
    assert set(ask(library, "boat")) == {"d-1", "d-2", "e-1"}
    assert ask(library, "boats", "other") == ["x-1"]


def test_scores_do_not_depend_on_the_batches_that_stored_the_passages(
    tmp_path_factory: pytest.TempPathFactory, word_embedder: WordEmbedder
) -> None:
    random = np.random.default_rng(3)
    words = [f"w{at}" for at in range(30)]
    chunks = [make_chunk(f"d{at}-1", " ".join(random.choice(words, 8))) for at in range(60)]
    answers = []
    for size in (60, 11):
        corpus = Corpus.open(str(tmp_path_factory.mktemp("batches")), word_embedder.identity)
        for start in range(0, len(chunks), size):
            store(corpus, word_embedder, chunks[start : start + size])
        corpus.delete_document("ns", "d7")
        dataset = corpus.dataset()
        _, everything = search_text(dataset, "w1 w2 w3", ("ns",), 1_000)
        _, head = search_text(dataset, "w1 w2 w3", ("ns",), 5)
        assert head.tolist() == everything[:5].tolist()
        answers.append(everything.tolist())
    assert answers[0] == pytest.approx(answers[1])
