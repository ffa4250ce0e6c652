"""`/jobs`: the progress of ingest jobs."""

import contextlib
from typing import Annotated

from fastapi import APIRouter, Query, Request

from retrieval.errors import PmovesError
from retrieval.jobs import Job
from serve_apps.background import refresh
from serve_apps.caller import Caller, caller_of
from serve_apps.jobs import START_S, restart_job
from serve_apps.problems import CONFLICT, NOT_FOUND, ProblemError
from serve_apps.services import Services, services_of
from serve_apps.wire import JobList, JobsQuery, JobView

router = APIRouter(tags=["jobs"])


@router.get("/jobs", summary="List jobs")
async def list_jobs(request: Request, query: Annotated[JobsQuery, Query()]) -> JobList:
    """Return one page of jobs, newest first."""
    namespaces = caller_of(request).listed(query.namespace)
    services = services_of(request)
    page = await services.state.call(services.jobs.list, namespaces, query.limit, query.cursor)
    return JobList(jobs=[JobView.of(job) for job in page.jobs], next_cursor=page.next_cursor)


@router.get("/jobs/{job_id}", summary="Show a job")
async def show_job(request: Request, job_id: str) -> JobView:
    """Return the progress of one job; once it has ended, searches here see what it stored."""
    services = services_of(request)
    job = await _find(services, caller_of(request), job_id)
    if (job.index_version or 0) > services.searcher.version:
        # Searches say themselves what is wrong with the corpus; the job's state is known.
        with contextlib.suppress(PmovesError, OSError, ValueError):
            await refresh(services)
    return JobView.of(job)


@router.delete("/jobs/{job_id}", status_code=202, summary="Stop a job")
async def stop_job(request: Request, job_id: str) -> JobView:
    """Ask a job to stop; what it has stored stays. A job that has ended is left as it is."""
    services = services_of(request)
    await _find(services, caller_of(request), job_id)
    return JobView.of(await services.state.call(services.jobs.request_stop, job_id))


@router.post("/jobs/{job_id}/pause", status_code=202, summary="Pause a job")
async def pause_job(request: Request, job_id: str) -> JobView:
    """Ask a job to take up no more documents for now. One that has ended is left as it is."""
    services = services_of(request)
    await _find(services, caller_of(request), job_id)
    return JobView.of(await services.state.call(services.jobs.request_pause, job_id, True))


@router.post("/jobs/{job_id}/resume", status_code=202, summary="Resume a job")
async def resume_job(request: Request, job_id: str) -> JobView:
    """Let a paused job go on, or start one that was stopped or has failed once more."""
    services = services_of(request)
    job = await _find(services, caller_of(request), job_id)
    if job.state == "succeeded":
        raise ProblemError(CONFLICT, f"The job {job_id!r} has succeeded. Start a new one.")
    if job.finished:
        return JobView.of(await services.state.call(restart_job, services, job, limit_s=START_S))
    return JobView.of(await services.state.call(services.jobs.request_pause, job_id, False))


async def _find(services: Services, caller: Caller, job_id: str) -> Job:
    job = await services.state.call(services.jobs.get, job_id)
    # A job of a foreign namespace is as unknown as one that never was.
    if job is None or not caller.sees(job.namespace):
        raise ProblemError(NOT_FOUND, f"There is no job {job_id!r}.")
    return job
