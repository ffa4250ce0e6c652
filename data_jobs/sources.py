"""Which files stand behind the sources of a job."""

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from data_jobs.errors import IngestError, SourceError
from data_jobs.folders import FolderWalk
from data_jobs.objects.listing import object_address, objects
from data_jobs.objects.store import ObjectStore, StoredObject
from data_jobs.patterns import PathFilter, PathPattern, has_magic
from data_jobs.video.identity import full_url
from data_jobs.web.urls import checked_source, is_page, is_web
from retrieval.chunk import JsonValue
from retrieval.job_request import SourceItem
from retrieval.object_address import is_allowed, is_object_uri
from retrieval.settings import S3Settings

_ON_HOSTS = ("http", "sitemap+http", "list+http")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_LOCAL_HOSTS = ("", "localhost")
Pages = Callable[[str, PathFilter], Iterator[str | IngestError]]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to ingest: the URI that names it, and where its bytes lie.

    `doc_id` and `name` are given by whoever uploaded it. `force` says that it is
    taken up even if it has not changed. `origin` is the sitemap or list that named it.
    `stored` is the object behind it that has yet to be fetched; then `path` leads nowhere.
    """

    uri: str
    path: Path
    doc_id: str | None = None
    name: str | None = None
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    force: bool = False
    origin: str = ""
    stored: StoredObject | None = None


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """A source, or a folder inside one, that could not be listed."""

    uri: str
    error: IngestError
    doc_id: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files inside folders are meant.

    With `roots`, whatever lies outside of all of them once every link is followed
    is refused, but for uploads; None stands for no such bound. `pages` names the pages
    behind a source on the web. `objects` leads to the store of `s3:` sources, `buckets` are
    their roots.
    """

    recursive: bool = True
    files: PathFilter = field(default_factory=lambda: PathFilter((), ()))
    roots: Sequence[Path] | None = None
    pages: Pages | None = None
    objects: S3Settings = field(default_factory=S3Settings)
    buckets: Sequence[str] | None = None


def item_uri(source: str) -> str:
    """Return the absolute path, the `s3:` URI or the URL of a source that somebody typed.

    Raises `SourceError` for any other kind of source.
    """
    source = full_url(source)
    if is_web(source):
        return source
    return object_address(source).uri if is_object_uri(source) else str(source_path(source))


def source_uri(path: Path) -> str:
    """Return the `file:` URI of `path`, made absolute; links are not followed."""
    return Path(os.path.abspath(path)).as_uri()


def source_path(uri: str) -> Path:
    """Return the absolute path behind a `file:` URI or a plain path.

    Raises `SourceError` for any other kind of source.
    """
    if "\x00" in uri:
        raise SourceError(f"{uri[:200]!r} holds a zero byte, which no path can")
    scheme = _SCHEME.match(uri)
    if scheme is None or os.path.lexists(uri):
        return Path(os.path.abspath(os.path.expanduser(uri)))
    if scheme[1].lower() != "file":
        raise SourceError(
            f"{uri[:200]!r} cannot be read: {scheme[1]!r} is not supported; give a file, a folder, "
            "a pattern, a file: URI or a page on the web"
        )
    return _file_uri_path(uri)


def _file_uri_path(uri: str) -> Path:
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise SourceError(f"{uri[:200]!r} is not a URI: {error}") from error
    path = os.fsdecode(unquote_to_bytes(parts.path))
    if parts.netloc not in _LOCAL_HOSTS or not path.startswith("/") or "\x00" in path:
        raise SourceError(f"{uri[:200]!r} is no path on this machine; write file:///path")
    return Path(os.path.abspath(path))


def check(items: Sequence[SourceItem], *, matched: bool = False) -> None:
    """Raise `SourceError` for the first item behind which there is nothing to list.

    A pattern may match nothing yet, unless it has to be `matched`.
    """
    for item in items:
        if item.path is None and is_web(item.uri):
            checked_source(item.uri)
            continue
        if is_object_uri(item.uri):
            object_address(item.uri)
            continue
        path = Path(item.path) if item.path else source_path(item.uri)
        if not _exists(path) and not (has_magic(str(path)) and _exists(_base(path)[0])):
            raise SourceError(f"there is nothing at {str(path)!r}")
        if matched and not _exists(path):
            next(_matching(path, item, FolderWalk(True, PathFilter((), ()), None)))


def expand(
    items: Sequence[SourceItem], selection: Selection
) -> Iterator[SourceFile | SourceFailure]:
    """Yield the files behind `items`, each once, in an order that is always the same.

    Works lazily, so that folders may hold any number of files. A source that
    cannot be listed costs one failure and stops no other.
    """
    seen: set[bytes] = set()
    for item in sorted(items, key=lambda item: -item.priority):
        try:
            for found in _files(item, _own(item, selection)):
                if len(items) == 1 or _is_new(found.uri, seen):
                    yield found
        except SourceError as error:
            yield SourceFailure(_named(item), error, item.doc_id)


def _own(item: SourceItem, selection: Selection) -> Selection:
    """Return `selection` with the patterns of `item` in place of those that it has itself."""
    recursive = selection.recursive if item.recursive is None else item.recursive
    files = selection.files
    if item.include is not None or item.exclude is not None:
        files = PathFilter(item.include or (), item.exclude or ())
    return replace(selection, recursive=recursive, files=files)


def _named(item: SourceItem) -> str:
    """Return the URI of an item, if it is a path the `file:` one."""
    if item.path is not None or is_web(item.uri) or is_object_uri(item.uri):
        return item.uri
    with contextlib.suppress(SourceError):
        return source_uri(source_path(item.uri))
    return item.uri


def _is_new(uri: str, seen: set[bytes]) -> bool:
    # Ten bytes a file instead of its whole name keep the memory of large jobs small.
    key = hashlib.blake2b(uri.encode(), digest_size=10).digest()
    known = key in seen
    seen.add(key)
    return not known


def _files(item: SourceItem, selection: Selection) -> Iterator[SourceFile | SourceFailure]:
    if item.path is not None:
        yield _single(item, Path(item.path), item.uri)
        return
    if is_web(item.uri):
        yield from _web_pages(item, selection)
        return
    if is_object_uri(item.uri):
        yield from _objects(item, selection)
        return
    path = source_path(item.uri)
    walk = FolderWalk(selection.recursive, selection.files, selection.roots)
    if not _exists(path) and has_magic(str(path)):
        yield from _matching(path, item, walk)
    elif path.is_dir():
        yield from _walked(walk, path, item, None)
    else:
        walk.require_allowed(path)
        yield _single(item, path, source_uri(path))


def _web_pages(item: SourceItem, selection: Selection) -> Iterator[SourceFile | SourceFailure]:
    if selection.pages is None:
        raise SourceError(f"{item.uri[:200]!r} is on the web, which cannot be read here")
    if selection.roots is not None and not item.uri.lower().startswith(_ON_HOSTS):
        raise SourceError(f"{item.uri[:200]!r} lies on this machine; put the list on the web")
    origin = "" if is_page(item.uri) else item.uri
    for number, found in enumerate(selection.pages(item.uri, selection.files)):
        if number and item.doc_id is not None:
            raise SourceError(f"doc_id names one document, but {item.uri[:200]!r} names several")
        if isinstance(found, IngestError):
            yield SourceFailure(item.uri, found)
        else:
            yield SourceFile(found, Path(), item.doc_id, item.name, item.metadata, origin=origin)


def _objects(item: SourceItem, selection: Selection) -> Iterator[SourceFile]:
    source = object_address(item.uri)
    if selection.buckets is not None and not is_allowed(item.uri, selection.buckets):
        raise SourceError(
            f"{source.uri} lies outside the places that may be read; "
            "name its bucket in PMOVES_INGEST__BUCKETS"
        )
    store = ObjectStore(selection.objects)
    for found in objects(store, source, selection.recursive, selection.files):
        if item.doc_id is not None and found.address != source:
            raise SourceError(f"doc_id names one document, but {source.uri} is a folder")
        name = item.name or found.address.key.rpartition("/")[2]
        yield SourceFile(found.address.uri, Path(), item.doc_id, name, item.metadata, stored=found)


def _matching(
    path: Path, item: SourceItem, walk: FolderWalk
) -> Iterator[SourceFile | SourceFailure]:
    base, pattern = _base(path)
    found = _walked(walk, base, item, PathPattern(pattern))
    first = next(found, None)
    if first is None:
        raise SourceError(f"no file matches {str(path)!r}")
    yield first
    yield from found


def _walked(
    walk: FolderWalk, base: Path, item: SourceItem, pattern: PathPattern | None
) -> Iterator[SourceFile | SourceFailure]:
    if item.doc_id is not None:
        raise SourceError(f"doc_id names one document, but {str(base)!r} is a folder")
    for found in walk.files(base, pattern):
        if isinstance(found, SourceError):
            yield SourceFailure(source_uri(base), found)
        else:
            yield SourceFile(source_uri(found), found, metadata=item.metadata)


def _single(item: SourceItem, path: Path, uri: str) -> SourceFile:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SourceError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        raise SourceError(f"{str(path)!r} is not an ordinary file")
    return SourceFile(uri, path, item.doc_id, item.name, item.metadata)


def pattern_base(path: Path) -> Path:
    """Return the folder above the first name of `path` that is a pattern, else `path` itself."""
    return _base(path)[0] if has_magic(str(path)) else path


def _base(path: Path) -> tuple[Path, str]:
    """Part a pattern into the folder above its first magic name, and the rest."""
    first = next(number for number, part in enumerate(path.parts) if has_magic(part))
    return Path(*path.parts[:first]), "/".join(path.parts[first:])


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
