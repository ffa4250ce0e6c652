"""The unit of retrieval, and the ledger row of the document it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from typing_extensions import TypeAliasType

from retrieval.pickling import by_fields

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

JsonValue = TypeAliasType(
    "JsonValue",
    "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None",
)
# In quotes: settings and commands come by here, and have no arrays.
Vectors = TypeAliasType("Vectors", "NDArray[np.float32]")
DocumentStatus = Literal["queued", "ready", "quarantined", "ignored", "deleted"]


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


@by_fields
@dataclass(frozen=True, slots=True)
class Locator:
    """Where in its document a chunk stands.

    `page` and `slide` count from 1, `t_start` and `t_end` are seconds, `heading`
    is the path of headings joined by " › ".
    """

    page: int | None = None
    slide: int | None = None
    sheet: str | None = None
    heading: str | None = None
    t_start: float | None = None
    t_end: float | None = None


@by_fields
@dataclass(frozen=True, slots=True)
class Chunk:
    """One passage as it is stored.

    `context` is the header (title, heading path) that is embedded and indexed in
    front of `text`; it may be empty. `metadata` is any JSON object; it can be
    filtered by `metadata.*` and comes back as `payload`.
    """

    namespace: str
    doc_id: str
    chunk_id: str
    text: str
    position: int = 0
    context: str = ""
    section_id: str | None = None
    source: str = ""
    title: str | None = None
    media_type: str = "text/plain"
    locator: Locator = Locator()
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def indexed_text(self) -> str:
        """The text that is embedded and searched: context, then text."""
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class DocumentError:
    """Why a document is quarantined: the stage, the error's type, and a sentence."""

    stage: str
    type: str
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """One row of the ledger.

    `content_hash` covers the bytes of the source, `pipeline` whatever else the
    chunks depend on (code, chunking settings, model). `timings` are seconds per
    stage.
    """

    namespace: str
    doc_id: str
    source: str
    status: DocumentStatus
    title: str | None = None
    media_type: str | None = None
    pages: int = 0
    chunks: int = 0
    size_bytes: int = 0
    stage: str | None = None
    error: DocumentError | None = None
    attempts: int = 0
    content_hash: str = ""
    pipeline: str = ""
    parent_id: str | None = None
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    created_at: datetime = field(default_factory=utc_now)
    updated_at: datetime = field(default_factory=utc_now)
