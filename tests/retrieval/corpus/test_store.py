from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any, cast

import lance
import numpy as np
import pytest

from retrieval.chunk import Chunk, Document
from retrieval.corpus.ledger import Ledger
from retrieval.corpus.schema import row_to_chunk
from retrieval.corpus.store import Commit, Corpus, NamespaceCounts, _store
from retrieval.errors import CorpusError, EmbeddingIdentityError, InvalidInputError
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, run_together, store

State = dict[str, dict[str, str]]


def state(dataset: lance.LanceDataset) -> State:
    """Return the texts by chunk id by document."""
    found: State = {}
    for row in dataset.to_table().to_pylist():
        found.setdefault(row["doc_id"], {})[row["chunk_id"]] = row_to_chunk(row).text
    return found


def versions_between(corpus: Corpus, first: int, last: int) -> Iterator[State]:
    for version in range(first, last + 1):
        yield state(lance.dataset(corpus.chunks_uri, version=version))


def test_equal_chunk_ids_in_two_namespaces_do_not_collide(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    mine, theirs = make_chunk("d-1", "mine", "a"), make_chunk("d-1", "theirs", "b")
    assert store(corpus, word_embedder, [mine, theirs]).upserted == 2
    assert store(corpus, word_embedder, [replace(mine, text="new")]).upserted == 1
    corpus.delete_document("a", "d")
    (row,) = corpus.dataset().to_table().to_pylist()
    assert row_to_chunk(row) == theirs


def test_a_chunk_id_moves_to_the_document_that_names_it_last(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [make_chunk("1", "text", doc_id="old")])
    store(corpus, word_embedder, [make_chunk("1", "text", doc_id="new")], replace=True)
    assert state(corpus.dataset()) == {"new": {"1": "text"}}


def test_a_batch_of_documents_is_one_version(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    old = [make_chunk(f"d{doc}-{at}", f"old {at}") for doc in range(3) for at in range(3)]
    store(corpus, word_embedder, old, replace=True)
    before = corpus.version
    new = [make_chunk(f"d{doc}-{at}", f"new {at}") for doc in range(3) for at in range(1, 5)]
    commit = store(corpus, word_embedder, new, replace=True)
    assert (commit.upserted, commit.deleted) == (12, 3)
    states = list(versions_between(corpus, before, corpus.version))
    first, last = states[0], states[-1]
    assert last["d0"] == {f"d0-{at}": f"new {at}" for at in range(1, 5)}
    assert all(seen in (first, last) for seen in states)
    assert state(lance.dataset(corpus.chunks_uri, version=commit.version)) == last


def test_what_is_stored_already_costs_no_version(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    chunks = [make_chunk("d-1", "one"), make_chunk("d-2", "two")]
    store(corpus, word_embedder, chunks, replace=True)
    before = corpus.version
    assert store(corpus, word_embedder, chunks, replace=True) == Commit(before, unchanged=2)
    assert store(corpus, word_embedder, chunks[:1]) == Commit(before, unchanged=1)
    assert store(corpus, word_embedder, []) == Commit(before)
    assert corpus.version == before


def test_vectors_of_identical_chunks_can_be_used_again(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    chunks = [make_chunk("d-1", "one"), make_chunk("d-2", "two")]
    store(corpus, word_embedder, chunks)
    asked = [replace(chunks[0], text="other"), chunks[1], make_chunk("d-2", "two", "elsewhere")]
    known = corpus.reusable_vectors(asked)
    assert list(known) == [1]
    assert np.array_equal(known[1], word_embedder.embed_passages(["two"])[0])


def test_killed_between_chunks_and_ledger_the_same_call_mends_it(
    corpus: Corpus, word_embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = [make_chunk("d-1", "one"), make_chunk("d-2", "two")]
    vectors = word_embedder.embed_passages(["one", "two"])
    document = Document("ns", "d", "file:///d", "ready", chunks=2)

    def killed(_self: Ledger, _documents: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            corpus.commit(chunks, vectors, replace=[("ns", "d")], documents=[document])
    assert corpus.document("ns", "d") is None
    corpus.commit(chunks, vectors, replace=[("ns", "d")], documents=[document])
    assert corpus.document("ns", "d") == document
    assert state(corpus.dataset()) == {"d": {"d-1": "one", "d-2": "two"}}


def test_deleting_marks_the_ledger_and_may_be_repeated(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [make_chunk("d-1", "one"), make_chunk("e-1", "stays")])
    corpus.record([Document("ns", "d", "file:///d", "ready", chunks=1)])
    assert corpus.delete_document("ns", "d").deleted == 1
    assert corpus.delete_document("ns", "d").deleted == 0
    assert corpus.delete_document("ns", "unknown").deleted == 0
    row = corpus.document("ns", "d")
    assert row is not None
    assert (row.status, row.chunks) == ("deleted", 0)
    assert corpus.documents().documents == []
    assert state(corpus.dataset()) == {"e": {"e-1": "stays"}}


def test_attachments_go_with_their_document(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    names = ["mail", "inner", "sheet", "other"]
    store(corpus, word_embedder, [make_chunk(f"{name}-1", name) for name in names])
    parents = {"mail": None, "inner": "mail", "sheet": "inner", "other": None}
    rows = [
        Document("ns", name, f"file:///{name}", "ready", chunks=1, parent_id=parent)
        for name, parent in parents.items()
    ]
    elsewhere = Document("else", "sheet", "file:///sheet", "ready", parent_id="mail")
    corpus.record([*rows, elsewhere])
    assert corpus.delete_document("ns", "mail").deleted == 3
    assert state(corpus.dataset()) == {"other": {"other-1": "other"}}
    left = {(row.namespace, row.doc_id) for row in corpus.documents().documents}
    assert left == {("ns", "other"), ("else", "sheet")}


def test_a_deleted_document_can_come_back(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    chunk = make_chunk("d-1", "one")
    for _ in range(2):
        assert store(corpus, word_embedder, [chunk], replace=True).upserted == 1
        corpus.delete_document("ns", "d")
        corpus.optimize()


def test_another_model_is_refused_and_changes_nothing(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [make_chunk("d-1", "one")])
    before = corpus.version
    other = WordEmbedder(8).identity.model_copy(update={"model": "another"})
    with pytest.raises(EmbeddingIdentityError, match="built with 'words', but 'another' was given"):
        Corpus.open(corpus.uri, other)
    assert corpus.version == before


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((1, 31), np.float32), r"vectors have shape \(1, 31\) instead of \(1, 32\)"),
        (np.ones((2, 32), np.float32), r"shape \(2, 32\) instead of \(1, 32\)"),
        (np.ones(32, np.float32), r"shape \(32,\)"),
        (np.full((1, 32), np.nan, np.float32), "NaN or infinite"),
        (np.full((1, 32), -np.inf, np.float32), "NaN or infinite"),
    ],
)
def test_unfit_vectors_are_refused(
    corpus: Corpus, vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        corpus.commit([make_chunk("d-1", "one")], vectors)
    assert corpus.dataset().count_rows() == 0


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([make_chunk("d-1", "a"), make_chunk("d-1", "b")], "share namespace and chunk_id"),
        ([make_chunk("d-1", "a"), make_chunk("d-2", "b\ud800")], "'d-2' holds text that is not"),
        ([make_chunk("d-1", "a"), make_chunk("d-2", "b", x=float("nan"))], "cannot be stored"),
    ],
)
def test_unfit_chunks_are_refused_and_nothing_of_the_batch_is_stored(
    corpus: Corpus, chunks: list[Chunk], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        corpus.commit(chunks, np.ones((len(chunks), 32), np.float32))
    assert corpus.dataset().count_rows() == 0


def test_sizes_of_namespaces_and_documents(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    store(corpus, word_embedder, [make_chunk(f"d-{at}", "text", "a") for at in range(3)])
    corpus.record([Document("b", "x", "s", "quarantined"), Document("c", "y", "s", "deleted")])
    assert corpus.namespaces() == {"a": NamespaceCounts(0, 3), "b": NamespaceCounts(1, 0)}
    assert corpus.count_chunks([("a", "d"), ("b", "x")]) == {("a", "d"): 3}


def test_more_ids_than_one_predicate_holds(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    chunks = [make_chunk(f"d{at}-1", "text") for at in range(1_203)]
    assert store(corpus, word_embedder, chunks, replace=True).upserted == 1_203
    assert store(corpus, word_embedder, chunks, replace=True).unchanged == 1_203
    assert len(corpus.count_chunks([("ns", f"d{at}") for at in range(1_203)])) == 1_203


def test_opening_mends_what_a_killed_creation_left_out(
    tmp_path: Path, word_embedder: WordEmbedder
) -> None:
    first = Corpus.open(str(tmp_path), word_embedder.identity)
    first.dataset().drop_index("indexed_text_idx")
    again = Corpus.open(str(tmp_path), word_embedder.identity)
    names = {index.name for index in again.dataset().describe_indices()}
    assert names == {"chunk_id_idx", "doc_id_idx", "namespace_idx", "indexed_text_idx"}


def test_a_failing_index_does_not_fail_the_commit(
    corpus: Corpus,
    word_embedder: WordEmbedder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_self: object, **_options: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(type(corpus.dataset().optimize), "optimize_indices", broken)
    assert store(corpus, word_embedder, [make_chunk("d-1", "one")]).upserted == 1
    assert state(corpus.dataset()) == {"d": {"d-1": "one"}}
    assert "not yet in the text index" in caplog.text


def test_everybody_may_create_the_same_corpus_at_once(
    tmp_path: Path, word_embedder: WordEmbedder
) -> None:
    barrier, opened = Barrier(4, timeout=60), list[Corpus]()

    def create() -> None:
        barrier.wait()
        opened.append(Corpus.open(str(tmp_path), word_embedder.identity))

    run_together([create] * 4)
    assert len(opened) == 4
    store(opened[0], word_embedder, [make_chunk("d-1", "one")])
    assert state(opened[-1].dataset()) == {"d": {"d-1": "one"}}


@pytest.fixture(params=["folder", "object store"])
def either(request: pytest.FixtureRequest, tmp_path: Path, word_embedder: WordEmbedder) -> Corpus:
    """A corpus with locks, and one at a URL, where only Lance stands between the writers."""
    uri = str(tmp_path / "c") if request.param == "folder" else f"file://{tmp_path}/c"
    return Corpus.open(uri, word_embedder.identity)


def test_without_locks_documents_are_replaced_and_deleted_too(
    either: Corpus, word_embedder: WordEmbedder
) -> None:
    first = [make_chunk(f"d-{at}", f"old {at}") for at in range(3)]
    other = [make_chunk("e-1", "stays")]
    assert store(either, word_embedder, [*first, *other], replace=True).upserted == 4
    second = [make_chunk("d-1", "new"), make_chunk("d-9", "more")]
    commit = store(either, word_embedder, second, replace=True)
    assert (commit.upserted, commit.deleted) == (2, 2)
    assert state(either.dataset())["d"] == {"d-1": "new", "d-9": "more"}
    gone = either.commit([], np.empty((0, 32), np.float32), replace=[("ns", "d")])
    assert (gone.upserted, gone.deleted) == (0, 2)
    either.record([Document("ns", "e", "s", "ready"), Document("ns", "e", "s", "queued")])
    assert either.delete_document("ns", "e").deleted == 1
    assert either.optimize()
    assert state(either.dataset()) == {}


@pytest.mark.integration
@pytest.mark.parametrize("scheme", ["", "file://"], ids=["folder", "object store"])
def test_a_commit_reads_of_a_large_corpus_as_much_as_of_a_small_one(
    tmp_path: Path, word_embedder: WordEmbedder, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = list[int]()

    def measured(dataset: lance.LanceDataset, **arguments: Any) -> Commit:
        dataset.io_stats_incremental()
        commit = _store(dataset, **arguments)
        read.append(dataset.io_stats_incremental().read_bytes)
        return commit

    monkeypatch.setattr("retrieval.corpus.store._store", measured)
    bytes_read = list[int]()
    for rows in (1_000, 20_000):
        made = Corpus.open(f"{scheme}{tmp_path}/{rows}", word_embedder.identity)
        chunks = [make_chunk(f"d{at}-1", f"text {at}") for at in range(rows)]
        made.commit(chunks, np.ones((rows, 32), np.float32))
        for turn in range(3):
            store(made, word_embedder, [make_chunk("d7-1", f"new {turn}")], replace=True)
        # The first one reads the pages of the indexes that it needs, and keeps them.
        bytes_read.append(read[-1])
    assert bytes_read[1] <= 2 * bytes_read[0]


@pytest.mark.parametrize("shared_ids", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_writers_of_one_document_never_mix(
    either: Corpus, word_embedder: WordEmbedder, shared_ids: bool, known: bool
) -> None:
    corpus = either
    if known:
        store(corpus, word_embedder, [make_chunk(f"d-old{at}", "old") for at in range(3)])
    barrier, writers = Barrier(4, timeout=60), range(4)

    def chunks(writer: int) -> list[Chunk]:
        prefix = "d-" if shared_ids else f"d-{writer}"
        return [make_chunk(f"{prefix}{at}", f"of {writer}") for at in range(writer + 1)]

    def write(writer: int) -> None:
        mine = Corpus.open(corpus.uri, word_embedder.identity)
        barrier.wait()
        store(mine, word_embedder, chunks(writer), replace=True)

    run_together([partial(write, at) for at in writers])
    wholes = [{chunk.chunk_id: chunk.text for chunk in chunks(at)} for at in writers]
    assert corpus.dataset().count_rows() == len(state(corpus.dataset())["d"])
    assert state(corpus.dataset())["d"] in wholes


@pytest.mark.integration
def test_writers_of_the_same_chunks_leave_one_of_each(
    either: Corpus, word_embedder: WordEmbedder
) -> None:
    corpus = either
    store(corpus, word_embedder, [make_chunk("a-1", "there before")])
    barrier = Barrier(4, timeout=60)

    def write(writer: int) -> None:
        mine = Corpus.open(corpus.uri, word_embedder.identity)
        for at in range(3):
            barrier.wait()
            store(mine, word_embedder, [make_chunk(f"d-{at}", f"of {writer}")])

    run_together([partial(write, at) for at in range(4)])
    assert sorted(corpus.dataset().to_table()["chunk_id"].to_pylist()) == [
        "a-1",
        "d-0",
        "d-1",
        "d-2",
    ]


def test_writers_of_different_documents_lose_nothing(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    def write(writer: int) -> None:
        mine = Corpus.open(corpus.uri, word_embedder.identity)
        for at in range(3):
            store(mine, word_embedder, [make_chunk(f"d{writer}.{at}-1", "x")], replace=True)

    run_together([partial(write, at) for at in range(3)])
    assert sorted(state(corpus.dataset())) == [f"d{w}.{at}" for w in range(3) for at in range(3)]


def test_a_broken_table_is_reported(corpus: Corpus) -> None:
    for manifest in Path(corpus.chunks_uri, "_versions").iterdir():
        manifest.write_bytes(b"not a manifest")
    with pytest.raises(CorpusError, match="cannot open the table"):
        _ = corpus.version


def test_versions_stay_while_somebody_may_read_them(
    corpus: Corpus, word_embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions of long ago, of which the newest was superseded only now."""
    for at in range(3):
        store(corpus, word_embedder, [make_chunk(f"d-{at}", "boat")])
    held = corpus.dataset()
    real = lance.LanceDataset.versions

    def aged(dataset: lance.LanceDataset) -> list[dict[str, Any]]:
        found = cast(list[dict[str, Any]], real(dataset))
        for version in found:
            if version["version"] <= held.version:
                version["timestamp"] -= timedelta(hours=1)
        return found

    monkeypatch.setattr(lance.LanceDataset, "versions", aged)
    store(corpus, word_embedder, [make_chunk("e-1", "rope")])
    corpus.optimize()
    assert lance.dataset(corpus.chunks_uri, version=held.version).count_rows() == 3
    assert len(held.to_table(filter="doc_id = 'd'")) == 3
    assert len(held.to_table(full_text_query="boat")) == 3
    with pytest.raises(ValueError, match="not found"):
        lance.dataset(corpus.chunks_uri, version=held.version - 1)
