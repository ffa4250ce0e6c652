"""What an ingest would do, looked at by a process of its own."""

import os
import subprocess
import sys

from pydantic import BaseModel, ValidationError

from retrieval.jobs import JobRequest, Lane
from serve_apps.job_environment import mesh_environment
from serve_apps.services import LaunchError
from serve_apps.settings import AppArgs

_MOST_SECONDS = 120.0
_LONGEST = 500


class DryRunLane(BaseModel):
    """One lane: documents by what is known of them, and the bytes of those to be read."""

    found: int
    new: int
    changed: int
    unchanged: int
    over_budget: int
    bytes: int


class DryRun(BaseModel):
    """What a run would do; `seconds` of work by lane as earlier documents of it took.

    null stands for a lane of which nothing was read here yet. `failures` are the sources
    that cannot be listed.
    """

    lanes: dict[Lane, DryRunLane]
    seconds: dict[Lane, float | None]
    total_seconds: float | None
    failures: list[str]


def dry_run(request: JobRequest, settings: AppArgs) -> DryRun:
    """Look at the sources of `request` without reading them; blocks for seconds.

    Raises `LaunchError` where that fails or takes more than two minutes.
    """
    command = [sys.executable, "-m", "data_jobs.backfill.dry"]
    environment = os.environ | mesh_environment(settings, os.environ)
    try:
        done = subprocess.run(
            command,
            input=request.model_dump_json(),
            env=environment,
            capture_output=True,
            text=True,
            timeout=_MOST_SECONDS,
            check=True,
        )
        return DryRun.model_validate_json(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise LaunchError(
            f"the sources were not listed within {_MOST_SECONDS:g} s; name fewer of them, or use "
            "`python -m data_jobs.backfill SPEC.yaml --dry-run`"
        ) from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LaunchError(f"the sources cannot be looked at: {last[:_LONGEST]}") from error
    except ValidationError as error:
        raise LaunchError(f"the dry run gave no figures: {done.stdout[:_LONGEST]}") from error
