"""Without API keys, only this machine is served."""

import ipaddress

from retrieval.errors import InvalidInputError


def is_loopback(host: str) -> bool:
    """Say whether `host`, a name or address without port, means this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_loopback(host: str) -> None:
    """Raise `InvalidInputError` unless `host` means this machine only."""
    if not is_loopback(host):
        raise InvalidInputError(
            f"http.host: {host!r} can be reached from other machines, and this version has no API "
            "keys; they come with a later one. Listen on 127.0.0.1; with Serve's own commands, set "
            "http_options.host in the config file, as serve_apps/config/embedded.yaml does."
        )
