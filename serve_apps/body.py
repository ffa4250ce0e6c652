"""Reading JSON bodies: bounded in size, and validated once."""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from serve_apps.problems import (
    INVALID_REQUEST,
    MALFORMED_BODY,
    TOO_LARGE,
    FieldError,
    ProblemError,
)

M = TypeVar("M", bound=BaseModel)
_MOST_ERRORS = 20


async def read_body(request: Request, limit: int, name: str) -> bytes:
    """Return the body; `ProblemError` 413 as soon as it is known to exceed `limit` bytes.

    `name` is the limit's name in the problem document.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large(limit, name)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large(limit, name)
        parts.append(part)
    return b"".join(parts)


def too_large(limit: int, name: str) -> ProblemError:
    """Return the problem of a body over `limit` bytes."""
    return ProblemError(
        TOO_LARGE,
        f"The body is larger than {limit:,} bytes. Send less at once.",
        limits={name: limit},
    )


async def read_model(request: Request, model: type[M], limit: int) -> M:
    """Return the JSON body as `model`; `ProblemError` 400, 413 or 422 when it is not one."""
    body = await read_body(request, limit, "max_query_bytes")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_input=False)) from None


def invalid(errors: Sequence[ErrorDetails]) -> ProblemError:
    """Return the problem behind the `errors` of a validation."""
    if errors and errors[0]["type"] == "json_invalid":
        return ProblemError(MALFORMED_BODY, f"The body is not JSON: {errors[0]['msg']}.")
    named = [field_error(error) for error in errors[:_MOST_ERRORS]]
    detail = "; ".join(f"{error.field}: {error.detail}" for error in named[:3])
    more = len(errors) - 3
    return ProblemError(INVALID_REQUEST, detail + (f"; and {more} more" if more > 0 else ""), named)


def field_error(error: ErrorDetails) -> FieldError:
    """Return one validation error as a field's name and a sentence."""
    detail = error["msg"].removeprefix("Value error, ")
    place = ".".join(str(part) for part in error["loc"] if part not in ("body", "query", "path"))
    if not place and ": " in detail:
        place, detail = detail.split(": ", 1)
    if error["type"] == "extra_forbidden":
        detail = "is not a known field"
    return FieldError(field=place or "body", detail=detail)
