"""The second wall: who is asking by address, and whether that network may ask at all."""

from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps import problems
from serve_apps.client_address import Address, ClientAddresses, Networks
from serve_apps.metrics import Metrics


class NetworkMiddleware:
    """Notes the client's address; where `allowed` networks are given, refuses all others.

    Programs on this machine always pass. A client whose address nobody reliable
    tells does not.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        addresses: ClientAddresses,
        allowed: Sequence[str] | None = None,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._addresses = addresses
        self._allowed = None if allowed is None else Networks(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        address = self._addresses.of(scope)
        scope["state"]["client"] = address
        if self._passes(address):
            await self._app(scope, receive, send)
            return
        self._metrics.count("pmoves_http_refused_total", "network")
        problem = problems.ProblemError(
            problems.NETWORK_NOT_ALLOWED,
            "This mesh answers clients of its own networks only; your address is not in them.",
        )
        request_id = scope["state"]["request_id"]
        await problems.problem_response(problem, request_id)(scope, receive, send)

    def _passes(self, address: Address | None) -> bool:
        if self._allowed is None:
            return True
        return address is not None and (address.is_loopback or address in self._allowed)
