"""`POST /hirag/query`."""

from fastapi import APIRouter, Request, Response

from retrieval.query import SearchRequest, SearchResponse
from serve_apps.openapi import json_body
from serve_apps.searching import read_search
from serve_apps.services import services_of

router = APIRouter(tags=["search"])


@router.post(
    "/hirag/query",
    summary="Hybrid search",
    responses={200: {"model": SearchResponse}},
    openapi_extra=json_body(SearchRequest),
)
async def query(request: Request) -> Response:
    """Search by meaning and by words; the answer says where each passage comes from."""
    services = services_of(request)
    wanted = await read_search(request, SearchRequest)
    found = await services.searcher.search(wanted, request.state.request_id)
    services.metrics.search(found)
    # The model dumps itself: validating and encoding it again would double the cost.
    return Response(found.model_dump_json(), media_type="application/json")
