"""Who may speak to a gateway without a key: programs on this machine, and no foreign web page.

A page whose name resolves to 127.0.0.1 (DNS rebinding) carries its own name in
`Host`; a page of another origin carries it in `Origin` or says so in
`Sec-Fetch-Site`. No such page has a key, so callers with one need no guard.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps import problems
from serve_apps.loopback import is_loopback
from serve_apps.metrics import Metrics
from serve_apps.origin import same_origin

_REASONS = {
    problems.HOST_NOT_ALLOWED: "host",
    problems.ORIGIN_NOT_ALLOWED: "origin",
    problems.NETWORK_NOT_ALLOWED: "network",
}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def host_name(authority: str) -> str:
    """Return the host of `host[:port]`, or "" where it is not one."""
    try:
        parts = urlsplit(f"//{authority}")
        has_more = parts.path or parts.query or parts.fragment or parts.username is not None
        return "" if has_more else parts.hostname or ""
    except ValueError:
        return ""


class LoopbackGuardMiddleware:
    """Answers callers without a key only if they are on this machine, and no foreign web page."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, or refuse."""
        guarded = scope["type"] == "http" and scope["state"]["caller"].guarded
        problem = self._objection(scope) if guarded else None
        if problem is None:
            await self._app(scope, receive, send)
            return
        self._metrics.count("pmoves_http_refused_total", _REASONS[problem.kind])
        request_id = scope["state"]["request_id"]
        await problems.problem_response(problem, request_id)(scope, receive, send)

    def _objection(self, scope: Scope) -> problems.ProblemError | None:
        headers = Headers(scope=scope)
        if _from_elsewhere(scope, headers):
            return problems.ProblemError(
                problems.NETWORK_NOT_ALLOWED,
                "Without an API key only programs on this machine are answered, and none that "
                "come through a proxy.",
            )
        host = headers.get("host", "")
        if not is_loopback(host_name(host)):
            return problems.ProblemError(
                problems.HOST_NOT_ALLOWED,
                f"The host name {host[:255]!r} is not served. Without API keys only loopback "
                "names are answered: localhost, 127.0.0.1 or [::1].",
            )
        if scope["method"] in _SAFE_METHODS or same_origin(headers):
            return None
        return problems.ProblemError(
            problems.ORIGIN_NOT_ALLOWED,
            "Web pages of other origins may not call this API while there are no API keys.",
        )


def _from_elsewhere(scope: Scope, headers: Headers) -> bool:
    client = scope["state"].get("client")
    return "x-forwarded-for" in headers or (client is not None and not client.is_loopback)
