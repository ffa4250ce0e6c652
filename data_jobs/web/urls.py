"""Names of pages: one spelling of each URL, and the name of the file that it would be.

httpx, which reads URLs, is imported for the first one: most jobs have none.
"""

import re
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from data_jobs.errors import SourceError
from retrieval.fetching.errors import RefusedUrlError
from retrieval.fetching.guard import parsed_url

_PREFIX = re.compile(r"(?:(sitemap|list)\+)?(https?)://", re.IGNORECASE)
_LIST_FILE = re.compile(r"list\+file://", re.IGNORECASE)
_KIND = re.compile(r"(sitemap|list)\+", re.IGNORECASE)
_SITEMAP = re.compile(r"/[^/]*sitemap[^/]*\.xml(\.gz)?$", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")
_SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".xhtml",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/vtt": ".vtt",
    "application/json": ".json",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
}


def is_web(source: str) -> bool:
    """Say whether `source` is a page, a sitemap or a list of pages."""
    return bool(_PREFIX.match(source) or _LIST_FILE.match(source))


def kind_and_url(source: str) -> tuple[str, str]:
    """Return what a source on the web is (page, sitemap, list), and its URL.

    A URL whose last part is a sitemap's usual name is one without the prefix too.
    """
    prefix = _KIND.match(source)
    if prefix:
        return prefix[1].lower(), source[prefix.end() :]
    return ("sitemap" if _SITEMAP.search(urlsplit(source).path) else "page"), source


def is_page(source: str) -> bool:
    """Say whether a source on the web is one page, and names no others."""
    return kind_and_url(source)[0] == "page"


def checked_source(source: str) -> str:
    """Return the URL inside a source on the web; raises `SourceError` where it is none."""
    _, url = kind_and_url(source)
    return url if url.lower().startswith("file:") else canonical_url(url)


def canonical_url(url: str) -> str:
    """Return the one spelling of `url`: lower case where that means nothing, no fragment.

    Raises `SourceError` for what is no http or https URL.
    """
    try:
        parsed = parsed_url(url)
    except RefusedUrlError as error:
        raise SourceError(str(error)) from error
    path, _, query = parsed.raw_path.decode("ascii").partition("?")
    path = _without_dots(_ESCAPE.sub(_escape, path))
    host = parsed.raw_host.decode("ascii").lower().removesuffix(".")
    host = f"[{host}]" if ":" in host else host
    port = "" if parsed.port in (None, _PORTS[parsed.scheme]) else f":{parsed.port}"
    tail = f"?{_ESCAPE.sub(_escape, query)}" if query else ""
    return f"{parsed.scheme}://{host}{port}{path}{tail}"


def joined(base: str, reference: str) -> str:
    """Return the URL that `reference` means on the page `base`; raises `SourceError`."""
    import httpx

    try:
        return str(httpx.URL(base).join(reference.strip()))
    except (httpx.InvalidURL, ValueError) as error:
        raise SourceError(f"{reference[:200]!r} on {base} is no URL: {error}") from error


def host_of(url: str) -> str:
    """Return scheme, host and port of `url`."""
    import httpx

    parsed = httpx.URL(url)
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii')}"


def page_name(url: str, media_type: str) -> str:
    """Return a file name for the page, whose ending tells kinds of text apart."""
    import httpx

    parsed = httpx.URL(url)
    last = unquote(PurePosixPath(parsed.path).name).replace("/", " ").replace("\x00", "")
    name = last or parsed.host
    kind = _SUFFIXES.get(media_type.partition(";")[0].strip().lower(), "")
    if kind and (not last or not _SUFFIX.fullmatch(PurePosixPath(last).suffix)):
        name += kind
    return name[:200]


def _escape(found: re.Match[str]) -> str:
    character = unquote(found[0])
    return character if _UNRESERVED.fullmatch(character) else found[0].upper()


def _without_dots(path: str) -> str:
    kept: list[str] = []
    parts = path.split("/")[1:]
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    if parts and parts[-1] in (".", ".."):
        kept.append("")
    return "/" + quote("/".join(kept), safe="/%:@!$&'()*+,;=~-._")
