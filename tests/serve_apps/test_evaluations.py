"""`/eval` behind the doors of the gateway, as `pmoves up` composes it."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from cluster.evaluation_routes import evaluation_routes
from cluster.mesh.bringup import APP_IMPORT
from cluster.serving import MeshGateway
from eval.dashboard.desk import MOST_WAITING
from eval.gates.contracts import PUBLISHED
from eval.gates.errors import Reason
from eval.gates.stores.sql import SqlGateStore
from eval.report import write_files
from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.services import Services
from serve_apps.settings import AppArgs
from tests.eval.gates.asking import gate_of, request
from tests.eval.pages.material import collection, report_for, run_of
from tests.serve_apps.support import bearer, client_of, make_key, problem


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway with evaluations of two collections."""
    for name, spice in (("one", ""), ("two", "!")):
        dataset = collection(name, spice)
        run, folder = run_of(dataset), services.settings.home / "evaluations" / "now" / name
        run.save(folder)
        write_files(report_for(run, dataset), {}, folder)
    app = create_app(services, more=evaluation_routes(services))
    async with client_of(app) as made:
        yield made


def harbour(folder: Path) -> Path:
    """Write a BEIR collection of two documents and two queries."""
    files = {
        "corpus.jsonl": '{"_id": "tide", "text": "The tide leaves boats on the mud."}\n'
        '{"_id": "oven", "text": "Bread wants a hot oven."}\n',
        "queries.jsonl": '{"_id": "q1", "text": "boats on the mud"}\n'
        '{"_id": "q2", "text": "hot oven"}\n',
        "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\ttide\t1\nq2\toven\t1\n",
    }
    for name, content in files.items():
        file = folder / "harbour" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder / "harbour"


async def test_this_machine_needs_no_key(client: httpx.AsyncClient) -> None:
    answer = await client.get("/eval")
    assert answer.status_code == 200
    assert "now/two" in answer.text
    foreign = await client.get("/eval", headers={"Host": "evil.example"})
    problem(foreign, problems.HOST_NOT_ALLOWED)


async def test_a_reader_of_everything_comes_in(
    client: httpx.AsyncClient, services: Services
) -> None:
    everything, some = make_key(services, "read"), make_key(services, "read", "one")
    services.keyring.load()
    problem(await client.get("/eval/api/runs"), problems.UNAUTHENTICATED)
    problem(await client.get("/eval/api/runs", headers=bearer(some)), problems.FORBIDDEN)
    answer = await client.get("/eval/api/runs", headers=bearer(everything))
    assert sorted(run["run"] for run in answer.json()["runs"]) == ["now/one", "now/two"]


async def test_a_persona_is_published_by_the_search_of_this_gateway(
    client: httpx.AsyncClient, services: Services, tmp_path: Path
) -> None:
    folder = harbour(tmp_path)
    store = SqlGateStore(services.settings.state_url)
    thresholds = {"MRR": {"min": 0.9}}
    store.define([gate_of("Quay", queries_path=str(folder), thresholds=thresholds)])
    store.close()
    answer = (await client.post("/eval/personas/publish", json=request("Quay"))).json()
    assert answer["topic"] == PUBLISHED, answer
    (gate,) = (await client.get("/eval/personas?name=Quay")).json()["gates"]
    assert gate["passed"]
    runs = (await client.get("/eval/api/runs")).json()["runs"]
    assert any("gate" in run["run"] for run in runs)


async def test_answers_of_gates_are_counted(client: httpx.AsyncClient) -> None:
    asked = [client.post("/eval/personas/publish", json=request("Nobody")) for _ in range(3)]
    asked.append(client.post("/eval/personas/publish", content=b"{"))
    await asyncio.gather(*asked)
    text = (await client.get("/metrics")).text
    assert 'pmoves_persona_answers_total{outcome="unknown-persona"} 3.0' in text
    assert 'pmoves_persona_answers_total{outcome="invalid-request"} 1.0' in text
    # Those that never happened are there too, so that an alert sees the first one.
    for reason in (*get_args(Reason), "published", "left"):
        assert f'pmoves_persona_answers_total{{outcome="{reason}"}}' in text
    assert "pmoves_persona_requests 0.0" in text
    assert "pmoves_persona_answer_seconds_count 4.0" in text


async def test_errors_are_problem_documents(client: httpx.AsyncClient) -> None:
    problem(await client.get("/eval/runs/now/three"), problems.NOT_FOUND)
    problem(await client.get("/eval/personas/answers/none"), problems.NOT_FOUND)
    problem(await client.get("/eval/api/trends"), problems.INVALID_REQUEST)
    problem(await client.get("/eval/trends?mode=guess"), problems.INVALID_REQUEST)
    both = "first=now/one&second=now/two"
    refused = problem(await client.get(f"/eval/compare?{both}"), problems.INVALID_REQUEST)
    assert "evaluate both anew over one collection" in refused["detail"]
    problem(await client.post("/eval"), problems.METHOD_NOT_ALLOWED)


async def test_many_readers_do_not_take_the_places_of_searches(client: httpx.AsyncClient) -> None:
    asked = (client.get("/eval/compare?first=now/one&second=now/one") for _ in range(20))
    answers = await asyncio.gather(*asked)
    busy = [answer for answer in answers if answer.status_code != 200]
    assert len(answers) - len(busy) == MOST_WAITING
    for answer in busy:
        problem(answer, problems.OVERLOADED)
        assert answer.headers["retry-after"] == "1"
    assert (await client.get("/eval")).status_code == 200


async def test_what_serve_is_told_to_deploy_has_them(services: Services) -> None:
    config = yaml.safe_load(Path("cluster/config/mesh.yaml").read_text())
    (described,) = ServeDeploySchema.model_validate(config).applications
    assert described.import_path == APP_IMPORT
    module, _, builder = described.import_path.partition(":")
    settings = AppArgs.model_validate({**described.args, "home": services.settings.home})
    application = getattr(importlib.import_module(module), builder)(settings)
    # What Serve pickles and sends to the replica.
    pickle: Any = importlib.import_module("ray.cloudpickle")
    kind = pickle.loads(pickle.dumps(application._bound_deployment.func_or_class))
    assert issubclass(kind, MeshGateway)
    gateway = object.__new__(MeshGateway)
    gateway._services = services
    async with client_of(gateway.__serve_build_asgi_app__()) as client:
        assert (await client.get("/eval/api/runs")).json() == {"runs": [], "faults": []}
        assert (await client.get("/healthz")).status_code == 200
