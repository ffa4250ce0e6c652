"""Signing in by a form: the cookie, who gets none, and where the form leads."""

from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.evaluation_routes import evaluation_routes
from cluster.sign_in import page_of
from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.policy import SIGN_IN, SIGN_OUT, rule_for
from serve_apps.services import Services
from tests.serve_apps.support import BASE_URL, client_of, make_key, problem, wrong_fields

COOKIE = "pmoves_session_8000"


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


async def sign_in(
    client: httpx.AsyncClient, key: str, target: str = "", **headers: str
) -> httpx.Response:
    """Send the form as a browser does."""
    headers = {"Origin": BASE_URL, "Sec-Fetch-Site": "same-origin"} | headers
    return await client.post(SIGN_IN, data={"key": key, "next": target}, headers=headers)


async def test_a_cookie_that_scripts_and_other_sites_do_not_get(
    client: httpx.AsyncClient, token: str
) -> None:
    answer = await sign_in(client, f" {token}\n", "/eval/trends?metric=MRR")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/eval/trends?metric=MRR"
    cookie = SimpleCookie(answer.headers["set-cookie"])[COOKIE]
    assert token.split("_")[2] not in cookie.value
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "strict"
    assert cookie["path"] == "/eval"
    assert cookie["max-age"] == "43200"
    assert not cookie["secure"]
    assert not cookie["domain"]
    assert "Sign out" in (await client.get("/eval")).text
    assert (await client.get("/eval/api/runs")).status_code == 401
    left = await client.post(SIGN_OUT, headers={"Origin": BASE_URL})
    assert (left.status_code, left.headers["location"]) == (303, SIGN_IN)
    assert (await client.get("/eval")).status_code == 401


async def test_behind_tls_the_cookie_goes_through_tls_alone(
    client: httpx.AsyncClient, token: str
) -> None:
    answer = await sign_in(client, token, Origin="https://mesh.example")
    assert SimpleCookie(answer.headers["set-cookie"])[COOKIE]["secure"] is True


async def test_a_wrong_key_is_told_and_gets_no_cookie(
    client: httpx.AsyncClient, services: Services, token: str
) -> None:
    some = make_key(services, "admin", "one")
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    services.keyring.load()
    for key, status, text in (
        (wrong, 401, "This is not a key of this mesh."),
        ("", 401, "This is not a key of this mesh."),
        (some, 403, "the key is for some of them only"),
    ):
        answer = await sign_in(client, key, "/eval/trends")
        assert answer.status_code == status
        assert text in answer.text
        assert 'value="/eval/trends"' in answer.text
        assert "set-cookie" not in answer.headers
        assert "form-action 'self'" in answer.headers["content-security-policy"]
        assert ("www-authenticate" in answer.headers) == (status == 401)


FOREIGN = (
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": BASE_URL, "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://127.0.0.1:9000"},
    {"Origin": "null"},
)


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", [SIGN_IN, SIGN_OUT])
async def test_pages_of_others_sign_nobody_in_or_out(
    client: httpx.AsyncClient, token: str, path: str, headers: dict[str, str]
) -> None:
    answer = await client.post(path, data={"key": token}, headers=headers)
    problem(answer, problems.ORIGIN_NOT_ALLOWED)
    assert "set-cookie" not in answer.headers


async def test_what_is_no_form_is_refused(client: httpx.AsyncClient, token: str) -> None:
    many = "&".join(f"f{number}=1" for number in range(20))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for content, headers in ((many, form), (b"key=\xff", form), (f'{{"key": "{token}"}}', {})):
        problem(
            await client.post(SIGN_IN, content=content, headers=headers), problems.MALFORMED_BODY
        )
    unknown = await client.post(SIGN_IN, data={"nexт": "/eval"})
    assert wrong_fields(problem(unknown, problems.INVALID_REQUEST)) == ["nexт", "key"]
    long = await client.post(SIGN_IN, content=b"key=" + b"0" * 9_000, headers=form)
    problem(long, problems.TOO_LARGE)


async def test_without_keys_nobody_need_sign_in(services: Services) -> None:
    async with client_of(create_app(services, more=evaluation_routes(services))) as client:
        assert "Sign out" not in (await client.get("/eval")).text
        assert (await client.get(SIGN_IN)).headers["location"] == "/eval"
        answer = await sign_in(client, "secret", "/eval/trends")
        assert (answer.status_code, answer.headers["location"]) == (303, "/eval/trends")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "target",
    ["", "//evil.example", "/\\evil.example", "https://evil.example/eval", "/documents", "/\t/evil",
     "/eval/api/runs", "javascript:alert(1)", "/eval/sign-in", "http://[", "/eval/compäre"],
)  # fmt: skip
def test_nobody_is_led_elsewhere(target: str) -> None:
    assert page_of(target) == "/eval"


@given(
    st.text(max_size=40) | st.text(alphabet="/\\eval.:@?#\t\n", max_size=20).map("/eval".__add__)
)
def test_the_form_leads_to_pages_of_ours_alone(target: str) -> None:
    parts = urlsplit(page_of(target))
    assert not parts.scheme
    assert not parts.netloc
    assert rule_for("GET", parts.path).page
