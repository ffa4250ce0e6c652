"""The engine behind the lexical side, where the settings name one."""

from contextlib import AbstractContextManager

from retrieval.corpus.store import Corpus
from retrieval.errors import EngineError
from retrieval.lexical.base import TextEngine
from retrieval.lexical.table import WordEngine, projected
from retrieval.projection.projection import Projection
from retrieval.settings import LibrarySettings


def open_text_engine(corpus: Corpus, settings: LibrarySettings) -> TextEngine | None:
    """Return the engine that answers for `corpus`, None where it is the corpus itself.

    Raises `EngineError` where the settings cannot be used.
    """
    match _chosen(settings):
        case "Elasticsearch":
            from retrieval.lexical.elasticsearch.searching import ElasticsearchText

            return ElasticsearchText(corpus, settings.elasticsearch)
        case "Meilisearch":
            from retrieval.lexical.meilisearch.searching import MeilisearchText

            return MeilisearchText(corpus, settings.meilisearch)
    return None


def open_word_engine(settings: LibrarySettings) -> WordEngine | None:
    """Return where the passages are projected to, to be closed; None where that is nowhere.

    Raises `EngineError` where the settings cannot be used.
    """
    match _chosen(settings):
        case "Elasticsearch":
            from retrieval.lexical.elasticsearch.generation import ElasticsearchEngine

            return ElasticsearchEngine(settings.elasticsearch)
        case "Meilisearch":
            from retrieval.lexical.meilisearch.generation import MeilisearchEngine

            return MeilisearchEngine(settings.meilisearch)
    return None


def text_projection(
    corpus: Corpus, settings: LibrarySettings
) -> AbstractContextManager[Projection] | None:
    """Return the projection of `corpus` into that engine, None where there is none."""
    engine = open_word_engine(settings)
    return projected(corpus, engine) if engine else None


def _chosen(settings: LibrarySettings) -> str | None:
    engines = settings.text_engines
    if len(engines) > 1:
        raise EngineError(
            "PMOVES_ELASTICSEARCH__HOSTS and PMOVES_MEILISEARCH__URL are both given; one engine "
            "is the lexical side, so take one of them away"
        )
    return engines[0] if engines else None
