"""A small corpus to ask, and what holds of every answer."""

import math
from itertools import pairwise
from typing import Any

from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest, SearchResponse
from tests.retrieval.building import make_chunk

PASSAGES = [
    make_chunk("sail-1", "A boat with a red sail", page=1, tags=["sea"]),
    make_chunk("sail-2", "The sail was torn in the storm", page=2),
    make_chunk("rope-1", "Rope and knots for the boat", page=1),
    make_chunk("lamp-1", "A lamp for the quiet studio", page=3),
    make_chunk("song-1", "The song was recorded in one take"),
    make_chunk("other-1", "A boat that belongs to others", "other"),
    make_chunk("other-2", "The storm of others", "other"),
]


async def ask(searcher: Searcher, query: str = "boat", **fields: Any) -> SearchResponse:
    """Search `ns`; check what holds of every answer."""
    request = SearchRequest.model_validate({"query": query, "namespace": "ns"} | fields)
    response = await searcher.search(request, "request-1")
    assert response.request_id == "request-1"
    assert response.query == query
    assert response.results == response.hits
    assert response.k == len(response.hits) <= request.k
    assert 0 < response.index_version <= searcher.version
    assert {hit.namespace for hit in response.hits} <= set(request.scope)
    assert len({(hit.namespace, hit.chunk_id) for hit in response.hits}) == response.k
    assert all(math.isfinite(hit.score) for hit in response.hits)
    order = [(-hit.score, hit.chunk_id) for hit in response.hits]
    assert all(one <= other for one, other in pairwise(order))
    assert response.timings_ms["total"] >= 0
    return response


def ids(response: SearchResponse) -> list[str]:
    """Return the chunk ids of an answer, the best first."""
    return [hit.chunk_id for hit in response.hits]
