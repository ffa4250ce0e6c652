"""Forms that our own pages send: short fields, and from nowhere else."""

from collections.abc import Collection
from urllib.parse import parse_qsl

from starlette.requests import Request

from serve_apps.body import read_body
from serve_apps.origin import same_origin
from serve_apps.problems import (
    INVALID_REQUEST,
    MALFORMED_BODY,
    ORIGIN_NOT_ALLOWED,
    FieldError,
    ProblemError,
)

_MOST_BYTES = 8_192
_MOST_FIELDS = 8
FORM = "application/x-www-form-urlencoded"


async def read_browser_form(
    request: Request, known: Collection[str], required: str
) -> dict[str, str]:
    """Return the fields of a form.

    Raises `ProblemError`: 403 where a page of another origin sent it, 413 where it is
    too long, 400 where it is none, 422 where a field is not `known` or `required` is missing.
    """
    require_same_origin(request)
    fields = _parsed(request, await read_body(request, _MOST_BYTES, "max_form_bytes"))
    wrong = [
        FieldError(field=name, detail="is not a known field")
        for name in sorted(fields.keys() - known)
    ]
    if required not in fields:
        wrong.append(FieldError(field=required, detail="is required"))
    if wrong:
        detail = "; ".join(f"{error.field}: {error.detail}" for error in wrong[:3])
        raise ProblemError(INVALID_REQUEST, f"{detail}.", wrong)
    return fields


def require_same_origin(request: Request) -> None:
    """Raise `ProblemError` 403 for what a page of another origin sends."""
    if not same_origin(request.headers):
        raise ProblemError(ORIGIN_NOT_ALLOWED, "Web pages of other origins may not do this.")


def _parsed(request: Request, body: bytes) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == FORM:
            return dict(
                parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
            )
    except ValueError:
        pass
    raise ProblemError(MALFORMED_BODY, f"The body is not a form ({FORM}).")
