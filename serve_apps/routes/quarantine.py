"""`/quarantine`: why documents failed, and what becomes of them."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from retrieval.jobs import JobRequest
from serve_apps.access_log import note_namespaces
from serve_apps.body import read_model
from serve_apps.caller import caller_of
from serve_apps.jobs import START_S, start_job
from serve_apps.openapi import json_body
from serve_apps.services import services_of
from serve_apps.wire import (
    IgnoredDocuments,
    IgnoreRequest,
    JobView,
    NamespacesQuery,
    ReasonList,
    ReasonView,
    RetryRequest,
)

router = APIRouter(tags=["quarantine"])


@router.get("/quarantine", summary="Count failed documents by reason")
async def reasons(request: Request, query: Annotated[NamespacesQuery, Query()]) -> ReasonList:
    """Return how many documents are quarantined, by namespace, stage and type of error."""
    names = caller_of(request).listed(query.namespace)
    found = await asyncio.to_thread(services_of(request).corpus.reasons, names)
    views = [ReasonView.model_validate(reason, from_attributes=True) for reason in found]
    return ReasonList(reasons=views)


@router.post(
    "/quarantine/retry",
    status_code=202,
    summary="Try failed documents again",
    openapi_extra=json_body(RetryRequest),
)
async def retry(request: Request, response: Response) -> JobView:
    """Start a job that takes quarantined documents up again, with the settings of now."""
    services = services_of(request)
    wanted = await read_model(request, RetryRequest, services.settings.http.max_query_bytes)
    default = services.settings.search.namespace
    namespace = caller_of(request).chosen(wanted.namespace, default)
    note_namespaces(request, [namespace])
    job_request = JobRequest(
        namespace=namespace,
        sources=[],
        retry_quarantined=True,
        retry_reason=wanted.reason,
        retry_documents=wanted.doc_ids,
    )
    job = await services.state.call(start_job, services, job_request, limit_s=START_S)
    response.headers["Location"] = f"/jobs/{job.job_id}"
    return JobView.of(job)


@router.post(
    "/quarantine/ignore",
    summary="Ignore failed documents",
    openapi_extra=json_body(IgnoreRequest),
)
async def ignore(request: Request) -> IgnoredDocuments:
    """Mark quarantined documents as ignored, until their bytes change."""
    services = services_of(request)
    wanted = await read_model(request, IgnoreRequest, services.settings.http.max_query_bytes)
    default = services.settings.search.namespace
    namespace = caller_of(request).chosen(wanted.namespace, default)
    note_namespaces(request, [namespace])
    found = await asyncio.to_thread(services.corpus.ignore, namespace, wanted.doc_ids)
    return IgnoredDocuments(namespace=namespace, doc_ids=found)
