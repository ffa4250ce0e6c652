"""`POST /hirag/query`."""

from fastapi import APIRouter, Request, Response

from retrieval.query import SearchRequest, SearchResponse
from serve_apps.access_log import note_namespaces
from serve_apps.body import read_model
from serve_apps.caller import caller_of
from serve_apps.openapi import json_body
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
    services, caller = services_of(request), caller_of(request)
    settings = services.settings
    wanted = await read_model(request, SearchRequest, settings.http.max_query_bytes)
    if not wanted.model_fields_set & {"namespace", "namespaces"}:
        wanted.namespace = caller.chosen(None, settings.search.namespace)
    note_namespaces(request, wanted.scope)
    caller.require(*wanted.scope)
    found = await services.searcher.search(wanted, request.state.request_id)
    services.metrics.search(found)
    # The model dumps itself: validating and encoding it again would double the cost.
    return Response(found.model_dump_json(), media_type="application/json")
