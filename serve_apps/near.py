"""Small jobs in the deployment `ingestor`, which is warm; all others as Ray jobs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, cast

import ray
from grpc import RpcError
from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from serve_apps.launcher import RayJobLauncher
from serve_apps.services import NEAR, JobLauncher
from serve_apps.settings import AppArgs

_log = logging.getLogger(__name__)
# Seconds for the answer whether a job is taken; the job itself takes as long as it does.
_TAKEN_S = 10.0
_AWAY = (RayError, RpcError, BackPressureError, DeploymentUnavailableError, TimeoutError)


def make_launcher(settings: AppArgs, near: DeploymentHandle[Any] | None) -> JobLauncher:
    """Return what runs jobs in this cluster, the small ones by `near` where that is there."""
    far = RayJobLauncher(settings, ray.get_runtime_context().gcs_address)
    return far if near is None else NearLauncher(near, far)


class NearLauncher:
    """Gives each job to `near` first, and to `far` what that does not take.

    `near` is a handle of a deployment whose `run(job_id)` yields once: whether it takes the
    job, and ends with it. Made on the event loop that its calls run on.
    """

    def __init__(self, near: DeploymentHandle[Any], far: JobLauncher) -> None:
        self._near = near.options(stream=True).run
        self._far = far
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._left: set[str] = set()

    def submit(self, job_id: str, *, small: bool = True) -> str:
        """Start the job; blocking, from any thread but the loop's."""
        self._left.discard(job_id)
        if small and asyncio.run_coroutine_threadsafe(self._offer(job_id), self._loop).result():
            return NEAR
        return self._far.submit(job_id)

    def stop(self, runner_id: str) -> None:
        """End a run as a Ray job; one that is near looks itself whether it is to stop."""
        if runner_id != NEAR:
            self._far.stop(runner_id)

    def failure(self, runner_id: str) -> str | None:
        """Return why a Ray job ended; what is near tells of itself, or falls silent."""
        return None if runner_id == NEAR else self._far.failure(runner_id)

    def left(self, job_id: str) -> bool:
        """Say whether the call of a job that was taken has broken off; its process may live."""
        return job_id in self._left

    async def _offer(self, job_id: str) -> bool:
        try:
            async with asyncio.timeout(_TAKEN_S):
                answers = cast(AsyncIterator[bool], self._near.remote(job_id))
                taken = await anext(answers)
        except _AWAY as error:
            _log.warning("small jobs are Ray jobs, too, for now: %s", type(error).__name__)
            return False
        if taken:
            task = asyncio.create_task(self._until_over(job_id, answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return taken

    async def _until_over(self, job_id: str, answers: AsyncIterator[bool]) -> None:
        """Hold the call until the job has ended: a replica that is to stop waits for it."""
        try:
            async for _ in answers:
                pass
        except _AWAY as error:
            self._left.add(job_id)
            _log.warning("a replica of ingestor has left with a job: %s", type(error).__name__)
