"""The engine behind the lexical side, where the settings name one."""

from retrieval.corpus.store import Corpus
from retrieval.lexical.base import TextEngine
from retrieval.settings import LibrarySettings


def open_text_engine(corpus: Corpus, settings: LibrarySettings) -> TextEngine | None:
    """Return the engine that answers for `corpus`, None where it is the corpus itself.

    Raises `EngineError` where the settings cannot be used.
    """
    if not settings.uses_elasticsearch:
        return None
    from retrieval.lexical.elasticsearch.searching import ElasticsearchText

    return ElasticsearchText(corpus, settings.elasticsearch)
