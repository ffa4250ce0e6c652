"""Searches, alone and merged: reference, "Search" and "Multi-search" with federation."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.engines.meilisearch_double.errors import ApiError
from tests.engines.meilisearch_double.store import Index, Store

_PAGES = frozenset({"offset", "limit", "page", "hitsPerPage"})
_OWN = frozenset({"indexUid", "federationOptions"})
# What the API knows; the double has use for some of them only.
_KNOWN = _PAGES | {
    "q", "filter", "facets", "attributesToRetrieve", "attributesToCrop", "cropLength",
    "cropMarker", "attributesToHighlight", "highlightPreTag", "highlightPostTag", "sort",
    "showMatchesPosition", "matchingStrategy", "attributesToSearchOn", "showRankingScore",
    "showRankingScoreDetails", "rankingScoreThreshold", "vector", "hybrid", "locales",
    "retrieveVectors", "distinct",
}  # fmt: skip


def single(index: Index, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what one query finds in one index."""
    _check(wanted, _KNOWN)
    found = index.find(wanted)
    offset, limit = wanted.get("offset") or 0, wanted.get("limit", 20)
    hits = [index.shown(ranked, wanted) for ranked in found[offset : offset + limit]]
    page = {"offset": offset, "limit": limit, "estimatedTotalHits": len(found)}
    return {"hits": hits, "query": wanted.get("q") or "", "processingTimeMs": 1, **page}


def several(store: Store, queries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a list of answers."""
    results = []
    for query in queries:
        own = {name: value for name, value in query.items() if name not in _OWN}
        found = single(_index(store, query), own)
        results.append({"indexUid": query["indexUid"], **found})
    return {"results": results}


def federated(
    store: Store, queries: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """Return one list: best weighted score first, every document once."""
    _check(wanted, {"limit", "offset", "facetsByIndex", "mergeFacets", "page", "hitsPerPage"})
    hits: list[tuple[tuple[Any, ...], tuple[str, int], dict[str, Any]]] = []
    most = 0
    for number, query in enumerate(queries):
        _check_merged(number, query)
        index, weight = _index(store, query), _weight(query)
        most = max(most, index.settings["pagination"]["maxTotalHits"])
        for ranked in index.find(query):
            told = {
                "indexUid": query["indexUid"],
                "queriesPosition": number,
                "weightedRankingScore": weight * ranked.score,
            }
            hit = index.shown(ranked, query) | {"_federation": told}
            key = (-weight * ranked.score, *ranked.order, number)
            hits.append((key, (query["indexUid"], id(ranked.document)), hit))
    best: dict[tuple[str, int], dict[str, Any]] = {}
    for _, document, hit in sorted(hits, key=lambda found: found[0]):
        best.setdefault(document, hit)
    offset, limit = wanted.get("offset", 0), wanted.get("limit", 20)
    shown = list(best.values())[:most][offset : offset + limit]
    page = {"offset": offset, "limit": limit, "estimatedTotalHits": len(best)}
    return {"hits": shown, "processingTimeMs": 1, **page}


def _index(store: Store, query: Mapping[str, Any]) -> Index:
    try:
        return store.index(str(query.get("indexUid")))
    except ApiError as error:
        # It is no part of the address here.
        raise ApiError(error.body["code"], error.body["message"], 400) from error


def _weight(query: Mapping[str, Any]) -> float:
    weight = float((query.get("federationOptions") or {}).get("weight", 1))
    if weight < 0:
        raise ApiError("invalid_multi_search_weight", "A weight is not below 0.")
    return weight


def _check(wanted: Mapping[str, Any], known: frozenset[str] | set[str]) -> None:
    for name in wanted.keys() - known:
        raise ApiError("bad_request", f"Unknown field `{name}`.")


def _check_merged(number: int, query: Mapping[str, Any]) -> None:
    _check(query, _KNOWN | _OWN)
    for name in _PAGES:
        if query.get(name) is not None:
            raise ApiError(
                "invalid_multi_search_query_pagination",
                f"Inside `.queries[{number}]`: Using pagination options is not allowed in "
                f"federated queries: `{name}`.",
            )
