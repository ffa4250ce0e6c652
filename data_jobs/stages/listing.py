"""List: one row for every file of a job, lazily."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from data_jobs.monitor import Monitor
from data_jobs.patterns import PathFilter
from data_jobs.settings import JobSettings
from data_jobs.sources import Pages, Selection, SourceFailure, SourceFile, expand
from data_jobs.stages.work import Work, bundles, pack
from data_jobs.video.identity import video_document_id
from data_jobs.video.listing import VideoLister
from data_jobs.web.listing import WebLister
from data_jobs.web.visitor import Visitor
from retrieval.ids import document_id
from retrieval.jobs import JobRequest, SourceItem


class ListStage:
    """Lists the files of a request, and the items of `again` to be taken up once more.

    Up to `most` documents travel together. With `roots`, files outside of these
    folders are refused.
    """

    name = "list"

    def __init__(
        self,
        request: JobRequest,
        again: Sequence[SourceItem],
        roots: Sequence[Path] | None,
        most: int,
        monitor: Monitor,
        settings: JobSettings | None = None,
    ) -> None:
        self._request = request
        self._again = again
        self._roots = roots
        self._most = most
        self._monitor = monitor
        self._settings = settings

    def __call__(self, _seed: pa.Table) -> Iterator[pa.Table]:
        """Yield bundles of documents."""
        yield from bundles(map(pack, self._works()), self._most)
        self._monitor.listed()

    def _works(self) -> Iterator[Work]:
        for found in self._found():
            if self._monitor.stopping():
                return
            self._monitor.add(self.name, 1)
            yield self._work(found)

    def _found(self) -> Iterator[SourceFile | SourceFailure]:
        request = self._request
        files = PathFilter(request.include, request.exclude)
        again = {item.uri: item for item in self._again}
        pages = self._pages(files)
        chosen = Selection(request.recursive, files, self._roots, pages)
        for found in expand(request.sources, chosen):
            yield _forced(found) if again.pop(found.uri, None) else found
        rest = expand(list(again.values()), Selection(roots=self._roots, pages=pages))
        yield from map(_forced, rest)

    def _pages(self, files: PathFilter) -> Pages | None:
        """Return what names the pages behind sources on the web."""
        if self._settings is None:
            return None
        visitor = Visitor(self._settings.fetch, self._settings.web, self._monitor.stopping)
        others = WebLister(visitor, self._settings.web, files).pages
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
