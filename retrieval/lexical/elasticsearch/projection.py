"""The chunks as Elasticsearch gets them."""

from collections.abc import Iterator
from contextlib import contextmanager

from retrieval.corpus.store import Corpus
from retrieval.lexical.elasticsearch.generation import ElasticsearchEngine
from retrieval.lexical.elasticsearch.mapping import COLUMNS
from retrieval.projection.base import Table
from retrieval.projection.projection import Projection
from retrieval.settings import ElasticsearchSettings


def chunks_table(corpus: Corpus) -> Table:
    """Return the chunks of `corpus` with what is kept of them."""
    keys, marks = ("namespace", "chunk_id"), ("content_hash", "created_at")
    return Table("chunks", keys, marks, COLUMNS, corpus.dataset)


@contextmanager
def lexical_projection(corpus: Corpus, settings: ElasticsearchSettings) -> Iterator[Projection]:
    """Yield the projection of `corpus` into the index that `settings` name.

    Raises `EngineError` where the settings cannot be used.
    """
    engine = ElasticsearchEngine(settings)
    try:
        yield Projection(corpus, engine, [chunks_table(corpus)])
    finally:
        engine.close()
