"""Indexes: documentation, "Indexes", "Settings", "Documents" and "Primary key"."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.engines.meilisearch_double.errors import ApiError, index_not_found
from tests.engines.meilisearch_double.expressions import compiled
from tests.engines.meilisearch_double.ranking import Ranked, search

DEFAULTS: dict[str, Any] = {
    "displayedAttributes": ["*"],
    "searchableAttributes": ["*"],
    "filterableAttributes": [],
    "sortableAttributes": [],
    "rankingRules": ["words", "typo", "proximity", "attribute", "sort", "exactness"],
    "stopWords": [],
    "synonyms": {},
    "distinctAttribute": None,
    "typoTolerance": {"enabled": True},
    "pagination": {"maxTotalHits": 1_000},
    "proximityPrecision": "byWord",
    "searchCutoffMs": None,
    "facetSearch": True,
    "prefixSearch": "indexingTime",
}
_ID = re.compile(r"[A-Za-z0-9_-]{1,511}")
_UID = re.compile(r"[A-Za-z0-9_-]{1,400}")


@dataclass
class Index:
    """One index, with its documents by id."""

    made: str
    primary_key: str | None
    settings: dict[str, Any] = field(default_factory=lambda: dict(DEFAULTS))
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def info(self, uid: str) -> dict[str, Any]:
        """Return what the API tells of it."""
        times = {"createdAt": self.made, "updatedAt": self.made}
        return {"uid": uid, **times, "primaryKey": self.primary_key}

    def put(self, documents: list[dict[str, Any]], primary_key: str | None) -> None:
        """Add or replace documents: all of them, or none."""
        key = self.primary_key or primary_key or _inferred(documents)
        made = {_id_of(document, key): document for document in documents}
        self.primary_key = key
        for name, document in made.items():
            # What is replaced is a new document inside.
            self.documents.pop(name, None)
            self.documents[name] = document

    def remove(self, ids: Iterable[object]) -> None:
        """Remove documents; those that are not there are no mistake."""
        for name in ids:
            self.documents.pop(str(name), None)

    def listed(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of documents, in the order in which they were written."""
        passes = self._test(wanted.get("filter"), "invalid_document_filter")
        found = [document for document in self.documents.values() if passes(document)]
        offset, limit = int(wanted.get("offset", 0)), int(wanted.get("limit", 20))
        shown = found[offset : offset + limit]
        page = [_shown(document, wanted.get("fields")) for document in shown]
        return {"results": page, "offset": offset, "limit": limit, "total": len(found)}

    def find(self, wanted: Mapping[str, Any]) -> list[Ranked]:
        """Return what a query finds, best first, up to the most that may be had."""
        passes = self._test(wanted.get("filter"), "invalid_search_filter")
        strategy = wanted.get("matchingStrategy") or "last"
        if strategy not in ("all", "last", "frequency"):
            raise ApiError("invalid_search_matching_strategy", f"Unknown value `{strategy}`.")
        documents = list(self.documents.values())
        text = wanted.get("q") or ""
        found = search(documents, passes, text, strategy, self.settings)
        most: int = self.settings["pagination"]["maxTotalHits"]
        return found[:most]

    def shown(self, ranked: Ranked, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return a hit as the API gives it."""
        displayed = self.settings["displayedAttributes"]
        hit = _shown(ranked.document, None if displayed == ["*"] else displayed)
        hit = _shown(hit, wanted.get("attributesToRetrieve"))
        return hit | ({"_rankingScore": ranked.score} if wanted.get("showRankingScore") else {})

    def _test(self, wanted: object, code: str) -> Any:
        return compiled(wanted, self.settings["filterableAttributes"], code)


class Store:
    """All indexes, by uid."""

    def __init__(self) -> None:
        self.indexes: dict[str, Index] = {}

    def index(self, uid: str) -> Index:
        """Return an index; `ApiError` where there is none."""
        if uid not in self.indexes:
            raise index_not_found(uid)
        return self.indexes[uid]

    def create(self, uid: str, made: str, primary_key: str | None) -> None:
        """Make an index that is not there yet."""
        if uid in self.indexes:
            raise ApiError("index_already_exists", f"Index `{uid}` already exists.")
        self.indexes[uid] = Index(made, primary_key)

    def lazily(self, uid: str, made: str) -> Index:
        """Return an index, which is made by what is written to it."""
        return self.indexes.setdefault(uid, Index(made, None))

    def swap(self, pairs: list[dict[str, Any]]) -> None:
        """Let indexes change names, in one step."""
        for pair in pairs:
            one, other = pair["indexes"]
            here, there = self.index(one), self.index(other)
            self.indexes[one], self.indexes[other] = there, here


def checked_uid(uid: object) -> str:
    """Return a uid that an index may have."""
    if not isinstance(uid, str) or not _UID.fullmatch(uid):
        raise ApiError("invalid_index_uid", f"`{uid}` is not a valid index uid.")
    return uid


def checked_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of which every name is known."""
    for name in given.keys() - DEFAULTS.keys():
        raise ApiError("bad_request", f"Unknown field `{name}` in the settings.")
    return {name: DEFAULTS[name] if value is None else value for name, value in given.items()}


def _id_of(document: dict[str, Any], key: str) -> str:
    if key not in document:
        message = f"Document doesn't have a `{key}` attribute: `{list(document)[:3]}`."
        raise ApiError("missing_document_id", message)
    value = document[key]
    if isinstance(value, bool) or not _ID.fullmatch(str(value)):
        message = f"Document identifier `{str(value)[:99]}` is invalid."
        raise ApiError("invalid_document_id", message)
    return str(value)


def _inferred(documents: list[dict[str, Any]]) -> str:
    found = [name for name in (documents or [{}])[0] if name.lower().endswith("id")]
    if len(found) == 1:
        return found[0]
    what = "multiple" if found else "no"
    raise ApiError(
        f"index_primary_key_{what}_candidate{'s' if found else ''}_found",
        f"The primary key inference failed: {what} candidates.",
    )


def _shown(document: Mapping[str, Any], fields: str | list[str] | None) -> dict[str, Any]:
    names = fields.split(",") if isinstance(fields, str) else fields
    if names is None or "*" in names:
        return dict(document)
    return {name: document[name] for name in names if name in document}
