"""`POST /ingest`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, Request, Response

from retrieval.fetching.guard import UrlGuard
from retrieval.jobs import JobRequest, SourceItem
from serve_apps.access_log import note_namespaces
from serve_apps.body import read_model
from serve_apps.caller import caller_of
from serve_apps.jobs import start_job
from serve_apps.openapi import json_body
from serve_apps.services import services_of
from serve_apps.sources import allowed_source
from serve_apps.wire import IngestRequest, JobView

router = APIRouter(tags=["ingest"])


@router.post(
    "/ingest", status_code=202, summary="Ingest sources", openapi_extra=json_body(IngestRequest)
)
async def ingest(request: Request, response: Response) -> JobView:
    """Start a job that reads files and folders on the gateway's machine, or pages on the web."""
    services = services_of(request)
    wanted = await read_model(request, IngestRequest, services.settings.http.max_query_bytes)
    default = services.settings.search.namespace
    namespace = caller_of(request).chosen(wanted.namespace, default)
    note_namespaces(request, [namespace])
    roots, guard = services.settings.ingest.roots, UrlGuard(services.settings.fetch)
    job_request = await asyncio.to_thread(_job_request, wanted, namespace, roots, guard)
    job = await asyncio.to_thread(start_job, services, job_request)
    response.headers["Location"] = f"/jobs/{job.job_id}"
    return JobView.of(job)


def _job_request(
    wanted: IngestRequest, namespace: str, roots: Sequence[Path], guard: UrlGuard
) -> JobRequest:
    uris = [
        allowed_source(uri, roots, guard, f"sources.{number}")
        for number, uri in enumerate(wanted.sources)
    ]
    return JobRequest(
        namespace=namespace,
        sources=[SourceItem(uri=uri) for uri in dict.fromkeys(uris)],
        recursive=wanted.recursive,
        include=wanted.include,
        exclude=wanted.exclude,
        metadata=wanted.metadata,
        retry_quarantined=wanted.retry_quarantined,
        yt_options=wanted.yt_options,
    )
