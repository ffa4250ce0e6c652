"""Which sources may be read on behalf of an HTTP caller: files in allowed folders, public pages."""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from retrieval.fetching.errors import RefusedUrlError
from retrieval.fetching.guard import UrlGuard
from serve_apps.problems import (
    INVALID_REQUEST,
    SOURCE_NOT_ALLOWED,
    UNSUPPORTED_SOURCE,
    FieldError,
    ProblemError,
    ProblemType,
)

_LOCAL = ("", "localhost")
_VIDEO = re.compile(r"(?:yt|youtube):([A-Za-z0-9_-]{11})")
_WEB = re.compile(r"(?:(?:sitemap|list)\+)?(?=https?://)", re.IGNORECASE)


def allowed_source(uri: str, roots: Sequence[Path], guard: UrlGuard, field: str) -> str:
    """Return the URI by which a job reads `uri`; blocking.

    Raises `ProblemError` for what may not be read; see `allowed_path`. Whether the host of
    a page is a public one shows when it is fetched.
    """
    if short := _VIDEO.fullmatch(uri):
        return f"https://www.youtube.com/watch?v={short[1]}"
    prefix = _WEB.match(uri)
    if prefix is None:
        return allowed_path(uri, roots, field).as_uri()
    try:
        guard.check(uri[prefix.end() :])
    except RefusedUrlError as error:
        raise _problem(SOURCE_NOT_ALLOWED, field, str(error)) from error
    return uri


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
            f"{uri[:200]!r} is neither a file URI such as file:///data/talks nor a page such as "
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
