"""An empty corpus in a folder of its own, and what answers from it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.corpus.store import Corpus
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.pipeline import Searcher
from retrieval.settings import SearchSettings
from tests.embedders import WordEmbedder
from tests.retrieval.asking import PASSAGES
from tests.retrieval.building import store


@pytest.fixture
def corpus(tmp_path: Path, empty_home: Path, word_embedder: WordEmbedder) -> Corpus:
    """An empty corpus; the path holds a space on purpose."""
    shutil.copytree(empty_home / "corpus", tmp_path / "my corpus")
    return Corpus.open(str(tmp_path / "my corpus"), word_embedder.identity)


@pytest.fixture
def batching(word_embedder: WordEmbedder) -> Iterator[BatchingEmbedder]:
    """The word embedder behind the queue that servers use."""
    embedder = BatchingEmbedder(word_embedder)
    yield embedder
    embedder.close()


@pytest.fixture
def searcher(corpus: Corpus, batching: BatchingEmbedder) -> Iterator[Searcher]:
    """The pipeline over `corpus`; patient, since the machine of a test may be busy."""
    patience = SearchSettings(
        timeout_ms=120_000,
        embed_timeout_ms=60_000,
        dense_timeout_ms=60_000,
        lexical_timeout_ms=60_000,
    )
    made = Searcher(corpus, batching, patience)
    yield made
    made.close()


@pytest.fixture
def library(corpus: Corpus, word_embedder: WordEmbedder) -> Corpus:
    """The corpus, with the passages of `tests.retrieval.asking`."""
    store(corpus, word_embedder, PASSAGES)
    return corpus
