"""The chunks of the corpus, as an engine that finds words is given them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from retrieval.corpus.store import Corpus
from retrieval.projection.base import Engine, Table
from retrieval.projection.projection import Projection

NAME = "lexical"
KEYS = ("namespace", "chunk_id")
COLUMNS = (
    "indexed_text",
    "doc_id",
    "source",
    "media_type",
    "metadata",
    "created_at",
    "content_hash",
)


class WordEngine(Engine, Protocol):
    """An engine that finds words, reached over a network."""

    def version(self) -> str:
        """Return its release; `EngineError` where it does not answer."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


def chunks_table(corpus: Corpus) -> Table:
    """Return the chunks of `corpus` with what is kept of them."""
    return Table("chunks", KEYS, ("content_hash", "created_at"), COLUMNS, corpus.dataset)


@contextmanager
def projected(
    corpus: Corpus, engine: WordEngine, stopped: threading.Event | None = None
) -> Iterator[Projection]:
    """Yield the projection of `corpus` into `engine`, which is closed with the block.

    `stopped` is set when it is stopped.
    """
    try:
        yield Projection(corpus, engine, [chunks_table(corpus)], stopped)
    finally:
        engine.close()
