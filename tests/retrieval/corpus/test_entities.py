"""The entities table of a corpus."""

from pathlib import Path

import pytest

from retrieval.corpus.backup import copy_corpus
from retrieval.corpus.store import Corpus
from retrieval.entity import Alias, Entity
from retrieval.errors import InvalidInputError
from tests.embedders import WordEmbedder

PINE = Entity("ns", "pine", "Pine", "TREE", (Alias("pinus", "latin", "book", "p. 1", 0.5, "n"),))
OAK = Entity("ns", "oak", "Oak", "TREE", source="book", confidence=0.25)


def test_a_corpus_without_entities_has_no_table(corpus: Corpus, tmp_path: Path) -> None:
    assert not corpus.entities.exists()
    assert corpus.entities.read() == []
    assert corpus.optimize()
    copy_corpus(corpus.uri, str(tmp_path / "copy"))
    assert not Corpus.open_existing(str(tmp_path / "copy")).entities.exists()


def test_entities_are_stored_changed_and_removed(corpus: Corpus) -> None:
    assert corpus.entities.change("ns", lambda _: [PINE, OAK]) == 2
    assert corpus.entities.read(["ns"]) == [OAK, PINE]
    version = corpus.entities.dataset().version
    assert corpus.entities.change("ns", lambda before: before) == 0
    assert corpus.entities.dataset().version == version
    renamed = Entity("ns", "oak", "Holm oak", "TREE")
    assert corpus.entities.change("ns", lambda _: [renamed]) == 2
    assert corpus.entities.read() == [renamed]


def test_a_namespace_is_changed_alone(corpus: Corpus) -> None:
    other = Entity("other", "pine", "Pine", "TREE")
    corpus.entities.change("ns", lambda _: [PINE])
    corpus.entities.change("other", lambda before: [*before, other])
    corpus.entities.change("ns", lambda _: [])
    assert corpus.entities.read() == [other]
    assert corpus.entities.read(["ns"]) == []


def test_entities_are_backed_up_with_the_rest(
    corpus: Corpus, tmp_path: Path, word_embedder: WordEmbedder
) -> None:
    corpus.entities.change("ns", lambda _: [PINE])
    copy_corpus(corpus.uri, str(tmp_path / "copy"), restoring=True)
    copy = Corpus.open(str(tmp_path / "copy"), word_embedder.identity)
    assert copy.entities.read() == [PINE]
    assert copy.optimize()


def test_text_that_is_no_unicode_is_refused(corpus: Corpus) -> None:
    with pytest.raises(InvalidInputError, match="not valid Unicode"):
        corpus.entities.change("ns", lambda _: [Entity("ns", "x", "\ud800", "TREE")])
    assert corpus.entities.read() == []
