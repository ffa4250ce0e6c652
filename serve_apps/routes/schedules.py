"""`/schedules`: ingests that come again and again, made by `POST /ingest`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from retrieval.schedules import Schedule
from serve_apps.caller import Caller, caller_of
from serve_apps.problems import NOT_FOUND, ProblemError
from serve_apps.services import Services, services_of
from serve_apps.wire_schedules import ScheduleList, SchedulesQuery, ScheduleView

router = APIRouter(tags=["schedules"])


@router.get("/schedules", summary="List schedules")
async def list_schedules(
    request: Request, query: Annotated[SchedulesQuery, Query()]
) -> ScheduleList:
    """Return one page of schedules, oldest first."""
    namespaces = caller_of(request).listed(query.namespace)
    services = services_of(request)
    page = await services.state.call(services.schedules.list, namespaces, query.limit, query.cursor)
    views = [ScheduleView.of(schedule) for schedule in page.schedules]
    return ScheduleList(schedules=views, next_cursor=page.next_cursor)


@router.get("/schedules/{schedule_id}", summary="Show a schedule")
async def show_schedule(request: Request, schedule_id: str) -> ScheduleView:
    """Return one schedule, with the moment of its next run and the job of its last."""
    services = services_of(request)
    return ScheduleView.of(await _find(services, caller_of(request), schedule_id))


@router.delete("/schedules/{schedule_id}", summary="Delete a schedule")
async def delete_schedule(request: Request, schedule_id: str) -> ScheduleView:
    """Let there be no further runs. Jobs that were started, and what they stored, stay."""
    services = services_of(request)
    schedule = await _find(services, caller_of(request), schedule_id)
    await services.state.call(services.schedules.delete, schedule_id)
    return ScheduleView.of(schedule)


async def _find(services: Services, caller: Caller, schedule_id: str) -> Schedule:
    schedule = await services.state.call(services.schedules.get, schedule_id)
    # A schedule of a foreign namespace is as unknown as one that never was.
    if schedule is None or not caller.sees(schedule.namespace):
        raise ProblemError(NOT_FOUND, f"There is no schedule {schedule_id!r}.")
    return schedule
