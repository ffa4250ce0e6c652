"""Anybody may ask whether the gateway is ready, and that costs no more for many than for one."""

import asyncio
from collections.abc import Sequence

import pytest

from retrieval.chunk import Vectors
from serve_apps import readiness
from serve_apps.api import create_app
from serve_apps.services import Services
from tests.serve_apps.support import client_of


@pytest.fixture
def embedded(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """What the embedder was asked for."""
    asked: list[Sequence[str]] = []
    embed = services.embedder.embed_queries

    async def note(texts: Sequence[str]) -> Vectors:
        asked.append(texts)
        return await embed(texts)

    monkeypatch.setattr(services.embedder, "embed_queries", note)
    return asked


async def test_many_who_ask_cost_one_embedding(
    services: Services, embedded: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_GOOD_FOR", 3_600.0)
    async with client_of(create_app(services)) as client:
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(50)))
        assert {answer.status_code for answer in answers} == {200}
        assert (await client.get("/readyz")).json() == answers[0].json()
    assert len(embedded) == 1


async def test_what_is_old_is_asked_anew(
    services: Services, embedded: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_GOOD_FOR", 0.0)
    async with client_of(create_app(services)) as client:
        for _ in range(3):
            assert (await client.get("/readyz")).status_code == 200
    assert len(embedded) == 3


async def test_what_failed_is_asked_anew_sooner(
    services: Services, embedded: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_GOOD_FOR", 3_600.0)
    monkeypatch.setattr(readiness, "_BAD_FOR", 0.0)
    with monkeypatch.context() as broken:
        broken.setattr(services.jobs, "list", None)
        async with client_of(create_app(services)) as client:
            assert (await client.get("/readyz")).status_code == 503
            broken.undo()
            assert [(await client.get("/readyz")).status_code for _ in range(3)] == [200] * 3
    assert len(embedded) == 2


async def test_who_leaves_takes_the_answer_from_nobody(services: Services) -> None:
    check = readiness.ReadinessCheck(services)
    leaving, staying = (asyncio.create_task(check.parts()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert all(part.ok for part in await staying)
