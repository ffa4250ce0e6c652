"""One keep-alive HTTP/1.1 connection, as lean as Python allows.

A load generator must cost far less than what it measures; parsing is left to
httptools, the parser that uvicorn uses.
"""

import asyncio
from collections.abc import Sequence
from urllib.parse import SplitResult

import httptools


class Connection(asyncio.Protocol):
    """A connection that carries one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[int] | None = None

    @classmethod
    async def open(cls, address: SplitResult) -> "Connection":
        """Connect to the host and port of `address`, a plain `http` URL."""
        loop = asyncio.get_running_loop()
        host, port = address.hostname or "127.0.0.1", address.port or 80
        _, connection = await loop.create_connection(cls, host, port)
        return connection

    @property
    def usable(self) -> bool:
        """Whether the server still holds the connection open."""
        return self._transport is not None and not self._transport.is_closing()

    async def send(self, request: bytes) -> int:
        """Send a whole request; return the status once all of the answer is there.

        Raises `ConnectionError` when the server hangs up before.
        """
        if self._transport is None:
            raise ConnectionError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio's callback)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Feed the parser (asyncio's callback)."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Deliver the status (the parser's callback)."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request under way (asyncio's callback)."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"the server hung up: {exc}"))


def post_request(address: SplitResult, body: bytes, api_key: str | None = None) -> bytes:
    """Return the bytes of a POST of JSON to `address`."""
    head = ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return _head("POST", address.path or "/", address, head, api_key) + body


def get_request(address: SplitResult, target: str, api_key: str | None = None) -> bytes:
    """Return the bytes of a GET of `target`, a path with its query, from the host of `address`."""
    return _head("GET", target, address, [], api_key)


def _head(
    method: str, target: str, address: SplitResult, more: Sequence[str], api_key: str | None
) -> bytes:
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {address.netloc}",
        *more,
        *([f"Authorization: Bearer {api_key}"] if api_key else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()
