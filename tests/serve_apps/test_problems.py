"""Every error leaves as a problem document, and none tells what is inside."""

import asyncio
import logging

import httpx
import pytest
from fastapi import FastAPI
from ray.exceptions import ActorUnavailableError

from retrieval.errors import (
    CorpusError,
    EmbeddingIdentityError,
    OverloadedError,
    PmovesError,
    SchemaVersionError,
    StageError,
)
from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.services import Services
from tests.serve_apps.support import client_of, problem

SECRET = "/home/somebody/.pmoves says hunter2"


def broken_app(services: Services, error: BaseException) -> FastAPI:
    """Return the application with a route that fails."""
    app = create_app(services)

    @app.get("/broken")
    async def broken() -> None:
        raise error

    return app


def test_the_catalogue_is_whole() -> None:
    kinds = [kind for kind in vars(problems).values() if isinstance(kind, problems.ProblemType)]
    assert len(problems.CATALOGUE) == len(kinds) >= 15
    for uri, kind in problems.CATALOGUE.items():
        assert uri == f"urn:pmoves:problem:{kind.name}"
        assert 400 <= kind.status < 600
        assert kind.title
        assert kind.meaning


async def test_unknown_routes(client: httpx.AsyncClient) -> None:
    told = problem(await client.get("/nowhere"), problems.NOT_FOUND)
    assert "/nowhere" in told["detail"]
    problem(await client.get("/documents/"), problems.NOT_FOUND)


async def test_wrong_methods_name_the_right_ones(client: httpx.AsyncClient) -> None:
    answer = await client.get("/hirag/query")
    problem(answer, problems.METHOD_NOT_ALLOWED)
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (EmbeddingIdentityError("'a' is not 'b'"), problems.EMBEDDING_IDENTITY, "'a' is not 'b'"),
        (OverloadedError("too much waits"), problems.OVERLOADED, "too much waits"),
        (CorpusError(SECRET), problems.UNAVAILABLE, "corpus"),
        (SchemaVersionError(SECRET), problems.UNAVAILABLE, "corpus"),
        (StageError(SECRET), problems.UNAVAILABLE, "search"),
        (ActorUnavailableError(SECRET, None), problems.UNAVAILABLE, "reach one another"),
        (PmovesError(SECRET), problems.INTERNAL, "request id"),
        (RuntimeError(SECRET), problems.INTERNAL, "request id"),
        (TimeoutError(SECRET), problems.INTERNAL, "request id"),
    ],
)
async def test_errors_become_problems_without_internals(
    services: Services,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    kind: problems.ProblemType,
    told: str,
) -> None:
    caplog.set_level(logging.WARNING, "serve_apps")
    async with client_of(broken_app(services, error)) as client:
        answer = await client.get("/broken")
        body = problem(answer, kind)
        assert told in body["detail"]
        assert "hunter2" not in answer.text
        assert ("retry-after" in answer.headers) == (kind.status == 503)
        if SECRET in str(error):
            assert SECRET in caplog.text
            assert body["request_id"] in caplog.text
        # The gateway goes on.
        assert (await client.get("/healthz")).status_code == 200


async def test_a_cancelled_request_is_counted_as_such(services: Services) -> None:
    async with client_of(broken_app(services, asyncio.CancelledError())) as client:
        with pytest.raises(asyncio.CancelledError):
            await client.get("/broken")
        exposed = (await client.get("/metrics")).text
    assert 'pmoves_http_requests_total{method="GET",route="/broken",status="499"} 1.0' in exposed
