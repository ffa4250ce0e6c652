"""A state database that hangs: callers are told, and nothing else waits for it."""

import threading
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from serve_apps import problems
from serve_apps.services import Services
from serve_apps.settings import AppArgs
from serve_apps.state_threads import StateError, StateThreads
from tests.serve_apps.support import item, problem, search, upsert


@pytest.fixture
def settings(settings: AppArgs) -> AppArgs:
    """Settings that give the database no time to speak of."""
    state = settings.state.model_copy(update={"timeout_s": 0.1})
    return settings.model_copy(update={"state": state})


@pytest.fixture
def hanging(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A database that answers nobody before the event."""
    answers, list_jobs = threading.Event(), services.jobs.list

    def wait(*arguments: object, **given: object) -> object:
        assert answers.wait(60)
        return list_jobs(*arguments, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(services.jobs, "list", wait)
    yield answers
    answers.set()


async def test_callers_are_told_and_searches_and_writes_go_on(
    client: httpx.AsyncClient, hanging: threading.Event
) -> None:
    await upsert(client, item("doc-1", "microphone stands"))
    # More than there are threads in all pools together.
    for _ in range(20):
        answer = await client.get("/jobs")
        said = problem(answer, problems.UNAVAILABLE)
        assert said["detail"].startswith("The state database does not answer now. Try again")
        assert answer.headers["retry-after"] == "1"
    assert (await upsert(client, item("doc-2", "microphone")))["upserted"] == 1
    assert len((await search(client, "microphone"))["hits"]) == 2
    ready = await client.get("/readyz")
    assert [part["name"] for part in ready.json()["parts"] if not part["ok"]] == ["jobs"]
    hanging.set()
    while (await client.get("/jobs")).status_code != 200:
        pass


async def test_a_database_that_is_away_is_a_problem_of_its_own(
    client: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> object:
        raise OperationalError("SELECT", {}, Exception("connection refused by 10.1.2.3"))

    monkeypatch.setattr(services.jobs, "list", refuse)
    said = problem(await client.get("/jobs"), problems.UNAVAILABLE)
    assert said["detail"].startswith("The state database cannot be read or written now.")
    assert "10.1.2.3" not in said["detail"]


async def test_what_takes_too_long_names_the_setting() -> None:
    ended, threads = threading.Event(), StateThreads(0.01)
    with pytest.raises(StateError, match=r"longer than 0.01 s \(PMOVES_STATE__TIMEOUT_S\)"):
        await threads.call(ended.wait, 60)
    ended.set()
    assert await threads.call(lambda one, two: one + two, 1, 2, limit_s=60) == 3
    threads.close()
