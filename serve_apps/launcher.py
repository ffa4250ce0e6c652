"""Ingest jobs as Ray jobs."""

import json
import os
import shlex
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import BaseModel, SecretStr

from serve_apps.services import LaunchError
from serve_apps.settings import AppArgs

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

_GROUPS = ("corpus", "state", "embedding", "search", "graph", "llm", "ingest", "fetch", "log")
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


def mesh_environment(settings: AppArgs, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment by which a job finds the corpus and state of this mesh.

    The settings in force win over `environ`, of which every `PMOVES_…` is kept. Secrets are
    taken from `environ` alone: Ray shows the environment of a job to whoever may ask.
    """
    environment = {name: value for name, value in environ.items() if name.startswith("PMOVES_")}
    environment["PMOVES_HOME"] = str(settings.home.absolute())
    environment["PMOVES_PROFILE"] = settings.profile
    for group in _GROUPS:
        values: BaseModel = getattr(settings, group)
        secret = {name for name, value in values if isinstance(value, SecretStr)}
        for name, value in values.model_dump(
            mode="json", exclude_unset=True, exclude=secret
        ).items():
            text = value if isinstance(value, str) else json.dumps(value)
            environment[f"PMOVES_{group}__{name}".upper()] = text
    return environment
