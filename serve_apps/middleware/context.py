"""The outermost layer: request ids, counting, and the last catch of errors."""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps import problems
from serve_apps.access_log import log_request
from serve_apps.logs import request_id_var
from serve_apps.metrics import Metrics

REQUEST_ID = "x-request-id"
_VALID = re.compile(r"[\x21-\x7e]{1,128}")
_CLIENT_CLOSED = 499
_log = logging.getLogger(__name__)


class RequestContextMiddleware:
    """Gives every request an id, a clock and an answer.

    `echo_request_id` is off where the server around the application sends the id
    back itself, as Ray Serve does.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, echo_request_id: bool = True) -> None:
        self._app = app
        self._metrics = metrics
        self._echo = echo_request_id
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application inside a request context."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, self._echo)
        token = request_id_var.set(exchange.request_id)
        self._count_in_flight(1)
        try:
            if exchange.refused:
                self._metrics.count("pmoves_http_refused_total", "request_id")
                await self._refuse(exchange, scope, receive)
            else:
                await self._app(scope, receive, exchange.send)
        except Exception:
            _log.exception("request %s failed", exchange.request_id)
            if exchange.status:
                raise
            await self._fail(exchange, scope, receive)
        finally:
            self._count_in_flight(-1)
            status, seconds = exchange.status or _CLIENT_CLOSED, exchange.seconds
            self._metrics.request(exchange.route, scope["method"], status, seconds)
            log_request(scope, exchange.route, status, seconds)
            request_id_var.reset(token)

    def _count_in_flight(self, change: int) -> None:
        self._in_flight += change
        self._metrics.set("pmoves_http_in_flight", self._in_flight)

    async def _refuse(self, exchange: "_Exchange", scope: Scope, receive: Receive) -> None:
        wanted = "1 to 128 visible ASCII characters"
        problem = problems.ProblemError(
            problems.INVALID_REQUEST,
            f"The header X-Request-ID must hold {wanted}; change it or leave it away.",
            [problems.FieldError(field="X-Request-ID", detail=f"must hold {wanted}")],
        )
        response = problems.problem_response(problem, exchange.request_id)
        await response(scope, receive, exchange.send)

    async def _fail(self, exchange: "_Exchange", scope: Scope, receive: Receive) -> None:
        problem = problems.ProblemError(
            problems.INTERNAL,
            "The gateway met an error that it did not expect. Its log has the details under "
            f"request id {exchange.request_id}.",
        )
        response = problems.problem_response(problem, exchange.request_id)
        await response(scope, receive, exchange.send)


class _Exchange:
    """One request and what became of it."""

    def __init__(self, scope: Scope, send: Send, echo: bool) -> None:
        self._scope = scope
        self._send = send
        self._echo = echo
        self._began = time.perf_counter()
        self.status = 0
        given = Headers(scope=scope).get(REQUEST_ID)
        self.refused = given is not None and not _VALID.fullmatch(given)
        self.request_id = uuid.uuid4().hex if given is None or self.refused else given
        scope.setdefault("state", {})["request_id"] = self.request_id

    @property
    def route(self) -> str:
        """The path template of the route that answered."""
        return str(getattr(self._scope.get("route"), "path", "unmatched"))

    @property
    def seconds(self) -> float:
        """Time since the request came in."""
        return time.perf_counter() - self._began

    async def send(self, message: Message) -> None:
        """Pass a message on; note the status, add the request id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._echo:
                identity = (REQUEST_ID.encode(), self.request_id.encode())
                message["headers"] = [*message.get("headers", ()), identity]
        await self._send(message)
