"""`POST /hirag/query`."""

from fastapi import APIRouter, Request, Response
from starlette.routing import Match, Route
from starlette.types import Scope

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


class _Direct(Route):
    """A route of Starlette's that says which one it is, as FastAPI's do."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether this route answers, and what it adds to the scope."""
        match, more = super().matches(scope)
        return match, more if match is Match.NONE else {**more, "route": self}


# FastAPI resolves dependencies and opens stacks for each call, which costs as much as all our
# layers; this endpoint needs none of it. The route above describes it.
direct = _Direct("/hirag/query", query, methods=["POST"], include_in_schema=False)
