"""The index: what is kept of a passage, and how its text is analysed."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from retrieval.corpus.filters import epoch_microseconds
from retrieval.lexical.elasticsearch.filters import term
from retrieval.lexical.facts import facts_of
from retrieval.lexical.words import english_words
from retrieval.settings import ElasticsearchSettings

# To be raised when what is kept of a passage changes in a way that the mapping does not show.
_FORM = 2
# Only what says which passage it is; text and facts are in the corpus.
_KEPT = ["namespace", "chunk_id", "mark"]
# Longer ids are kept, but only the hash of the content orders equal scores then.
_LONGEST_ID = 1_000


class Analyzers:
    """Which analyzer the passages of a namespace have; each has a field of its own."""

    def __init__(self, settings: ElasticsearchSettings) -> None:
        self._default = settings.analyzer
        self._others = settings.analyzers

    def field(self, namespace: str) -> str:
        """Return the field that holds the text of passages in `namespace`."""
        return _field(self._others.get(namespace, self._default))

    def text(self, namespace: str, text: str) -> str:
        """Return `text` as the analyzer of `namespace` is given it."""
        return analyzed(self.field(namespace), text)

    def all(self) -> list[str]:
        """Return every analyzer, in order."""
        return sorted({self._default, *self._others.values()})

    def by_field(self, namespaces: Iterable[str]) -> dict[str, list[str]]:
        """Return `namespaces` by the field that holds their text."""
        found: dict[str, list[str]] = {}
        for name in namespaces:
            found.setdefault(self.field(name), []).append(name)
        return found


def analyzed(field: str, text: str) -> str:
    """Return `text`, of a passage or a query, as `field` is given it.

    In English, words begin and end, lose their accents and are left out as in the corpus's
    own index, so that it matters little which of the two answers.
    """
    return " ".join(english_words(text)) if field == _field("english") else text


def _field(analyzer: str) -> str:
    return f"text_{analyzer}"


def mapping(settings: ElasticsearchSettings) -> dict[str, Any]:
    """Return the mapping: nothing is kept that is not named here."""
    keyword = {"type": "keyword"}
    texts = {
        _field(name): {"type": "text", "analyzer": name, "index_options": "freqs"}
        for name in Analyzers(settings).all()
    }
    return {
        "dynamic": "strict",
        "_source": {"includes": _KEPT},
        "properties": {
            "namespace": keyword,
            "chunk_id": keyword | {"ignore_above": _LONGEST_ID},
            "content_hash": keyword | {"index": False},
            "mark": keyword | {"index": False, "doc_values": False},
            "facts": keyword,
            "created_at": {"type": "long"},
            **texts,
        },
    }


def index_settings(settings: ElasticsearchSettings) -> dict[str, Any]:
    """Return the settings of the index."""
    return {
        "number_of_shards": settings.shards,
        "auto_expand_replicas": "0-1",
        # Searches see what was written once the projection has come to a version.
        "refresh_interval": "-1",
        # Whoever writes something older than a delete may come this late.
        "gc_deletes": "10m",
    }


def shape(settings: ElasticsearchSettings) -> str:
    """Return what stands for all that the entries depend on beside the rows."""
    parts = [_FORM, mapping(settings), settings.analyzer, settings.analyzers, settings.shards]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def entry(row: Mapping[str, Any], mark: str, analyzers: Analyzers) -> dict[str, Any]:
    """Return what is kept of a row of the chunks table."""
    return {
        "namespace": row["namespace"],
        "chunk_id": row["chunk_id"],
        "content_hash": row["content_hash"],
        "mark": mark,
        "facts": [term(fact) for fact in facts_of(row)],
        "created_at": epoch_microseconds(row["created_at"]),
        analyzers.field(row["namespace"]): analyzers.text(row["namespace"], row["indexed_text"]),
    }
