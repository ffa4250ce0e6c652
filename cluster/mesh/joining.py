"""The applications on a Ray that somebody else has started, which is left as it was found."""

import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from rich.console import Console

from cluster.errors import MeshError
from cluster.mesh.bringup import (
    APP_IMPORT,
    APP_NAME,
    application_missing,
    gateway_missing,
    serve_config,
)
from cluster.mesh.dashboard import Dashboard
from cluster.mesh.joined import JoinedRay, joined_path, read_joined, write_joined
from cluster.mesh.progress import Progress
from cluster.mesh.resting import check_resting
from cluster.settings import Settings
from serve_apps.loopback import require_keys

_ANY_HOST = ("0.0.0.0", "::")
_CALL_S = 10.0
_CONNECT_S = 3.0


def join(
    settings: Settings,
    given: Mapping[str, str],
    address: str,
    console: Console,
    import_path: str = APP_IMPORT,
) -> JoinedRay:
    """Deploy the applications on the Ray at `address`, beside others; return once they answer.

    `address` is the URL of its dashboard or `host:port` of its control service; `given`
    are the settings as environment variables. Models that rest are warned of where this
    machine cannot use them. Raises `MeshError` where that Ray does not answer or refuses,
    `NotReadyError` where the applications do not start, which are removed then.
    """
    dashboard_url = dashboard_of(address)
    known = read_joined(settings.run_dir)
    if known and known.dashboard_url != dashboard_url:
        raise known.refusal()
    check_resting(settings, console, elsewhere=True)
    with Progress(console, settings.ray.ready_s, settings.log_dir) as progress:
        return _join(settings, given, dashboard_url, progress, import_path)


def leave(settings: Settings, joined: JoinedRay) -> None:
    """Take the applications from the Ray that was joined; others of it run on."""
    with Dashboard(joined, _CALL_S) as dashboard:
        config = dashboard.deployed()
        config["applications"] = _others(config)
        try:
            dashboard.deploy(config, settings.ray.ready_s)
        except MeshError as error:
            raise MeshError(
                f"{error} If that Ray is gone for good, remove {joined_path(settings.run_dir)}."
            ) from error
    joined_path(settings.run_dir).unlink(missing_ok=True)


def dashboard_of(address: str) -> str:
    """Return the URL of the dashboard of the Ray at `address`."""
    if "://" in address:
        url = urlsplit(address)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise MeshError(
                f"--address {address}: name the dashboard (http://HOST:8265) or the control "
                "service (HOST:6379) of a running Ray."
            )
        return address.rstrip("/")
    host, _, port = address.rpartition(":")
    try:
        # Ray would try for three quarters of a minute.
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise MeshError(f"no Ray answers at {address}: {error}") from error
    # Ray takes a second to import.
    from ray.dashboard.utils import ray_address_to_api_server_url

    try:
        return str(ray_address_to_api_server_url(address))
    except (RuntimeError, ValueError) as error:
        raise MeshError(f"what answers at {address} is no Ray that lets us in: {error}") from error


def _join(
    settings: Settings,
    given: Mapping[str, str],
    dashboard_url: str,
    progress: Progress,
    import_path: str,
) -> JoinedRay:
    joined = JoinedRay(dashboard_url=dashboard_url, url="", home=str(settings.home.absolute()))
    with Dashboard(joined, _CALL_S) as dashboard:
        config = dashboard.deployed()
        host, port = _place(config, settings)
        require_keys(host, settings.state_url)
        joined.url = f"http://{_reached(host, dashboard_url)}:{port}"
        ours = _application(settings, given, host, port, import_path)
        config = {
            "proxy_location": "EveryNode",
            **config,
            "http_options": {**config["http_options"], "host": host, "port": port},
            "applications": [*_others(config), ours],
        }
        write_joined(settings.run_dir, joined)
        try:
            _deployed(settings, joined, config, dashboard, progress)
        except BaseException:
            leave(settings, joined)
            raise
    return joined


def _deployed(
    settings: Settings,
    joined: JoinedRay,
    config: dict[str, Any],
    dashboard: Dashboard,
    progress: Progress,
) -> None:
    def deploy() -> None:
        dashboard.deploy(config, settings.ray.ready_s + _CALL_S)

    progress.wait("Serve's controller starts", deploy)
    progress.wait("the application starts", lambda: application_missing(joined, dashboard))
    with httpx.Client(timeout=_CALL_S, trust_env=False) as http:
        progress.wait("the gateway answers", lambda: gateway_missing(joined, http))


def _place(config: Mapping[str, Any], settings: Settings) -> tuple[str, int]:
    """Return where Serve listens, or is to listen where it does not run yet."""
    options = config["http_options"]
    return options.get("host", settings.http.host), options.get("port", settings.http.port)


def _reached(host: str, dashboard_url: str) -> str:
    """Return the host by which this machine reaches Serve."""
    if host not in _ANY_HOST:
        return host
    return urlsplit(dashboard_url).hostname or "127.0.0.1"


def _application(
    settings: Settings, given: Mapping[str, str], host: str, port: int, import_path: str
) -> dict[str, Any]:
    config: Mapping[str, Any] = serve_config(settings, host, import_path)
    (application,) = config["applications"]
    variables = {
        **given,
        "PMOVES_HOME": str(settings.home.absolute()),
        "PMOVES_HTTP__HOST": host,
        "PMOVES_HTTP__PORT": str(port),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    return {**application, "runtime_env": {"env_vars": variables}}


def _others(config: Mapping[str, Any]) -> list[Any]:
    return [one for one in config["applications"] if one["name"] != APP_NAME]
