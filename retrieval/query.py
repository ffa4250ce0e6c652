"""The request and the response of a search, as they stand on the wire."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from retrieval.chunk import JsonValue

Fusion = Literal["convex", "rrf", "dbsf"]
RerankFusion = Literal["mul", "wsum"]
Mode = Literal["hybrid", "dense", "lexical"]
Namespace = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=128)
]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Scalar = str | int | float | bool


class Condition(BaseModel):
    """Comparisons that a field must meet, all of them."""

    model_config = ConfigDict(extra="forbid")

    gte: Scalar | None = None
    lte: Scalar | None = None
    gt: Scalar | None = None
    lt: Scalar | None = None
    ne: Scalar | None = None
    exists: bool | None = None


Values = Annotated[list[Scalar], Field(max_length=1_000)]
Filters = Annotated[dict[str, Scalar | Values | Condition], Field(max_length=64)]


class SearchRequest(BaseModel):
    """`POST /hirag/query`. Fields left out take the values of the settings.

    `alpha` is the share of the dense side; `timeout_ms` bounds the whole answer. Of the
    best `rerank_topn` passages, reranked, the first `rerank_k` are returned.
    """

    model_config = ConfigDict(extra="forbid")

    query: Annotated[str, Field(min_length=1, max_length=8192)]
    namespace: Namespace = "pmoves"
    namespaces: Annotated[list[Namespace], Field(min_length=1, max_length=64)] | None = None
    k: Annotated[int, Field(ge=1, le=200, strict=True)] = 10
    alpha: Share | None = None
    fusion: Fusion | None = None
    mode: Mode = "hybrid"
    filters: Filters | None = None
    graph_boost: Share | None = None
    entity_types: list[str] | None = None
    typo_tolerance: Flag | None = None
    use_rerank: Flag | None = None
    rerank_topn: Annotated[int, Field(ge=1, le=200, strict=True)] | None = None
    rerank_k: Annotated[int, Field(ge=1, le=200, strict=True)] | None = None
    rerank_fusion: RerankFusion | None = None
    explain: Flag = False
    min_index_version: Annotated[int, Field(ge=0, strict=True)] | None = None
    timeout_ms: Annotated[int, Field(ge=1, le=300_000, strict=True)] | None = None

    @model_validator(mode="after")
    def _query_is_not_blank(self) -> Self:
        if not self.query.strip():
            raise ValueError("query: holds only white space; ask for something")
        return self

    @model_validator(mode="after")
    def _head_holds_the_hits(self) -> Self:
        if self.rerank_k and self.rerank_topn and self.rerank_k > self.rerank_topn:
            raise ValueError(
                f"rerank_k: {self.rerank_k} hits cannot come out of rerank_topn = "
                f"{self.rerank_topn} passages; raise rerank_topn"
            )
        return self

    @property
    def scope(self) -> tuple[str, ...]:
        """The namespaces to search, without repeats, in the order given."""
        return tuple(dict.fromkeys(self.namespaces or [self.namespace]))


class Source(BaseModel):
    """Where a hit comes from; `url` opens at the page or second."""

    uri: str
    title: str | None = None
    media_type: str
    page: int | None = None
    slide: int | None = None
    sheet: str | None = None
    heading: str | None = None
    t_start: float | None = None
    t_end: float | None = None
    url: str | None = None


class StageScore(BaseModel):
    """What one stage said of a hit: raw score, rank from 1, and its share's input.

    `score` and `rank` are missing where the stage did not find the passage itself.
    """

    score: float | None = None
    rank: int | None = None
    normalized: float


class RelationTie(BaseModel):
    """How an entity that the passage mentions has to do with one that the query names."""

    subject: str
    type: str
    object: str
    confidence: float


class Explanation(BaseModel):
    """Why a hit stands where it stands.

    `rerank` is there where the reranker has scored the passage; its rank is that by the
    reranker alone, and `rerank_fusion` says how its score was joined to the others.
    """

    fusion: str
    alpha: float | None = None
    dense: StageScore | None = None
    lexical: StageScore | None = None
    rerank: StageScore | None = None
    rerank_fusion: RerankFusion | None = None
    boosts: dict[str, float] = Field(default_factory=dict)
    relations: list[RelationTie] = Field(default_factory=list)


class Hit(BaseModel):
    """One passage of the answer."""

    chunk_id: str
    doc_id: str
    section_id: str | None = None
    namespace: str
    text: str
    score: float
    rerank_score: float | None = None
    graph_match: bool = False
    entities: list[str] = Field(default_factory=list)
    source: Source
    payload: dict[str, JsonValue] = Field(default_factory=dict)
    persona: dict[str, JsonValue] | None = None
    explain: Explanation | None = None


TOO_LATE = "took longer than its time limit"
NOT_CONFIGURED = "not configured"


class Degraded(BaseModel):
    """A stage that gave nothing, and why."""

    stage: str
    reason: str


class SearchResponse(BaseModel):
    """The answer; `results` repeats `hits` for old callers, `k` counts them.

    `corrections` has the words of `query` that no passage holds, and what each was read as.
    """

    query: str
    corrections: dict[str, str] = Field(default_factory=dict)
    k: int
    hits: list[Hit]
    results: list[Hit]
    used_rerank: bool = False
    rerank_provider: str | None = None
    degraded: list[Degraded] = Field(default_factory=list)
    index_version: int
    timings_ms: dict[str, float]
    request_id: str | None = None
