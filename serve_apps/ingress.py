"""Where Serve's own HTTP ingress listens, which no application decides."""

import ray

from serve_apps.loopback import require_loopback


def check_ingress() -> None:
    """Raise `InvalidInputError` if Serve runs and listens to other machines.

    With HAProxy on, Serve listens on every interface unless it is told otherwise.
    """
    host = _listening_host()
    if host is not None:
        require_loopback(host)


def _listening_host() -> str | None:
    # Serve has no public way to ask; without a cluster, asking would start one.
    from ray.serve.context import _get_global_client

    client = _get_global_client(False) if ray.is_initialized() else None
    return None if client is None else client.http_config.host or ""
