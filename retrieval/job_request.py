"""What an ingestion job is asked for.

Apart from the store of jobs, so that the workers of a job need not load the state database.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from retrieval.chunk import JsonValue
from retrieval.query import Namespace
from retrieval.video_options import VideoOptions

Lane = Literal["documents", "pictures", "recordings", "mail", "archives", "web"]


class SourceItem(BaseModel):
    """One source: a URI, and where its bytes lie if that is somewhere else.

    Its own patterns, where it has any, stand for those of the request. Sources of
    higher `priority` are listed first.
    """

    model_config = ConfigDict(extra="forbid")

    uri: str
    path: str | None = None
    doc_id: str | None = None
    name: str | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    include: list[str] | None = None
    exclude: list[str] | None = None
    recursive: bool | None = None
    priority: int = 0


class Budget(BaseModel):
    """Most that one run of a job takes of a lane, unchanged documents left out."""

    model_config = ConfigDict(extra="forbid")

    documents: int | None = Field(None, ge=1)
    bytes: int | None = Field(None, ge=1)


class Mirror(BaseModel):
    """Documents whose sources are gone are deleted, but never more than the larger limit."""

    model_config = ConfigDict(extra="forbid")

    max_share: float = Field(0.1, ge=0, le=1)
    max_documents: int = Field(10, ge=0)


class JobRequest(BaseModel):
    """What to ingest, and how; without `lanes`, all of them.

    With `retry_quarantined`, what is quarantined is taken up again: all of it, or what
    has an error of the type `retry_reason`, or one of the ids `retry_documents`.
    """

    model_config = ConfigDict(extra="forbid")

    namespace: Namespace
    sources: list[SourceItem]
    recursive: bool = True
    include: list[str] = Field(default_factory=list)
    exclude: list[str] = Field(default_factory=list)
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    retry_quarantined: bool = False
    yt_options: VideoOptions = Field(default_factory=VideoOptions)
    retry_reason: str | None = None
    retry_documents: list[str] = Field(default_factory=list)
    lanes: list[Lane] = Field(default_factory=list)
    budgets: dict[Lane, Budget] = Field(default_factory=dict)
    mirror: Mirror | None = None
