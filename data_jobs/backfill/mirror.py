"""Mirror mode: what is gone from its source goes from the corpus, within a limit."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from data_jobs.errors import IngestError, JobError, SourceError
from data_jobs.objects.listing import object_address, objects
from data_jobs.objects.store import ObjectStore
from data_jobs.patterns import PathFilter
from data_jobs.sources import pattern_base, source_path, source_uri
from data_jobs.stages.outcomes import DocumentOutcome
from data_jobs.stages.records import web_of
from data_jobs.web.urls import is_page, is_web
from retrieval.chunk import Document
from retrieval.corpus.store import Corpus
from retrieval.job_request import JobRequest, Mirror, SourceItem
from retrieval.object_address import is_object_uri

_PAGE = 500


class Seen:
    """What a run has come across, as far as mirroring needs to know."""

    def __init__(self) -> None:
        self._named: set[str] = set()
        self._gone: set[str] = set()
        self._failed: set[str] = set()

    def add(self, document: DocumentOutcome) -> None:
        """Note one document."""
        if document.stage == "list":
            self._failed.add(document.source)
        elif document.type == "GoneError":
            self._gone.add(document.doc_id)
        else:
            self._named.add(document.doc_id)

    def lists_all(self, source: str) -> bool:
        """Say whether a sitemap or list was read without any failure."""
        return source not in self._failed

    def is_gone(self, document: Document, listed: bool) -> bool:
        """Say whether a page is gone: its host says so, or nothing names it any more."""
        named = document.doc_id in self._named
        return not named and (listed or document.doc_id in self._gone)


@dataclass(frozen=True, slots=True)
class _Owned:
    """The documents that one source stands for, by the beginning of their URIs."""

    item: SourceItem
    beginning: str = ""
    objects: frozenset[str] | None = None

    def owns(self, document: Document) -> bool:
        if self.beginning.endswith("/"):
            return document.source.startswith(self.beginning)
        if self.beginning:
            return document.source == self.beginning
        web = web_of(document)
        return self.item.uri in (web.get("from"), web.get("at"), document.source)


def mirror(
    corpus: Corpus, request: JobRequest, limits: Mirror, seen: Seen, store: ObjectStore
) -> int:
    """Delete the documents of the request's sources that are gone; return how many.

    `store` is asked which of its objects are still there, whatever filters and budgets
    leave out. Raises `JobError`, and deletes nothing, where more are gone than `limits`
    allow or a folder is not there at all.
    """
    owned = [_owned(item, store) for item in request.sources if item.path is None]
    covered, gone = 0, list[Document]()
    for document in _documents(corpus, request.namespace):
        owner = next((each for each in owned if each.owns(document)), None)
        if owner is not None:
            covered += 1
            if _is_gone(document, owner, seen):
                gone.append(document)
    most = max(limits.max_documents, int(limits.max_share * covered))
    if len(gone) > most:
        raise JobError(
            f"{len(gone)} of {covered} documents are gone from their sources, and at most {most} "
            "are deleted in one run (mirror.max_share, mirror.max_documents); nothing was deleted"
        )
    for document in gone:
        corpus.delete_document(document.namespace, document.doc_id)
    return len(gone)


def _owned(item: SourceItem, store: ObjectStore) -> _Owned:
    if is_web(item.uri):
        return _Owned(item)
    if is_object_uri(item.uri):
        return _owned_objects(item, store)
    path = source_path(item.uri)
    base = path if os.path.lexists(path) else pattern_base(path)
    if not base.exists():
        raise JobError(f"there is nothing at {str(base)!r}; nothing was deleted")
    return _Owned(item, source_uri(base) + ("/" if base.is_dir() else ""))


def _owned_objects(item: SourceItem, store: ObjectStore) -> _Owned:
    address = object_address(item.uri)
    try:
        found = objects(store, address, recursive=True, files=PathFilter((), ()))
        there = frozenset(each.address.uri for each in found)
    except SourceError as error:
        raise JobError(f"{error}; nothing was deleted") from error
    single = there == {address.uri}
    return _Owned(item, address.uri if single else address.uri.rstrip("/") + "/", there)


def _is_gone(document: Document, owner: _Owned, seen: Seen) -> bool:
    item = owner.item
    if owner.objects is not None:
        return document.source not in owner.objects
    if is_web(item.uri):
        return seen.is_gone(document, not is_page(item.uri) and seen.lists_all(item.uri))
    try:
        return not os.path.lexists(source_path(document.source))
    except IngestError:
        return False


def _documents(corpus: Corpus, namespace: str) -> Iterator[Document]:
    cursor = None
    while True:
        page = corpus.documents([namespace], limit=_PAGE, cursor=cursor)
        yield from (row for row in page.documents if row.parent_id is None)
        cursor = page.next_cursor
        if cursor is None:
            return
