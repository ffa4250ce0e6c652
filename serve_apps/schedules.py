"""Starting what is due. Blocking: run this in a thread."""

import logging
from datetime import timedelta

from retrieval.chunk import utc_now
from retrieval.jobs import Job
from serve_apps.jobs import START_S, launch
from serve_apps.services import LaunchError, Services

# A replica that has taken a run gets so long to start it, before another one does.
_ABANDONED = timedelta(seconds=3 * START_S)
_log = logging.getLogger(__name__)


def start_due(services: Services) -> None:
    """Start the runs that are due; several replicas share them."""
    now, schedules = utc_now(), services.schedules
    for job in schedules.reclaim(now - _ABANDONED):
        _start(services, job)
    for schedule in schedules.due(now):
        if taken := schedules.take(schedule, now):
            _start(services, taken)


def _start(services: Services, job: Job) -> None:
    try:
        launch(services, job)
    except LaunchError as error:
        # The job tells so, too; the other schedules have nothing to do with it.
        _log.warning("the scheduled job %s was not started: %s", job.job_id, error)
        services.metrics.count("pmoves_schedule_runs_total", "failed")
    else:
        services.metrics.count("pmoves_schedule_runs_total", "started")
