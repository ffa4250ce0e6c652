"""The chunks as Elasticsearch gets them."""

from contextlib import AbstractContextManager

from retrieval.corpus.store import Corpus
from retrieval.lexical.elasticsearch.generation import ElasticsearchEngine
from retrieval.lexical.table import projected
from retrieval.projection.projection import Projection
from retrieval.settings import ElasticsearchSettings


def lexical_projection(
    corpus: Corpus, settings: ElasticsearchSettings
) -> AbstractContextManager[Projection]:
    """Return the projection of `corpus` into the index that `settings` name.

    Raises `EngineError` where the settings cannot be used.
    """
    return projected(corpus, ElasticsearchEngine(settings))
