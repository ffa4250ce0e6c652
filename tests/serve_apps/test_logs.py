"""What the log holds of a request, and what it never holds."""

import io
import json
import logging
from collections.abc import Callable

import httpx
import pytest
from ray._common.formatters import JSONFormatter

from retrieval.errors import StageError
from retrieval.settings import LogSettings
from retrieval.state.keys import split_token
from serve_apps.api import create_app
from serve_apps.app import build
from serve_apps.logs import (
    SERVE_LOGGER,
    configure_replica_logging,
    error_lines,
    without_secrets,
)
from serve_apps.services import Services
from serve_apps.settings import AppArgs
from tests.serve_apps.support import (
    BASE_URL,
    Json,
    bearer,
    client_of,
    item,
    make_key,
    search,
    upsert,
)

Events = Callable[[], list[Json]]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Events:
    """What Serve's JSON file of a replica would hold."""
    file = io.StringIO()
    handler = logging.StreamHandler(file)
    formatter = JSONFormatter()
    formatter.set_additional_log_standard_attrs(["name"])
    handler.setFormatter(formatter)
    monkeypatch.setattr(logging.getLogger(SERVE_LOGGER), "handlers", [handler])
    configure_replica_logging(LogSettings())
    return lambda: [json.loads(line) for line in file.getvalue().splitlines()]


async def test_the_line_names_the_key_and_never_holds_it(
    services: Services, events: Events
) -> None:
    token = make_key(services, "read", "books")
    async with client_of(create_app(services)) as client:
        for namespace in ("books", "films"):
            body = {"query": "tea", "namespace": namespace}
            await client.post("/hirag/query", json=body, headers=bearer(token))
        await client.post("/ingest", json={"sources": []}, headers=bearer(token))
    lines = events()
    assert [line["status"] for line in lines] == [200, 403, 403]
    parts = split_token(token)
    assert parts is not None
    assert {line["key_id"] for line in lines} == {parts[0]}
    assert parts[1] not in str(lines)


async def test_the_line_has_what_an_operator_asks_for(
    client: httpx.AsyncClient, events: Events
) -> None:
    headers = {"X-Request-ID": "mine", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    body = {"query": "secret sauce", "namespaces": ["books", "films"]}
    await client.post("/hirag/query", json=body, headers=headers)
    (line,) = events()
    assert line["levelname"] == "INFO"
    assert (line["method"], line["http_route"], line["status"]) == ("POST", "/hirag/query", 200)
    assert line["ms"] > 0
    assert (line["request_id"], line["trace_id"]) == ("mine", TRACE)
    assert (line["namespace"], line["name"]) == ("books,films", "serve_apps.access_log")
    for shown in ("POST /hirag/query 200 ", "request_id=mine", f"trace_id={TRACE}"):
        assert shown in line["message"]


async def test_text_of_queries_and_documents_is_not_logged(
    client: httpx.AsyncClient, events: Events
) -> None:
    logging.getLogger("serve_apps").setLevel(logging.DEBUG)
    logging.getLogger("retrieval").setLevel(logging.DEBUG)
    await upsert(client, item("doc-1", "the hush-hush sauce recipe"))
    await search(client, "hush-hush")
    await client.post("/hirag/query", json={"query": "hush-hush", "hush-hush": 1})
    await client.get("/documents/hush-hush")
    assert len(events()) == 4
    assert "hush-hush" not in json.dumps(events())


async def test_machines_do_not_fill_the_log(client: httpx.AsyncClient, events: Events) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        await client.get(path)
    assert events() == []


async def test_nothing_below_the_level_is_written(services: Services, events: Events) -> None:
    configure_replica_logging(LogSettings(level="warning"))
    async with client_of(create_app(services)) as client:
        await client.get("/jobs")
        assert events() == []


async def test_a_caller_without_patience_leaves_no_traceback(
    client: httpx.AsyncClient, events: Events
) -> None:
    await client.post("/hirag/query", json={"query": "x", "timeout_ms": 1, "mode": "dense"})
    assert not [event for event in events() if "exc_text" in event]
    assert {event["levelname"] for event in events()} <= {"INFO", "WARNING"}


async def test_an_unexpected_error_is_told_without_what_it_quotes(
    services: Services, events: Events
) -> None:
    app, quoted = create_app(services), " ".join(["text", "of", "a", "document"])

    @app.get("/broken")
    async def broken() -> None:
        raise ValueError(quoted)

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        answer = await client.get("/broken", headers={"X-Request-ID": "mine"})
    assert answer.status_code == 500
    error, line = events()
    assert (error["request_id"], error["levelname"]) == ("mine", "ERROR")
    assert error["exc_text"].endswith("builtins.ValueError")
    assert "in broken" in error["exc_text"]
    assert "text of a document" not in json.dumps(error)
    assert line["status"] == 500


def test_our_own_errors_are_quoted_with_their_causes() -> None:
    quoted = " ".join(["text", "of", "a", "document"])
    try:
        try:
            raise KeyError(quoted)
        except KeyError as cause:
            raise StageError("no side could answer") from cause
    except StageError as error:
        told = "".join(error_lines(error))
    assert "builtins.KeyError\nthen\n" in told
    assert told.endswith("retrieval.errors.StageError: no side could answer\n")
    assert quoted not in told


def test_every_error_of_a_group_is_told() -> None:
    group = ExceptionGroup("many", [OSError("disk full"), ValueError("hidden")])
    told = "".join(error_lines(group))
    assert "builtins.OSError: disk full\nbuiltins.ValueError\n" in told


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer pm_abc.def", "Authorization: Bearer ********"),
        ("postgresql://me:hunter2@db/x", "postgresql://me:********@db/x"),
        ("redis://:hunter2@db", "redis://:********@db"),
        ("{'api_key': 'hunter2', 'k': 3}", "{'api_key': '********', 'k': 3}"),
        ("PMOVES_API_KEY=hunter2 PMOVES_HOME=/x", "PMOVES_API_KEY=******** PMOVES_HOME=/x"),
        ("?token=hunter2&k=3", "?token=********&k=3"),
        ("key_id=abc namespace=pmoves", "key_id=abc namespace=pmoves"),
        ("http://127.0.0.1:8000/x@y", "http://127.0.0.1:8000/x@y"),
    ],
)
def test_secrets_are_masked(text: str, kept: str) -> None:
    assert without_secrets(text) == kept


@pytest.mark.parametrize("deployment", ["gateway", "embedder"])
def test_the_settings_reach_the_replicas(settings: AppArgs, deployment: str) -> None:
    settings.log = LogSettings(level="debug", format="json")
    application = build(settings)
    gateway = application._bound_deployment
    (embedder,) = (
        argument._bound_deployment
        for argument in gateway.init_args
        if hasattr(argument, "_bound_deployment")
    )
    made = {"gateway": gateway, "embedder": embedder}[deployment].logging_config
    shown = (made["encoding"], made["log_level"], made["enable_access_log"])
    assert shown == ("JSON", "DEBUG", False)
