"""List: one row for every file of a job, lazily; first what is quick, then what is slow."""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from data_jobs.errors import JobError
from data_jobs.lanes import chosen_documents
from data_jobs.monitor import Monitor, MonitorLostError
from data_jobs.patterns import PathFilter
from data_jobs.settings import JobSettings
from data_jobs.sources import Pages, Selection, SourceFailure, SourceFile, expand
from data_jobs.stages.work import Packed, Work, bundles, pack
from data_jobs.video.identity import video_document_id
from data_jobs.video.listing import VideoLister
from data_jobs.web.listing import WebLister
from data_jobs.web.visitor import Visitor
from retrieval.chunk import Document
from retrieval.corpus.changes import DocumentKey
from retrieval.corpus.store import Corpus
from retrieval.ids import document_id
from retrieval.job_request import JobRequest, SourceItem

_PAUSE_S = 0.25
_LOOK_SECONDS = 0.2
# Slow documents travel in small bundles, so that all workers get some.
_MOST_SLOW = 8


class ListStage:
    """Lists the files of a request, and the items of `again` to be taken up once more.

    Documents that the parsers set aside as slow come a second time, once all are
    looked at.
    Up to `most` documents travel together. `bounds` says where sources may lie and how
    the object store is reached; what it selects there is left to the request.
    """

    name = "list"

    def __init__(
        self,
        request: JobRequest,
        again: Sequence[SourceItem],
        bounds: Selection,
        most: int,
        monitor: Monitor,
        settings: JobSettings | None = None,
    ) -> None:
        self._request = request
        self._again = again
        self._bounds = bounds
        self._most = most
        self._monitor = monitor
        self._settings = settings

    def __call__(self, _seed: pa.Table) -> Iterator[pa.Table]:
        """Yield bundles of documents."""
        kept_by = self._monitor.identity()
        yield from self.first()
        try:
            yield from self.later()
            lost = self._monitor.identity() != kept_by
        except MonitorLostError:
            lost = True
        if lost and not self._monitor.stopping():
            raise JobError(
                "the list of slow documents was lost with the process that kept it; "
                "run the job again, it goes on from what is stored"
            )

    def first(self) -> Iterator[pa.Table]:
        """Yield all files."""
        yield from bundles(map(pack, self._works()), self._most)
        self._monitor.listed()

    def later(self) -> Iterator[pa.Table]:
        """Yield what was set aside, until no more will come."""
        yield from bundles(self._aside(), _MOST_SLOW)

    def _aside(self) -> Iterator[Packed]:
        start = 0
        while not self._monitor.stopping():
            found = self._monitor.aside(start)
            if found is None:
                return
            yield from (Packed(False, data) for data in found)
            start += len(found)
            if not found:
                time.sleep(_LOOK_SECONDS)

    def _works(self) -> Iterator[Work]:
        chosen = chosen_documents(map(self._work, self._found()), self._request, self._ledger)
        for work in chosen:
            while self._monitor.paused() and not self._monitor.stopping():
                time.sleep(_PAUSE_S)
            if self._monitor.stopping():
                return
            self._monitor.add(self.name, 1)
            yield work

    def _ledger(self, keys: Collection[DocumentKey]) -> dict[DocumentKey, Document]:
        if self._settings is None:
            return {}
        return Corpus.open_existing(self._settings.corpus_uri).ledger(keys)

    def _found(self) -> Iterator[SourceFile | SourceFailure]:
        request = self._request
        files = PathFilter(request.include, request.exclude)
        again = {item.uri: item for item in self._again}
        bounds = replace(self._bounds, pages=self._pages())
        chosen = replace(bounds, recursive=request.recursive, files=files)
        for found in expand(request.sources, chosen):
            yield _forced(found) if again.pop(found.uri, None) else found
        rest = expand(list(again.values()), bounds)
        yield from map(_forced, rest)

    def _pages(self) -> Pages | None:
        """Return what names the pages behind sources on the web."""
        if self._settings is None:
            return None
        visitor = Visitor(self._settings.fetch, self._settings.web, self._monitor.stopping)
        others = WebLister(visitor, self._settings.web).pages
        return VideoLister(
            self._settings.video,
            self._settings.fetch,
            self._request.yt_options,
            self._monitor.stopping,
            others,
        ).pages

    def _work(self, found: SourceFile | SourceFailure) -> Work:
        namespace = self._request.namespace
        doc_id = found.doc_id or video_document_id(found.uri) or document_id(found.uri)
        if isinstance(found, SourceFailure):
            nowhere = SourceFile(found.uri, Path(), metadata=self._request.metadata)
            work = Work(nowhere, namespace, doc_id)
            work.quarantine("list", found.error)
            return work
        metadata = {**self._request.metadata, **found.metadata}
        return Work(replace(found, metadata=metadata), namespace, doc_id)


def _forced(found: SourceFile | SourceFailure) -> SourceFile | SourceFailure:
    return replace(found, force=True) if isinstance(found, SourceFile) else found
