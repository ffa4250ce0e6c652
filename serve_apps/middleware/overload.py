"""A bound on the work that is taken in: beyond it, callers are told when to come back."""

from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps import problems
from serve_apps.metrics import Metrics

# These must answer above all when the gateway is busy.
_ALWAYS = frozenset({"/healthz", "/readyz", "/metrics"})


class OverloadMiddleware:
    """Refuses with 503 and `Retry-After` what comes while `limit` requests are in flight."""

    def __init__(self, app: ASGIApp, metrics: Metrics, limit: int, retry_after_s: int) -> None:
        self._app = app
        self._metrics = metrics
        self._limit = limit
        self._retry_after_s = retry_after_s
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, or refuse."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
        elif self._in_flight >= self._limit:
            self._metrics.count("pmoves_http_refused_total", "overload")
            await self._refuse(scope, receive, send)
        else:
            self._in_flight += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._in_flight -= 1

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = problems.ProblemError(
            problems.OVERLOADED,
            f"{self._limit} requests are being worked on, which is the most that this gateway "
            f"takes. Try again in {self._retry_after_s} s.",
            limits={"max_in_flight": self._limit},
            headers={"Retry-After": str(self._retry_after_s)},
        )
        request_id = scope["state"]["request_id"]
        await problems.problem_response(problem, request_id)(scope, receive, send)
