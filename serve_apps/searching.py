"""Reading the request of a search, and finding out whose namespaces it may look into."""

from typing import TypeVar

from starlette.requests import Request

from retrieval.query import SearchRequest
from serve_apps.access_log import note_namespaces
from serve_apps.body import read_model
from serve_apps.caller import caller_of
from serve_apps.services import services_of

R = TypeVar("R", bound=SearchRequest)


async def read_search(request: Request, kind: type[R]) -> R:
    """Return the body as a `kind`; `ProblemError` where the caller may not search there."""
    settings, caller = services_of(request).settings, caller_of(request)
    wanted = await read_model(request, kind, settings.http.max_query_bytes)
    if not wanted.model_fields_set & {"namespace", "namespaces"}:
        wanted.namespace = caller.chosen(None, settings.search.namespace)
    note_namespaces(request, wanted.scope)
    caller.require(*wanted.scope)
    return wanted
