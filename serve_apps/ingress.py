"""What stands before the application, which no application decides: Serve's HTTP ingress."""

import os
from collections.abc import Mapping

import ray

from serve_apps.client_address import Ingress
from serve_apps.environment import PEER_NAMED
from serve_apps.loopback import is_loopback, require_keys


def check_ingress(state_url: str) -> None:
    """Raise `InvalidInputError` if Serve runs and listens to other machines without keys.

    With HAProxy on, Serve listens on every interface unless it is told otherwise.
    """
    host = _listening_host()
    if host is not None:
        require_keys(host, state_url)


def beyond_loopback() -> bool:
    """Say whether Serve itself listens to other machines."""
    host = _listening_host()
    return host is not None and not is_loopback(host)


def ingress_of(environ: Mapping[str, str] = os.environ) -> Ingress:
    """Say how a deployment learns who its client is.

    Only an HAProxy with our corrections names it; any other proxy of Serve's
    passes on whatever a client claims.
    """
    return "haproxy" if environ.get(PEER_NAMED) == "1" else "unknown"


def _listening_host() -> str | None:
    # Serve has no public way to ask; without a cluster, asking would start one.
    from ray.serve.context import _get_global_client

    client = _get_global_client(False) if ray.is_initialized() else None
    return None if client is None else client.http_config.host or ""
