"""Projections: always equal to the corpus in the end, whatever happened to either."""

import dataclasses
import random
from pathlib import Path

import pytest

from retrieval.chunk import Chunk
from retrieval.corpus.store import Corpus
from retrieval.errors import EngineBusyError, EngineError
from retrieval.ids import chunk_id
from retrieval.projection.projection import Projection
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store
from tests.retrieval.projection.engine import MemoryEngine, MemoryGeneration, chunks_table


@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine()


@pytest.fixture
def projection(corpus: Corpus, engine: MemoryEngine) -> Projection:
    return Projection(corpus, engine, [chunks_table(corpus)])


def chunk(doc_id: str, text: str, name: str | None = None) -> Chunk:
    return make_chunk(name or chunk_id("ns", doc_id, 0, text), text, doc_id=doc_id)


def texts(corpus: Corpus) -> dict[tuple[str, ...], str]:
    rows = corpus.dataset().to_table(columns=["namespace", "chunk_id", "indexed_text"]).to_pylist()
    return {(row["namespace"], row["chunk_id"]): row["indexed_text"] for row in rows}


def assert_equal(projection: Projection, corpus: Corpus, engine: MemoryEngine) -> None:
    assert engine.serving is not None
    held = {key: entry.text for key, entry in engine.serving.held().items()}
    assert held == texts(corpus)
    assert [comparison.equal for comparison in projection.compare()] == [True]
    position = projection.look()
    assert position is not None
    assert position.version == corpus.version


def test_an_empty_engine_is_built_and_followed(
    projection: Projection, corpus: Corpus, engine: MemoryEngine, word_embedder: WordEmbedder
) -> None:
    assert projection.look() is None
    assert projection.follow()
    store(corpus, word_embedder, [chunk("a", "1"), chunk("b", "2")])
    assert projection.follow()
    assert_equal(projection, corpus, engine)
    assert engine.begun == 1


@pytest.mark.parametrize("seed", range(6))
def test_any_course_of_writes_is_followed(
    seed: int,
    projection: Projection,
    corpus: Corpus,
    engine: MemoryEngine,
    word_embedder: WordEmbedder,
) -> None:
    dice = random.Random(seed)
    for _ in range(12):
        documents = dice.sample("abcdefgh", 3)
        match dice.randrange(5):
            case 0:
                corpus.delete_document("ns", documents[0])
            case 1:
                corpus.optimize()
            case _:
                passages = [
                    chunk(name, f"{at} {dice.randrange(3)}", dice.choice([None, f"{name}-{at}"]))
                    for name in documents
                    for at in range(dice.randrange(1, 4))
                ]
                store(corpus, word_embedder, passages, replace=dice.random() < 0.5)
        if dice.random() < 0.5:
            projection.follow()
    projection.follow()
    assert_equal(projection, corpus, engine)
    assert engine.begun == 1


def test_compaction_writes_nothing(
    projection: Projection, corpus: Corpus, engine: MemoryEngine, word_embedder: WordEmbedder
) -> None:
    for name in "abcdef":
        store(corpus, word_embedder, [chunk(name, name)])
    projection.follow()
    assert engine.serving is not None
    before, version = engine.serving.writes, corpus.version
    corpus.optimize()
    assert corpus.version > version
    projection.follow()
    assert engine.serving.writes == before
    assert_equal(projection, corpus, engine)


def test_a_version_that_is_gone_is_made_up_for_item_by_item(
    projection: Projection,
    corpus: Corpus,
    engine: MemoryEngine,
    word_embedder: WordEmbedder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store(corpus, word_embedder, [chunk("a", "old"), chunk("b", "stays")])
    projection.follow()
    store(corpus, word_embedder, [chunk("a", "new")], replace=True)
    corpus.delete_document("ns", "b")
    corpus.dataset().cleanup_old_versions(retain_versions=1)
    projection.follow()
    assert "of 1 chunks 1 missing, 0 different, and 2 that the corpus does not have" in caplog.text
    assert_equal(projection, corpus, engine)
    assert engine.begun == 1


def test_what_is_lost_or_foreign_is_found_and_mended(
    projection: Projection, corpus: Corpus, engine: MemoryEngine, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [chunk("a", "1"), chunk("b", "2")])
    projection.follow()
    assert engine.serving is not None
    assert not projection.verify()
    engine.serving.entries.clear()
    assert projection.verify()
    assert_equal(projection, corpus, engine)
    entry = next(iter(engine.serving.entries.values()))
    engine.serving.entries["elsewhere", "x"] = dataclasses.replace(entry)
    comparison = projection.compare()[0]
    assert comparison.superfluous == [("elsewhere", "x")]
    assert "1 that the corpus does not have (elsewhere/x)" in str(comparison)
    assert projection.verify()
    assert_equal(projection, corpus, engine)
    assert engine.begun == 1


def test_what_cannot_be_mended_is_built_anew(
    projection: Projection, corpus: Corpus, engine: MemoryEngine, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [chunk("a", "1")])
    projection.follow()
    assert engine.serving is not None
    key = next(iter(engine.serving.entries))
    # Removed by somebody who gave it a version that never comes.
    engine.serving.remove("chunks", [key], 2**60)
    assert projection.verify()
    assert engine.begun == 2
    assert_equal(projection, corpus, engine)


def test_another_shape_is_built_anew(
    projection: Projection, corpus: Corpus, engine: MemoryEngine, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [chunk("a", "1")])
    projection.follow()
    engine.shape = "2"
    assert projection.look() is None
    projection.follow()
    assert engine.begun == 2
    assert_equal(projection, corpus, engine)


def test_entries_of_another_corpus_are_left_alone(
    projection: Projection,
    corpus: Corpus,
    engine: MemoryEngine,
    word_embedder: WordEmbedder,
    tmp_path: Path,
) -> None:
    other = Corpus.open(str(tmp_path / "other"), word_embedder.identity)
    Projection(other, engine, [chunks_table(other)]).follow()
    with pytest.raises(EngineError, match=r"another corpus.*pmoves rebuild memory"):
        projection.follow()
    assert projection.look() is None
    assert projection.compare() == []
    projection.rebuild()
    assert_equal(projection, corpus, engine)


def test_refused_items_are_named_and_the_position_stays(
    projection: Projection, corpus: Corpus, engine: MemoryEngine, word_embedder: WordEmbedder
) -> None:
    projection.follow()
    assert engine.serving is not None
    before = engine.serving.noted
    engine.serving.refuses = {("ns", "x")}
    store(corpus, word_embedder, [chunk("a", "1")])
    with pytest.raises(EngineError, match="1 items were refused \\(ns/x: full\\)"):
        projection.follow()
    assert engine.serving.noted == before
    engine.serving.refuses = set()
    projection.follow()
    assert_equal(projection, corpus, engine)


def test_an_engine_that_somebody_else_writes_to_is_left_to_them(
    projection: Projection,
    corpus: Corpus,
    engine: MemoryEngine,
    word_embedder: WordEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert projection.follow()
    store(corpus, word_embedder, [chunk("a", "1")])

    def busy(*_arguments: object) -> None:
        raise EngineBusyError("somebody writes")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryGeneration, "put", busy)
        assert not projection.follow()
    assert projection.follow()
    assert_equal(projection, corpus, engine)
