"""Reading JSON bodies: bounded in size, and validated once."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from retrieval.query import Condition
from serve_apps.problems import (
    INVALID_REQUEST,
    MALFORMED_BODY,
    TOO_LARGE,
    FieldError,
    ProblemError,
)

M = TypeVar("M", bound=BaseModel)
_MOST_ERRORS = 20
_UNKNOWN = "extra_forbidden"


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


def invalid(errors: Sequence[ErrorDetails], skip: int = 0) -> ProblemError:
    """Return the problem behind the `errors` of a validation.

    `skip` is the number of leading parts of each place that are not part of the
    field's name.
    """
    if errors and errors[0]["type"] == "json_invalid":
        return ProblemError(MALFORMED_BODY, f"The body is not JSON: {errors[0]['msg']}.")
    named = list({error.field: error for error in map(_field_error_after(skip), errors)}.values())
    detail = "; ".join(f"{error.field}: {error.detail}" for error in named[:3])
    more = len(named) - 3
    detail += f"; and {more} more" if more > 0 else ""
    return ProblemError(INVALID_REQUEST, detail + ".", named[:_MOST_ERRORS])


def field_error(error: ErrorDetails, skip: int = 0) -> FieldError:
    """Return one validation error as a field's name and a sentence."""
    place, detail = error["loc"][skip:], _sentence(error)
    if place[:1] == ("filters",) and len(place) > 2:
        return _filter_error(place, error["type"] == _UNKNOWN)
    name = ".".join(str(part) for part in place)
    if not name and ": " in detail:
        name, detail = detail.split(": ", 1)
    return FieldError(field=name or "body", detail=detail)


def _field_error_after(skip: int) -> Callable[[ErrorDetails], FieldError]:
    return lambda error: field_error(error, skip)


def _sentence(error: ErrorDetails) -> str:
    if error["type"] == _UNKNOWN:
        return "is not a known field"
    if error["type"] == "missing":
        return "is required"
    return error["msg"].removeprefix("Value error, ")


def _filter_error(place: tuple[int | str, ...], unknown: bool) -> FieldError:
    """Say in one sentence what a failed union would say once for each of its members."""
    comparisons = ", ".join(Condition.model_fields)
    name = f"{place[0]}.{place[1]}"
    if unknown:
        detail = f"{place[-1]!r} is not a comparison; these are: {comparisons}"
        return FieldError(field=f"{name}.{place[-1]}", detail=detail)
    detail = f"must be a value, a list of values, or an object of comparisons ({comparisons})"
    return FieldError(field=name, detail=detail)
