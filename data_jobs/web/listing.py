"""Which pages stand behind the sources of a job that are on the web."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from data_jobs.errors import IngestError, LimitExceededError, SourceError, StoppedError
from data_jobs.patterns import PathFilter
from data_jobs.web.settings import WebSettings
from data_jobs.web.sitemaps import LARGEST, listed_urls, sitemap_urls
from data_jobs.web.urls import canonical_url, kind_and_url
from data_jobs.web.visitor import Visitor

# A sitemap of sitemaps names no further ones; some do all the same.
_DEEPEST = 3


class WebLister:
    """Names the pages behind sources; reads sitemaps and lists, but no page."""

    def __init__(self, visitor: Visitor, settings: WebSettings) -> None:
        self._visitor = visitor
        self._settings = settings

    def pages(self, source: str, files: PathFilter) -> Iterator[str | IngestError]:
        """Yield canonical URLs, and the error of each sitemap or line that is none.

        The path of a page that a sitemap or list names must fit `files`. Raises
        `SourceError`.
        """
        kind, url = kind_and_url(source)
        if kind == "page":
            yield canonical_url(url)
            return
        count = 0
        for found in self._sitemap(url, 0, set()) if kind == "sitemap" else self._list(url):
            page = _page(found, files) if isinstance(found, str) else found
            if page is None:
                continue
            count += 1
            if count > self._settings.max_urls:
                raise SourceError(
                    f"{url} names more than {self._settings.max_urls} pages (PMOVES_WEB__MAX_URLS)"
                )
            yield page

    def _sitemap(self, url: str, depth: int, seen: set[str]) -> Iterator[str | IngestError]:
        if url in seen:
            return
        seen.add(url)
        try:
            pages, further = sitemap_urls(self._read(url))
        except IngestError as error:
            if depth == 0:
                raise SourceError(f"{url}: {error}") from error
            yield SourceError(f"{url}: {error}")
            return
        yield from pages
        if further and depth >= _DEEPEST:
            yield LimitExceededError(f"{url}: sitemaps are followed {_DEEPEST} deep")
            return
        for other in further:
            try:
                yield from self._sitemap(canonical_url(other), depth + 1, seen)
            except SourceError as error:
                yield error

    def _list(self, url: str) -> Sequence[str]:
        return list(listed_urls(self._read(url)))

    def _read(self, url: str) -> bytes:
        if url.lower().startswith("file:"):
            from data_jobs.sources import source_path

            try:
                return source_path(url).read_bytes()
            except OSError as error:
                raise SourceError(f"{url} cannot be read: {error.strerror}") from error
        with tempfile.TemporaryDirectory(prefix="pmoves-list-") as folder:
            path = Path(folder) / "list"
            try:
                self._visitor.visit(canonical_url(url), path, LARGEST)
            except StoppedError:
                return b""
            return path.read_bytes()


def _page(text: str, files: PathFilter) -> str | IngestError | None:
    try:
        page = canonical_url(text)
    except SourceError as error:
        return error
    return page if files.takes_file(urlsplit(page).path.lstrip("/")) else None
