"""Bodies and parameters of every call beside the query, whose models are in `retrieval.query`."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from retrieval.chunk import Document, DocumentStatus, JsonValue
from retrieval.cron import CronExpression, TimeZone
from retrieval.job import Job, JobState
from retrieval.job_request import Budget, Lane, Mirror
from retrieval.query import Flag, Namespace
from retrieval.video_options import VideoOptions


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("holds a NUL character, which cannot be stored")
    return value


_SOURCE_URI = "|".join(
    (
        r"^file://(localhost)?/(?!.*%00)[^?#\x00-\x20]*$",
        r"^s3://[A-Za-z0-9][A-Za-z0-9._-]{0,62}(/[!\"$&->@-~]*)?$",
        r"^((sitemap|list)\+)?https?://[a-z0-9.-]+(/[!-~]*)?$",
    )
)
NotNul = AfterValidator(_without_nul)
Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=1_024, pattern=r"\S"), NotNul
]
Passage = Annotated[str, StringConstraints(min_length=1, max_length=100_000, pattern=r"\S"), NotNul]
# Described only: what is no such URI is refused with a problem of its own.
SourceUri = Annotated[
    Identifier, WithJsonSchema({"type": "string", "maxLength": 1_024, "pattern": _SOURCE_URI})
]
Payload = dict[str, JsonValue]
Glob = Annotated[str, StringConstraints(min_length=1, max_length=1_024)]


# Base64 of the ledger, ids of jobs.
_CURSOR = r"^[A-Za-z0-9_=-]+$"


class Strict(BaseModel):
    """A model that refuses unknown fields by name."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class UpsertItem(Strict):
    """One chunk that somebody else has cut."""

    doc_id: Identifier
    chunk_id: Identifier
    text: Passage
    namespace: Namespace = "pmoves"
    section_id: Annotated[str, StringConstraints(max_length=1_024)] | None = None
    payload: Payload = Field(default_factory=dict)


class UpsertOptions(Strict):
    """What an upsert says beside its items.

    `index_lexical` and `ensure_collection` are accepted for old callers; every
    chunk is searchable both ways.
    """

    jsonl: str | None = None
    replace: Flag = False
    index_lexical: Flag = True
    ensure_collection: Flag = True


def _given(name: str) -> dict[str, JsonValue]:
    kind = {"items": "array", "jsonl": "string"}[name]
    return {"required": [name], "properties": {name: {"type": kind}}}


class UpsertRequest(UpsertOptions):
    """`POST /hirag/upsert-batch`: either `items`, or `jsonl` with one item a line."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_given("items"), _given("jsonl")]})

    items: list[UpsertItem] | None = None


class UpsertEnvelope(UpsertOptions):
    """An upsert whose items are not yet looked at: a bad one must not spoil the others."""

    items: list[object] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.items is None) == (self.jsonl is None):
            raise ValueError("items: give either 'items' or 'jsonl'")
        return self


class RejectedItem(BaseModel):
    """An item that was not stored; `line` counts from 1."""

    line: int
    field: str
    detail: str


class UpsertResponse(BaseModel):
    """What became of an upsert; `ok` unless every item was refused."""

    ok: bool
    upserted: int
    unchanged: int
    lexical_indexed: int
    rejected: list[RejectedItem]
    index_version: int


class IngestRequest(Strict):
    """`POST /ingest`; `sources` are `file:` and `s3:` URIs inside the allowed places, or pages."""

    sources: Annotated[list[SourceUri], Field(min_length=1, max_length=1_000)]
    namespace: Namespace | None = None
    recursive: Flag = True
    include: Annotated[list[Glob], Field(max_length=100)] = Field(default_factory=list)
    exclude: Annotated[list[Glob], Field(max_length=100)] = Field(default_factory=list)
    metadata: Payload = Field(default_factory=dict)
    retry_quarantined: Flag = False
    yt_options: VideoOptions = Field(default_factory=VideoOptions)
    lanes: Annotated[list[Lane], Field(max_length=16)] = Field(default_factory=list)
    budgets: dict[Lane, Budget] = Field(default_factory=dict)
    mirror: Mirror | None = None
    dry_run: Flag = False
    schedule: CronExpression | None = None
    timezone: TimeZone = "UTC"


class UploadFields(Strict):
    """The fields of an upload beside its files."""

    namespace: Namespace | None = None
    doc_id: Identifier | None = None
    metadata: Payload = Field(default_factory=dict)


class Paging(Strict):
    """Cursor paging: `cursor` is the `next_cursor` of the page before."""

    limit: Annotated[int, Field(ge=1, le=1_000)] = 100
    cursor: Annotated[str, StringConstraints(max_length=8_192, pattern=_CURSOR)] | None = None


class DocumentsQuery(Paging):
    """`GET /documents`; deleted documents are shown only where `status` asks for them."""

    namespace: Annotated[list[Namespace], Field(max_length=64)] = Field(default_factory=list)
    status: DocumentStatus | None = None
    source: Annotated[str, StringConstraints(max_length=4_096)] | None = None
    reason: Annotated[str, StringConstraints(max_length=128)] | None = None


class NamespacesQuery(Strict):
    """Of which namespaces; left out, of all that the caller may see."""

    namespace: Annotated[list[Namespace], Field(max_length=64)] = Field(default_factory=list)


class ReasonView(BaseModel):
    """How many documents are quarantined for errors of a type in a stage."""

    namespace: str
    stage: str
    type: str
    count: int


class ReasonList(BaseModel):
    """`GET /quarantine`, most frequent first."""

    reasons: list[ReasonView]


class RetryRequest(Strict):
    """`POST /quarantine/retry`; all that is quarantined in the namespace, or less."""

    namespace: Namespace | None = None
    reason: Annotated[str, StringConstraints(max_length=128)] | None = None
    doc_ids: Annotated[list[Identifier], Field(max_length=1_000)] = Field(default_factory=list)


class IgnoreRequest(Strict):
    """`POST /quarantine/ignore`."""

    namespace: Namespace | None = None
    doc_ids: Annotated[list[Identifier], Field(min_length=1, max_length=1_000)]


class IgnoredDocuments(BaseModel):
    """Those of the documents that were quarantined, and are ignored now."""

    namespace: str
    doc_ids: list[str]


class JobsQuery(Paging):
    """`GET /jobs`."""

    namespace: Annotated[list[Namespace], Field(max_length=64)] = Field(default_factory=list)


class NamespaceQuery(Strict):
    """Which namespace a document is in; left out, the default one."""

    namespace: Namespace | None = None


class DocumentErrorView(BaseModel):
    """Why a document is quarantined."""

    type: str
    message: str
    stage: str


class DocumentView(BaseModel):
    """A ledger row. `timings` are seconds per stage."""

    namespace: str
    doc_id: str
    status: DocumentStatus
    source: str
    title: str | None
    media_type: str | None
    pages: int
    chunks: int
    size_bytes: int
    stage: str | None
    error: DocumentErrorView | None
    attempts: int
    content_hash: str
    parent_id: str | None
    metadata: Payload
    timings: dict[str, float]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, document: Document) -> Self:
        """Return the view of a ledger row."""
        return cls.model_validate(document, from_attributes=True)


class DocumentList(BaseModel):
    """One page of the ledger."""

    documents: list[DocumentView]
    next_cursor: str | None


class DeletedDocument(BaseModel):
    """What a deletion removed."""

    ok: bool
    namespace: str
    doc_id: str
    deleted_chunks: int
    index_version: int


class JobView(BaseModel):
    """The progress of an ingest job; `rate` is in documents per second.

    A search with `min_index_version` set to `index_version` sees all that the job stored.
    """

    job_id: str
    namespace: str
    state: JobState
    total: int | None
    done: int
    quarantined: int
    skipped: int
    rate: float | None
    eta_s: float | None
    stages: dict[str, int]
    paused: bool
    sources: list[str]
    error: str | None
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None
    index_version: int | None

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return the view of a job."""
        made = {"sources", "paused"}
        fields = {name: getattr(job, name) for name in cls.model_fields if name not in made}
        sources = [source.uri for source in job.request.sources]
        return cls(**fields, sources=sources, paused=bool(job.pause_requested and not job.finished))


class JobList(BaseModel):
    """One page of jobs."""

    jobs: list[JobView]
    next_cursor: str | None


class NamespaceView(BaseModel):
    """The size of one namespace."""

    namespace: str
    documents: int
    chunks: int


class NamespaceList(BaseModel):
    """All namespaces."""

    namespaces: list[NamespaceView]
