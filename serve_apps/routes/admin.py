"""`/hirag/admin`: the state of every stage."""

import asyncio

from fastapi import APIRouter, Request

from retrieval.chunk import utc_now
from serve_apps.background import refresh
from serve_apps.caller import caller_of
from serve_apps.report import gather_stats
from serve_apps.services import services_of
from serve_apps.wire import Refreshed, RerankStatus, Stats

router = APIRouter(prefix="/hirag/admin", tags=["admin"])


@router.get("/stats", summary="State of every stage")
async def stats(request: Request) -> Stats:
    """Return index versions, model, stages and the settings in force without secrets."""
    return await asyncio.to_thread(gather_stats, services_of(request), caller_of(request))


@router.get("/rerank-status", summary="State of the reranker")
async def rerank_status() -> RerankStatus:
    """Say that no reranker is configured."""
    return RerankStatus()


@router.post("/refresh", summary="Show the newest version")
async def refresh_index(request: Request) -> Refreshed:
    """Let searches see the newest corpus version now."""
    version = await refresh(services_of(request))
    return Refreshed(ok=True, index_version=version, last_refresh=utc_now())


@router.post("/cache/clear", summary="Clear caches")
async def clear_cache(request: Request) -> Refreshed:
    """Same as refresh: searches keep nothing but the newest version."""
    return await refresh_index(request)
