"""Changing the embedding model where no lock stands between it and other writers."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lance
import pytest

from retrieval.chunk import Chunk
from retrieval.corpus.lookup import StoredChunk, stored_chunks
from retrieval.corpus.store import Corpus
from retrieval.corpus.switching import NewVectors
from retrieval.errors import EmbeddingIdentityError
from tests.embedders import WordEmbedder
from tests.retrieval.asking import PASSAGES
from tests.retrieval.building import make_chunk, store
from tests.retrieval.test_reembedding import OTHERS, check, run


@pytest.fixture
def unlocked(tmp_path: Path, word_embedder: WordEmbedder) -> Corpus:
    """A corpus at a URL, where only Lance stands between the writers."""
    return Corpus.open(f"file://{tmp_path}/corpus", word_embedder.identity)


@pytest.mark.parametrize("before", [(), PASSAGES], ids=["empty", "filled"])
def test_without_locks_a_writer_that_meets_the_switch_is_refused(
    before: Sequence[Chunk],
    unlocked: Corpus,
    word_embedder: WordEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(unlocked, word_embedder, before)
    switches = iter([partial(run, unlocked, OTHERS)])

    def switched_meanwhile(*arguments: Any) -> list[StoredChunk]:
        found = stored_chunks(*arguments)
        for switch in switches:
            switch()
        return found

    monkeypatch.setattr("retrieval.corpus.store.stored_chunks", switched_meanwhile)
    with pytest.raises(EmbeddingIdentityError, match="was built with 'others'"):
        store(unlocked, word_embedder, [make_chunk("new-1", "new")])
    check(unlocked, OTHERS, *before)


@pytest.mark.parametrize("before", [(), PASSAGES], ids=["empty", "filled"])
def test_without_locks_what_is_written_during_the_switch_is_part_of_it(
    before: Sequence[Chunk],
    unlocked: Corpus,
    word_embedder: WordEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(unlocked, word_embedder, before)
    new, real = make_chunk("new-1", "new"), NewVectors.commit
    writes = iter([partial(store, unlocked, word_embedder, [new])])

    def written_meanwhile(column: NewVectors, dataset: lance.LanceDataset) -> int:
        for write in writes:
            write()
        return real(column, dataset)

    monkeypatch.setattr(NewVectors, "commit", written_meanwhile)
    run(unlocked, OTHERS)
    check(unlocked, OTHERS, *before, new)
