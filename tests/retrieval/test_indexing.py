import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from retrieval.chunk import Document, Vectors
from retrieval.corpus.store import Commit, Corpus
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.errors import InvalidInputError, OverloadedError
from retrieval.ids import content_hash
from retrieval.indexing import index_chunks
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk

CHUNKS = [make_chunk("d-1", "one boat"), make_chunk("d-2", "two boats"), make_chunk("e-1", "lamp")]


class CountingEmbedder(WordEmbedder):
    """Notes the passages that it had to embed."""

    def __init__(self) -> None:
        super().__init__()
        self.embedded: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Note `texts` and embed them."""
        self.embedded += texts
        return super().embed_passages(texts)


async def test_passages_become_chunks_and_documents(
    corpus: Corpus, batching: BatchingEmbedder
) -> None:
    commit = await index_chunks(corpus, batching, CHUNKS)
    assert (commit.upserted, commit.unchanged) == (3, 0)
    first, second = corpus.documents().documents
    assert (first.doc_id, first.status, first.chunks, first.source) == (
        "d",
        "ready",
        2,
        "file:///d",
    )
    assert (first.size_bytes, second.doc_id, second.chunks) == (17, "e", 1)


async def test_what_is_known_is_not_embedded_again(corpus: Corpus) -> None:
    model = CountingEmbedder()
    batching = BatchingEmbedder(model)
    try:
        await index_chunks(corpus, batching, CHUNKS)
        model.embedded.clear()
        changed = replace(CHUNKS[1], text="three boats")
        commit = await index_chunks(corpus, batching, [CHUNKS[0], changed, CHUNKS[2]])
    finally:
        batching.close()
    assert model.embedded == ["three boats"]
    assert (commit.upserted, commit.unchanged) == (1, 2)


async def test_merging_keeps_other_chunks_and_replacing_does_not(
    corpus: Corpus, batching: BatchingEmbedder
) -> None:
    await index_chunks(corpus, batching, CHUNKS)
    await index_chunks(corpus, batching, [make_chunk("d-3", "three")])
    assert corpus.count_chunks([("ns", "d")]) == {("ns", "d"): 3}
    commit = await index_chunks(corpus, batching, [make_chunk("d-3", "three")], replace=True)
    assert (commit.upserted, commit.unchanged, commit.deleted) == (0, 1, 2)
    assert corpus.count_chunks([("ns", "d"), ("ns", "e")]) == {("ns", "d"): 1, ("ns", "e"): 1}
    row = corpus.document("ns", "d")
    assert row is not None
    assert row.chunks == 1


async def test_a_document_keeps_the_moment_of_its_creation(
    corpus: Corpus, batching: BatchingEmbedder
) -> None:
    await index_chunks(corpus, batching, CHUNKS[:1])
    before = corpus.document("ns", "d")
    await index_chunks(corpus, batching, [replace(CHUNKS[0], text="new")])
    after = corpus.document("ns", "d")
    assert before is not None
    assert after is not None
    assert after.created_at == before.created_at < after.updated_at
    assert after.content_hash != before.content_hash


async def test_nothing_to_index_changes_nothing(corpus: Corpus, batching: BatchingEmbedder) -> None:
    before = corpus.version
    assert (await index_chunks(corpus, batching, [], replace=True)).version == before
    assert corpus.documents().documents == []


async def test_a_failing_embedder_leaves_the_corpus_as_it_was(corpus: Corpus) -> None:
    class Busy:
        async def embed_queries(self, texts: Sequence[str]) -> Vectors:
            raise OverloadedError("busy")

        async def embed_passages(self, texts: Sequence[str]) -> Vectors:
            raise OverloadedError("busy")

    corpus.record([Document("ns", "d", "s", "quarantined")])
    before = corpus.version
    with pytest.raises(OverloadedError):
        await index_chunks(corpus, Busy(), CHUNKS)
    assert corpus.version == before
    row = corpus.document("ns", "d")
    assert row is not None
    assert row.status == "quarantined"


async def test_unfit_chunks_are_refused_before_they_are_embedded(corpus: Corpus) -> None:
    model = CountingEmbedder()
    batching = BatchingEmbedder(model)
    for chunk in (make_chunk("d-1", "\udcff"), make_chunk("d-1", "text", x=float("inf"))):
        with pytest.raises(InvalidInputError, match=r"not valid Unicode|cannot be stored"):
            await index_chunks(corpus, batching, [chunk])
    batching.close()
    assert model.embedded == []
    assert corpus.documents().documents == []


class Overtaken(Corpus):
    """A corpus to which somebody else writes as soon as a commit has ended."""

    meanwhile: Callable[[], object]

    def commit(self, *arguments: Any, **options: Any) -> Commit:
        """Commit, and let the other writer come at once."""
        commit = super().commit(*arguments, **options)
        self.meanwhile()
        return commit


async def test_the_ledger_tells_of_the_writer_whose_chunks_are_stored(
    corpus: Corpus, batching: BatchingEmbedder, word_embedder: WordEmbedder
) -> None:
    first = Overtaken(corpus.uri, corpus.identity)
    later = [make_chunk("d-1", "later"), make_chunk("d-2", "later too")]
    other = BatchingEmbedder(word_embedder)
    first.meanwhile = lambda: asyncio.run(index_chunks(corpus, other, later, replace=True))
    await index_chunks(first, batching, [make_chunk("d-1", "earlier")], replace=True)
    other.close()
    row = corpus.document("ns", "d")
    assert row is not None
    assert (row.chunks, row.content_hash) == (2, content_hash("later", "later too"))


async def test_a_document_that_was_deleted_meanwhile_stays_deleted(
    corpus: Corpus, batching: BatchingEmbedder
) -> None:
    first = Overtaken(corpus.uri, corpus.identity)
    first.meanwhile = lambda: corpus.delete_document("ns", "d")
    await index_chunks(first, batching, [make_chunk("d-1", "earlier")])
    row = corpus.document("ns", "d")
    assert row is not None
    assert (row.status, row.chunks) == ("deleted", 0)
    assert corpus.dataset().count_rows() == 0


async def test_what_a_killed_writer_stored_can_be_listed_and_deleted(
    corpus: Corpus, batching: BatchingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("retrieval.corpus.store.index_new_rows", die)
        with pytest.raises(KeyboardInterrupt):
            await index_chunks(corpus, batching, CHUNKS)
    assert [(row.doc_id, row.status) for row in corpus.documents().documents] == [
        ("d", "queued"),
        ("e", "queued"),
    ]
    await index_chunks(corpus, batching, CHUNKS)
    assert {row.status for row in corpus.documents().documents} == {"ready"}
