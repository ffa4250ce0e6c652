"""A document on its way through the pipeline, and the rows that carry documents."""

import pickle
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, cast

import pyarrow as pa

from data_jobs.errors import IngestError
from data_jobs.parse.base import ParsedDocument
from data_jobs.sources import SourceFile
from data_jobs.speech.utterance import Utterance
from data_jobs.video.base import VideoNotes
from retrieval.chunk import Chunk, Document, DocumentError, JsonValue, Vectors
from retrieval.relation import Relation

Outcome = Literal["ready", "quarantined", "skipped", "stopped"]
StageName = Literal["list", "fetch", "read", "parse", "transcribe", "chunk", "embed", "commit"]

_LONGEST_MESSAGE = 1_000
_BUNDLE_BYTES = 4 * 2**20
_BUNDLE_SECONDS = 2.0
ROWS = pa.schema(
    [("settled", pa.large_list(pa.bool_())), ("work", pa.large_list(pa.large_binary()))]
)


@dataclass(slots=True)
class Work:
    """One document: what it is, and what the stages so far made of it.

    `known` is its ledger row from before, or that of its parent. `outcome` is set
    as soon as it is certain; the stages that follow then leave it alone.
    `recorded` says that the ledger holds that outcome already. `attachments` are
    the sources of its child documents, `needs_ocr` the pages without usable text.
    `spoken` is what is said in a recording or video, `video` what else is known of one.
    `slow` says that it was set aside, and that its turn has come.
    `web` is what the host of a page said of it, `spooled` the file that it was fetched to.
    """

    file: SourceFile
    namespace: str
    doc_id: str
    known: Document | None = None
    slow: bool = False
    depth: int = 0
    parent_id: str | None = None
    content_hash: str = ""
    pipeline: str = ""
    size_bytes: int = 0
    media_type: str | None = None
    title: str | None = None
    pages: int = 0
    needs_ocr: tuple[int, ...] = ()
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    parsed: ParsedDocument | None = None
    attachments: tuple[str, ...] = ()
    preview: str | None = None
    chunks: list[Chunk] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    vectors: Vectors | None = None
    timings: dict[str, float] = field(default_factory=dict)
    outcome: Outcome | None = None
    error: DocumentError | None = None
    recorded: bool = False
    spoken: tuple[Utterance, ...] = ()
    video: VideoNotes | None = None
    web: Mapping[str, str] = field(default_factory=dict)
    spooled: Path | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and document id."""
        return self.namespace, self.doc_id

    @property
    def name(self) -> str:
        """The file's name as people know it."""
        return self.file.name or self.file.path.name

    def discard(self) -> None:
        """Remove the file that the page was fetched to, once nobody needs it any more."""
        if self.spooled is not None:
            self.spooled.unlink(missing_ok=True)

    def quarantine(self, stage: StageName, error: Exception) -> None:
        """Give the document up, with a reason that a person understands."""
        message = " ".join(str(error).split())
        if not isinstance(error, IngestError):
            message = f"unexpected {type(error).__name__}: {message}"
        text = message[:_LONGEST_MESSAGE].encode("utf-8", "replace").decode()
        self.error = DocumentError(stage, type(error).__name__, text)
        self.outcome = "quarantined"
        self.parsed, self.chunks, self.relations, self.vectors = None, [], [], None


class Carried(Protocol):
    """A `Work` between two stages, and whether its outcome is certain."""

    @property
    def settled(self) -> bool:
        """Whether the outcome is certain."""
        ...

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        ...

    def work(self) -> Work:
        """Return the work."""
        ...

    def packed(self) -> "Packed":
        """Return what can leave this process."""
        ...


@dataclass(frozen=True, slots=True)
class Packed:
    """A pickled `Work`; see `Carried`."""

    settled: bool
    data: bytes

    @property
    def size(self) -> int:
        """The bytes of the pickle."""
        return len(self.data)

    def work(self) -> Work:
        """Return the work, anew with each call."""
        return cast(Work, pickle.loads(self.data))

    def packed(self) -> "Packed":
        """Return itself."""
        return self


@dataclass(frozen=True, slots=True)
class Held:
    """A `Work` that is pickled only if it leaves this process; see `Carried`."""

    held: Work

    @property
    def settled(self) -> bool:
        """Whether the outcome is certain."""
        return self.held.outcome is not None

    @property
    def size(self) -> int:
        """The characters of its text."""
        blocks = self.held.parsed.blocks if self.held.parsed else ()
        read = sum([len(block.text) for block in blocks])
        return read + sum([len(chunk.text) for chunk in self.held.chunks])

    def work(self) -> Work:
        """Return the work, always the same."""
        return self.held

    def packed(self) -> Packed:
        """Return it pickled."""
        return Packed(self.settled, pickle.dumps(self.held, pickle.HIGHEST_PROTOCOL))


def pack(work: Work) -> Held:
    """Return `work` ready to be handed on."""
    return Held(work)


def unpack(table: pa.Table) -> Iterator[Packed]:
    """Yield the documents in the rows of `table`."""
    for settled, work in zip(table.column("settled"), table.column("work"), strict=True):
        for number, data in enumerate(work):
            yield Packed(settled[number].as_py(), data.as_py())


def bundles(documents: Iterable[Carried], most: int | None = None) -> Iterator[pa.Table]:
    """Gather documents into tables of one row each.

    A row, which Ray moves and schedules as a whole, holds up to `most` documents, a
    few megabytes, or what came in two seconds. The first rows hold fewer, so that
    small jobs spread over the workers and show early results.
    """
    waiting: list[Packed] = []
    size, since, room = 0, 0.0, 1 if most else None
    for document in documents:
        since = since if waiting else time.monotonic()
        waiting.append(document.packed())
        size += waiting[-1].size
        late = time.monotonic() - since > _BUNDLE_SECONDS
        if len(waiting) == room or size >= _BUNDLE_BYTES or late:
            yield _row(waiting)
            waiting, size = [], 0
            room = min(room * 2, most) if room and most else None
    if waiting:
        yield _row(waiting)


def _row(documents: list[Packed]) -> pa.Table:
    settled = [[document.settled for document in documents]]
    work = [[document.data for document in documents]]
    return pa.Table.from_arrays(
        [pa.array(settled, ROWS.field("settled").type), pa.array(work, ROWS.field("work").type)],
        schema=ROWS,
    )
