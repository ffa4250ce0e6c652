"""HTTP over connections to checked addresses only.

The name of a host is resolved once for each connection, its addresses are checked, and
the connection is made to one of these: no second look-up can lead it elsewhere. That
holds for every redirect, whoever follows it, since each is a request of its own.
"""

import math
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import httpcore
import httpx

from retrieval.fetching.errors import FetchLimitError, UnreachableError
from retrieval.fetching.guard import Resolver, UrlGuard, system_resolver
from retrieval.fetching.settings import FetchSettings

SocketOptions = Iterable[httpcore.SOCKET_OPTION]
_CONNECT_S = 10.0
_KEPT = 8
_DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)


class GuardedTransport(httpx.BaseTransport):
    """For an `httpx.Client` that may be given URLs by strangers; safe from any thread.

    Raises `FetchError` instead of the errors of httpx. A request may carry the extension
    `deadline` (`time.monotonic()`); without it the time of the settings begins anew with
    each request. `backend` makes the connections.
    """

    def __init__(
        self,
        settings: FetchSettings,
        resolve: Resolver = system_resolver,
        backend: httpcore.NetworkBackend | None = None,
    ) -> None:
        self.guard = UrlGuard(settings, resolve)
        self._settings = settings
        self._pool = httpcore.ConnectionPool(
            ssl_context=_ssl_context(settings.ca_file),
            max_connections=None,
            max_keepalive_connections=_KEPT,
            keepalive_expiry=5.0,
            network_backend=_GuardedBackend(self.guard, backend or httpcore.SyncBackend()),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, after its URL was checked."""
        self.guard.check(str(request.url))
        silence = self._settings.silence_s
        timeouts = {"connect": min(_CONNECT_S, silence), "read": silence, "write": silence}
        deadline = request.extensions.get("deadline", time.monotonic() + self._settings.timeout_s)
        with _until(deadline):
            answer = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions={"timeout": timeouts},
                )
            )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer, deadline))

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response, deadline: float) -> None:
        self._answer = answer
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        parts = self._answer.iter_stream()
        while True:
            with _until(self._deadline):
                part = next(parts, None)
            if part is None:
                return
            yield part

    def close(self) -> None:
        self._answer.close()


class _GuardedBackend(httpcore.NetworkBackend):
    """Dials the checked addresses of a host, one after the other."""

    def __init__(self, guard: UrlGuard, backend: httpcore.NetworkBackend) -> None:
        self._guard = guard
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        *others, last = self._guard.addresses(host, port)
        for address in others:
            try:
                return self._dial(address, port, timeout)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._dial(last, port, timeout)

    def _dial(self, address: str, port: int, timeout: float | None) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._backend.connect_tcp(address, port, timeout=left))


class _TimedStream(httpcore.NetworkStream):
    """A connection on which no call outlasts the request, however slowly bytes trickle in."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(timeout: float | None, expired: type[Exception]) -> float:
    left = _DEADLINE.get() - time.monotonic()
    if left <= 0:
        raise expired("the time for this URL is up")
    return min(left, math.inf if timeout is None else timeout)


@contextmanager
def _until(deadline: float) -> Iterator[None]:
    """Hold every call of the body to `deadline`, and say in our own errors what failed."""
    token = _DEADLINE.set(deadline)
    try:
        yield
    except httpcore.TimeoutException as error:
        raise FetchLimitError(f"no answer in time: {error or 'the host is silent'}") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
        raise UnreachableError(f"the host cannot be talked to: {error}") from error
    finally:
        _DEADLINE.reset(token)


@cache
def _ssl_context(ca_file: Path | None) -> ssl.SSLContext:
    # Reading the public authorities takes a tenth of a second.
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
