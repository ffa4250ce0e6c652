"""Which addresses may be talked to.

Public are those that the special-purpose registries of IANA leave
(https://www.iana.org/assignments/iana-ipv4-special-registry and its sister for IPv6);
Python's own `is_global` depends on its version and takes in 6to4 and NAT64.
"""

import re
from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SPECIAL = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 "
    "192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 "
    "224.0.0.0/4 240.0.0.0/4 168.63.129.16/32 "
    "2001::/23 2001:db8::/32 2002::/16 3fff::/20"
)
# Nobody's own hosts: unspecified, link-local, multicast, reserved, and what clouds keep secrets at.
_NEVER = (
    "0.0.0.0/8 169.254.0.0/16 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32 100.100.100.200/32 "
    "192.0.0.192/32 ::/128 fe80::/10 ff00::/8 fd00:ec2::254/128 fd20:ce::254/128"
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, text.split()))


_SPECIAL_NETWORKS, _NEVER_NETWORKS = _networks(_SPECIAL), _networks(_NEVER)


def private_entry(text: str) -> str:
    """Return a host name, an address or a network as it is compared; else `ValueError`."""
    name = text.strip().lower().rstrip(".")
    if re.fullmatch(r"[0-9.:a-f/]*[:/][0-9.:a-f/]*|[0-9.]+", name):
        return str(ip_network(name, strict=False))
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text!r} is no host name, address or network such as 10.0.0.0/8")
    return name


def parsed_address(text: str) -> Address:
    """Return the address that packets to `text` reach: IPv4 where IPv6 only wraps it.

    Raises `ValueError` for anything but an address, zone ids included.
    """
    if "%" in text:
        raise ValueError(f"{text!r} names a zone")
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


class AddressPolicy:
    """Public addresses, and those of the `private` hosts and networks that an operator named."""

    def __init__(self, private: Sequence[str] = ()) -> None:
        entries = [private_entry(entry) for entry in private]
        self._networks = [ip_network(entry) for entry in entries if "/" in entry]
        self._names = {entry for entry in entries if "/" not in entry}

    def is_own(self, host: str, address: Address) -> bool:
        """Say whether the operator named `host`, or a network that `address` is in."""
        if _is_in(address, _NEVER_NETWORKS):
            return False
        return host.lower().rstrip(".") in self._names or _is_in(address, self._networks)

    def allows(self, host: str, address: Address) -> bool:
        """Say whether `address`, which stands behind `host`, may be talked to."""
        return is_public(address) or self.is_own(host, address)


def is_public(address: Address) -> bool:
    """Say whether `address` is an ordinary one on the internet."""
    if _is_in(address, _SPECIAL_NETWORKS) or _is_in(address, _NEVER_NETWORKS):
        return False
    return isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
