"""The HTTP application: routes, layers and error handling over a set of services."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline

from serve_apps.background import background
from serve_apps.client_address import ClientAddresses, Networks
from serve_apps.handlers import add_exception_handlers
from serve_apps.middleware.context import RequestContextMiddleware
from serve_apps.middleware.disconnect import DisconnectMiddleware
from serve_apps.middleware.door import DoorMiddleware
from serve_apps.middleware.guard import LoopbackGuardMiddleware
from serve_apps.middleware.network import NetworkMiddleware
from serve_apps.middleware.overload import OverloadMiddleware
from serve_apps.middleware.slow_body import SlowBodyMiddleware
from serve_apps.middleware.tracing import TracingMiddleware
from serve_apps.openapi import describe
from serve_apps.rate_limit import RateLimiter
from serve_apps.readiness import ReadinessCheck
from serve_apps.routes import (
    admin,
    answer,
    documents,
    health,
    ingest,
    jobs,
    namespaces,
    quarantine,
    query,
    schedules,
    upsert,
)
from serve_apps.services import Services
from serve_apps.version import version_of

# The query comes first: routes are tried in order.
_ROUTES = (
    query,
    answer,
    upsert,
    documents,
    quarantine,
    ingest,
    jobs,
    schedules,
    namespaces,
    admin,
    health,
)


def create_app(
    services: Services, echo_request_id: bool = True, more: Sequence[APIRouter] = ()
) -> FastAPI:
    """Return the application over `services`.

    It follows the corpus between the start and the end of its lifespan.
    `echo_request_id` is off where the server around it sends the id back itself.
    `more` are routes of other packages, behind the same doors.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with background(services):
            yield
        await asyncio.to_thread(services.tracing.close)

    app = FastAPIOffline(
        title="PMOVES mesh",
        version=version_of("pmoves-mesh"),
        description="Hybrid search over your own documents.",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.readiness = ReadinessCheck(services)
    routers = [*(module.router for module in _ROUTES), *more]
    app.state.routes = [route for router in routers for route in router.routes]
    # As they are: an included router builds each of its routes again when first asked.
    app.router.routes.extend(route for module in _ROUTES for route in module.router.routes)
    for router in more:
        app.include_router(router)
    app.router.routes.insert(0, query.direct)
    add_exception_handlers(app)
    _add_layers(app, services, echo_request_id)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


def _add_layers(app: FastAPI, services: Services, echo_request_id: bool) -> None:
    """Add the layers, the innermost first."""
    http, metrics = services.settings.http, services.metrics
    app.add_middleware(SlowBodyMiddleware, seconds=http.body_s, bytes_per_s=http.body_bytes_per_s)
    app.add_middleware(
        OverloadMiddleware,
        metrics=metrics,
        limit=http.max_in_flight,
        retry_after_s=http.retry_after_s,
    )
    app.add_middleware(LoopbackGuardMiddleware, metrics=metrics)
    app.add_middleware(
        DoorMiddleware,
        metrics=metrics,
        keyring=services.keyring,
        sessions=services.sessions,
        limiter=RateLimiter(services.settings.serve.gateway_replicas),
    )
    app.add_middleware(
        NetworkMiddleware,
        metrics=metrics,
        addresses=ClientAddresses(services.ingress, http.trusted_proxies),
        allowed=Networks(http.tailnet_cidrs),
        only=http.tailnet_only,
        admin_only=http.tailnet_admin_only,
    )
    app.add_middleware(TracingMiddleware, tracing=services.tracing)
    app.add_middleware(RequestContextMiddleware, metrics=metrics, echo_request_id=echo_request_id)
    app.add_middleware(DisconnectMiddleware)
