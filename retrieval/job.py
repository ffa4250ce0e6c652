"""One ingestion job, and how far it is, as others see it; `retrieval.jobs` stores them.

Apart from the store, which costs the command line a quarter of a second to import.
"""

import uuid
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from retrieval.chunk import utc_now
from retrieval.job_request import JobRequest

JobState = Literal["queued", "running", "succeeded", "failed", "stopped"]
FINISHED: frozenset[JobState] = frozenset({"succeeded", "failed", "stopped"})


def new_job_id() -> str:
    """Return an id that sorts by time, as the store's cursors need it."""
    return f"job-{utc_now():%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}"


class Job(BaseModel):
    """One job; `done` counts every finished document, whatever its outcome.

    `index_version` is the corpus version that shows all it has stored.
    """

    job_id: str
    namespace: str
    state: JobState
    request: JobRequest
    total: int | None = None
    done: int = 0
    quarantined: int = 0
    skipped: int = 0
    stages: dict[str, int] = Field(default_factory=dict)
    error: str | None = None
    runner_id: str | None = None
    stop_requested: bool = False
    pause_requested: bool | None = None
    created_at: datetime
    started_at: datetime | None = None
    updated_at: datetime
    finished_at: datetime | None = None
    index_version: int | None = None

    @property
    def finished(self) -> bool:
        """Whether the job has come to an end."""
        return self.state in FINISHED

    @property
    def rate(self) -> float | None:
        """Documents per second since the start, None before the first."""
        if self.started_at is None or not self.done:
            return None
        seconds = ((self.finished_at or self.updated_at) - self.started_at).total_seconds()
        return self.done / seconds if seconds > 0 else None

    @property
    def eta_s(self) -> float | None:
        """Seconds that are left at this rate, None when unknown."""
        if self.finished:
            return 0.0
        if self.total is None or not (rate := self.rate):
            return None
        return max(0, self.total - self.done) / rate


def new_job(request: JobRequest, job_id: str | None = None) -> Job:
    """Return a queued job, which is not stored yet."""
    now = utc_now()
    return Job(
        job_id=job_id or new_job_id(),
        namespace=request.namespace,
        state="queued",
        request=request,
        created_at=now,
        updated_at=now,
    )


class JobPage(BaseModel):
    """Some jobs, newest first, and where the next page begins."""

    jobs: list[Job]
    next_cursor: str | None


class JobCounts(BaseModel):
    """How many jobs are in one state, and how many documents they have finished."""

    jobs: int = 0
    done: int = 0
    quarantined: int = 0
    skipped: int = 0
