"""Forms that our own pages send: short fields, and from nowhere else."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from serve_apps.body import read_body
from serve_apps.origin import same_origin
from serve_apps.problems import MALFORMED_BODY, ORIGIN_NOT_ALLOWED, ProblemError

_MOST_BYTES = 8_192
_MOST_FIELDS = 8
FORM = "application/x-www-form-urlencoded"


async def read_browser_form(request: Request) -> dict[str, str]:
    """Return the fields of a form.

    Raises `ProblemError`: 403 where a page of another origin sent it, 413 where it is
    too long, 400 where it is none.
    """
    require_same_origin(request)
    body = await read_body(request, _MOST_BYTES, "max_form_bytes")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == FORM:
            return dict(parse_qsl(body.decode(), max_num_fields=_MOST_FIELDS))
    except ValueError:
        pass
    raise ProblemError(MALFORMED_BODY, f"The body is not a form ({FORM}).")


def require_same_origin(request: Request) -> None:
    """Raise `ProblemError` 403 for what a page of another origin sends."""
    if not same_origin(request.headers):
        raise ProblemError(ORIGIN_NOT_ALLOWED, "Web pages of other origins may not do this.")
