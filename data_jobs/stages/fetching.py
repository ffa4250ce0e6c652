"""Fetch: from pages on the web to files; what has not changed since is not sent again."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from data_jobs.monitor import Monitor
from data_jobs.settings import JobSettings
from data_jobs.stages.reading import ReadStage
from data_jobs.stages.records import web_of
from data_jobs.stages.stage import Stage
from data_jobs.stages.together import together
from data_jobs.stages.work import Carried, Work, pack
from data_jobs.web.pages import content_type, own_url, write_as_utf8
from data_jobs.web.urls import host_of, is_web, page_name
from data_jobs.web.visitor import Visit, Visitor
from retrieval.chunk import Document
from retrieval.ids import document_id


class FetchStage(Stage):
    """Fetches pages into `folder`; hosts side by side, the pages of one host in turn.

    Only one worker of a job runs it, so that no host is asked faster than it likes. A
    page that the ledger knows is asked for on condition that it has changed.
    """

    name = "fetch"

    def __init__(self, settings: JobSettings, retry: bool, folder: Path, monitor: Monitor) -> None:
        super().__init__(monitor)
        self._settings = settings
        self._folder = folder
        self._reader = ReadStage(settings, retry, monitor)

    @cached_property
    def _visitor(self) -> Visitor:
        self._folder.mkdir(parents=True, exist_ok=True)
        return Visitor(self._settings.fetch, self._settings.web, self._monitor.stopping)

    def process(self, work: Work) -> Iterator[Work]:
        """Fetch one page."""
        self._fetch(work)
        yield work

    def _fetch(self, work: Work) -> None:
        path = self._folder / uuid.uuid4().hex
        try:
            visit = self._visit(work, path)
            if visit is None:
                return
            self._take(work, visit, path)
            work.spooled = path
        finally:
            if work.spooled is None:
                path.unlink(missing_ok=True)

    def _visit(self, work: Work, path: Path) -> Visit | None:
        """Visit the page; None where that has settled the outcome."""
        url, most = work.file.uri, self._settings.ingest.max_file_bytes
        if (validators := _validators(work)) and work.known:
            visit = self._visitor.visit(url, path, most, validators)
            if not visit.unmodified:
                return visit
            self._unmodified(work, work.known)
            if work.outcome is not None:
                return None
        # The page is the same, but what is made of it is not.
        return self._visitor.visit(url, path, most)

    def _unmodified(self, work: Work, known: Document) -> None:
        web = web_of(known)
        work.content_hash, work.size_bytes = known.content_hash, known.size_bytes
        work.file = replace(work.file, name=web.get("name") or work.file.name)
        self._reader.judge(work)

    def _take(self, work: Work, visit: Visit, path: Path) -> None:
        """Note what the answer says of the page."""
        headers = visit.answer.headers
        media_type, charset = content_type(headers.get("content-type", ""))
        if charset and media_type.startswith("text/"):
            write_as_utf8(path, charset)
        url = own_url(path, visit.url, media_type)
        name = work.file.name or page_name(url, media_type)
        if work.doc_id == document_id(work.file.uri):
            work.doc_id = document_id(url)
        work.file = replace(work.file, uri=url, path=path, name=name)
        found = {"name": name, "etag": headers.get("etag"), "at": visit.url}
        found |= {"last_modified": headers.get("last-modified"), "from": work.file.origin}
        work.web = {key: value for key, value in found.items() if value}

    def documents(self, documents: Iterable[Carried]) -> Iterator[Carried]:
        """Take documents that come together; ask several hosts at once."""
        hosts: defaultdict[str, list[Work]] = defaultdict(list)
        others: list[Carried] = []
        for document in documents:
            work = None if document.settled else document.work()
            if work is None or work.spooled or not is_web(work.file.uri):
                others.append(document)
            else:
                hosts[host_of(work.file.uri)].append(work)
        self._monitor.add(self.name, len(others))
        yield from others
        if hosts:
            for work in self._side_by_side(list(hosts.values())):
                self._monitor.add(self.name, 1)
                yield pack(work)

    def _side_by_side(self, hosts: Sequence[Sequence[Work]]) -> Iterator[Work]:
        """Fetch the pages of all hosts, and yield each as soon as it is there."""
        known = self._reader.ledger({work.key for host in hosts for work in host})

        def in_turn(works: Sequence[Work], _number: int) -> Iterator[Work]:
            for work in works:
                work.known = known.get(work.key)
                yield self.guarded(work)[0]

        return together(hosts, in_turn, self._settings.web.hosts_at_once)


def _validators(work: Work) -> dict[str, str]:
    """Return the headers that ask for the page only if it has changed."""
    known = work.known
    if work.file.force or known is None or known.status != "ready" or known.source != work.file.uri:
        return {}
    web = web_of(known)
    if web.get("at") != work.file.uri:
        return {}
    asked = {"If-None-Match": web.get("etag"), "If-Modified-Since": web.get("last_modified")}
    return {name: value for name, value in asked.items() if value}
