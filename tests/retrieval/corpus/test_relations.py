"""The relations table."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from retrieval.chunk import Chunk
from retrieval.corpus.backup import copy_corpus
from retrieval.corpus.store import Corpus
from retrieval.relation import Relation
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk

FIRST, SECOND = make_chunk("a-1", "one"), make_chunk("a-2", "two")
ONE = Relation("ns", "a", "a-1", "Ash", "TAUGHT", "Elm", 0.9, 0, 3)
TWO = Relation("ns", "a", "a-2", "Elm", "TAUGHT", "Oak", 0.8, 0, 3)


def commit(
    corpus: Corpus,
    embedder: WordEmbedder,
    chunks: Sequence[Chunk],
    *relations: Relation,
    whole: bool = True,
) -> None:
    """Store `chunks`, as the whole content of their documents."""
    vectors = embedder.embed_passages([chunk.indexed_text for chunk in chunks])
    keys = {(chunk.namespace, chunk.doc_id) for chunk in chunks} if whole else set()
    corpus.commit(chunks, vectors, replace=keys, relations=relations)


def test_relations_go_with_their_chunks(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    commit(corpus, word_embedder, [FIRST, SECOND], ONE, TWO)
    assert corpus.relations.read() == [ONE, TWO]
    commit(corpus, word_embedder, [SECOND], TWO)
    assert corpus.relations.read(["ns"]) == [TWO]
    corpus.delete_document("ns", "a")
    assert corpus.relations.read() == []


def test_a_commit_that_changes_nothing_writes_nothing(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    commit(corpus, word_embedder, [FIRST, SECOND], ONE, TWO)
    version = corpus.relations.dataset().version
    commit(corpus, word_embedder, [FIRST, SECOND], ONE, TWO)
    assert corpus.relations.dataset().version == version
    # Killed between chunks and relations, the same call mends it.
    corpus.relations.settle([FIRST], (), ())
    commit(corpus, word_embedder, [FIRST, SECOND], ONE, TWO)
    assert corpus.relations.read() == [ONE, TWO]


def test_chunks_merged_by_id_leave_the_relations_of_others(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    commit(corpus, word_embedder, [FIRST, SECOND], ONE, TWO)
    surer = replace(ONE, confidence=0.95)
    commit(corpus, word_embedder, [replace(FIRST, text="changed")], surer, whole=False)
    assert corpus.relations.read() == [surer, TWO]


def test_the_same_document_in_another_namespace_is_another(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    other = replace(ONE, namespace="other")
    commit(corpus, word_embedder, [FIRST], ONE)
    commit(corpus, word_embedder, [replace(FIRST, namespace="other")], other)
    corpus.delete_document("ns", "a")
    assert corpus.relations.read() == [other]


def test_a_backup_holds_them(corpus: Corpus, word_embedder: WordEmbedder, tmp_path: Path) -> None:
    commit(corpus, word_embedder, [FIRST], ONE)
    copy_corpus(corpus.uri, str(tmp_path / "copy"))
    assert Corpus.open_existing(str(tmp_path / "copy")).relations.read() == [ONE]
