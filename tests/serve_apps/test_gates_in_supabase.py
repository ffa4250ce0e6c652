"""`/eval/personas` of a gateway whose gates a Supabase project keeps."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from cluster.evaluation_routes import evaluation_routes
from eval.gates.contracts import FAILED, PUBLISHED
from eval.gates.stores.supabase import SupabaseGateStore
from serve_apps.api import create_app
from serve_apps.services import Services
from serve_apps.settings import AppArgs
from tests.engines.supabase import Project, settings_of
from tests.eval.gates.asking import gate_of, request
from tests.serve_apps.support import client_of
from tests.serve_apps.test_evaluations import harbour

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(settings: AppArgs, project: Project) -> AppArgs:
    """Settings that name the project."""
    return settings.model_copy(update={"supabase": settings_of(project)})


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway."""
    async with client_of(create_app(services, more=evaluation_routes(services))) as made:
        yield made


async def test_a_persona_is_published_and_another_gateway_knows_it(
    client: httpx.AsyncClient, project: Project, tmp_path: Path
) -> None:
    thresholds = {"MRR": {"min": 0.9}}
    gate = gate_of("Quay", queries_path=str(harbour(tmp_path)), thresholds=thresholds)
    event = request("Quay")
    with closing(SupabaseGateStore(settings_of(project))) as elsewhere:
        elsewhere.define([gate])
        answer = (await client.post("/eval/personas/publish", json=event)).json()
        assert answer["topic"] == PUBLISHED, answer
        assert elsewhere.results("Quay")
        assert answer["id"] in elsewhere.answers("Quay", gate.version)[0]


async def test_a_project_that_takes_no_key_any_more_is_told(
    client: httpx.AsyncClient, project: Project
) -> None:
    project.keys.clear()
    answer = (await client.post("/eval/personas/publish", json=request("Quay"))).json()
    assert (answer["topic"], answer["payload"]["reason"]) == (FAILED, "store-unavailable")
    assert "refuses the key" in answer["payload"]["detail"]
    assert (await client.get("/eval/personas")).status_code == 503
    assert (await client.get("/namespaces")).status_code == 200, "nothing else needs it"
