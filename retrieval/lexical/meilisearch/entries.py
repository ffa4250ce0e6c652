"""The index: what is kept of a passage, and how its words are made alike.

Meilisearch knows no stems, and takes quotes and minus signs of a query for operators. So the
words of passages and queries are taken apart and reduced to their stems here, by the same
rules; what Meilisearch is given holds letters, digits and spaces alone.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from retrieval.corpus.filters import epoch_microseconds
from retrieval.errors import EngineError
from retrieval.ids import content_hash
from retrieval.lexical.facts import facts_of
from retrieval.lexical.meilisearch.filters import namespace_key, term
from retrieval.lexical.remote import DEEPEST
from retrieval.lexical.words import english_words, words
from retrieval.projection.base import Key
from retrieval.settings import MeilisearchSettings

if TYPE_CHECKING:
    from meilisearch_python_sdk.models.settings import MeilisearchSettings as IndexSettings

# To be raised when what is kept of a passage changes in a way that the settings do not show.
_FORM = 1
_AS_WRITTEN = "none"
# A search that takes longer is answered with what was ranked by then, and nobody is told.
_CUTOFF_MS = 30_000
Analysis = Callable[[str], list[str]]


def analysis(language: str) -> Analysis:
    """Return what makes words, in lower case, of a text; for one thread.

    Raises `EngineError` where nothing knows `language`, or the package is missing.
    """
    apart = english_words if language == "english" else words
    if language == _AS_WRITTEN:
        return lambda text: [word.lower() for word in apart(text)]
    try:
        from Stemmer import Stemmer, algorithms
    except ImportError as error:
        raise EngineError("no stemmer; pip install 'pmoves-mesh[meilisearch]'") from error
    if language not in algorithms():
        raise EngineError(
            f"meilisearch: PMOVES_MEILISEARCH__LANGUAGE is {language}; use one of "
            f"{', '.join([_AS_WRITTEN, *algorithms()])}"
        )
    stemmer = Stemmer(language)
    return lambda text: list(stemmer.stemWords([word.lower() for word in apart(text)]))


def index_settings() -> "IndexSettings":
    """Return the settings of the index: exact words, ranked by how many and how near."""
    from meilisearch_python_sdk.models.settings import MeilisearchSettings as Made
    from meilisearch_python_sdk.models.settings import Pagination, TypoTolerance

    return Made(
        searchable_attributes=["words"],
        filterable_attributes=["namespace_key", "facts", "created_at"],
        sortable_attributes=[],
        # Equal scores come in the order of the ids, whatever was written first.
        ranking_rules=["words", "proximity", "exactness", "id:asc"],
        stop_words=[],
        synonyms={},
        # Typing errors are corrected before, by the words of the namespaces that are asked.
        typo_tolerance=TypoTolerance(enabled=False),
        prefix_search="disabled",
        facet_search=False,
        pagination=Pagination(max_total_hits=DEEPEST),
        search_cutoff_ms=_CUTOFF_MS,
    )


def shape(settings: MeilisearchSettings) -> str:
    """Return what stands for all that the entries depend on beside the rows."""
    made = index_settings().model_dump(mode="json", exclude_none=True)
    parts = json.dumps([_FORM, made, settings.language], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def entry(row: Mapping[str, Any], mark: str, analyze: Analysis) -> dict[str, Any]:
    """Return what is kept of a row of the chunks table."""
    key = (row["namespace"], row["chunk_id"])
    return {
        "id": entry_id(key),
        "namespace": row["namespace"],
        "chunk_id": row["chunk_id"],
        "content_hash": row["content_hash"],
        "mark": mark,
        "namespace_key": namespace_key(row["namespace"]),
        "facts": [term(fact) for fact in facts_of(row)],
        "created_at": epoch_microseconds(row["created_at"]),
        "words": " ".join(analyze(row["indexed_text"])),
    }


def entry_id(key: Key) -> str:
    """Return the id of an entry: those of the engine are short, and of few characters."""
    return content_hash(*key)
