from dataclasses import replace

import lance
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.corpus.filters import RowTest
from retrieval.corpus.store import Corpus
from retrieval.dense.segment import Addresses
from retrieval.matching import FilterCache
from retrieval.metadata_values import MetadataValues, _Part, _Path
from retrieval.query import Condition, Scalar
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store

RED = RowTest.of(["ns"], {"metadata.color": "red"})
Tested = list[list[int]]


def passing(dataset: lance.LanceDataset) -> list[int]:
    """Return the addresses that a plain scan finds."""
    table = dataset.scanner(columns=[], filter=RED.predicate, with_row_address=True).to_table()
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
    others = [replace(RED, others=f"position >= {at}") for at in (-1, -2)]
    for predicate in (RED, RED, *others, RED):
        assert len(cache.rows(corpus.dataset(), predicate)) == 2
    assert len(tested) == 4


def test_a_new_test_reads_no_row_again(
    corpus: Corpus, word_embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    original = _Path._read

    def counted(path: _Path, fragment: lance.LanceFragment, deletions: int) -> _Part:
        read.append(fragment.fragment_id)
        return original(path, fragment, deletions)

    monkeypatch.setattr(_Path, "_read", counted)
    values = MetadataValues(least_rows=3)
    add(corpus, word_embedder, "a", "red", "blue", "red", "red")
    add(corpus, word_embedder, "b", "red", "red")
    fragments = corpus.dataset().get_fragments()
    asked: list[tuple[Scalar | list[Scalar] | Condition, int]] = [
        ("red", 3),
        (["blue"], 1),
        (Condition(gt="blue"), 3),
    ]
    for color, count in asked:
        test = RowTest.of(["ns"], {"metadata.color": color})
        rows, left = values.rows(test, fragments)
        assert len(rows) == count
        # Too small to be worth it.
        assert [fragment.count_rows() for fragment in left] == [2]
    assert len(read) == 1
    assert len(values.rows(replace(RED, namespaces="namespace IN ('other')"), fragments)[0]) == 0


def test_values_that_differ_from_row_to_row_are_left_to_the_table(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    add(corpus, word_embedder, "a", "red", "blue", "green")
    fragments = corpus.dataset().get_fragments()
    rows, left = MetadataValues(least_rows=1).rows(RED, fragments)
    assert not len(rows)
    assert left == fragments
    cache = FilterCache(least_rows=1)
    assert cache.rows(corpus.dataset(), RED).tolist() == passing(corpus.dataset())


def test_values_that_are_gone_are_forgotten(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    values = MetadataValues(least_rows=1)
    for at in range(40):
        add(corpus, word_embedder, "a", *[f"red{at}"] * 2)
        test = RowTest.of(["ns"], {"metadata.color": f"red{at}"})
        assert len(values.rows(test, corpus.dataset().get_fragments())[0]) == 2
    (path,) = values._paths.values()
    assert len(path._values) <= 40 // 2


def test_paths_that_nobody_asks_for_any_more_are_forgotten(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    values = MetadataValues(least_rows=1)
    add(corpus, word_embedder, "a", "red", "red")
    for at in range(20):
        test = RowTest.of(
            ["ns"], {f"metadata.{at}": Condition(exists=False), "metadata.color": "red"}
        )
        assert len(values.rows(test, corpus.dataset().get_fragments())[0]) == 2
    assert len(values._paths) == 8
    assert RED.metadata[0].value in values._paths


steps = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["add", "delete", "compact"]))
    | st.tuples(st.just(""), st.just("ask")),
    max_size=12,
)


@pytest.mark.integration
@settings(max_examples=15)
@given(steps, st.sampled_from([1, 4, 10_000]))
def test_it_is_what_a_scan_finds_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, str]], least_rows: int
) -> None:
    embedder = WordEmbedder()
    corpus = Corpus.open(str(tmp_path_factory.mktemp("history")), embedder.identity)
    cache = FilterCache(least_rows=least_rows)
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
