"""The engine behind the lexical side, where the settings name one."""

from retrieval.corpus.store import Corpus
from retrieval.lexical.base import TextEngine
from retrieval.projection.projection import Projection
from retrieval.settings import LibrarySettings


def open_text_engine(corpus: Corpus, settings: LibrarySettings) -> TextEngine | None:
    """Return the engine that answers for `corpus`, None where it is the corpus itself.

    Raises `EngineError` where the settings cannot be used.
    """
    if (projection := open_projection(corpus, settings)) is None:
        return None
    from retrieval.lexical.elasticsearch.searching import ElasticsearchText
    from retrieval.projection.following import Following

    return ElasticsearchText(settings.elasticsearch, Following(corpus, projection))


def open_projection(corpus: Corpus, settings: LibrarySettings) -> Projection | None:
    """Return the projection of the passages into an engine, None where there is none."""
    if not settings.uses_elasticsearch:
        return None
    from retrieval.lexical.elasticsearch.projection import lexical_projection

    return lexical_projection(corpus, settings.elasticsearch)
