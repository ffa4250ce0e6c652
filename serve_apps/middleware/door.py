"""The door: who comes in, by key or session, role and rate."""

from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps import problems
from serve_apps.caller import NOBODY, Caller
from serve_apps.keyring import KeyRing
from serve_apps.metrics import Metrics
from serve_apps.policy import SIGN_IN, UNLISTED, Rule, methods_of, rule_for
from serve_apps.problems import ProblemError
from serve_apps.rate_limit import RateLimiter
from serve_apps.sessions import Sessions

_REASONS = {
    problems.UNAUTHENTICATED: "unauthenticated",
    problems.RATE_LIMITED: "rate",
    problems.UNAVAILABLE: "unavailable",
}


class DoorMiddleware:
    """Lets in who shows a key that is good for the route, and notes as `caller` who it is.

    A page also opens to a session; a browser without one is led to where it can sign in.
    While the mesh has no keys, everybody on this machine comes in.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        keyring: KeyRing,
        sessions: Sessions,
        limiter: RateLimiter,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._keyring = keyring
        self._sessions = sessions
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
                await _refusal(scope, problem)(scope, receive, send)
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
        session = self._sessions.given(scope, rule)
        if session is None:
            key = await self._keyring.authenticate(authorization)
        else:
            key = await self._sessions.key(session)
        scope["state"]["signed_in"] = session is not None
        scope["state"]["key_id"] = key.key_id
        self._limiter.spend(key)
        if refusal := rule.refusal(key):
            raise _refused(scope, rule, refusal)
        return Caller(key.namespaces)


def _refusal(scope: Scope, problem: ProblemError) -> Response:
    """Return the problem, or to a browser that is not signed in the way to where it can."""
    if problem.kind is problems.UNAUTHENTICATED and _is_browser(scope):
        path = scope.get("raw_path") or quote(scope["path"]).encode()
        asked = b"?".join(part for part in (path, scope["query_string"]) if part)
        target = f"{scope.get('root_path', '')}{SIGN_IN}?next={quote(asked, safe='')}"
        return RedirectResponse(target, status_code=303, headers={"Cache-Control": "no-store"})
    return problems.problem_response(problem, scope["state"]["request_id"])


def _is_browser(scope: Scope) -> bool:
    """Say whether a page is asked for by a program that shows pages and has no key."""
    headers = Headers(scope=scope)
    asks = "text/html" in headers.get("accept", "") and "authorization" not in headers
    return asks and rule_for(scope["method"], scope["path"]).page


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
