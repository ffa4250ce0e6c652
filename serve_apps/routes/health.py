"""`/healthz`, `/readyz`, `/metrics` and `/`."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from serve_apps.readiness import ReadinessCheck
from serve_apps.services import services_of
from serve_apps.wire_state import Health, Hint, Readiness

router = APIRouter(tags=["health"])


@router.get("/", summary="What this is")
async def hint() -> Hint:
    """Say what answers here and where to read on."""
    return Hint()


@router.get("/healthz", summary="Alive")
async def healthz() -> Health:
    """The process is alive."""
    return Health()


@router.get(
    "/readyz",
    summary="Able to answer",
    responses={503: {"model": Readiness, "description": "A part cannot do its work"}},
)
async def readyz(request: Request, response: Response) -> Readiness:
    """Ask every part whether it can do its work; 503 if one cannot.

    The answer is up to five seconds old, or one second where a part fails.
    """
    check = request.app.state.readiness
    assert isinstance(check, ReadinessCheck)
    parts = await check.parts()
    ready = all(part.ok for part in parts)
    response.status_code = 200 if ready else 503
    return Readiness(ok=ready, parts=parts)


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
async def metrics(request: Request) -> Response:
    """Return the metrics of all replicas of the gateway as Prometheus text."""
    services = services_of(request)
    expose_all = services.expose_all
    text = await expose_all() if expose_all else services.metrics.expose()
    return Response(text, media_type=CONTENT_TYPE_LATEST)
