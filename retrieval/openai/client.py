"""Asking a server by JSON over HTTP, again where that may help.

httpx is imported with the first call: most processes could ask, and few have a server to.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING

from retrieval.chunk import JsonValue
from retrieval.errors import StageError
from retrieval.openai.endpoint import Endpoint
from retrieval.openai.failures import Failure, refused, unreachable
from retrieval.openai.pacing import Pace, Sleep

if TYPE_CHECKING:
    import httpx

Body = Mapping[str, JsonValue]
Answer = dict[str, JsonValue]


class JsonClient:
    """Posts to one `endpoint`; use it from one event loop.

    A server that has too much to do is not asked by anybody until the time that its
    `Retry-After` names.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        transport: "httpx.AsyncBaseTransport | None" = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.endpoint = endpoint
        self._transport = transport
        self._sleep = sleep
        self._http: httpx.AsyncClient | None = None
        self._slots = asyncio.Semaphore(endpoint.at_once)
        self._pace = Pace(endpoint.url, endpoint.requests_per_minute, sleep)

    async def post(
        self, body: Body, patience_s: float, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer to `body`, waiting `patience_s` for another try at most.

        Raises `OverloadedError` where the server has too much to do, else `StageError`.
        """
        deadline = asyncio.get_running_loop().time() + patience_s
        for attempt in count():
            async with self._slots:
                await self._pace.turn(deadline)
                answer = await self._ask(body, headers)
            if not isinstance(answer, Failure):
                return answer
            await self._wait(answer, attempt, deadline)
        raise AssertionError

    async def _wait(self, failure: Failure, attempt: int, deadline: float) -> None:
        """Wait for the next try; raise the failure where there is none."""
        pause = failure.pause(attempt)
        if failure.full:
            self._pace.rest(pause)
        late = asyncio.get_running_loop().time() + pause > deadline
        if not failure.passing or attempt >= self.endpoint.retries or late:
            raise failure.error
        if not failure.full:
            await self._sleep(pause)

    async def _ask(self, body: Body, headers: Mapping[str, str] | None) -> Answer | Failure:
        import httpx

        try:
            answer = await self._client().post(
                self.endpoint.url, json=dict(body), headers=dict(headers or {})
            )
        except httpx.HTTPError as error:
            return unreachable(self.endpoint, error)
        if answer.is_error:
            return refused(self.endpoint, answer)
        return self._read(answer)

    def _read(self, answer: "httpx.Response") -> Answer | Failure:
        url = self.endpoint.url
        try:
            content = answer.json()
        except ValueError:
            return Failure(StageError(f"{url} answered with something else than JSON"))
        if not isinstance(content, dict):
            return Failure(StageError(f"{url} answered with {type(content).__name__}, no object"))
        return content

    @asynccontextmanager
    async def stream(
        self, body: Body, patience_s: float, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[AsyncIterator[str]]:
        """Yield the lines of an answer as they come; not tried again. Raises as `post` does."""
        import httpx

        deadline = asyncio.get_running_loop().time() + patience_s
        async with self._slots:
            await self._pace.turn(deadline)
            try:
                async with self._client().stream(
                    "POST", self.endpoint.url, json=dict(body), headers=dict(headers or {})
                ) as answer:
                    if answer.is_error:
                        await answer.aread()
                        failure = refused(self.endpoint, answer)
                        if failure.full:
                            self._pace.rest(failure.pause(0))
                        raise failure.error
                    yield answer.aiter_lines()
            except httpx.HTTPError as error:
                raise unreachable(self.endpoint, error).error from error

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._http is not None:
            http, self._http = self._http, None
            await http.aclose()

    def _client(self) -> "httpx.AsyncClient":
        import httpx

        # Made at first use, in the loop that uses it.
        if self._http is None:
            self._http = httpx.AsyncClient(
                headers=self.endpoint.headers,
                timeout=self.endpoint.timeout_s,
                transport=self._transport,
            )
        return self._http
