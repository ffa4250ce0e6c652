"""Who is on this machine, and what other machines need before they are served."""

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


def require_keys(host: str, state_url: str) -> None:
    """Raise `InvalidInputError` if other machines reach `host` and no API key can be used.

    `state_url` names the state database, which holds the keys. Blocking.
    """
    if is_loopback(host) or _usable_keys(state_url):
        return
    raise InvalidInputError(
        f"http.host: {host!r} can be reached from other machines, and there are no API keys that "
        "could be used. Make one with `pmoves keys create --role admin`, or listen on 127.0.0.1; "
        "with Serve's own commands, set http_options.host in the config file, as "
        "serve_apps/config/embedded.yaml does."
    )


def _usable_keys(state_url: str) -> bool:
    # SQLAlchemy, which a mesh on loopback starts without.
    from retrieval.state.keys import KeyStore

    store = KeyStore(state_url)
    try:
        return store.usable()
    finally:
        store.close()
