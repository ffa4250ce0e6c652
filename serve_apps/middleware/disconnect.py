"""Ends the work for a client that has gone away, and leaves bodies unread until they are wanted.

Serve itself would only notice a departure by reading each body ahead, the whole of it
into memory; our HAProxy tells it not to.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class DisconnectMiddleware:
    """Cancels the application once its client is gone.

    While the body still comes in, it is the application's next read that tells of it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application for as long as somebody waits for it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = _Client(receive, send, expects_body(Headers(scope=scope)))
        work = asyncio.ensure_future(self._app(scope, client.receive, client.send))
        watch = asyncio.ensure_future(client.departure())
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            abandoned = not work.done() and not client.answered
            if abandoned:
                work.cancel()
            await asyncio.wait((work,))
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.wait((work,))
            raise
        finally:
            watch.cancel()
        if not (abandoned and work.cancelled()):
            work.result()


def expects_body(headers: Headers) -> bool:
    """Say whether a request with these headers has a body."""
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


class _Client:
    """The other end of a connection: what it has sent, and whether it is still there."""

    def __init__(self, receive: Receive, send: Send, has_body: bool) -> None:
        self._receive = receive
        self._send = send
        self._first: Message | None = None
        self._body_read = asyncio.Event()
        self._gone: Message | None = None
        self._departed = asyncio.Event()
        self.answered = False
        if not has_body:
            self._first = {"type": "http.request", "body": b"", "more_body": False}
            self._body_read.set()

    async def departure(self) -> None:
        """Return once the client is gone and the whole body was read."""
        await self._body_read.wait()
        while self._gone is None:
            self._note(await self._receive())

    async def receive(self) -> Message:
        """Return the next message; the whole body first, then only that the client is gone."""
        if self._first is not None:
            message, self._first = self._first, None
            return message
        if self._body_read.is_set():
            await self._departed.wait()
            return self._gone or {"type": "http.disconnect"}
        message = await self._receive()
        self._note(message)
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on, and note the last one of the answer."""
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.answered = True
        await self._send(message)

    def _note(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            self._gone = message
            self._departed.set()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._body_read.set()
