"""`POST /hirag/answer`."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from retrieval.answering.opening import HOW_TO_TURN_ON
from retrieval.answering.wire import AnswerRequest, AnswerResponse, FoundPassages
from retrieval.llm.chat import Context
from retrieval.query import SearchResponse
from serve_apps.answering import Answering
from serve_apps.handlers import as_problem
from serve_apps.openapi import json_body
from serve_apps.problems import NOT_CONFIGURED, ProblemError, problem_document
from serve_apps.searching import read_search
from serve_apps.services import services_of

router = APIRouter(tags=["search"])
_EVENTS = "text/event-stream"
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["passages", "sentence", "answer", "problem"]},
        "data": {"type": "string"},
    },
    "required": ["event", "data"],
}


@router.post(
    "/hirag/answer",
    summary="Cited answer",
    responses={200: {"model": AnswerResponse, "content": {_EVENTS: {"schema": _EVENT}}}},
    openapi_extra=json_body(AnswerRequest),
)
async def answer(request: Request) -> Response:
    """Search, and let the language model answer from what was found, with a source a sentence.

    With `stream` come server-sent events: `passages`, a `sentence` each, and `answer` or
    `problem` in the end.
    """
    services = services_of(request)
    wanted = await read_search(request, AnswerRequest)
    answering = services.answering
    if answering is None:
        raise ProblemError(NOT_CONFIGURED, HOW_TO_TURN_ON)
    found = await services.searcher.search(wanted, request.state.request_id)
    services.metrics.search(found)
    context = Context(
        namespace=",".join(wanted.scope),
        request_id=request.state.request_id,
        more={"kind": "answer"},
    )
    if wanted.stream:
        events = _events(request, answering, found, context)
        return StreamingResponse(events, media_type=_EVENTS, headers={"Cache-Control": "no-store"})
    made = await answering.answer(found, context)
    return Response(made.model_dump_json(), media_type="application/json")


async def _events(
    request: Request, answering: Answering, found: SearchResponse, context: Context
) -> AsyncIterator[str]:
    yield _event("passages", FoundPassages.of(found))
    try:
        async with aclosing(answering.stream(found, context)) as parts:
            async for part in parts:
                yield _event("answer" if isinstance(part, AnswerResponse) else "sentence", part)
    except Exception as error:
        # The status is sent already; who listens is told in the stream.
        problem = as_problem(request, error)
        yield _event("problem", problem_document(problem, request.state.request_id))


def _event(name: str, content: BaseModel) -> str:
    return f"event: {name}\ndata: {content.model_dump_json(exclude_none=True)}\n\n"
