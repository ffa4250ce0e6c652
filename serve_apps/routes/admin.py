"""`/hirag/admin`: the state of every stage."""

from fastapi import APIRouter, Request

from retrieval.chunk import utc_now
from serve_apps.background import refresh
from serve_apps.body import read_model
from serve_apps.caller import caller_of
from serve_apps.openapi import json_body
from serve_apps.problems import NOT_FOUND, ProblemError
from serve_apps.report import gather_stats
from serve_apps.rerank_report import report_reranker
from serve_apps.services import services_of
from serve_apps.wire_state import Labelled, LabelRequest, Refreshed, RerankStatus, Stats

router = APIRouter(prefix="/hirag/admin", tags=["admin"])


@router.get("/stats", summary="State of every stage")
async def stats(request: Request) -> Stats:
    """Return index versions, model, stages and the settings in force without secrets."""
    services = services_of(request)
    return await services.state.call(gather_stats, services, caller_of(request))


@router.get("/rerank-status", summary="State of the reranker")
async def rerank_status(request: Request) -> RerankStatus:
    """Return what reranks, where it runs, and what is wrong with it."""
    services = services_of(request)
    return await report_reranker(services.searcher.reranking, services.settings.rerank)


@router.post(
    "/reranker/model/label", summary="Name the reranker", openapi_extra=json_body(LabelRequest)
)
async def label_reranker(request: Request) -> Labelled:
    """Change the name that is reported for the model, and nothing else."""
    services = services_of(request)
    wanted = await read_model(request, LabelRequest, services.settings.http.max_query_bytes)
    stage = services.searcher.reranking
    if stage is None:
        raise ProblemError(
            NOT_FOUND, "There is no reranker to name; PMOVES_RERANK__ENABLED=true turns it on."
        )
    stage.label = wanted.label.strip()
    status = await report_reranker(stage, services.settings.rerank)
    return Labelled(ok=True, label=stage.label, model_report=status.model_report)


@router.post("/refresh", summary="Show the newest version")
async def refresh_index(request: Request) -> Refreshed:
    """Let searches see the newest corpus version now."""
    version = await refresh(services_of(request))
    return Refreshed(ok=True, index_version=version, last_refresh=utc_now())


@router.post("/cache/clear", summary="Clear caches")
async def clear_cache(request: Request) -> Refreshed:
    """Forget scores of the reranker and answers of the language model; show the newest version."""
    services = services_of(request)
    if stage := services.searcher.reranking:
        stage.cache.clear()
    if services.answering:
        services.answering.clear()
    return await refresh_index(request)
