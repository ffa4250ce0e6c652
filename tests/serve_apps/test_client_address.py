"""Whose request it is, and which networks may ask."""

import ipaddress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.client_address import ClientAddresses, Ingress, parse_address
from serve_apps.ingress import ingress_of
from serve_apps.services import Services
from tests.serve_apps.support import BASE_URL, bearer, make_key, problem

PROXY, CLIENT, EVIL = "10.0.0.1", "100.64.0.9", "203.0.113.7"


def address(
    peer: str, *forwarded: str, trusted: tuple[str, ...] = (PROXY,), ingress: Ingress = "direct",
    named: str | None = None,
) -> str | None:  # fmt: skip
    """Return what is taken for the client's address."""
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    headers += [(b"x-pmoves-peer", named.encode())] if named is not None else []
    scope = {"type": "http", "client": (peer, 1234), "headers": headers}
    found = ClientAddresses(ingress, trusted).of(scope)
    return None if found is None else str(found)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        (CLIENT, (), CLIENT),
        (EVIL, (CLIENT,), EVIL),
        (PROXY, (CLIENT,), CLIENT),
        (PROXY, (), PROXY),
        (PROXY, (f"{CLIENT}, {EVIL}",), EVIL),
        (PROXY, (CLIENT, EVIL), EVIL),
        (PROXY, (f"{EVIL}, {CLIENT}, {PROXY}",), CLIENT),
        (PROXY, (f"{CLIENT}:8080",), CLIENT),
        (PROXY, ("[fd7a:115c:a1e0::1]:443",), "fd7a:115c:a1e0::1"),
        (PROXY, (f"{CLIENT}, unknown",), None),
        (PROXY, (f"{CLIENT}, 127.0.0.1.evil.example",), None),
        (f"::ffff:{PROXY}", (CLIENT,), CLIENT),
        ("", (CLIENT,), None),
        ("testclient", (), None),
    ],
)
def test_the_last_address_that_a_trusted_proxy_saw(
    peer: str, forwarded: tuple[str, ...], expected: str | None
) -> None:
    assert address(peer, *forwarded) == expected


@given(st.lists(st.ip_addresses().map(str) | st.text(), max_size=5))
def test_what_a_client_writes_moves_nothing(forged: list[str]) -> None:
    lines = [line for line in forged if line.isascii() and line.isprintable()]
    assert address(EVIL, *lines) == EVIL
    assert address(PROXY, *lines, EVIL) == EVIL
    assert address("127.0.0.1", *lines, ingress="haproxy", named=EVIL) == EVIL


def test_behind_haproxy_its_peer_counts() -> None:
    assert address("127.0.0.1", ingress="haproxy", named=CLIENT) == CLIENT
    assert address("127.0.0.1", ingress="haproxy") is None
    # Others than our HAProxy may claim what they like.
    assert address(EVIL, ingress="haproxy", named="127.0.0.1") is None
    assert address(EVIL, named="127.0.0.1") == EVIL
    assert address("127.0.0.1", CLIENT, ingress="haproxy", named=PROXY) == CLIENT


def test_behind_an_unknown_proxy_nobody_is_known() -> None:
    assert address("127.0.0.1", CLIENT, ingress="unknown", named="127.0.0.1") is None
    assert (ingress_of({}), ingress_of({"PMOVES_PEER_NAMED": "1"})) == ("unknown", "haproxy")


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    found = parse_address(text)
    assert found is None or ipaddress.ip_address(str(found)) == found


async def answer(services: Services, peer: str, path: str, **headers: str) -> httpx.Response:
    """Ask from `peer`."""
    transport = httpx.ASGITransport(create_app(services), client=(peer, 1234))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        return await client.get(path, headers=headers)


async def test_the_tailnet_alone(services: Services) -> None:
    services.settings.http.tailnet_only = True
    services.settings.http.trusted_proxies = [PROXY]
    key = bearer(make_key(services, "admin"))
    for peer in ("100.64.0.9", "fd7a:115c:a1e0::9", "127.0.0.1", "::1", "::ffff:100.127.255.255"):
        assert (await answer(services, peer, "/namespaces", **key)).status_code == 200, peer
    for peer in ("100.128.0.1", "192.168.1.2", EVIL, "fd7b::1", "testclient"):
        for path in ("/namespaces", "/healthz", "/metrics", "/docs"):
            problem(await answer(services, peer, path, **key), problems.NETWORK_NOT_ALLOWED)
    forged = key | {"X-Forwarded-For": CLIENT}
    problem(await answer(services, EVIL, "/", **forged), problems.NETWORK_NOT_ALLOWED)
    assert (await answer(services, PROXY, "/", **forged)).status_code == 200
    # The right network is no key.
    problem(await answer(services, CLIENT, "/namespaces"), problems.UNAUTHENTICATED)
    services.keyring.close()


async def test_the_tailnet_alone_for_administration(services: Services) -> None:
    services.settings.http.tailnet_admin_only = True
    key = bearer(make_key(services, "admin"))
    for path in ("/namespaces", "/healthz", "/docs"):
        assert (await answer(services, EVIL, path, **key)).status_code == 200, path
    for path in ("/hirag/admin/stats", "/metrics", "/hirag/admin/anything"):
        problem(await answer(services, EVIL, path, **key), problems.NETWORK_NOT_ALLOWED)
        inside = await answer(services, "100.64.0.9", path, **key)
        assert inside.status_code != 403, path
    services.keyring.close()


async def test_without_keys_nobody_comes_through_a_proxy(services: Services) -> None:
    for path in ("/namespaces", "/metrics", "/healthz"):
        assert (await answer(services, "127.0.0.1", path)).status_code == 200
        forwarded = {"X-Forwarded-For": "127.0.0.1"}
        told = await answer(services, "127.0.0.1", path, **forwarded)
        problem(told, problems.NETWORK_NOT_ALLOWED)
        problem(await answer(services, EVIL, path), problems.NETWORK_NOT_ALLOWED)
    services.keyring.close()


async def test_metrics_are_for_this_machine_and_for_admins(services: Services) -> None:
    key = bearer(make_key(services, "admin"))
    assert (await answer(services, "127.0.0.1", "/metrics")).status_code == 200
    problem(await answer(services, EVIL, "/metrics"), problems.UNAUTHENTICATED)
    forged = {"X-Forwarded-For": "127.0.0.1", "X-PMOVES-Peer": "127.0.0.1"}
    problem(await answer(services, EVIL, "/metrics", **forged), problems.UNAUTHENTICATED)
    assert (await answer(services, EVIL, "/metrics", **key)).status_code == 200
    services.keyring.close()
