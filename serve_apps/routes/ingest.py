"""`POST /ingest`."""

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from retrieval.fetching.guard import UrlGuard
from retrieval.jobs import JobRequest, SourceItem
from serve_apps.access_log import note_namespaces
from serve_apps.body import read_model
from serve_apps.caller import caller_of
from serve_apps.dry_run import DryRun, dry_run
from serve_apps.jobs import START_S, start_job
from serve_apps.openapi import json_body
from serve_apps.services import services_of
from serve_apps.settings import AllowedSources
from serve_apps.sources import allowed_uri
from serve_apps.wire import IngestRequest, JobView
from serve_apps.wire_schedules import ScheduleView

router = APIRouter(tags=["ingest"])


@router.post(
    "/ingest",
    status_code=202,
    response_model=JobView,
    summary="Ingest sources",
    openapi_extra=json_body(IngestRequest),
    responses={
        200: {"model": DryRun, "description": "With `dry_run`: what a job would do"},
        201: {"model": ScheduleView, "description": "With `schedule`: when jobs will start"},
    },
)
async def ingest(request: Request, response: Response) -> JobView | JSONResponse:
    """Start a job that reads files and folders on the gateway's machine, objects, or pages.

    With `dry_run` nothing is read or stored: the answer counts what a job would take up.
    With `schedule`, a job starts at each moment that it names on the clocks of `timezone`.
    """
    services = services_of(request)
    wanted = await read_model(request, IngestRequest, services.settings.http.max_query_bytes)
    default = services.settings.search.namespace
    namespace = caller_of(request).chosen(wanted.namespace, default)
    note_namespaces(request, [namespace])
    allowed, guard = services.settings.ingest, UrlGuard(services.settings.fetch)
    job_request = await asyncio.to_thread(_job_request, wanted, namespace, allowed, guard)
    if wanted.dry_run:
        found = await asyncio.to_thread(dry_run, job_request, services.settings)
        return JSONResponse(found.model_dump(mode="json"))
    if wanted.schedule:
        made = await services.state.call(
            services.schedules.create, job_request, wanted.schedule, wanted.timezone
        )
        where = {"Location": f"/schedules/{made.schedule_id}"}
        view = ScheduleView.of(made).model_dump(mode="json")
        return JSONResponse(view, status_code=201, headers=where)
    job = await services.state.call(start_job, services, job_request, limit_s=START_S)
    response.headers["Location"] = f"/jobs/{job.job_id}"
    return JobView.of(job)


def _job_request(
    wanted: IngestRequest, namespace: str, allowed: AllowedSources, guard: UrlGuard
) -> JobRequest:
    uris = [
        allowed_uri(uri, allowed, guard, f"sources.{number}")
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
        lanes=wanted.lanes,
        budgets=wanted.budgets,
        mirror=wanted.mirror,
    )
