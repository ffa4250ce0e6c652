"""The chunks as Meilisearch gets them."""

from contextlib import AbstractContextManager

from retrieval.corpus.store import Corpus
from retrieval.lexical.meilisearch.generation import MeilisearchEngine
from retrieval.lexical.table import projected
from retrieval.projection.projection import Projection
from retrieval.settings import MeilisearchSettings


def lexical_projection(
    corpus: Corpus, settings: MeilisearchSettings
) -> AbstractContextManager[Projection]:
    """Return the projection of `corpus` into the index that `settings` name.

    Raises `EngineError` where the settings cannot be used.
    """
    engine = MeilisearchEngine(settings)
    return projected(corpus, engine, engine.stopped)
