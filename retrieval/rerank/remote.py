"""Rerankers behind HTTP: hosted ones, TEI, vLLM, Infinity, TensorZero."""

import asyncio
from collections.abc import Sequence

import httpx
import numpy as np

from retrieval.errors import InvalidInputError, OverloadedError, StageError
from retrieval.rerank.base import RerankerState, Scores, checked
from retrieval.rerank.dialects import DIALECTS, Body, read_scores
from retrieval.settings import RerankSettings

_AT_ONCE = 32
# The stage has a limit of its own, which ends a call; this one is for whoever has none.
_SECONDS = 60.0


class HttpReranker:
    """An `AsyncReranker` that asks the server at `settings.url`.

    The server cuts passages that are too long for its model, and gathers its own batches.
    Raises `InvalidInputError` where there is no address.
    """

    def __init__(
        self, settings: RerankSettings, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        if not settings.url:
            raise InvalidInputError(
                f"rerank.url: the provider {settings.provider!r} needs the address of its server"
            )
        self._settings = settings
        self._dialect = DIALECTS[settings.provider]
        self._url = self._dialect.url(settings)
        self._transport = transport
        self._http: httpx.AsyncClient | None = None
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @property
    def per_call(self) -> int:
        """The passages of one call."""
        return self._dialect.per_call

    async def score(self, query: str, passages: Sequence[str]) -> Scores:
        """Return the scores of `passages`; raises `StageError` or `OverloadedError`."""
        parts = [
            list(passages[start : start + self.per_call])
            for start in range(0, len(passages), self.per_call)
        ]
        found = await asyncio.gather(*(self._part(query, part) for part in parts))
        return np.concatenate(found) if found else np.empty(0, np.float32)

    async def state(self) -> RerankerState:
        """Return where the reranker is; whether it answers, its circuit knows."""
        return RerankerState(
            provider=self._settings.provider,
            model=self._settings.model,
            resolved=self._url,
            loaded=True,
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def _part(self, query: str, passages: list[str]) -> Scores:
        body = self._dialect.ask(self._settings, query, passages)
        async with self._slots:
            answer = await self._post(body)
        try:
            content = answer.json()
        except ValueError as error:
            raise StageError(f"{self._url} answered with something else than JSON") from error
        found = read_scores(content, len(passages), self._url)
        if self._settings.scores == "logit":
            found = [float(1 / (1 + np.exp(-np.clip(score, -80, 80)))) for score in found]
        return checked(found, len(passages), self._url)

    async def _post(self, body: Body) -> httpx.Response:
        try:
            answer = await self._client().post(self._url, json=body)
        except httpx.HTTPError as error:
            raise StageError(f"{self._url} does not answer: {type(error).__name__}") from error
        if answer.status_code in (429, 503):
            raise OverloadedError(f"{self._url} has too much to do ({answer.status_code})")
        if answer.is_error:
            raise StageError(f"{self._url} answered {answer.status_code}: {answer.text[:200]!r}")
        return answer

    def _client(self) -> httpx.AsyncClient:
        # Made at first use, in the loop that uses it.
        if self._http is None:
            key = self._settings.api_key.get_secret_value()
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            self._http = httpx.AsyncClient(
                headers=headers, timeout=_SECONDS, transport=self._transport
            )
        return self._http
