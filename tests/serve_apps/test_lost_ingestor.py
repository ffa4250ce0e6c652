"""A replica of the ingestor dies with a job in its hands."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from tests.cluster.meshes import Mesh
from tests.serve_apps.support import Json

pytestmark = [
    pytest.mark.integration,
    pytest.mark.soak,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(900),
]
INGESTOR = "ServeReplica:pmoves:ingestor"
_FILES = 400


async def test_its_job_goes_on_as_a_ray_job_and_nothing_is_read_twice(mesh: Mesh) -> None:
    files = [
        ("files", (f"take-{number}.md", f"# Take {number}\n\nRecorded at pier {number}.".encode()))
        for number in range(_FILES)
    ]
    async with httpx.AsyncClient(base_url=mesh.state.url, timeout=120, trust_env=False) as client:
        answer = await client.post("/documents", files=files, data={"namespace": "lost"})
        job_id = answer.json()["job_id"]
        begun = await until(client, job_id, lambda job: 0 < job["done"] < _FILES)
        (ingestor,) = mesh.processes(INGESTOR).values()
        ingestor.kill()
        small = {"files": ("after.md", b"# After\n\nIt is taken all the same.")}
        other = await client.post("/documents", files=small, data={"namespace": "lost"})
        after = await until(client, other.json()["job_id"], lambda job: job["state"] == "succeeded")
        assert after["done"] == 1
        ended = await until(client, job_id, lambda job: job["state"] in ("succeeded", "failed"))
        page = await client.get("/documents", params={"namespace": "lost", "limit": 1_000})
    assert (ended["state"], ended["error"]) == ("succeeded", None)
    assert (ended["done"], ended["quarantined"]) == (_FILES, 0)
    assert ended["skipped"] >= begun["done"]
    rows = page.json()["documents"]
    assert {row["status"] for row in rows} == {"ready"}
    assert len(rows) == len({row["doc_id"] for row in rows}) == _FILES + 1


async def until(client: httpx.AsyncClient, job_id: str, wanted: Callable[[Json], bool]) -> Json:
    """Return the job as soon as it is as wanted."""
    async with asyncio.timeout(600):
        while True:
            job: Json = (await client.get(f"/jobs/{job_id}")).json()
            if wanted(job):
                return job
            await asyncio.sleep(0.1)
