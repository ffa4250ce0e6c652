"""Ingest jobs as Ray jobs."""

import os
import shlex
import sys
from functools import cached_property
from typing import TYPE_CHECKING

from serve_apps.job_environment import mesh_environment
from serve_apps.services import LaunchError
from serve_apps.settings import AppArgs

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

_ENDED_BADLY = ("FAILED", "STOPPED")


class RayJobLauncher:
    """Submits `python -m data_jobs.ingest --job-id ID` to the cluster at `address`.

    `address` is Ray's own (`host:port` of its control store); the job gets the
    environment of this mesh.
    """

    def __init__(self, settings: AppArgs, address: str) -> None:
        self._settings = settings
        self._address = address

    @cached_property
    def _client(self) -> "JobSubmissionClient":
        # Each gateway would start a third of a second later, and few ever start a Ray job.
        from ray.job_submission import JobSubmissionClient

        return JobSubmissionClient(self._address)

    def submit(self, job_id: str, *, small: bool = True) -> str:
        """Start the job; return Ray's submission id."""
        environment = mesh_environment(self._settings, os.environ)
        try:
            return self._client.submit_job(
                entrypoint=entry_point(self._address, job_id),
                runtime_env={"env_vars": environment},
                metadata={"job_id": job_id},
            )
        except (RuntimeError, ConnectionError, ValueError) as error:
            raise LaunchError(f"Ray did not take the job: {error}") from error

    def stop(self, runner_id: str) -> None:
        """End the run, if it still runs."""
        try:
            self._client.stop_job(runner_id)
        except (RuntimeError, ConnectionError, ValueError) as error:
            raise LaunchError(f"Ray did not stop the job: {error}") from error

    def failure(self, runner_id: str) -> str | None:
        """Return why the run ended without success, or None."""
        try:
            info = self._client.get_job_info(runner_id)
        except RuntimeError as error:
            if "404" in str(error) or "does not exist" in str(error):
                return "the cluster that ran the job is gone; start the job again"
            raise LaunchError(f"Ray did not tell the state of the job: {error}") from error
        except (ConnectionError, ValueError) as error:
            raise LaunchError(f"Ray did not tell the state of the job: {error}") from error
        return _reason(info.message or str(info.status)) if info.status in _ENDED_BADLY else None

    def left(self, job_id: str) -> bool:
        """Say no: what becomes of a Ray job, Ray tells."""
        return False


def entry_point(address: str, job_id: str) -> str:
    """Return the shell command of a job.

    It names the cluster, because Ray itself guesses one where several run on a
    machine.
    """
    python = [sys.executable, "-m", "data_jobs.ingest", "--job-id", job_id]
    return "exec " + shlex.join(["env", f"RAY_ADDRESS={address}", *python])


def _reason(message: str) -> str:
    """Return what Ray says first and what the job said last, of a message full of logs."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    kept = lines if len(lines) <= 2 else [lines[0].split(", last available logs")[0], lines[-1]]
    return ": ".join(kept)[:1_000]
