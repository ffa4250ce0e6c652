"""The request and the response of an answer, as they stand on the wire."""

from typing import Self

from pydantic import BaseModel, Field

from retrieval.query import Degraded, Flag, Hit, SearchRequest, SearchResponse


class AnswerRequest(SearchRequest):
    """`POST /hirag/answer`: what to search, as in `/hirag/query`, and how to answer.

    With `stream` the answer comes as server-sent events. `timeout_ms` bounds the search.
    """

    stream: Flag = False


class Citation(BaseModel):
    """A passage that states a sentence; it is one of `hits`."""

    chunk_id: str
    doc_id: str
    namespace: str
    url: str | None = None


class Sentence(BaseModel):
    """Part of an answer, with the passages that state it: one at least."""

    text: str
    citations: list[Citation]


class AskedModel(BaseModel):
    """Which language model answered, how often it was asked, and what that took.

    `inference_id` and `episode_id` are the server's own; `cached`: it was not asked at all.
    """

    provider: str
    model: str
    tries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    inference_id: str | None = None
    episode_id: str | None = None
    cached: bool = False


class AnswerResponse(BaseModel):
    """An answer from the passages in `hits`; `known` is false where they do not hold it.

    `dropped` counts sentences that named no passage which was read.
    """

    query: str
    known: bool
    answer: str
    sentences: list[Sentence]
    dropped: int = 0
    hits: list[Hit]
    llm: AskedModel
    degraded: list[Degraded] = Field(default_factory=list)
    index_version: int
    timings_ms: dict[str, float]
    request_id: str | None = None


class FoundPassages(BaseModel):
    """What a search has found, before the answer: the first event of a stream."""

    hits: list[Hit]
    degraded: list[Degraded]
    index_version: int
    request_id: str | None = None

    @classmethod
    def of(cls, found: SearchResponse) -> Self:
        """Return it of a response."""
        return cls(
            hits=found.hits,
            degraded=found.degraded,
            index_version=found.index_version,
            request_id=found.request_id,
        )
