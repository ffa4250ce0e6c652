"""Checks of our own for Schemathesis: what the wire promises of every answer."""

import schemathesis

from serve_apps.problems import CATALOGUE, MEDIA_TYPE


@schemathesis.check
def every_error_is_a_problem(
    _context: schemathesis.CheckContext, response: schemathesis.Response, _case: object
) -> bool | None:
    """Errors are problem documents of a known type that carry the request's id."""
    if response.status_code < 400 or b"parts" in response.content[:40]:
        return None
    assert response.headers["content-type"] == [MEDIA_TYPE]
    body = response.json()
    assert CATALOGUE[body["type"]].status == body["status"] == response.status_code
    assert [body["request_id"]] == response.headers["x-request-id"]
    return None


@schemathesis.check
def not_now_says_when(
    _context: schemathesis.CheckContext, response: schemathesis.Response, _case: object
) -> bool | None:
    """429 and 503 carry `Retry-After`; readiness is for machines that ask again anyway."""
    if response.status_code in (429, 503) and b"parts" not in response.content[:40]:
        assert response.headers["retry-after"]
    return None
