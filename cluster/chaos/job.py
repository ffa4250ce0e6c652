"""A small job that is in the hands of the ingestor when that is struck."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from cluster.chaos.load import LoadPlan, client_of
from cluster.chaos.material import Json
from cluster.errors import MeshError

# So many that the strike finds some done and some not.
_FILES = 200
_LOOK_EVERY_S = 0.1
_BEGUN_S = 120.0
# One whose process has died begins again as a Ray job, after two minutes at most.
_ENDED_S = 600.0
_OVER = ("succeeded", "failed", "cancelled")


class JobInHand:
    """Files that are sent as one job to a namespace of their own."""

    def __init__(self, client: httpx.AsyncClient, namespace: str) -> None:
        self._client, self._namespace = client, namespace
        self._path = ""

    async def begin(self) -> None:
        """Send the files, and wait until some are done.

        Raises `MeshError` where that takes two minutes, or all are done by then.
        """
        files = [
            ("files", (f"take-{at}.md", f"# Take {at}\n\nRecorded at pier {at}.".encode()))
            for at in range(_FILES)
        ]
        sent = await self._client.post(
            "/documents", files=files, data={"namespace": self._namespace}
        )
        self._path = f"/jobs/{sent.raise_for_status().json()['job_id']}"
        job = await self._until(lambda job: job["done"] > 0 or job["state"] in _OVER, _BEGUN_S)
        if job["done"] >= _FILES or job["state"] in _OVER:
            raise MeshError(f"the job {self._path} ended before the ingestor could be struck")

    async def clear(self) -> None:
        """Delete its documents."""
        for row in await self._documents():
            where = {"namespace": self._namespace}
            await self._client.delete(f"/documents/{row['doc_id']}", params=where)

    async def faults(self) -> list[str]:
        """Return what is wrong once the job has ended: all must be ready, once, and none lost.

        Raises `MeshError` where it does not end within ten minutes.
        """
        job = await self._until(lambda job: job["state"] in _OVER, _ENDED_S)
        return job_faults(job, await self._documents(), _FILES)

    async def _documents(self) -> list[Json]:
        where: Json = {"namespace": self._namespace, "limit": 1_000}
        page = await self._client.get("/documents", params=where)
        found: list[Json] = page.raise_for_status().json()["documents"]
        return found

    async def _until(self, wanted: Callable[[Json], bool], limit_s: float) -> Json:
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    answer = await self._client.get(self._path)
                    if answer.status_code == httpx.codes.OK and wanted(answer.json()):
                        job: Json = answer.json()
                        return job
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError as error:
            raise MeshError(f"{self._path} is not as it should be in {limit_s:.0f} s") from error


@asynccontextmanager
async def job_in_hand(plan: LoadPlan) -> AsyncIterator[JobInHand]:
    """Yield a job that is at work; its documents go in the end, however that comes."""
    async with client_of(plan) as client:
        job = JobInHand(client, f"{plan.prefix}-files")
        try:
            await job.begin()
            yield job
        finally:
            await job.clear()


def job_faults(job: Json, rows: list[Json], files: int) -> list[str]:
    """Return what is wrong with a job of `files` that has ended, and with its documents."""
    name = f"job {job['job_id']}"
    faults = []
    if (job["state"], job["done"], job["quarantined"]) != ("succeeded", files, 0):
        told = f"{job['done']} of {files} done, {job['quarantined']} quarantined"
        faults.append(f"{name} {job['state']}: {told}, {job['error']}")
    if unready := [row["doc_id"] for row in rows if row["status"] != "ready"]:
        faults.append(f"{name}: {len(unready)} documents are not ready, such as {unready[0]}")
    if not len(rows) == len({row["doc_id"] for row in rows}) == files:
        faults.append(f"{name}: {len(rows)} documents are stored of {files} files")
    return faults
