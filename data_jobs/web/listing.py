"""Which pages stand behind the sources of a job that are on the web."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from data_jobs.errors import IngestError, LimitExceededError, SourceError
from data_jobs.patterns import PathFilter
from data_jobs.web.settings import WebSettings
from data_jobs.web.sitemaps import LARGEST, listed_urls, sitemap_urls
from data_jobs.web.turns import StoppedError
from data_jobs.web.urls import canonical_url
from data_jobs.web.visitor import Visitor

_KIND = re.compile(r"(sitemap|list)\+", re.IGNORECASE)
_SITEMAP = re.compile(r"/[^/]*sitemap[^/]*\.xml(\.gz)?$", re.IGNORECASE)
# A sitemap of sitemaps names no further ones; some do all the same.
_DEEPEST = 3


def kind_and_url(source: str) -> tuple[str, str]:
    """Return what a source on the web is (page, sitemap, list), and its URL.

    A URL whose last part is a sitemap's usual name is one without the prefix too.
    """
    prefix = _KIND.match(source)
    if prefix:
        return prefix[1].lower(), source[prefix.end() :]
    return ("sitemap" if _SITEMAP.search(urlsplit(source).path) else "page"), source


class WebLister:
    """Names the pages behind sources; reads sitemaps and lists, but no page."""

    def __init__(self, visitor: Visitor, settings: WebSettings, files: PathFilter) -> None:
        self._visitor = visitor
        self._settings = settings
        self._files = files

    def pages(self, source: str) -> Iterator[str | IngestError]:
        """Yield canonical URLs, and the error of each sitemap or line that is none.

        The path of a page that a sitemap or list names must fit the filter. Raises
        `SourceError`.
        """
        kind, url = kind_and_url(source)
        if kind == "page":
            yield canonical_url(url)
            return
        count = 0
        for found in self._sitemap(url, 0, set()) if kind == "sitemap" else self._list(url):
            page = self._page(found) if isinstance(found, str) else found
            if page is None:
                continue
            count += 1
            if count > self._settings.max_urls:
                raise SourceError(
                    f"{url} names more than {self._settings.max_urls} pages (PMOVES_WEB__MAX_URLS)"
                )
            yield page

    def _page(self, text: str) -> str | IngestError | None:
        try:
            page = canonical_url(text)
        except SourceError as error:
            return error
        return page if self._files.takes_file(urlsplit(page).path.lstrip("/")) else None

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
