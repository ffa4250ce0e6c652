"""Who has gone away is not worked for, and no body is read before somebody wants it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps.api import create_app
from serve_apps.middleware.disconnect import DisconnectMiddleware
from serve_apps.services import Services
from tests.serve_apps.support import bearer, make_key

ANSWER: list[Message] = [
    {"type": "http.response.start", "status": 200, "headers": []},
    {"type": "http.response.body", "body": b""},
]
GONE: Message = {"type": "http.disconnect"}


class Line:
    """The server's end of a connection: what came in, and what was sent back."""

    def __init__(self, *messages: Message, length: int = 0) -> None:
        self.scope: Scope = {
            "type": "http",
            "headers": [(b"content-length", b"%d" % length)] if length else [],
        }
        self.coming: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []
        for message in messages:
            self.coming.put_nowait(message)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def serve(self, app: ASGIApp) -> None:
        await DisconnectMiddleware(app)(self.scope, self.coming.get, self.send)


async def test_work_for_a_client_that_left_is_cancelled() -> None:
    cleaned = asyncio.Event()

    async def works(_scope: Scope, _receive: Receive, _send: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    line = Line(GONE)
    await line.serve(works)
    assert cleaned.is_set()
    assert line.sent == []


async def test_a_body_stays_unread_until_it_is_wanted() -> None:
    body: Message = {"type": "http.request", "body": b"x", "more_body": True}
    line = Line(body, GONE, length=9)

    async def refuses(_scope: Scope, _receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.01)
        for message in ANSWER:
            await send(message)

    await line.serve(refuses)
    assert line.coming.qsize() == 2
    assert line.sent == ANSWER


async def test_the_whole_body_comes_and_then_the_departure() -> None:
    parts: list[Message] = [
        {"type": "http.request", "body": b"x", "more_body": more} for more in (True, True, False)
    ]
    received: list[Message] = []

    async def reads(_scope: Scope, receive: Receive, _send: Send) -> None:
        received.extend([await receive() for _ in parts])
        line.coming.put_nowait(GONE)
        received.append(await receive())

    line = Line(*parts, length=3)
    await line.serve(reads)
    assert received == [*parts, GONE]


async def test_what_follows_an_answer_is_still_done() -> None:
    async def answers(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in ANSWER:
            await send(message)
        line.coming.put_nowait(GONE)
        await asyncio.sleep(0.01)
        done.set()

    line, done = Line(), asyncio.Event()
    await line.serve(answers)
    assert done.is_set()


async def test_errors_and_cancellation_pass() -> None:
    async def fails(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ValueError("broken")

    async def waits(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ValueError, match="broken"):
        await Line().serve(fails)
    serving = asyncio.create_task(Line().serve(waits))
    await asyncio.sleep(0)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


@asynccontextmanager
async def over_http(services: Services) -> AsyncIterator[int]:
    """Serve the gateway with uvicorn, as Serve does; yields its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        app = create_app(services)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


async def first_line(port: int, path: str, size: int, token: str) -> bytes:
    """Announce a body of `size` bytes, wait for leave to send it; return what comes."""
    (authorization,) = bearer(token).values()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nAuthorization: {authorization}\r\n"
        f"Content-Length: {size}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode())
    try:
        return await asyncio.wait_for(reader.readline(), 30)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_who_is_refused_need_not_send_the_body(services: Services) -> None:
    reader, writer = make_key(services, "read"), make_key(services, "ingest")
    async with over_http(services) as port:
        for path in ("/documents", "/hirag/upsert-batch"):
            assert b" 403 " in await first_line(port, path, 1_000, reader)
            assert b" 413 " in await first_line(port, path, 10**9, writer)
            assert b" 100 " in await first_line(port, path, 1_000, writer)
    services.keyring.close()
