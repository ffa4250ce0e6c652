"""From chunks to stored relations."""

from dataclasses import replace
from pathlib import Path

import pytest

from retrieval.corpus.store import Corpus
from retrieval.entity import Alias, Entity
from retrieval.errors import MissingPartError
from retrieval.extraction.chunks import ChunkRelations
from retrieval.extraction.stored import extract_stored
from retrieval.settings import GraphSettings, LibrarySettings, SearchSettings
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store

MARA = Entity("ns", "mara", "Mara Quist", "PERSON", (Alias("Old Adze"),))
TEXT = "Mara Quist wrote Early Frost. Ida Roe wrote Dry Dock."


def settings(found_names: bool = False, **graph: str) -> LibrarySettings:
    return LibrarySettings(
        search=SearchSettings(found_names=found_names), graph=GraphSettings.model_validate(graph)
    )


def subjects(corpus: Corpus, made: LibrarySettings, text: str = TEXT) -> set[str]:
    found = ChunkRelations(corpus.entities, made).of([make_chunk("a-1", text)])
    return {relation.subject for relation in found}


def test_without_entities_nothing_is_extracted(corpus: Corpus) -> None:
    assert subjects(corpus, settings()) == set()
    corpus.entities.change("other", lambda _: [replace(MARA, namespace="other")])
    assert subjects(corpus, settings()) == set()


def test_a_relation_counts_where_a_dictionary_holds_one_of_its_names(corpus: Corpus) -> None:
    made = ChunkRelations(corpus.entities, settings())
    assert made.of([make_chunk("a-1", TEXT)]) == []
    corpus.entities.change("ns", lambda _: [MARA])
    (found,) = made.of([make_chunk("a-1", TEXT)])
    assert (found.subject, found.type, found.object) == ("Mara Quist", "CREATED", "Early Frost")
    assert (found.namespace, found.doc_id, found.chunk_id) == ("ns", "a", "a-1")
    assert made.of([make_chunk("a-1", "Early Frost, seen by Mara Quist")]) == []


def test_found_names_count_where_they_are_asked_for_and_nothing_where_it_is_off(
    corpus: Corpus,
) -> None:
    assert subjects(corpus, settings(found_names=True)) == {"Mara Quist", "Ida Roe"}
    assert subjects(corpus, settings(found_names=True, relations="off")) == set()


def test_the_title_is_read_once_and_evidence_counts_in_the_indexed_text(corpus: Corpus) -> None:
    corpus.entities.change("ns", lambda _: [MARA])
    made = ChunkRelations(corpus.entities, settings())
    first = replace(make_chunk("a-1", "text"), context="Early Frost by Mara Quist")
    (found,) = made.of([first])
    assert first.indexed_text[found.start : found.end] == first.context
    assert made.of([replace(first, position=1)]) == []
    (later,) = made.of([replace(first, position=1, text="Mara Quist wrote Dry Dock.")])
    evidence = replace(first, text="Mara Quist wrote Dry Dock.").indexed_text
    assert evidence[later.start : later.end] == "Mara Quist wrote Dry Dock."


def test_passages_stored_before_are_extracted_anew(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    chunks = [make_chunk("a-1", TEXT), make_chunk("b-1", "nothing", doc_id="b")]
    store(corpus, word_embedder, chunks)
    corpus.entities.change("ns", lambda _: [MARA])
    made = ChunkRelations(corpus.entities, settings())
    done: list[int] = []
    assert extract_stored(corpus, "ns", made, done.append) == 1
    assert done[-1] == 2
    assert [each.object for each in corpus.relations.read()] == ["Early Frost"]
    assert extract_stored(corpus, "ns", made) == 0
    corpus.entities.change("ns", lambda _: [])
    assert extract_stored(corpus, "ns", made) == 1
    assert corpus.relations.read() == []


def test_a_passage_that_changed_meanwhile_keeps_what_its_commit_stored(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [make_chunk("a-1", "new text")])
    stale = make_chunk("a-1", TEXT)
    corpus.entities.change("ns", lambda _: [MARA])
    relations = ChunkRelations(corpus.entities, settings()).of([stale])
    assert relations
    assert corpus.resettle([stale], relations) == 0


def test_a_model_that_is_not_there_is_named(corpus: Corpus, tmp_path: Path) -> None:
    corpus.entities.change("ns", lambda _: [MARA])
    made = settings(relations="spacy", spacy_model=str(tmp_path / "no-model"))
    with pytest.raises(MissingPartError, match=r"no-model.*PMOVES_GRAPH__SPACY_MODEL"):
        subjects(corpus, made)
