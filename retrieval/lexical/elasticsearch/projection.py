"""The chunks as Elasticsearch gets them."""

from retrieval.corpus.store import Corpus
from retrieval.lexical.elasticsearch.generation import ElasticsearchEngine
from retrieval.lexical.elasticsearch.mapping import COLUMNS
from retrieval.projection.base import Table
from retrieval.projection.projection import Projection
from retrieval.settings import ElasticsearchSettings


def lexical_projection(corpus: Corpus, settings: ElasticsearchSettings) -> Projection:
    """Return the projection of `corpus` into the index that `settings` name."""
    keys, marks = ("namespace", "chunk_id"), ("content_hash", "created_at")
    table = Table("chunks", keys, marks, COLUMNS, corpus.dataset)
    return Projection(corpus, ElasticsearchEngine(settings), [table])
