"""From exceptions to problem documents."""

import logging
from collections.abc import Callable, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from ray.exceptions import RayActorError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from retrieval.errors import (
    CorpusError,
    EmbeddingIdentityError,
    FilterError,
    InvalidInputError,
    NotEmbeddedError,
    OverloadedError,
    StageError,
    StaleIndexError,
)
from retrieval.llm.errors import LanguageModelError
from serve_apps import problems
from serve_apps.body import invalid
from serve_apps.problems import ProblemError, ProblemType, problem_response
from serve_apps.services import LaunchError, services_of
from serve_apps.state_threads import StateError

_log = logging.getLogger(__name__)
_BY_STATUS = {
    400: problems.MALFORMED_BODY,
    404: problems.NOT_FOUND,
    405: problems.METHOD_NOT_ALLOWED,
    413: problems.TOO_LARGE,
    503: problems.UNAVAILABLE,
}
# These messages are written for the caller.
_TOLD: Mapping[type[Exception], ProblemType] = {
    FilterError: problems.INVALID_FILTER,
    InvalidInputError: problems.INVALID_REQUEST,
    EmbeddingIdentityError: problems.EMBEDDING_IDENTITY,
    StaleIndexError: problems.STALE_INDEX,
    OverloadedError: problems.OVERLOADED,
}
# These name paths and addresses, so the caller only learns which part it was.
_HIDDEN: Mapping[type[Exception], str] = {
    LanguageModelError: "The language model gave no answer",
    StageError: "No stage of the search could answer",
    NotEmbeddedError: "The embedder does not answer now, and nothing was stored",
    CorpusError: "The corpus cannot be read or written now",
    LaunchError: "The cluster does not take or end jobs now",
    StateError: "The state database does not answer now",
    # A request that came through Serve's own proxy, which has its body.
    RayActorError: "The processes of the mesh do not reach one another now",
    SQLAlchemyError: "The state database cannot be read or written now",
}


def add_exception_handlers(app: FastAPI) -> None:
    """Make `app` answer every error with a problem document."""
    handlers: dict[type[Exception], Callable[[Request, Exception], Response]] = {
        ProblemError: _on_problem,
        HTTPException: _on_http_exception,
        RequestValidationError: _on_validation,
        **dict.fromkeys(_TOLD, _on_told),
        **dict.fromkeys(_HIDDEN, _on_hidden),
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _respond(request: Request, problem: ProblemError) -> Response:
    return problem_response(problem, request.state.request_id)


def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return _respond(request, error)


def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # FastAPI puts where a value came from, such as "query", in front of its name.
    return _respond(request, invalid(error.errors(), skip=1))


def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _BY_STATUS.get(error.status_code, problems.INTERNAL)
    detail = {
        404: f"There is no {request.method} {request.url.path}; /docs lists what there is.",
        405: f"{request.url.path} does not answer {request.method}; see the header Allow.",
    }.get(error.status_code, str(error.detail))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        known = _methods(request)
        headers |= {"Allow": ", ".join(sorted(known))} if known else {}
    return _respond(request, ProblemError(kind, detail, headers=headers))


def _methods(request: Request) -> set[str]:
    """Return what the path answers to; the router only tells of its first route."""
    return {
        method
        for route in request.app.state.routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods
    }


def _on_told(request: Request, error: Exception) -> Response:
    return _respond(request, _told(request, error))


def _told(request: Request, error: Exception) -> ProblemError:
    kind = next(_TOLD[base] for base in type(error).__mro__ if base in _TOLD)
    headers = _retry_after(request) if kind.status == 503 else {}
    return ProblemError(kind, str(error), headers=headers)


def _on_hidden(request: Request, error: Exception) -> Response:
    return _respond(request, _hidden(request, error))


def as_problem(request: Request, error: Exception) -> ProblemError:
    """Return the problem that `error` is, as it would be answered; logs what is not told."""
    kinds = type(error).__mro__
    if isinstance(error, ProblemError):
        return error
    if any(base in _TOLD for base in kinds):
        return _told(request, error)
    if any(base in _HIDDEN for base in kinds):
        return _hidden(request, error)
    _log.error("request %s failed", request.state.request_id, exc_info=error)
    return ProblemError(problems.INTERNAL, "Something went wrong; the log has the reason.")


def _hidden(request: Request, error: Exception) -> ProblemError:
    if isinstance(error, StageError):
        # Callers bring it about at will, by a short time limit.
        _log.warning("request %s: %s", request.state.request_id, error)
    else:
        _log.error("request %s: %s", request.state.request_id, error, exc_info=error)
    what = next(_HIDDEN[base] for base in type(error).__mro__ if base in _HIDDEN)
    detail = (
        f"{what}. Try again later; the log has the reason under request id "
        f"{request.state.request_id}."
    )
    return ProblemError(problems.UNAVAILABLE, detail, headers=_retry_after(request))


def _retry_after(request: Request) -> dict[str, str]:
    return {"Retry-After": str(services_of(request).settings.http.retry_after_s)}
