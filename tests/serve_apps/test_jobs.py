"""Jobs over HTTP, and the watch over their runs."""

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from retrieval.indexing import index_chunks
from retrieval.jobs import JobRequest, SourceItem, new_job_id
from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.jobs import JobWatcher, uploads_folder
from serve_apps.services import NEAR, Services
from serve_apps.settings import AppArgs, ServeSettings
from tests.retrieval.building import make_chunk
from tests.serve_apps.support import NotedLauncher, client_of, found, problem, search


def start(services: Services, namespace: str = "pmoves", runner_id: str | None = "run-1") -> str:
    """Store a running job; return its id."""
    request = JobRequest(namespace=namespace, sources=[SourceItem(uri="file:///a")])
    job = services.jobs.create(request)
    services.jobs.start(job.job_id)
    if runner_id:
        services.jobs.set_runner(job.job_id, runner_id)
    return job.job_id


def state(services: Services, job_id: str) -> tuple[str, str | None]:
    """Return a job's state and error."""
    job = services.jobs.get(job_id)
    assert job is not None
    return job.state, job.error


async def test_progress_is_shown(client: httpx.AsyncClient, services: Services) -> None:
    job_id = start(services)
    services.jobs.progress(job_id, total=10, done=4, quarantined=1, stages={"parse": 4})
    body = (await client.get(f"/jobs/{job_id}")).json()
    assert (body["state"], body["total"], body["done"], body["quarantined"]) == (
        "running",
        10,
        4,
        1,
    )
    assert body["stages"] == {"parse": 4}
    assert body["rate"] > 0
    assert body["eta_s"] == pytest.approx(6 / body["rate"])
    assert body["sources"] == ["file:///a"]


async def test_whoever_saw_a_job_end_finds_what_it_stored(
    services: Services, settings: AppArgs
) -> None:
    rarely = ServeSettings(refresh_ms=60_000)
    app = create_app(replace(services, settings=settings.model_copy(update={"serve": rarely})))
    async with client_of(app) as client:
        await search(client, "lamps")
        lamps = make_chunk("doc-1", "Two lamps.", namespace="pmoves")
        stored = await index_chunks(services.corpus, services.embedder, [lamps])
        job_id = start(services)
        services.jobs.finish(job_id, "succeeded", index_version=stored.version)
        assert (await client.get(f"/jobs/{job_id}")).json()["index_version"] == stored.version
        assert services.searcher.version >= stored.version
        assert found(await search(client, "lamps")) == ["doc-1"]


async def test_a_job_is_shown_while_the_corpus_cannot_be_read(
    client: httpx.AsyncClient, services: Services, tmp_path: Path
) -> None:
    job_id = start(services)
    services.jobs.finish(job_id, "succeeded", index_version=99)
    Path(services.settings.corpus_uri).rename(tmp_path / "taken away")
    assert (await client.get(f"/jobs/{job_id}")).json()["state"] == "succeeded"


async def test_jobs_are_listed_newest_first(client: httpx.AsyncClient, services: Services) -> None:
    ids = [start(services, namespace) for namespace in ("a", "b", "a")]
    first = (await client.get("/jobs?limit=2")).json()
    rest = (await client.get("/jobs", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    listed = [job["job_id"] for job in first["jobs"] + rest["jobs"]]
    assert listed == ids[::-1]
    assert rest["next_cursor"] is None
    only = (await client.get("/jobs?namespace=b")).json()["jobs"]
    assert [job["job_id"] for job in only] == [ids[1]]


async def test_unknown_jobs_are_not_found(client: httpx.AsyncClient) -> None:
    problem(await client.get("/jobs/nope"), problems.NOT_FOUND)
    problem(await client.delete("/jobs/nope"), problems.NOT_FOUND)


async def test_a_job_is_asked_to_stop(client: httpx.AsyncClient, services: Services) -> None:
    job_id = start(services)
    answer = await client.delete(f"/jobs/{job_id}")
    assert answer.status_code == 202
    assert services.jobs.stop_requested(job_id)


async def test_a_job_is_paused_and_resumed(client: httpx.AsyncClient, services: Services) -> None:
    job_id = start(services)
    assert (await client.post(f"/jobs/{job_id}/pause")).json()["paused"] is True
    assert (await client.post(f"/jobs/{job_id}/resume")).json()["paused"] is False
    problem(await client.post("/jobs/nope/pause"), problems.NOT_FOUND)


async def test_a_job_that_ended_early_runs_once_more(
    client: httpx.AsyncClient, services: Services, launcher: NotedLauncher
) -> None:
    job_id = start(services)
    services.jobs.request_stop(job_id)
    services.jobs.finish(job_id, "stopped")
    answer = await client.post(f"/jobs/{job_id}/resume")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert launcher.submitted[-1] == job_id
    assert not services.jobs.stop_requested(job_id)
    services.jobs.finish(job_id, "succeeded")
    problem(await client.post(f"/jobs/{job_id}/resume"), problems.CONFLICT)


async def test_a_finished_job_stays_as_it_is(client: httpx.AsyncClient, services: Services) -> None:
    job_id = start(services)
    services.jobs.finish(job_id, "succeeded")
    assert (await client.delete(f"/jobs/{job_id}")).json()["state"] == "succeeded"


def test_ids_sort_by_time() -> None:
    ids = [new_job_id() for _ in range(50)]
    assert sorted(ids) == ids
    assert len(set(ids)) == 50


def test_a_run_that_died_fails_its_job(services: Services, launcher: NotedLauncher) -> None:
    died, alive, ours = (
        start(services, runner_id="1"),
        start(services, runner_id="2"),
        start(services, runner_id=None),
    )
    launcher.failures["1"] = "the entrypoint was killed by signal 9"
    JobWatcher(services).look()
    assert state(services, died) == ("failed", "the entrypoint was killed by signal 9")
    assert state(services, alive)[0] == "running"
    assert state(services, ours)[0] == "running"


def test_a_job_that_fell_silent_runs_as_a_ray_job(
    services: Services, launcher: NotedLauncher
) -> None:
    near, own, queued = (start(services, runner_id=runner) for runner in (NEAR, None, NEAR))
    services.jobs.requeue(queued, "running")
    watcher = JobWatcher(services, silence_s=0)
    watcher.look()
    assert launcher.submitted == []
    services.jobs.progress(near, done=1)
    watcher.look()
    assert launcher.submitted == [queued]
    assert state(services, own)[0] == "failed"
    watcher.look()
    assert (launcher.submitted, launcher.small) == ([queued, near], [False, False])
    job = services.jobs.get(near)
    assert job is not None
    assert job.runner_id == f"run-{near}"


def test_a_job_whose_call_has_broken_off_is_lost_sooner(
    services: Services, launcher: NotedLauncher
) -> None:
    kept, left = (start(services, runner_id=NEAR) for _ in range(2))
    launcher.gone.add(left)
    watcher = JobWatcher(services, silence_s=600, left_s=0)
    watcher.look()
    # Its process may have lost the connection alone: it still tells of itself.
    services.jobs.progress(left, done=1)
    watcher.look()
    assert launcher.submitted == []
    watcher.look()
    assert launcher.submitted == [left]
    assert state(services, kept)[0] == "running"


def test_a_silent_job_that_was_to_stop_is_stopped(
    services: Services, launcher: NotedLauncher
) -> None:
    job_id = start(services, runner_id=NEAR)
    services.jobs.request_stop(job_id)
    watcher = JobWatcher(services, silence_s=0)
    watcher.look()
    watcher.look()
    assert (state(services, job_id), launcher.submitted) == (("stopped", None), [])


def test_a_job_that_does_not_stop_is_ended(services: Services, launcher: NotedLauncher) -> None:
    job_id = start(services, runner_id="1")
    services.jobs.request_stop(job_id)
    JobWatcher(services, grace_s=60).look()
    assert launcher.stopped == []
    watcher = JobWatcher(services, grace_s=0)
    watcher.look()
    assert launcher.stopped == ["1"]
    assert state(services, job_id)[0] == "running"
    launcher.failures["1"] = "stopped by the user"
    watcher.look()
    assert state(services, job_id) == ("stopped", None)


def test_uploads_go_once_every_file_is_in_the_corpus(services: Services) -> None:
    whole, partly, failed = (start(services, runner_id=None) for _ in range(3))
    services.jobs.finish(whole, "succeeded")
    services.jobs.progress(partly, quarantined=1)
    services.jobs.finish(partly, "succeeded")
    services.jobs.finish(failed, "failed", "no reason")
    for job_id in (whole, partly, failed, "job-that-is-still-being-received"):
        uploads_folder(services, job_id).mkdir(parents=True)
        (uploads_folder(services, job_id) / "0001").write_bytes(b"data")
    JobWatcher(services).look()
    left = {path.name for path in uploads_folder(services, "").iterdir()}
    assert left == {partly, failed, "job-that-is-still-being-received"}


async def test_the_gateway_watches_by_itself(
    client: httpx.AsyncClient, services: Services, launcher: NotedLauncher
) -> None:
    job_id = start(services, runner_id="1")
    launcher.failures["1"] = "out of memory"
    async with asyncio.timeout(20):
        while state(services, job_id)[0] == "running":
            await asyncio.sleep(0.05)
    assert state(services, job_id) == ("failed", "out of memory")
