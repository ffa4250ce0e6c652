"""The span around each request, in the trace that `traceparent` names."""

from opentelemetry.trace import Span, Status, StatusCode
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps.logs import trace_id
from serve_apps.tracing import Tracing

# Machines ask these every few seconds; nobody wants their traces.
_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})


class TracingMiddleware:
    """Continues the caller's trace, or begins one, and notes its id for the log."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application inside a span."""
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        # Only one of each is allowed; with more, the trace begins anew.
        carrier = {
            name: values[0]
            for name in ("traceparent", "tracestate")
            if len(values := headers.getlist(name)) == 1
        }
        with self._tracing.continued(carrier, scope["method"][:16]) as span:
            scope["state"]["trace_id"] = trace_id()
            await self._run(span, scope, receive, send)

    async def _run(self, span: Span, scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                _describe(span, scope, message["status"])
            await send(message)

        await self._app(scope, receive, note)


def _describe(span: Span, scope: Scope, status: int) -> None:
    if not span.is_recording():
        return
    method = scope["method"][:16]
    route = str(getattr(scope.get("route"), "path", "unmatched"))
    span.update_name(f"{method} {route}")
    span.set_attributes(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "pmoves.request_id": scope["state"]["request_id"],
        }
    )
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))
