"""Time, size and number of requests: what is over a limit costs little and ends at once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message

from retrieval.corpus.store import Corpus
from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.services import Services
from tests.serve_apps.support import client_of, problem

BOUNDARY = "b"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
).encode()


def bodies(path: str) -> tuple[bytes, dict[str, str]]:
    """Return how a body for `path` begins, and the headers it needs."""
    return (HEAD, FORM) if path == "/documents" else (b'{"query": "', {})


BODIES = ("/hirag/query", "/hirag/upsert-batch", "/documents", "/ingest")


@pytest.mark.parametrize("path", BODIES)
async def test_a_body_that_trickles_is_ended(services: Services, path: str) -> None:
    services.settings.http.body_s = 0.2
    services.settings.http.body_bytes_per_s = 10_000
    start, headers = bodies(path)

    async def trickle() -> AsyncIterator[bytes]:
        yield start
        while True:
            await asyncio.sleep(0.01)
            yield b"x"

    async with client_of(create_app(services)) as client:
        answer = await client.post(path, content=trickle(), headers=headers)
    problem(answer, problems.SLOW_BODY)
    assert answer.headers["connection"] == "close"
    assert not uploads(services)


@pytest.mark.parametrize("path", BODIES)
async def test_a_body_that_never_comes_is_ended(services: Services, path: str) -> None:
    services.settings.http.body_s = 0.1
    _, headers = bodies(path)

    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async with client_of(create_app(services)) as client:
        problem(await client.post(path, content=nothing(), headers=headers), problems.SLOW_BODY)


async def test_a_large_body_over_a_slow_line_passes(services: Services) -> None:
    services.settings.http.body_s = 0.1
    services.settings.http.body_bytes_per_s = 1_000

    async def steady() -> AsyncIterator[bytes]:
        yield HEAD
        for _ in range(10):
            yield b"x" * 1_000
            await asyncio.sleep(0.05)
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    async with client_of(create_app(services)) as client:
        answer = await client.post("/documents", content=steady(), headers=FORM)
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize("path", BODIES)
async def test_huge_bodies_are_refused_while_they_stream(services: Services, path: str) -> None:
    start, headers = bodies(path)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield start
        while True:
            sent += 1
            yield b"x" * 16_384

    async with client_of(create_app(services)) as client:
        answer = await client.post(path, content=endless(), headers=headers)
    problem(answer, problems.TOO_LARGE)
    # The largest limit of these settings is 256 KiB.
    assert sent <= 17
    assert not uploads(services)


@pytest.mark.parametrize("path", BODIES)
async def test_huge_bodies_that_say_so_are_not_read(services: Services, path: str) -> None:
    _, headers = bodies(path)
    read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b"x"

    async with client_of(create_app(services)) as client:
        headers = headers | {"Content-Length": str(10**9)}
        answer = await client.post(path, content=body(), headers=headers)
    problem(answer, problems.TOO_LARGE)
    assert not read


def uploads(services: Services) -> list[Path]:
    """Return what uploads have left on disk."""
    folder = services.settings.home / "uploads"
    return list(folder.iterdir()) if folder.exists() else []


class Caller:
    """A client in terms of ASGI, which can go away at any moment as Serve tells it."""

    def __init__(self, app: FastAPI, path: str, body: bytes) -> None:
        self.sent: list[Message] = []
        self._body: Iterator[bytes] = iter([body])
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "headers": [(b"host", b"127.0.0.1"), (b"content-length", b"%d" % len(body))],
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        for body in self._body:
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    async def leave(self) -> None:
        """Go away: Serve cancels the work of clients that are gone."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Gate:
    """An embedding model that computes only once it is let."""

    def __init__(self) -> None:
        self.calls = 0
        self.entered = asyncio.Event()

    async def __call__(self, _: object) -> None:
        self.calls += 1
        self.entered.set()
        await asyncio.Event().wait()


@pytest.fixture
def gate(services: Services, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Let nothing through the embedder."""
    made = Gate()
    monkeypatch.setattr(services.embedder, "embed_queries", made)
    return made


async def test_a_client_that_goes_away_frees_its_slot(services: Services, gate: Gate) -> None:
    services.settings.http.max_in_flight = 1
    app = create_app(services)
    async with client_of(app) as client:
        body = b'{"query": "x", "mode": "dense", "timeout_ms": 300000}'
        caller = Caller(app, "/hirag/query", body)
        await gate.entered.wait()
        refused = await client.post("/hirag/query", json={"query": "x"})
        problem(refused, problems.OVERLOADED)
        await caller.leave()
        assert caller.sent == []
        assert (await client.get("/namespaces")).status_code == 200
        exposed = (await client.get("/metrics")).text
    assert 'route="/hirag/query",status="499"} 1.0' in exposed
    assert "pmoves_http_in_flight 1.0" in exposed


async def test_requests_whose_time_is_up_start_nothing(
    services: Services, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[object] = []

    def note(*arguments: object) -> None:
        searched.append(arguments)

    async def slow_snapshot(_version: object, deadline: float) -> object:
        await asyncio.sleep(max(0.0, deadline - asyncio.get_running_loop().time()) + 0.01)
        return services.searcher._follower.snapshot

    await services.searcher.refresh()
    monkeypatch.setattr("retrieval.retrievers.search_text", note)
    monkeypatch.setattr(services.searcher._freshness, "snapshot", slow_snapshot)
    async with client_of(create_app(services)) as client:
        answer = await client.post("/hirag/query", json={"query": "x", "timeout_ms": 1})
    problem(answer, problems.UNAVAILABLE)
    assert answer.headers["retry-after"] == "1"
    assert (gate.calls, searched) == (0, [])


async def test_an_upload_whose_client_leaves_early_is_removed(services: Services) -> None:
    app = create_app(services)
    entered = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield HEAD + b"x" * 600_000
        entered.set()
        await asyncio.Event().wait()

    services.settings.http.max_upload_bytes = 2**20
    async with client_of(app) as client:
        call = asyncio.create_task(client.post("/documents", content=stuck(), headers=FORM))
        await entered.wait()
        assert len(uploads(services)) == 1
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert not uploads(services)


async def test_at_the_limit_all_are_served_and_one_more_is_not(
    services: Services, gate: Gate
) -> None:
    services.settings.http.max_in_flight = 3
    services.settings.http.retry_after_s = 7
    app = create_app(services)
    body = b'{"query": "x", "mode": "dense", "timeout_ms": 300000}'
    async with client_of(app) as client:
        callers = [Caller(app, "/hirag/query", body) for _ in range(3)]
        while gate.calls < 3:
            await asyncio.sleep(0.001)
        answers = await asyncio.gather(*(client.get("/jobs") for _ in range(20)))
        for answer in answers:
            problem(answer, problems.OVERLOADED)
            assert answer.headers["retry-after"] == "7"
        await callers.pop().leave()
        assert (await client.get("/jobs")).status_code == 200
        for caller in callers:
            await caller.leave()
        answers = await asyncio.gather(*(client.get("/healthz") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}


async def test_a_route_that_fails_frees_its_slot(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Corpus) -> None:
        raise ValueError("broken")

    services.settings.http.max_in_flight = 1
    monkeypatch.setattr(Corpus, "namespaces", fail)
    transport = httpx.ASGITransport(create_app(services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for _ in range(3):
            problem(await client.get("/namespaces"), problems.INTERNAL)
