"""The door: who comes in, by key, role and rate."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps import problems
from serve_apps.caller import NOBODY, Caller
from serve_apps.keyring import KeyRing
from serve_apps.metrics import Metrics
from serve_apps.policy import UNLISTED, Rule, methods_of, rule_for
from serve_apps.problems import ProblemError
from serve_apps.rate_limit import RateLimiter

_REASONS = {
    problems.UNAUTHENTICATED: "unauthenticated",
    problems.RATE_LIMITED: "rate",
    problems.UNAVAILABLE: "unavailable",
}


class DoorMiddleware:
    """Lets in who shows a key that is good for the route, and notes as `caller` who it is.

    While the mesh has no keys, everybody on this machine comes in.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, keyring: KeyRing, limiter: RateLimiter
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._keyring = keyring
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, or refuse."""
        if scope["type"] == "websocket":
            # There are none; whoever adds one must not find the door open.
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http":
            try:
                scope["state"]["caller"] = await self._admit(scope)
            except ProblemError as problem:
                reason = _REASONS.get(problem.kind, "forbidden")
                self._metrics.count("pmoves_http_refused_total", reason)
                request_id = scope["state"]["request_id"]
                await problems.problem_response(problem, request_id)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> Caller:
        if not self._keyring.closed:
            return Caller(namespaces=None, guarded=True)
        rule = rule_for(scope["method"], scope["path"])
        authorization = Headers(scope=scope).getlist("authorization")
        if rule.role is None:
            return NOBODY
        client = scope["state"].get("client")
        if rule.local and not authorization and client is not None and client.is_loopback:
            return Caller(namespaces=None, guarded=True)
        key = await self._keyring.authenticate(authorization)
        scope["state"]["key_id"] = key.key_id
        self._limiter.spend(key)
        if refusal := rule.refusal(key):
            raise _refused(scope, rule, refusal)
        return Caller(key.namespaces)


def _refused(scope: Scope, rule: Rule, refusal: str) -> ProblemError:
    path, method = scope["path"], scope["method"]
    if rule is not UNLISTED:
        return ProblemError(problems.FORBIDDEN, refusal)
    if known := methods_of(path):
        return ProblemError(
            problems.METHOD_NOT_ALLOWED,
            f"{path} does not answer {method}; see the header Allow.",
            headers={"Allow": ", ".join(known)},
        )
    return ProblemError(
        problems.NOT_FOUND, f"There is no {method} {path}; /docs lists what there is."
    )
