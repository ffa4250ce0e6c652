"""A running mesh, over its public HTTP interface."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx

from eval.errors import SearchSystemError
from eval.provenance import DECIDING, SystemDescription
from retrieval.chunk import Chunk, JsonValue
from retrieval.query import SearchRequest, SearchResponse

_ATTEMPTS = 5
_BUSY = frozenset({httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE})


class HttpSystem:
    """The mesh at `url`; answers of 429 and 503 are tried again as the mesh asks."""

    def __init__(self, url: str, api_key: str | None = None, timeout_s: float = 600.0) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout_s)
        self._url = url

    @property
    def name(self) -> str:
        """The mesh's address."""
        return self._url

    async def describe(self) -> SystemDescription:
        """Return what `GET /hirag/admin/stats` tells; nothing for a key that may not ask."""
        try:
            stats = await self._client.get("/hirag/admin/stats")
            page = await self._client.get("/openapi.json")
        except httpx.HTTPError as error:
            raise self._unreachable("/hirag/admin/stats", error) from error
        with self._read_as_a_mesh():
            known = stats.json() if stats.is_success else {}
            settings = known.get("settings", {})
            about = page.json().get("info", {}) if page.is_success else {}
            return SystemDescription(
                settings={name: settings[name] for name in DECIDING if name in settings},
                model=known.get("embedding", {}),
                code=about.get("version", ""),
            )

    async def index(self, chunks: Sequence[Chunk]) -> int:
        """Store `chunks` by one upsert; `SearchSystemError` if any is refused."""
        body: dict[str, JsonValue] = {"items": [_item(chunk) for chunk in chunks], "replace": True}
        reply = await self._post("/hirag/upsert-batch", body)
        with self._read_as_a_mesh():
            answer = reply.json()
            if answer["rejected"]:
                first = answer["rejected"][0]
                raise SearchSystemError(
                    f"{self._url} refused {len(answer['rejected'])} of {len(chunks)} passages, "
                    f"the first at line {first['line']}: {first['field']}: {first['detail']}"
                )
            return int(answer["index_version"])

    async def search(self, request: SearchRequest) -> SearchResponse:
        """Answer one search by `POST /hirag/query`."""
        body = request.model_dump(mode="json", exclude_unset=True)
        answer = await self._post("/hirag/query", body)
        with self._read_as_a_mesh():
            return SearchResponse.model_validate_json(answer.content)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, path: str, body: dict[str, JsonValue]) -> httpx.Response:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = await self._client.post(path, json=body)
            except httpx.HTTPError as error:
                raise self._unreachable(path, error) from error
            if answer.status_code not in _BUSY or attempt == _ATTEMPTS:
                break
            await asyncio.sleep(_retry_after(answer))
        if answer.is_error:
            keyless = answer.status_code == httpx.codes.UNAUTHORIZED
            raise SearchSystemError(
                f"{self._url}{path} answered {answer.status_code}: {answer.text[:500]}"
                + ("; give a key in PMOVES_API_KEY or --api-key" if keyless else "")
            )
        return answer

    @contextmanager
    def _read_as_a_mesh(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise SearchSystemError(
                f"{self._url} does not answer as a mesh does ({type(error).__name__}); is it one?"
            ) from error

    def _unreachable(self, path: str, error: httpx.HTTPError) -> SearchSystemError:
        return SearchSystemError(
            f"{self._url}{path} cannot be reached: {error!r}. Is the mesh running there?"
        )


def _item(chunk: Chunk) -> JsonValue:
    return {
        "namespace": chunk.namespace,
        "doc_id": chunk.doc_id,
        "chunk_id": chunk.chunk_id,
        "text": chunk.indexed_text,
    }


def _retry_after(answer: httpx.Response) -> float:
    value = answer.headers.get("Retry-After", "")
    return min(float(value), 30.0) if value.isdecimal() else 1.0
