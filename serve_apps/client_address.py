"""Whose request it is: the address of the client, as far as it can be trusted.

That is the peer of the connection. `X-Forwarded-For` counts only where the peer is
a trusted proxy, and is read from the right, because everybody before the last
trusted proxy can write into it what they like.
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from starlette.datastructures import Headers
from starlette.types import Scope

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Ingress = Literal["direct", "haproxy", "unknown"]
# Our HAProxy sets it to the peer of its own connection, whatever the client sent.
PEER_HEADER = "x-pmoves-peer"


class ClientAddresses:
    """Finds the client of a request.

    `ingress` says what the application stands behind: "direct" nothing, "haproxy"
    one that names its peer, "unknown" a proxy that tells nothing reliable.
    `trusted` are addresses and networks of further proxies in front of that.
    """

    def __init__(self, ingress: Ingress, trusted: Sequence[str] = ()) -> None:
        self._ingress = ingress
        self._trusted = Networks(trusted)

    def of(self, scope: Scope) -> Address | None:
        """Return the client's address, or None where nobody reliable tells it."""
        headers = Headers(scope=scope)
        address = self._peer(scope, headers)
        entries = ",".join(headers.getlist("x-forwarded-for")).split(",")
        named = [entry.strip() for entry in entries if entry.strip()]
        while address is not None and named and address in self._trusted:
            address = parse_address(named.pop())
        return address

    def _peer(self, scope: Scope, headers: Headers) -> Address | None:
        socket = parse_address((scope.get("client") or ("",))[0])
        if self._ingress == "direct":
            return socket
        # HAProxy reaches its replicas over loopback, and nothing else does from outside.
        if self._ingress == "unknown" or socket is None or not socket.is_loopback:
            return None
        return parse_address(headers.get(PEER_HEADER, ""))


class Networks:
    """A set of addresses and networks."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(network, strict=False) for network in networks]

    def __contains__(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


@lru_cache(maxsize=1_024)
def parse_address(text: str) -> Address | None:
    """Return the address in `text`, which may carry a port; None where there is none."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
