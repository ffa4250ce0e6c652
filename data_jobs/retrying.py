"""Taking quarantined documents up again."""

from collections.abc import Iterator
from pathlib import Path

from data_jobs.folders import is_inside
from data_jobs.sources import Selection, source_path
from data_jobs.stages.records import given_metadata
from data_jobs.web.urls import is_web
from retrieval.chunk import Document
from retrieval.corpus.store import Corpus
from retrieval.ids import document_id
from retrieval.job_request import JobRequest, SourceItem
from retrieval.jobs import JobStore
from retrieval.object_address import is_allowed, is_object_uri

_PAGE = 500


def quarantined_items(
    corpus: Corpus, jobs: JobStore, request: JobRequest, bounds: Selection
) -> list[SourceItem]:
    """Return the sources of the quarantined documents that `request` wants taken up.

    An attachment stands for the file that holds it. Left out are uploads whose
    files are gone, and what lies outside of the roots and buckets of `bounds`.
    """
    items: dict[str, SourceItem] = {}
    uploads: set[str] = set()
    for document in _quarantined(corpus, request):
        source = document.source.partition("#")[0]
        if is_web(source):
            items.setdefault(source, _item(document, source))
        elif source.startswith("file:") or is_object_uri(source):
            if _may_be_read(source, bounds):
                items.setdefault(source, _item(document, source))
        else:
            uploads.add(source)
    found = _uploaded(jobs, request.namespace, uploads) if uploads else {}
    return [*items.values(), *found.values()]


def _quarantined(corpus: Corpus, request: JobRequest) -> Iterator[Document]:
    """Yield what is wanted; of ignored documents those that are named."""
    wanted = set(request.retry_documents)
    for status in ("quarantined", "ignored") if wanted else ("quarantined",):
        cursor = None
        while True:
            page = corpus.documents(
                [request.namespace],
                status=status,
                reason=request.retry_reason,
                limit=_PAGE,
                cursor=cursor,
            )
            yield from (row for row in page.documents if not wanted or row.doc_id in wanted)
            cursor = page.next_cursor
            if cursor is None:
                break


def _may_be_read(source: str, bounds: Selection) -> bool:
    if is_object_uri(source):
        return bounds.buckets is None or is_allowed(source, bounds.buckets)
    if bounds.roots is None:
        return True
    return is_inside(source_path(source), [root.resolve() for root in bounds.roots])


def _item(document: Document, source: str) -> SourceItem:
    own = document.doc_id if document.doc_id != document_id(document.source) else None
    return SourceItem(uri=source, doc_id=own, metadata=given_metadata(document))


def _uploaded(jobs: JobStore, namespace: str, wanted: set[str]) -> dict[str, SourceItem]:
    """Return, by URI, the newest uploads called so whose files are still there."""
    found: dict[str, SourceItem] = {}
    cursor = None
    while wanted - found.keys():
        page = jobs.list([namespace], cursor=cursor)
        for job in page.jobs:
            for item in job.request.sources:
                if item.uri in wanted and item.path and Path(item.path).is_file():
                    metadata = {**job.request.metadata, **item.metadata}
                    found.setdefault(item.uri, item.model_copy(update={"metadata": metadata}))
        cursor = page.next_cursor
        if cursor is None:
            break
    return found
