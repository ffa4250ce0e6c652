import lance
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.corpus.store import Corpus
from retrieval.dense.segment import Addresses
from retrieval.matching import FilterCache
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store

RED = "namespace IN ('ns') AND (json_extract(metadata, '$.\"color\"') = '\"red\"')"
Tested = list[list[int]]


def passing(dataset: lance.LanceDataset) -> list[int]:
    """Return the addresses that a plain scan finds."""
    table = dataset.scanner(columns=[], filter=RED, with_row_address=True).to_table()
    return sorted(table["_rowaddr"].to_pylist())


def alive(dataset: lance.LanceDataset, addresses: list[int]) -> list[int]:
    table = dataset.scanner(columns=[], with_row_address=True).to_table()
    return sorted(set(addresses) & set(table["_rowaddr"].to_pylist()))


@pytest.fixture
def tested(monkeypatch: pytest.MonkeyPatch) -> Tested:
    """The fragments that were tested, call by call."""
    from retrieval import matching

    calls, test = Tested(), matching._test

    def recorded(
        dataset: lance.LanceDataset, predicate: str, fragments: list[lance.LanceFragment]
    ) -> Addresses:
        calls.append([part.fragment_id for part in fragments])
        return test(dataset, predicate, fragments)

    monkeypatch.setattr(matching, "_test", recorded)
    return calls


def add(corpus: Corpus, embedder: WordEmbedder, document: str, *colors: str) -> None:
    chunks = [make_chunk(f"{document}-{at}", "t", color=color) for at, color in enumerate(colors)]
    store(corpus, embedder, chunks, replace=True)


def test_only_new_fragments_are_tested(
    corpus: Corpus, word_embedder: WordEmbedder, tested: Tested
) -> None:
    cache = FilterCache()
    add(corpus, word_embedder, "a", "red", "blue", "red")
    assert cache.rows(corpus.dataset(), RED).tolist() == passing(corpus.dataset())
    add(corpus, word_embedder, "b", "blue", "red")
    for _ in range(2):
        assert cache.rows(corpus.dataset(), RED).tolist() == passing(corpus.dataset())
    assert [len(fragments) for fragments in tested] == [1, 1]
    assert tested[0] != tested[1]


def test_deleted_rows_cost_nothing(
    corpus: Corpus, word_embedder: WordEmbedder, tested: Tested
) -> None:
    cache = FilterCache()
    chunks = [make_chunk(f"{name}-0", "t", color="red") for name in "abc"]
    store(corpus, word_embedder, chunks)
    cache.rows(corpus.dataset(), RED)
    corpus.delete_document("ns", "b")
    dataset = corpus.dataset()
    assert alive(dataset, cache.rows(dataset, RED).tolist()) == passing(dataset)
    assert len(tested) == 1


def test_rows_that_a_restored_version_brings_back_are_found(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    chunks = [make_chunk(f"{name}-0", "t", color="red") for name in "abc"]
    store(corpus, word_embedder, chunks)
    before = corpus.version
    corpus.delete_document("ns", "b")
    cache = FilterCache()
    assert len(cache.rows(corpus.dataset(), RED)) == 2
    lance.dataset(corpus.chunks_uri, version=before).restore()  # type: ignore[no-untyped-call]
    assert len(cache.rows(corpus.dataset(), RED)) == 3


def test_older_and_newer_versions_may_be_asked_in_turn(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    cache = FilterCache()
    add(corpus, word_embedder, "a", "red")
    older = corpus.dataset()
    add(corpus, word_embedder, "b", "red")
    for dataset in (older, corpus.dataset(), older):
        assert cache.rows(dataset, RED).tolist() == passing(dataset)


def test_what_was_asked_last_stays_within_the_bound(
    corpus: Corpus, word_embedder: WordEmbedder, tested: Tested
) -> None:
    add(corpus, word_embedder, "a", "red", "blue", "red")
    cache = FilterCache(most_bytes=24)
    others = [f"{RED} AND position >= {at}" for at in (-1, -2)]
    for predicate in (RED, RED, *others, RED):
        assert len(cache.rows(corpus.dataset(), predicate)) == 2
    assert len(tested) == 4


steps = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["add", "delete", "compact"]))
    | st.tuples(st.just(""), st.just("ask")),
    max_size=12,
)


@pytest.mark.integration
@settings(max_examples=15)
@given(steps)
def test_it_is_what_a_scan_finds_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, str]]
) -> None:
    embedder = WordEmbedder()
    corpus = Corpus.open(str(tmp_path_factory.mktemp("history")), embedder.identity)
    cache = FilterCache()
    for at, (document, step) in enumerate([*history, ("", "ask")]):
        if step == "add":
            add(corpus, embedder, document, *np.random.default_rng(at).choice(["red", "blue"], 3))
        elif step == "delete":
            corpus.delete_document("ns", document)
        elif step == "compact":
            corpus.optimize()
        else:
            dataset = corpus.dataset()
            assert alive(dataset, cache.rows(dataset, RED).tolist()) == passing(dataset)
