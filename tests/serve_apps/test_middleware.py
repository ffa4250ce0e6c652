"""Request ids, the loopback guard and the bound on work."""

import asyncio

import httpx
import pytest

from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.loopback import is_loopback
from serve_apps.middleware.guard import host_name
from serve_apps.services import Services
from tests.serve_apps.support import client_of, problem


async def test_every_answer_carries_a_request_id(client: httpx.AsyncClient) -> None:
    ids = {(await client.get("/healthz")).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    assert all(len(value) == 32 for value in ids)


@pytest.mark.parametrize("value", ["a", "0-._~!$%&'()*+,;=:@/?#[]", "x" * 128])
async def test_request_ids_of_callers_are_kept(client: httpx.AsyncClient, value: str) -> None:
    answer = await client.get("/healthz", headers={"X-Request-ID": value})
    assert answer.headers.get_list("x-request-id") == [value]


@pytest.mark.parametrize("value", ["", "x" * 129, "two words", "ta\tb", "ü"])
async def test_request_ids_that_do_not_fit_are_refused(
    client: httpx.AsyncClient, value: str
) -> None:
    answer = await client.get("/healthz", headers={b"X-Request-ID": value.encode()})
    told = problem(answer, problems.INVALID_REQUEST)
    assert told["errors"][0]["field"] == "X-Request-ID"
    assert answer.headers["x-request-id"] != value


async def test_the_id_is_not_sent_twice_behind_serve(services: Services) -> None:
    async with client_of(create_app(services, echo_request_id=False)) as client:
        assert "x-request-id" not in (await client.get("/healthz")).headers


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1:80", "127.9.9.9", "[::1]", "[::1]:9"],
)
async def test_loopback_names_are_served(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "localhost.example.org",
        "127.0.0.1.nip.io",
        "127.0.0.1@example.org",
        "example.org/127.0.0.1",
        "0.0.0.0",
        "192.168.1.2:8000",
        "[::]",
        "[::ffff:8.8.8.8]",
        "[bad",
        "",
    ],
)
async def test_other_names_are_not(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.get("/healthz", headers={"Host": host})
    problem(answer, problems.HOST_NOT_ALLOWED)


def test_hosts_without_a_name_are_not_loopback() -> None:
    assert host_name("localhost#x") == host_name("localhost?x") == ""
    assert not is_loopback("")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://localhost:8000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/hirag/upsert-batch"), ("DELETE", "/documents/a")]
)
async def test_pages_of_other_origins_change_nothing(
    client: httpx.AsyncClient, headers: dict[str, str], method: str, path: str
) -> None:
    answer = await client.request(method, path, headers=headers)
    problem(answer, problems.ORIGIN_NOT_ALLOWED)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://127.0.0.1:8000"}, {"Sec-Fetch-Site": "same-origin"}]
)
async def test_programs_and_our_own_pages_may_write(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post("/hirag/admin/refresh", headers=headers)
    assert answer.status_code == 200


async def test_too_much_work_is_turned_away(services: Services) -> None:
    services.settings.http.max_in_flight = 2
    app, release, entered = create_app(services), asyncio.Event(), asyncio.Semaphore(0)

    @app.get("/slow")
    async def slow() -> str:
        entered.release()
        await release.wait()
        return "done"

    async with client_of(app) as client:
        waiting = [asyncio.create_task(client.get("/slow")) for _ in range(2)]
        for _ in waiting:
            await entered.acquire()
        refused = await client.get("/slow")
        told = problem(refused, problems.OVERLOADED)
        assert refused.headers["retry-after"] == "1"
        assert told["limits"] == {"max_in_flight": 2}
        assert (await client.get("/healthz")).status_code == 200
        exposed = (await client.get("/metrics")).text
        assert 'pmoves_http_refused_total{reason="overload"} 1.0' in exposed
        release.set()
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}
        assert (await client.get("/slow")).status_code == 200
