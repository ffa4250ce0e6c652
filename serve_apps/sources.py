"""Which sources may be read on behalf of an HTTP caller: allowed places, and public pages."""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from retrieval.errors import InvalidInputError
from retrieval.fetching.errors import RefusedUrlError
from retrieval.fetching.guard import UrlGuard
from retrieval.object_address import ObjectAddress, is_allowed, is_object_uri
from serve_apps.problems import (
    INVALID_REQUEST,
    SOURCE_NOT_ALLOWED,
    UNSUPPORTED_SOURCE,
    FieldError,
    ProblemError,
    ProblemType,
)
from serve_apps.settings import AllowedSources

_LOCAL = ("", "localhost")
_WEB = re.compile(r"(?:(?:sitemap|list)\+)?(?=https?://)", re.IGNORECASE)


def allowed_uri(uri: str, allowed: AllowedSources, guard: UrlGuard, field: str) -> str:
    """Return the URI that stands for a source in a job; blocking.

    Raises `ProblemError` for a scheme that is not read, and for what is not there or lies
    outside the `allowed` folders and buckets. `field` names the place in the request.
    Whether the host of a page is a public one shows when it is fetched.
    """
    if prefix := _WEB.match(uri):
        return _allowed_page(uri, prefix.end(), guard, field)
    if is_object_uri(uri):
        return _allowed_object(uri, allowed.buckets, field)
    return allowed_path(uri, allowed.roots, field).as_uri()


def _allowed_page(uri: str, start: int, guard: UrlGuard, field: str) -> str:
    try:
        guard.check(uri[start:])
    except RefusedUrlError as error:
        raise _problem(SOURCE_NOT_ALLOWED, field, str(error)) from error
    return uri


def _allowed_object(uri: str, buckets: Sequence[str], field: str) -> str:
    try:
        if is_allowed(uri, buckets):
            return ObjectAddress.parse(uri).uri
    except InvalidInputError as error:
        raise _problem(INVALID_REQUEST, field, str(error)) from error
    raise _problem(
        SOURCE_NOT_ALLOWED,
        field,
        f"{uri[:200]!r} lies outside the places in PMOVES_INGEST__BUCKETS",
    )


def allowed_path(uri: str, roots: Sequence[Path], field: str) -> Path:
    """Return the real path behind a `file:` URI; blocking.

    Raises `ProblemError` for another scheme, a path that is not there, or one
    that lies outside `roots` once every link is followed. `field` names the
    place in the request.
    """
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in _LOCAL or not parts.path.startswith("/"):
        raise _problem(
            UNSUPPORTED_SOURCE,
            field,
            f"{uri[:200]!r} is not a URI such as file:///data/talks, s3://bucket/talks or "
            "https://example.com/",
        )
    if parts.query or parts.fragment or "\x00" in unquote(parts.path):
        raise _problem(
            INVALID_REQUEST, field, "write '?', '#' and '%' in a file URI as %3F, %23 and %25"
        )
    return _inside(Path(unquote(parts.path)), roots, field)


def _inside(path: Path, roots: Sequence[Path], field: str) -> Path:
    if not roots:
        raise _problem(
            SOURCE_NOT_ALLOWED,
            field,
            "no folder is open to HTTP callers; name some in PMOVES_INGEST__ROOTS, or upload "
            "the files to /documents",
        )
    try:
        real = path.resolve()
    except (OSError, RuntimeError):
        real = None
    if real is None or not any(real.is_relative_to(root.resolve()) for root in roots):
        raise _problem(
            SOURCE_NOT_ALLOWED,
            field,
            f"{str(path)[:200]!r} lies outside the folders in PMOVES_INGEST__ROOTS",
        )
    if not real.exists():
        raise _problem(INVALID_REQUEST, field, f"there is nothing at {str(path)[:200]!r}")
    return real


def _problem(kind: ProblemType, field: str, detail: str) -> ProblemError:
    return ProblemError(kind, f"{field}: {detail}.", [FieldError(field=field, detail=detail)])
