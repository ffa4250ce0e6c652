"""Schedules over HTTP, and the start of what is due."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from retrieval.chunk import utc_now
from retrieval.jobs import JobRequest
from serve_apps import background, problems, schedules
from serve_apps.api import create_app
from serve_apps.dry_run import DryRun
from serve_apps.schedules import start_due
from serve_apps.services import Services
from tests.serve_apps.support import Json, NotedLauncher, client_of, problem, wrong_fields


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the gateway from starting what is due before a test does."""
    monkeypatch.setattr(background, "start_due", lambda _services: None)


async def ask(client: httpx.AsyncClient, roots: Path, **fields: object) -> httpx.Response:
    body = {"sources": [roots.as_uri()], "schedule": "30 3 * * *", **fields}
    return await client.post("/ingest", json=body)


async def made(client: httpx.AsyncClient, roots: Path, **fields: object) -> Json:
    answer = await ask(client, roots, **fields)
    assert answer.status_code == 201, answer.text
    body: Json = answer.json()
    assert answer.headers["location"] == f"/schedules/{body['schedule_id']}"
    return body


def overdue(monkeypatch: pytest.MonkeyPatch, days: int = 2) -> None:
    """Set the clock of the one who starts what is due."""
    monkeypatch.setattr(schedules, "utc_now", lambda: utc_now() + timedelta(days=days))


async def test_a_schedule_is_made_listed_shown_and_deleted(
    client: httpx.AsyncClient, roots: Path, launcher: NotedLauncher
) -> None:
    body = await made(client, roots, timezone="Europe/Berlin", namespace="studio")
    assert (body["schedule"], body["timezone"]) == ("30 3 * * *", "Europe/Berlin")
    assert (body["namespace"], body["sources"]) == ("studio", [roots.as_uri()])
    assert datetime.fromisoformat(body["next_at"]) > utc_now()
    assert (body["last_at"], body["last_job_id"]) == (None, None)
    one = f"/schedules/{body['schedule_id']}"
    assert (await client.get(one)).json() == body
    assert (await client.get("/schedules?namespace=studio")).json()["schedules"] == [body]
    assert (await client.get("/schedules?namespace=other")).json()["schedules"] == []
    assert (await client.delete(one)).json() == body
    problem(await client.get(one), problems.NOT_FOUND)
    problem(await client.delete(one), problems.NOT_FOUND)
    assert launcher.submitted == []


async def test_a_dry_run_with_a_schedule_makes_none(
    client: httpx.AsyncClient, roots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = DryRun(lanes={}, seconds={}, total_seconds=0, failures=[])
    monkeypatch.setattr("serve_apps.routes.ingest.dry_run", lambda *_: nothing)
    assert (await ask(client, roots, dry_run=True)).status_code == 200
    assert (await client.get("/schedules")).json()["schedules"] == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"schedule": "daily"}, "schedule"),
        ({"schedule": "0 0 31 2 *"}, "schedule"),
        ({"schedule": "* * * * * *"}, "schedule"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../etc"}, "timezone"),
    ],
)
async def test_what_is_no_time_is_refused(
    client: httpx.AsyncClient, roots: Path, given: dict[str, str], field: str
) -> None:
    told = problem(await ask(client, roots, **given), problems.INVALID_REQUEST)
    assert wrong_fields(told) == [field]


async def test_sources_are_kept_to_the_allowed_places(
    client: httpx.AsyncClient, roots: Path
) -> None:
    answer = await ask(client, roots, sources=[roots.parent.as_uri()])
    problem(answer, problems.SOURCE_NOT_ALLOWED)
    assert (await client.get("/schedules")).json()["schedules"] == []


async def test_what_is_due_starts_once_however_many_look(
    client: httpx.AsyncClient,
    roots: Path,
    services: Services,
    launcher: NotedLauncher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule = await made(client, roots, include=["*.pdf"])
    start_due(services)
    assert launcher.submitted == []
    overdue(monkeypatch)
    # What one has just taken is two days old by this clock, and not abandoned.
    monkeypatch.setattr(schedules, "_ABANDONED", timedelta(days=9))
    await asyncio.gather(*(asyncio.to_thread(start_due, services) for _ in range(4)))
    (job_id,) = launcher.submitted
    shown = (await client.get(f"/schedules/{schedule['schedule_id']}")).json()
    assert shown["last_job_id"] == job_id
    job = services.jobs.get(job_id)
    assert job is not None
    assert (job.runner_id, job.request.include) == (f"run-{job_id}", ["*.pdf"])
    assert 'pmoves_schedule_runs_total{outcome="started"} 1.0' in _metrics(services)


async def test_a_run_that_the_cluster_does_not_take_holds_up_no_other(
    client: httpx.AsyncClient,
    roots: Path,
    services: Services,
    launcher: NotedLauncher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(2):
        await made(client, roots)
    launcher.broken = True
    overdue(monkeypatch)
    start_due(services)
    assert [job.state for job in services.jobs.list().jobs] == ["failed", "failed"]
    assert 'pmoves_schedule_runs_total{outcome="failed"} 2.0' in _metrics(services)
    launcher.broken = False
    overdue(monkeypatch, days=4)
    start_due(services)
    assert len(launcher.submitted) == 2


async def test_a_run_whose_replica_died_is_started_by_another(
    services: Services, launcher: NotedLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = services.schedules.create(JobRequest(namespace="a", sources=[]), "0 0 1 1 *")
    job = services.schedules.take(schedule, schedule.next_at)
    assert job is not None
    start_due(services)
    assert launcher.submitted == []
    overdue(monkeypatch, days=1)
    start_due(services)
    start_due(services)
    assert launcher.submitted == [job.job_id]


async def test_the_gateway_looks_by_itself(
    services: Services, launcher: NotedLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "start_due", start_due)
    monkeypatch.setattr(background, "_SCHEDULES_SECONDS", 0.05)
    overdue(monkeypatch)
    async with client_of(create_app(services)):
        services.schedules.create(JobRequest(namespace="a", sources=[]), "0 3 * * *")
        async with asyncio.timeout(30):
            while not launcher.submitted:
                await asyncio.sleep(0.02)


def _metrics(services: Services) -> str:
    return services.metrics.expose().decode()
