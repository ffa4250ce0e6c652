"""Fetching one URL, or handing something to one."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Self

import httpcore
import httpx

from retrieval.fetching.decoding import ACCEPTED, decoded
from retrieval.fetching.errors import FetchLimitError, RefusedUrlError
from retrieval.fetching.guard import Resolver, UrlGuard, system_resolver
from retrieval.fetching.settings import FetchSettings
from retrieval.fetching.transport import GuardedTransport


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: the URL that gave it after all redirects, status, headers in lower case, body.

    `body` is empty where it was written to a file; `size` counts its bytes, unpacked.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    size: int = 0

    @property
    def ok(self) -> bool:
        """Whether the status says success."""
        return 200 <= self.status < 300


class StreamedAnswer:
    """An answer whose body is still to come."""

    def __init__(self, response: httpx.Response, most: int) -> None:
        self.url = str(response.url)
        self.status = response.status_code
        self.headers: Mapping[str, str] = {k.lower(): v for k, v in response.headers.items()}
        self._response = response
        self._most = most

    def parts(self) -> Iterator[bytes]:
        """Yield the body, unpacked; `FetchError` where it is too large, too slow, or broken."""
        length = self.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._most:
            raise FetchLimitError(f"{self.url} has {int(length):,} bytes; at most {self._most:,}")
        encoding = self.headers.get("content-encoding", "")
        return decoded(self._response.iter_raw(), encoding, self._most)


class GuardedClient:
    """Fetches http and https URLs that strangers name; safe from any thread.

    Only public hosts are reached, and those in `settings.private_hosts`, redirects
    included. No proxy, cookie or `.netrc` of the environment counts. All calls raise
    `FetchError` for what they do not get; a status such as 404 is an answer.
    """

    def __init__(
        self,
        settings: FetchSettings | None = None,
        resolve: Resolver = system_resolver,
        backend: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._settings = settings or FetchSettings()
        self._transport = GuardedTransport(self._settings, resolve, backend)
        self._http = httpx.Client(
            transport=self._transport,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": self._settings.user_agent, "Accept-Encoding": ACCEPTED},
        )

    @property
    def guard(self) -> UrlGuard:
        """What checks the URLs."""
        return self._transport.guard

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        max_bytes: int | None = None,
        timeout_s: float | None = None,
        redirects: int | None = None,
    ) -> Fetched:
        """Return the answer of `url` with its body in memory.

        Limits left out are those of the settings. Without `redirects` left over, a redirect
        is itself the answer where `redirects` is 0, else an error.
        """
        options = _Options(method, headers, content, max_bytes, timeout_s, redirects)
        with self._opened(url, options) as answer:
            body = b"".join(answer.parts())
        return Fetched(answer.url, answer.status, answer.headers, body, len(body))

    def download(
        self,
        url: str,
        path: Path,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
        timeout_s: float | None = None,
        redirects: int | None = None,
    ) -> Fetched:
        """Write the body of `url` to `path`, piece by piece; the file holds nothing unless `ok`."""
        options = _Options("GET", headers, None, max_bytes, timeout_s, redirects)
        with self._opened(url, options) as answer:
            size = 0
            with path.open("wb") as file:
                for part in answer.parts() if 200 <= answer.status < 300 else ():
                    size += file.write(part)
        return Fetched(answer.url, answer.status, answer.headers, size=size)

    @contextmanager
    def stream(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[StreamedAnswer]:
        """Enter the answer of `url` before its body has come."""
        options = _Options("GET", headers, None, max_bytes, timeout_s, None)
        with self._opened(url, options) as answer:
            yield answer

    def close(self) -> None:
        """Close the connections that are kept."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _opened(self, url: str, options: "_Options") -> Iterator[StreamedAnswer]:
        most = self._settings.redirects if options.redirects is None else options.redirects
        seconds = options.timeout_s or self._settings.timeout_s
        # Before httpx has parsed it, which mends some of what is refused.
        self.guard.check(url)
        request = self._http.build_request(
            options.method,
            url,
            headers=options.headers,
            content=options.content,
            extensions={"deadline": time.monotonic() + seconds},
        )
        response = self._sent(request, most)
        with closing(response):
            yield StreamedAnswer(response, options.max_bytes or self._settings.max_bytes)

    def _sent(self, request: httpx.Request, redirects: int) -> httpx.Response:
        followed = 0
        while True:
            try:
                response = self._http.send(request, stream=True)
            except (httpx.RemoteProtocolError, httpx.InvalidURL) as error:
                raise RefusedUrlError(
                    f"{request.url} redirects to what is no URL: {error}"
                ) from error
            if response.next_request is None or redirects == 0:
                return response
            response.close()
            followed += 1
            if followed > redirects:
                raise FetchLimitError(f"{request.url} redirects more than {redirects} times")
            request = response.next_request


@dataclass(frozen=True, slots=True)
class _Options:
    method: str
    headers: Mapping[str, str] | None
    content: bytes | None
    max_bytes: int | None
    timeout_s: float | None
    redirects: int | None
