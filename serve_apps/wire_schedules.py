"""Bodies and parameters of `/schedules`."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, Field

from retrieval.query import Namespace
from serve_apps.wire import Paging

if TYPE_CHECKING:
    from retrieval.schedules import Schedule


class SchedulesQuery(Paging):
    """`GET /schedules`."""

    namespace: Annotated[list[Namespace], Field(max_length=64)] = Field(default_factory=list)


class ScheduleView(BaseModel):
    """An ingest that runs at the moments of a cron expression on the clocks of `timezone`.

    The next run begins at `next_at`; the last one began at `last_at`, as the job `last_job_id`.
    """

    schedule_id: str
    namespace: str
    schedule: str
    timezone: str
    sources: list[str]
    created_at: datetime
    next_at: datetime
    last_at: datetime | None
    last_job_id: str | None

    @classmethod
    def of(cls, schedule: "Schedule") -> Self:
        """Return the view of a schedule."""
        made = {"schedule", "sources"}
        fields = {name: getattr(schedule, name) for name in cls.model_fields if name not in made}
        sources = [source.uri for source in schedule.request.sources]
        return cls(**fields, schedule=schedule.cron, sources=sources)


class ScheduleList(BaseModel):
    """One page of schedules, oldest first."""

    schedules: list[ScheduleView]
    next_cursor: str | None
