"""Ingestion jobs: what was asked for and how far it is.

Lives in the state database, so that a job, its progress and a request to stop it
survive the process that runs it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, get_args

import sqlalchemy as sa

from retrieval.chunk import utc_now
from retrieval.errors import InvalidInputError
from retrieval.job import (
    FINISHED,
    Job,
    JobCounts,
    JobPage,
    JobState,
    new_job,
    new_job_id,
)
from retrieval.job_request import Budget, JobRequest, Lane, Mirror, SourceItem
from retrieval.state.database import METADATA, open_database

__all__ = [
    "FINISHED",
    "Budget",
    "Job",
    "JobCounts",
    "JobPage",
    "JobRequest",
    "JobState",
    "JobStore",
    "Lane",
    "Mirror",
    "SourceItem",
    "new_job",
    "new_job_id",
]

jobs_table = sa.Table(
    "jobs",
    METADATA,
    sa.Column("job_id", sa.String(64), primary_key=True),
    sa.Column("namespace", sa.String(128), nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("total", sa.Integer),
    sa.Column("done", sa.Integer, nullable=False),
    sa.Column("quarantined", sa.Integer, nullable=False),
    sa.Column("skipped", sa.Integer, nullable=False),
    sa.Column("stages", sa.JSON, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("runner_id", sa.String(128)),
    sa.Column("stop_requested", sa.Boolean, nullable=False),
    sa.Column("pause_requested", sa.Boolean),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("started_at", sa.String(40)),
    sa.Column("updated_at", sa.String(40), nullable=False),
    sa.Column("finished_at", sa.String(40)),
    sa.Column("index_version", sa.BigInteger),
)


class JobStore:
    """Jobs in the database at an SQLAlchemy URL; safe from several processes."""

    def __init__(self, url: str) -> None:
        self._engine = open_database(url)

    @property
    def server(self) -> str:
        """Name and version of the database."""
        dialect = self._engine.dialect
        return f"{dialect.name} {'.'.join(map(str, dialect.server_version_info or ()))}"

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def create(self, request: JobRequest, job_id: str | None = None) -> Job:
        """Store a new queued job; `InvalidInputError` where `job_id` is taken."""
        job = new_job(request, job_id)
        try:
            with self._engine.begin() as connection:
                connection.execute(jobs_table.insert().values(job.model_dump(mode="json")))
        except sa.exc.IntegrityError as error:
            raise InvalidInputError(f"there is a job {job.job_id!r} already") from error
        return job

    def get(self, job_id: str) -> Job | None:
        """Return a job, or None."""
        with self._engine.connect() as connection:
            row = connection.execute(
                jobs_table.select().where(jobs_table.c.job_id == job_id)
            ).first()
        return None if row is None else Job.model_validate(dict(row._mapping))

    def list(
        self,
        namespaces: Sequence[str] | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> JobPage:
        """Return one page of jobs, newest first."""
        query = jobs_table.select().order_by(jobs_table.c.job_id.desc()).limit(limit + 1)
        if namespaces is not None:
            query = query.where(jobs_table.c.namespace.in_(namespaces))
        if cursor is not None:
            query = query.where(jobs_table.c.job_id < cursor)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        jobs = [Job.model_validate(dict(row._mapping)) for row in rows[:limit]]
        return JobPage(jobs=jobs, next_cursor=jobs[-1].job_id if len(rows) > limit else None)

    def counts(self) -> dict[JobState, JobCounts]:
        """Return the sums over all jobs by state."""
        sums = [sa.func.sum(jobs_table.c[name]) for name in ("done", "quarantined", "skipped")]
        query = sa.select(jobs_table.c.state, sa.func.count(), *sums).group_by(jobs_table.c.state)
        found: dict[JobState, JobCounts] = {state: JobCounts() for state in get_args(JobState)}
        with self._engine.connect() as connection:
            for state, jobs, done, quarantined, skipped in connection.execute(query):
                found[state] = JobCounts(
                    jobs=jobs, done=done, quarantined=quarantined, skipped=skipped
                )
        return found

    def set_runner(self, job_id: str, runner_id: str) -> None:
        """Note which Ray job runs it."""
        self._update(job_id, runner_id=runner_id)

    def start(self, job_id: str) -> Job:
        """Mark a job as running, for the first time or once more."""
        begun = {"state": "running", "started_at": _text(utc_now()), "finished_at": None}
        self._update(job_id, **begun, error=None)
        return self._require(job_id)

    def progress(self, job_id: str, **values: int | dict[str, int] | None) -> None:
        """Store any of total, done, quarantined, skipped and stages."""
        known = {name: value for name, value in values.items() if value is not None}
        if unknown := known.keys() - {"total", "done", "quarantined", "skipped", "stages"}:
            raise InvalidInputError(f"a job has no progress called {sorted(unknown)}")
        self._update(job_id, **known)

    def finish(
        self,
        job_id: str,
        state: JobState,
        error: str | None = None,
        index_version: int | None = None,
    ) -> None:
        """Mark a job as ended; `index_version` shows what it has stored."""
        ended = {"state": state, "error": error, "finished_at": _text(utc_now())}
        self._update(job_id, **ended, index_version=index_version)

    def stop_requested(self, job_id: str) -> bool:
        """Say whether somebody wants the job to stop."""
        job = self.get(job_id)
        return job is not None and job.stop_requested

    def request_pause(self, job_id: str, paused: bool) -> Job:
        """Ask a job to take up no more documents, or to go on; one that has ended stays so."""
        if not self._require(job_id).finished:
            self._update(job_id, pause_requested=paused)
        return self._require(job_id)

    def requeue(self, job_id: str, expected: JobState) -> Job:
        """Put a job that has ended back into the queue; `InvalidInputError` if it is not so."""
        values = {"state": "queued", "stop_requested": False, "pause_requested": False}
        values |= {"runner_id": None, "updated_at": _text(utc_now())}
        same = (jobs_table.c.job_id == job_id, jobs_table.c.state == expected)
        with self._engine.begin() as connection:
            if not connection.execute(jobs_table.update().where(*same).values(values)).rowcount:
                raise InvalidInputError(f"the job {job_id!r} is no longer {expected}")
        return self._require(job_id)

    def request_stop(self, job_id: str) -> Job:
        """Ask a job to stop; one that has ended stays as it is."""
        if not self._require(job_id).finished:
            self._update(job_id, stop_requested=True)
        return self._require(job_id)

    def _require(self, job_id: str) -> Job:
        job = self.get(job_id)
        if job is None:
            raise InvalidInputError(f"there is no job {job_id!r}")
        return job

    def _update(self, job_id: str, **values: Any) -> None:
        changed = values | {"updated_at": _text(utc_now())}
        with self._engine.begin() as connection:
            update = jobs_table.update().where(jobs_table.c.job_id == job_id).values(changed)
            if not connection.execute(update).rowcount:
                raise InvalidInputError(f"there is no job {job_id!r}")


def _text(moment: datetime) -> str:
    return moment.isoformat()
