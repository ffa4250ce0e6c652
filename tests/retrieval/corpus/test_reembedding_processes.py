"""`reembed` in a process of its own: killed at any moment, and beside other writers."""

import random
import signal
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from retrieval.corpus.store import Corpus
from retrieval.corpus.vector_column import VECTOR
from tests.retrieval.building import make_chunk, store
from tests.retrieval.corpus.test_concurrency import KILLS, finish, start
from tests.retrieval.corpus.worker import (
    EMBEDDER,
    OTHERS,
    REEMBED_BATCH,
    open_corpus,
    texts,
)

PASSAGES = 600


def fill(corpus: Corpus) -> list[str]:
    chunks = [make_chunk(f"d{at // 3}-{at}", f"passage {at} of 3") for at in range(PASSAGES)]
    for first in range(0, PASSAGES, 150):
        store(corpus, EMBEDDER, chunks[first : first + 150])
    return [chunk.indexed_text for chunk in chunks]


def check_vectors(uri: str) -> None:
    """Check that every vector is of the new model and belongs to its passage."""
    corpus = Corpus.open(uri, OTHERS.identity)
    rows = corpus.dataset().to_table(columns=["indexed_text", VECTOR]).to_pylist()
    found = np.array([row[VECTOR] for row in rows], np.float32)
    assert np.array_equal(found, OTHERS.embed_passages([row["indexed_text"] for row in rows]))


@pytest.mark.integration
def test_killed_at_any_moment_it_goes_on_and_embeds_nothing_twice(tmp_path: Path) -> None:
    corpus, log, dice = open_corpus(str(tmp_path / "corpus")), tmp_path / "log", random.Random(7)
    wanted = fill(corpus)
    for _ in range(KILLS):
        process = start("reembed", corpus.uri, log)
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(dice.uniform(0.0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        # Old or new, but whole.
        names = {row["indexed_text"] for row in corpus.dataset().to_table().to_pylist()}
        assert names == set(wanted)
    finish(start("reembed", corpus.uri, log))
    check_vectors(corpus.uri)
    embedded = Counter(log.read_text().splitlines())
    assert set(embedded) == set(wanted)
    assert embedded.total() - PASSAGES <= KILLS * REEMBED_BATCH
    assert not Path(f"{corpus.uri} staged").exists()


@pytest.mark.integration
def test_a_writer_goes_on_until_the_switch_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    corpus = open_corpus(str(tmp_path / "corpus"))
    fill(corpus)
    stop = tmp_path / "stop"
    keeper, writer = start("keep", corpus.uri, stop), start("write_until_refused", corpus.uri)
    try:
        time.sleep(1)
        finish(start("reembed", corpus.uri, tmp_path / "log"))
        ((message, said),) = finish(writer)
    finally:
        stop.touch()
    finish(keeper)
    assert "'others'" in message
    assert "'words'" in message
    assert len(said) > 2
    stored = texts(corpus.dataset())
    written = {doc_id: set(passages.values()) for doc_id, passages in stored.items()}
    assert {doc_id: found for doc_id, found in written.items() if doc_id[0] == "w"} == {
        doc_id: {text} for doc_id, text in said.items()
    }
    assert all(len(stored[doc_id]) == int(text[-1]) for doc_id, text in said.items())
    assert sum(len(passages) for name, passages in stored.items() if name[0] == "d") == PASSAGES
    check_vectors(corpus.uri)
