"""A system whose answers are known beforehand."""

from collections.abc import Mapping, Sequence

from eval.provenance import SystemDescription
from retrieval.chunk import Chunk
from retrieval.query import Degraded, Hit, Mode, SearchRequest, SearchResponse, Source

Answers = Mapping[tuple[str, Mode], Sequence[str]]


class ScriptedSystem:
    """Answers each query and mode with a fixed list of documents; keeps what it was asked."""

    name = "scripted"

    def __init__(
        self,
        answers: Answers,
        degraded: Sequence[str] = (),
        corrections: Mapping[str, dict[str, str]] | None = None,
    ) -> None:
        self.answers = answers
        self.corrections = corrections or {}
        self.degraded = [Degraded(stage=stage, reason="test") for stage in degraded]
        self.chunks: list[Chunk] = []
        self.requests: list[SearchRequest] = []

    async def describe(self) -> SystemDescription:
        return SystemDescription(settings={"search": {"alpha": 0.7}}, code="0.0")

    async def index(self, chunks: Sequence[Chunk]) -> int:
        self.chunks += chunks
        return 7

    async def search(self, request: SearchRequest) -> SearchResponse:
        self.requests.append(request)
        ids = self.answers.get((request.query, request.mode), ())
        hits = [
            Hit(
                chunk_id=f"{doc_id}-{rank}",
                doc_id=doc_id,
                namespace=request.namespace,
                text="",
                score=1 / (rank + 1),
                source=Source(uri=doc_id, media_type="text/plain"),
            )
            for rank, doc_id in enumerate(ids)
        ]
        return SearchResponse(
            query=request.query,
            corrections=self.corrections.get(request.query, {}),
            k=len(hits),
            hits=hits,
            results=hits,
            degraded=self.degraded,
            index_version=7,
            timings_ms={},
        )

    async def close(self) -> None:
        pass
