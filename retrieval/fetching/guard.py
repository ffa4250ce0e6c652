"""What a URL must look like, and which addresses it leads to."""

import re
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from retrieval.fetching.addresses import AddressPolicy, parsed_address
from retrieval.fetching.errors import RefusedUrlError, UnreachableError
from retrieval.fetching.settings import FetchSettings

if TYPE_CHECKING:
    import httpx

Resolver = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host name, as texts; raises `OSError` where there are none."""

_LONGEST = 8_192
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\\u0080-\u00a0\u2028\u2029\ufeff]")
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
_NUMERIC = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the resolver of this machine, which gives up by itself after some seconds."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class UrlGuard:
    """Refuses URLs that lead anywhere but to public hosts, or to those of the operator's own."""

    def __init__(self, settings: FetchSettings, resolve: Resolver = system_resolver) -> None:
        self._policy = AddressPolicy(settings.private_hosts)
        self._ports = frozenset(settings.ports)
        self._resolve = resolve

    def check(self, url: str) -> "httpx.URL":
        """Return `url` parsed, without asking for the addresses of its host.

        Raises `RefusedUrlError` for what is no plain http or https URL, and for
        addresses that are not allowed.
        """
        parsed = parsed_url(url)
        if (address := _literal(parsed.host)) is not None:
            self._require(parsed.host, str(address), parsed.port or _default_port(parsed))
        return parsed

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of `host`, all of which may be talked to on `port`.

        A host of which any address is refused is refused as a whole. Raises
        `RefusedUrlError`, or `UnreachableError` where the name is unknown.
        """
        if _literal(host) is not None:
            found: Sequence[str] = [host]
        else:
            found = self._asked(host, port)
        return [self._require(host, address, port) for address in found]

    def _asked(self, host: str, port: int) -> Sequence[str]:
        try:
            found = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise UnreachableError(f"the name {host!r} cannot be resolved: {error}") from error
        if not found:
            raise UnreachableError(f"the name {host!r} has no address")
        return found

    def _require(self, host: str, text: str, port: int) -> str:
        """Return the address `text` in the form in which it is dialled."""
        try:
            address = parsed_address(text)
        except ValueError as error:
            raise RefusedUrlError(f"{host!r} leads to {text!r}, which is no address") from error
        if not self._policy.allows(host, address):
            raise RefusedUrlError(
                f"{host!r} leads to {text}, which is not a public address; hosts of your own are "
                "named in PMOVES_FETCH__PRIVATE_HOSTS"
            )
        if port not in self._ports and not self._policy.is_own(host, address):
            raise RefusedUrlError(
                f"port {port} of {host!r} is not among those in PMOVES_FETCH__PORTS"
            )
        return text


def parsed_url(url: str) -> "httpx.URL":
    """Return `url` parsed; `RefusedUrlError` unless it is a plain, unambiguous http(s) URL.

    What parsers read in different ways is refused: numbers that only some take for an
    address, backslashes, zones, encoded hosts, and names that need mapping.
    """
    # Settings hold URLs, and every command reads them: most have none.
    import httpx

    shown = repr(url[:200])
    if len(url) > _LONGEST:
        raise RefusedUrlError(f"{shown}… is longer than {_LONGEST} characters")
    if _FORBIDDEN.search(url):
        raise RefusedUrlError(f"{shown} holds a blank, a control character or a backslash")
    authority = _AUTHORITY.match(url)
    if authority is None or url.partition(":")[0].lower() not in ("http", "https"):
        raise RefusedUrlError(f"{shown} is no http:// or https:// URL")
    if "@" in authority[1]:
        raise RefusedUrlError(f"the URL of {authority[1].rpartition('@')[2]!r} holds credentials")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise RefusedUrlError(f"{shown} is no URL: {error}") from error
    _check_host(parsed, authority[1])
    return parsed


def _check_host(url: "httpx.URL", authority: str) -> None:
    host = url.raw_host.decode("ascii")
    if authority.startswith("[") and not _is_plain_ipv6(host):
        raise RefusedUrlError(f"{host!r} is no plain IPv6 address")
    if not authority.startswith("[") and not _is_plain_host(host):
        raise RefusedUrlError(
            f"{host[:260]!r} is no host name; write an address as four decimal numbers"
        )
    if url.port is not None and not 1 <= url.port <= 65_535:
        raise RefusedUrlError(f"{url.port} is no port")


def _is_plain_ipv6(host: str) -> bool:
    try:
        return "%" not in host and bool(IPv6Address(host))
    except ValueError:
        return False


def _is_plain_host(host: str) -> bool:
    name = host.removesuffix(".")
    labels = name.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        # Whatever ends in a number is an address, in whichever notation: only one is taken.
        return _is_ipv4(host)
    return len(name) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _is_ipv4(host: str) -> bool:
    try:
        return str(IPv4Address(host)) == host
    except ValueError:
        return False


def _literal(host: str) -> object | None:
    try:
        return parsed_address(host)
    except ValueError:
        return None


def _default_port(url: "httpx.URL") -> int:
    return 443 if url.scheme == "https" else 80
