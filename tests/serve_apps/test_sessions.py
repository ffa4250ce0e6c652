"""Sessions of browsers: when they count, when they end, and that nobody makes one up."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import httpx
import pytest

from cluster.evaluation_routes import evaluation_routes
from retrieval.chunk import utc_now
from retrieval.state.keys import KeyStore
from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.services import Services
from serve_apps.sessions import Sessions
from tests.serve_apps.support import bearer, client_of, make_key, problem, session_of

PAGE = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture
def token(services: Services) -> str:
    """A key that may see the pages."""
    made = make_key(services, "read")
    services.keyring.load()
    return made


@pytest.fixture
async def client(services: Services, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with evaluations and a key."""
    async with client_of(create_app(services, more=evaluation_routes(services))) as made:
        yield made


async def asked(client: httpx.AsyncClient, cookie: str, **headers: str) -> httpx.Response:
    """Ask for a page with a cookie."""
    return await client.get("/eval", headers={"Cookie": cookie, **headers})


async def test_what_is_not_signed_by_the_key_is_refused(
    client: httpx.AsyncClient, services: Services, token: str
) -> None:
    second = make_key(services, "admin")
    services.keyring.load()
    name, _, session = (await session_of(services, token)).partition("=")
    key_id, end, signature = session.split(".")
    assert (await asked(client, f"{name}={session}")).status_code == 200
    other = (await session_of(services, second)).partition("=")[2]
    forged = {
        "later": f"{key_id}.{int(end) + 1}.{signature}",
        "of another key": f"{other.split('.')[0]}.{end}.{signature}",
        "with its signature": f"{key_id}.{end}.{other.split('.')[2]}",
        "of no key": f"{'0' * 16}.{end}.{signature}",
        "changed": session[:-1] + ("0" if session[-1] != "0" else "1"),
        "cut": session[:-1],
        "the key itself": token,
        "empty": "",
    }
    for value in forged.values():
        answer = await asked(client, f"{name}={value}")
        problem(answer, problems.UNAUTHENTICATED)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    problem(await asked(client, f"pmoves_session_1={session}"), problems.UNAUTHENTICATED)


async def test_a_session_ends(client: httpx.AsyncClient, services: Services, token: str) -> None:
    keyring = services.keyring
    credential = await keyring.with_token(token)
    seconds = services.sessions.seconds
    for shift, counts in ((-seconds + 60, True), (-seconds - 60, False), (3_600, False)):
        clock = partial(utc_now().__add__, timedelta(seconds=shift))
        made = Sessions(keyring, seconds, 8000, clock)
        answer = await asked(client, f"{services.sessions.cookie}={made.begin(credential)}")
        assert (answer.status_code == 200) == counts, shift


async def test_a_session_ends_with_its_key(
    client: httpx.AsyncClient, services: Services, token: str
) -> None:
    cookie = await session_of(services, token)
    assert (await asked(client, cookie)).status_code == 200
    store = KeyStore(services.settings.state_url)
    store.revoke(token.split("_")[1])
    store.close()
    services.keyring.load()
    problem(await asked(client, cookie), problems.UNAUTHENTICATED)


async def test_a_key_that_is_shown_counts_alone(
    client: httpx.AsyncClient, services: Services, token: str
) -> None:
    cookie = await session_of(services, token)
    problem(await asked(client, cookie, **bearer("secret")), problems.UNAUTHENTICATED)
    assert (await asked(client, cookie + "0", **bearer(token))).status_code == 200


async def test_a_session_spends_what_its_key_may(
    client: httpx.AsyncClient, services: Services
) -> None:
    slow = make_key(services, "read", rate_limit=6)
    services.keyring.load()
    cookie = await session_of(services, slow)
    assert (await asked(client, cookie)).status_code == 200
    problem(await asked(client, cookie), problems.RATE_LIMITED)


@pytest.mark.parametrize("headers", [{}, {"Cookie": "pmoves_session_8000=x"}])
async def test_a_browser_is_led_to_the_form(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.get("/eval/compare?first=a/b%20c&second=d", headers=PAGE | headers)
    assert answer.status_code == 303
    wanted = "/eval/sign-in?next=%2Feval%2Fcompare%3Ffirst%3Da%2Fb%2520c%26second%3Dd"
    assert answer.headers["location"] == wanted
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/eval/api/runs", "/documents", "/nowhere", "/metrics?x=1"])
async def test_only_pages_lead_there(client: httpx.AsyncClient, path: str) -> None:
    headers = {**PAGE, "X-Forwarded-For": "10.0.0.1"}
    assert (await client.get(path, headers=headers)).status_code in (401, 403)
    answer = await client.get("/eval", headers={**PAGE, **bearer("secret")})
    problem(answer, problems.UNAUTHENTICATED)
