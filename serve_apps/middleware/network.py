"""The second wall: who is asking by address, and whether that network may ask at all."""

from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps import problems
from serve_apps.client_address import Address, ClientAddresses, Networks
from serve_apps.metrics import Metrics
from serve_apps.policy import rule_for


class NetworkMiddleware:
    """Notes the client's address, and refuses those outside of the `allowed` networks.

    With `only`, for every route; with `admin_only`, for those that need the role
    `admin`. Programs on this machine always pass. A client whose address nobody
    reliable tells does not.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        addresses: ClientAddresses,
        allowed: Networks,
        *,
        only: bool = False,
        admin_only: bool = False,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._addresses = addresses
        self._allowed = allowed
        self._only = only
        self._admin_only = admin_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        address = self._addresses.of(scope)
        scope["state"]["client"] = address
        if not self._guarded(scope) or self._passes(address):
            await self._app(scope, receive, send)
            return
        self._metrics.count("pmoves_http_refused_total", "network")
        problem = problems.ProblemError(
            problems.NETWORK_NOT_ALLOWED,
            "This call is answered for clients of the mesh's own networks only; "
            "your address is not in them.",
        )
        request_id = scope["state"]["request_id"]
        await problems.problem_response(problem, request_id)(scope, receive, send)

    def _guarded(self, scope: Scope) -> bool:
        if self._only or not self._admin_only:
            return self._only
        return rule_for(scope["method"], scope["path"]).role == "admin"

    def _passes(self, address: Address | None) -> bool:
        return address is not None and (address.is_loopback or address in self._allowed)
