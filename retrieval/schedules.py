"""Ingestion that comes again and again: what is asked for, and when it is due.

Lives in the state database. Whoever looks for what is due shares it with all others who do:
moving a schedule on and storing the job of its run are one transaction, which one of them wins.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from pydantic import BaseModel

from retrieval.chunk import utc_now
from retrieval.cron import next_time
from retrieval.job_request import JobRequest
from retrieval.jobs import FINISHED, Job, jobs_table, new_job
from retrieval.state.database import METADATA, open_database

_SCHEDULES = sa.Table(
    "schedules",
    METADATA,
    sa.Column("schedule_id", sa.String(64), primary_key=True),
    sa.Column("namespace", sa.String(128), nullable=False, index=True),
    sa.Column("cron", sa.String(200), nullable=False),
    sa.Column("timezone", sa.String(64), nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("next_at", sa.String(40), nullable=False, index=True),
    sa.Column("last_at", sa.String(40)),
    sa.Column("last_job_id", sa.String(64)),
)


class Schedule(BaseModel):
    """One schedule; `next_at` is when it is due, `last_job_id` is the job of its last run."""

    schedule_id: str
    namespace: str
    cron: str
    timezone: str
    request: JobRequest
    created_at: datetime
    next_at: datetime
    last_at: datetime | None = None
    last_job_id: str | None = None


class SchedulePage(BaseModel):
    """Some schedules, oldest first, and where the next page begins."""

    schedules: list[Schedule]
    next_cursor: str | None


class ScheduleStore:
    """Schedules in the database at an SQLAlchemy URL; safe from several processes."""

    def __init__(self, url: str) -> None:
        self._engine = open_database(url)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def create(self, request: JobRequest, cron: str, timezone: str = "UTC") -> Schedule:
        """Store a schedule; `cron` and `timezone` must be checked, see `retrieval.cron`."""
        now = utc_now()
        schedule = Schedule(
            schedule_id=f"schedule-{now:%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}",
            namespace=request.namespace,
            cron=cron,
            timezone=timezone,
            request=request,
            created_at=now,
            next_at=_next(cron, timezone, now),
        )
        row = schedule.model_dump(mode="json") | {
            "created_at": _text(now),
            "next_at": _text(schedule.next_at),
        }
        with self._engine.begin() as connection:
            connection.execute(_SCHEDULES.insert().values(row))
        return schedule

    def get(self, schedule_id: str) -> Schedule | None:
        """Return a schedule, or None."""
        with self._engine.connect() as connection:
            return _found(connection, schedule_id)

    def list(
        self,
        namespaces: Sequence[str] | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> SchedulePage:
        """Return one page of schedules, oldest first."""
        query = _SCHEDULES.select().order_by(_SCHEDULES.c.schedule_id).limit(limit + 1)
        if namespaces is not None:
            query = query.where(_SCHEDULES.c.namespace.in_(namespaces))
        if cursor is not None:
            query = query.where(_SCHEDULES.c.schedule_id > cursor)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        found = [_schedule(row) for row in rows[:limit]]
        more = found[-1].schedule_id if len(rows) > limit else None
        return SchedulePage(schedules=found, next_cursor=more)

    def delete(self, schedule_id: str) -> bool:
        """Forget a schedule; its jobs stay. Say whether there was one."""
        gone = _SCHEDULES.delete().where(_SCHEDULES.c.schedule_id == schedule_id)
        with self._engine.begin() as connection:
            return bool(connection.execute(gone).rowcount)

    def due(self, now: datetime) -> Sequence[Schedule]:
        """Return what is due at `now`, the longest overdue first."""
        query = _SCHEDULES.select().where(_SCHEDULES.c.next_at <= _text(now))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(_SCHEDULES.c.next_at)).all()
        return [_schedule(row) for row in rows]

    def take(self, schedule: Schedule, now: datetime) -> Job | None:
        """Store the job of a run that is due, and move the schedule on to its next moment.

        However many moments were missed, that is one run. None where somebody else has taken
        it meanwhile, or where the run before still goes on: then this one is left out.
        """
        job = new_job(schedule.request)
        moved = {"next_at": _text(_next(schedule.cron, schedule.timezone, now))}
        taken = moved | {"last_at": _text(now), "last_job_id": job.job_id}
        with self._engine.begin() as connection:
            busy = _still_runs(connection, schedule.last_job_id)
            same = (
                _SCHEDULES.c.schedule_id == schedule.schedule_id,
                _SCHEDULES.c.next_at == _text(schedule.next_at),
            )
            update = _SCHEDULES.update().where(*same).values(moved if busy else taken)
            if not connection.execute(update).rowcount or busy:
                return None
            connection.execute(jobs_table.insert().values(job.model_dump(mode="json")))
        return job

    def reclaim(self, before: datetime) -> Sequence[Job]:
        """Return jobs of runs that nobody has started since `before`, for the caller to start.

        Their taker has died in between. Of several who ask, one is given a job.
        """
        jobs, found = jobs_table.c, list[Job]()
        left = (
            jobs.state == "queued",
            jobs.runner_id.is_(None),
            jobs.updated_at < _text(before),
            jobs.job_id.in_(sa.select(_SCHEDULES.c.last_job_id)),
        )
        with self._engine.begin() as connection:
            for row in connection.execute(jobs_table.select().where(*left)).all():
                job = Job.model_validate(dict(row._mapping))
                update = jobs_table.update().where(jobs.job_id == job.job_id, *left)
                if connection.execute(update.values(updated_at=_text(utc_now()))).rowcount:
                    found.append(job)
        return found


def _next(cron: str, timezone: str, after: datetime) -> datetime:
    return next_time(cron, timezone, after).astimezone(UTC)


def _still_runs(connection: sa.Connection, job_id: str | None) -> bool:
    if job_id is None:
        return False
    query = sa.select(jobs_table.c.state).where(jobs_table.c.job_id == job_id)
    state = connection.execute(query).scalar()
    return state is not None and state not in FINISHED


def _found(connection: sa.Connection, schedule_id: str) -> Schedule | None:
    query = _SCHEDULES.select().where(_SCHEDULES.c.schedule_id == schedule_id)
    row = connection.execute(query).first()
    return None if row is None else _schedule(row)


def _schedule(row: "sa.Row[tuple[object, ...]]") -> Schedule:
    return Schedule.model_validate(dict(row._mapping))


def _text(moment: datetime) -> str:
    # One form for all, so that texts compare as moments do.
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
