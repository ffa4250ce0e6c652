"""Which jobs go to the ingestor; a real one runs in `test_serve`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Self, cast

import pytest
from ray.exceptions import ActorUnavailableError, RayActorError
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from serve_apps.near import NearLauncher
from serve_apps.services import NEAR
from tests.serve_apps.support import NotedLauncher


class Near:
    """In place of a handle: takes jobs, refuses them, or fails; holds what it took."""

    def __init__(
        self,
        *,
        takes: bool = True,
        error: Exception | None = None,
        then: Exception | None = None,
    ) -> None:
        self.over = asyncio.Event()
        self.held = 0
        self._takes = takes
        self._error = error
        self._then = then

    @property
    def run(self) -> Self:
        """The method of the deployment."""
        return self

    def options(self, *, stream: bool) -> Self:
        """Answers come one by one."""
        assert stream
        return self

    async def remote(self, job_id: str) -> AsyncIterator[bool]:
        """Answer, and hold what is taken until the test is over."""
        if self._error:
            raise self._error
        yield self._takes
        if self._takes:
            self.held += 1
            await self.over.wait()
            self.held -= 1
            if self._then:
                raise self._then


def launcher(near: Near, far: NotedLauncher) -> NearLauncher:
    """Return a launcher over both."""
    return NearLauncher(cast(DeploymentHandle[Any], near), far)


async def test_what_is_taken_is_held_until_it_is_over() -> None:
    near, far = Near(), NotedLauncher()
    made = launcher(near, far)
    assert await asyncio.to_thread(made.submit, "job-1") == NEAR
    await asyncio.sleep(0)
    assert (near.held, far.submitted) == (1, [])
    near.over.set()
    async with asyncio.timeout(5):
        while near.held:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    "near",
    [
        {"takes": False},
        {"error": RayActorError()},
        {"error": BackPressureError(num_queued_requests=1, max_queued_requests=1)},
        {"error": TimeoutError()},
    ],
    ids=str,
)
async def test_what_is_not_taken_becomes_a_ray_job(near: dict[str, Any]) -> None:
    far = NotedLauncher()
    made = launcher(Near(**near), far)
    assert await asyncio.to_thread(made.submit, "job-1") == "run-job-1"
    assert far.submitted == ["job-1"]


async def test_a_call_that_breaks_off_is_told_until_the_job_is_submitted_again() -> None:
    near = Near(then=ActorUnavailableError("connection reset", None))
    made = launcher(near, NotedLauncher())
    await asyncio.to_thread(made.submit, "job-1")
    assert not made.left("job-1")
    near.over.set()
    async with asyncio.timeout(5):
        while not made.left("job-1"):
            await asyncio.sleep(0)
    assert not made.left("job-2")
    await asyncio.to_thread(made.submit, "job-1", small=False)
    assert not made.left("job-1")


async def test_what_was_lost_once_is_not_offered_again() -> None:
    near, far = Near(), NotedLauncher()
    made = launcher(near, far)
    assert await asyncio.to_thread(made.submit, "job-1", small=False) == "run-job-1"
    assert near.held == 0


async def test_ray_jobs_are_stopped_and_asked_for() -> None:
    far = NotedLauncher()
    far.failures["run-1"] = "out of memory"
    made = launcher(Near(), far)
    for run in (NEAR, "run-1"):
        made.stop(run)
    assert far.stopped == ["run-1"]
    assert [made.failure(run) for run in (NEAR, "run-1")] == [None, "out of memory"]
