"""What the ledger says of a document after its way through the pipeline."""

from data_jobs.stages.work import Work
from retrieval.chunk import Document, JsonValue, utc_now
from retrieval.ids import document_id

# Stand in the metadata of ledger rows only, not in that of chunks.
CHILDREN = "pmoves.attachments"
GIVEN = "pmoves.given"
NEEDS_OCR = "pmoves.needs_ocr"
PREVIEW = "pmoves.preview"
WEB = "pmoves.web"


def ready_row(work: Work, known: Document | None) -> Document:
    """Return the row of a document whose chunks are in the corpus."""
    own: dict[str, JsonValue] = {
        CHILDREN: list(work.attachments),
        GIVEN: dict(work.file.metadata),
        NEEDS_OCR: list(work.needs_ocr),
        PREVIEW: work.preview,
        WEB: dict(work.web),
    }
    return Document(
        namespace=work.namespace,
        doc_id=work.doc_id,
        source=work.file.uri,
        status="ready",
        title=work.title,
        media_type=work.media_type,
        pages=work.pages,
        chunks=len(work.chunks),
        size_bytes=work.size_bytes,
        stage="commit",
        attempts=_attempts(work, known),
        content_hash=work.content_hash,
        pipeline=work.pipeline,
        parent_id=work.parent_id,
        metadata={**work.metadata, **{name: value for name, value in own.items() if value}},
        timings=work.timings,
        updated_at=utc_now(),
    )


def queued_row(work: Work) -> Document:
    """Return the row of a document that is about to be written for the first time."""
    return Document(
        namespace=work.namespace,
        doc_id=work.doc_id,
        source=work.file.uri,
        status="queued",
        parent_id=work.parent_id,
    )


def quarantined_row(work: Work, known: Document | None) -> Document:
    """Return the row of a document that was given up.

    What it says of title, pages and chunks is true of the last good version, which
    stays in the corpus.
    """
    kept = known if known is not None and known.status != "deleted" else None
    own: dict[str, JsonValue] = {GIVEN: dict(work.file.metadata)} if work.file.metadata else {}
    if kept:
        own |= {name: kept.metadata[name] for name in (CHILDREN, WEB) if name in kept.metadata}
    return Document(
        namespace=work.namespace,
        doc_id=work.doc_id,
        source=work.file.uri,
        status="quarantined",
        title=kept.title if kept else None,
        media_type=work.media_type or (kept.media_type if kept else None),
        pages=kept.pages if kept else 0,
        chunks=kept.chunks if kept else 0,
        size_bytes=work.size_bytes,
        stage=work.error.stage if work.error else None,
        error=work.error,
        attempts=_attempts(work, known),
        content_hash=work.content_hash,
        pipeline=work.pipeline,
        parent_id=work.parent_id,
        metadata={**work.file.metadata, **own},
        timings=work.timings,
        updated_at=utc_now(),
    )


def children_of(document: Document) -> set[str]:
    """Return the ids of the documents that were attached to `document`."""
    sources = document.metadata.get(CHILDREN)
    return {document_id(str(source)) for source in sources} if isinstance(sources, list) else set()


def given_metadata(document: Document) -> dict[str, JsonValue]:
    """Return the metadata that came with the source of a document."""
    given = document.metadata.get(GIVEN)
    return given if isinstance(given, dict) else {}


def web_of(document: Document) -> dict[str, str]:
    """Return what the host of a page said when it was fetched: name, etag and the like."""
    found = document.metadata.get(WEB)
    return {key: str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _attempts(work: Work, known: Document | None) -> int:
    """Return how often this content has been tried, this time included."""
    same = known is not None and known.content_hash == work.content_hash
    return known.attempts + 1 if known is not None and same else 1
