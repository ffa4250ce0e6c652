"""Problem documents (RFC 9457): every error that leaves the gateway.

`CATALOGUE` lists every `type` that can occur; the names are stable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from pydantic import BaseModel, Field
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_PREFIX = "urn:pmoves:problem:"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem: its stable name, HTTP status and title."""

    name: str
    status: int
    title: str
    meaning: str

    @property
    def uri(self) -> str:
        """The `type` member."""
        return _PREFIX + self.name


UNAUTHENTICATED = ProblemType(
    "unauthenticated", 401, "A key is needed", "No API key, or one that is not good any more."
)
FORBIDDEN = ProblemType(
    "forbidden", 403, "The key does not allow it", "The role or the namespace is not the key's."
)
NETWORK_NOT_ALLOWED = ProblemType(
    "network-not-allowed", 403, "The network is not allowed", "The client's address is refused."
)
RATE_LIMITED = ProblemType(
    "rate-limited", 429, "The key asks too often", "Try again after `Retry-After` seconds."
)
INVALID_REQUEST = ProblemType(
    "invalid-request",
    422,
    "The request is not valid",
    "A field is missing, unknown or out of range.",
)
MALFORMED_BODY = ProblemType(
    "malformed-body", 400, "The body cannot be read", "The body is not JSON, or not a form."
)
INVALID_FILTER = ProblemType(
    "invalid-filter", 422, "The filter is not valid", "A filter names an unknown field or value."
)
UNSUPPORTED_SOURCE = ProblemType(
    "unsupported-source", 422, "The source cannot be read", "No reader for this kind of source."
)
SOURCE_NOT_ALLOWED = ProblemType(
    "source-not-allowed",
    403,
    "The source is out of bounds",
    "It is neither in an allowed folder nor public.",
)
HOST_NOT_ALLOWED = ProblemType(
    "host-not-allowed", 421, "The host name is not served", "Only loopback names are answered."
)
ORIGIN_NOT_ALLOWED = ProblemType(
    "origin-not-allowed", 403, "The origin is not allowed", "A web page of another origin asked."
)
NOT_FOUND = ProblemType("not-found", 404, "There is nothing here", "No such route or object.")
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed", 405, "The method is not allowed", "The route knows other methods."
)
CONFLICT = ProblemType(
    "conflict", 409, "The state does not allow it", "The object is in another state."
)
EMBEDDING_IDENTITY = ProblemType(
    "embedding-identity", 409, "The embedding model differs", "The corpus has another model."
)
NOT_CONFIGURED = ProblemType(
    "not-configured", 501, "The mesh has no such part", "The settings do not turn it on."
)
SLOW_BODY = ProblemType(
    "slow-body", 408, "The body came too slowly", "It did not arrive in the time it has."
)
TOO_LARGE = ProblemType(
    "too-large", 413, "The request is too large", "Over a limit; `limits` names them."
)
OVERLOADED = ProblemType(
    "overloaded", 503, "The gateway is busy", "Try again after `Retry-After` seconds."
)
STALE_INDEX = ProblemType(
    "stale-index", 503, "The index version is not visible yet", "Try again after `Retry-After`."
)
UNAVAILABLE = ProblemType(
    "unavailable", 503, "A part does not answer", "Try again after `Retry-After` seconds."
)
INTERNAL = ProblemType(
    "internal", 500, "Something went wrong inside", "The logs have it under the request id."
)
CATALOGUE: Mapping[str, ProblemType] = {
    kind.uri: kind for kind in list(globals().values()) if isinstance(kind, ProblemType)
}


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str
    detail: str


class ProblemDocument(BaseModel):
    """The body of an error; `type` is one of a fixed list."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(default_factory=list)
    limits: dict[str, int] | None = None
    request_id: str | None = None


@dataclass(slots=True)
class ProblemError(Exception):
    """Raised anywhere below a route to answer with a problem document."""

    kind: ProblemType
    detail: str
    errors: Sequence[FieldError] = ()
    limits: Mapping[str, int] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def problem_response(problem: ProblemError, request_id: str | None) -> Response:
    """Return `problem` as an HTTP response."""
    return Response(
        _document(problem, request_id),
        status_code=problem.kind.status,
        headers=dict(problem.headers),
        media_type=MEDIA_TYPE,
    )


def problem_message(problem: ProblemError) -> bytes:
    """Return `problem` as a whole HTTP/1.1 message, for a server in front that speaks for us."""
    body = _document(problem, None).encode()
    status = HTTPStatus(problem.kind.status)
    headers = {
        **problem.headers,
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def problem_document(problem: ProblemError, request_id: str | None) -> ProblemDocument:
    """Return `problem` as a document."""
    return ProblemDocument(
        type=problem.kind.uri,
        title=problem.kind.title,
        status=problem.kind.status,
        detail=problem.detail,
        errors=list(problem.errors),
        limits=dict(problem.limits) if problem.limits else None,
        request_id=request_id,
    )


def _document(problem: ProblemError, request_id: str | None) -> str:
    return problem_document(problem, request_id).model_dump_json(exclude_none=True)
