"""Brings a mesh up: Ray's head, the applications, and the wait until they answer."""

import contextlib
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import httpx
from rich.console import Console

from cluster.errors import MeshError, NotReadyError
from cluster.mesh.dashboard import Application, Dashboard
from cluster.mesh.environment import mesh_environment
from cluster.mesh.head import (
    last_lines,
    lines_with,
    make_temp_dir,
    process_created,
    session_logs,
    start_head,
    write_token,
)
from cluster.mesh.ports import choose_ports
from cluster.mesh.processes import end_mesh
from cluster.mesh.progress import Progress
from cluster.mesh.resting import check_resting
from cluster.mesh.state import MeshState, write_state
from cluster.mesh.teardown import take_down
from cluster.settings import Settings
from retrieval.chunk import utc_now
from serve_apps.loopback import require_keys

APP_NAME = "pmoves"
APP_IMPORT = "cluster.serving:build"
_CALL_S = 10.0


class Answering(Protocol):
    """Where a gateway answers, and the home whose settings it has."""

    @property
    def url(self) -> str:
        """Base URL of the gateway."""

    @property
    def home(self) -> str:
        """Absolute path."""


def bring_up(
    settings: Settings,
    given: Mapping[str, str],
    console: Console,
    import_path: str = APP_IMPORT,
) -> MeshState:
    """Start a mesh for `settings.home` and return its state once it is ready.

    `given` are the settings as environment variables, `import_path` names the builder
    of the application. Whatever goes wrong, nothing is left running; the error names
    the part and the log. `InvalidInputError` where other machines would be served
    without keys.
    """
    require_keys(settings.http.host, settings.state_url)
    check_resting(settings, console)
    state = _plan(settings)
    write_state(settings.run_dir, state)
    with (
        _taken_down_if_it_fails(settings, state),
        Progress(console, settings.ray.ready_s, settings.log_dir) as progress,
    ):
        return _start(settings, state, given, progress, import_path)


def bring_back(
    settings: Settings,
    state: MeshState,
    given: Mapping[str, str],
    console: Console,
    import_path: str = APP_IMPORT,
) -> MeshState:
    """Start the head of `state` anew, at the same addresses; otherwise as `bring_up`.

    It finds nodes, jobs and Serve's applications in the Redis of the settings. A start that
    fails is tried once more before these are given up: on a busy machine Ray's own time limits
    may be too short.
    """
    require_keys(settings.http.host, settings.state_url)

    def ended_and_started() -> MeshState:
        end_mesh(state.mesh_id, Path(state.temp_dir))
        with Progress(console, settings.ray.ready_s, settings.log_dir) as progress:
            return _start(settings, state, given, progress, import_path)

    with _taken_down_if_it_fails(settings, state):
        try:
            return ended_and_started()
        except NotReadyError:
            console.print("the head could not be brought back; it is tried once more")
        return ended_and_started()


@contextlib.contextmanager
def _taken_down_if_it_fails(settings: Settings, state: MeshState) -> Iterator[None]:
    try:
        yield
    except BaseException:
        take_down(settings, state)
        raise


def serve_config(
    settings: Settings,
    host: str = "127.0.0.1",
    import_path: str = APP_IMPORT,
    args: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Return the Serve config of the mesh.

    `host` is where Serve itself listens. The application's settings come by environment,
    but for those in `args`.
    """
    logging = {
        "encoding": "JSON" if settings.log.format == "json" else "TEXT",
        "log_level": settings.log.level.upper(),
        "enable_access_log": False,
    }
    application = {
        "name": APP_NAME,
        "route_prefix": "/",
        "import_path": import_path,
        "args": dict(args or {}),
        "logging_config": logging,
    }
    return {
        "proxy_location": "EveryNode",
        "http_options": {"host": host, "port": settings.http.port},
        "logging_config": logging,
        "applications": [application],
    }


def _plan(settings: Settings) -> MeshState:
    ports = choose_ports(
        settings.http.host, settings.http.port, settings.ray.port, settings.ray.dashboard_port
    )
    token_path = settings.run_dir / "token" if settings.ray.auth_mode == "token" else None
    if token_path:
        write_token(token_path)
    return MeshState(
        mesh_id=str(uuid.uuid4()),
        home=str(settings.home.absolute()),
        host=settings.http.host,
        http_port=settings.http.port,
        ports=ports,
        temp_dir=str(make_temp_dir(settings.ray)),
        auth_mode=settings.ray.auth_mode,
        token_path=str(token_path) if token_path else None,
        head_log=str(settings.log_dir / "ray-head.log"),
        started_at=utc_now(),
    )


def _start(
    settings: Settings,
    state: MeshState,
    given: Mapping[str, str],
    progress: Progress,
    import_path: str,
) -> MeshState:
    environment = mesh_environment(
        state,
        given,
        drain_s=settings.serve.drain_s,
        redis_address=settings.ray.redis_address,
        search_ms=settings.search.timeout_ms,
    )
    head = start_head(state, settings.ray, environment)
    state = state.model_copy(
        update={"head_pid": head.pid, "head_created": process_created(head.pid)}
    )
    write_state(settings.run_dir, state)
    config = serve_config(settings, state.serve_host, import_path)
    with Dashboard(state, timeout_s=_CALL_S) as dashboard:
        progress.wait("Ray's head starts", lambda: _ray_missing(head, state, dashboard))
        _link_logs(settings, state)
        progress.wait("Serve's controller starts", lambda: _deploy(settings, config, dashboard))
        progress.wait(
            "the application starts", lambda: _application_missing(head, state, dashboard)
        )
    with httpx.Client(timeout=_CALL_S, trust_env=False) as http:
        progress.wait("the gateway answers", lambda: gateway_missing(state, http))
    ready = state.model_copy(update={"phase": "running"})
    write_state(settings.run_dir, ready)
    return ready


def _ray_missing(
    head: subprocess.Popen[bytes], state: MeshState, dashboard: Dashboard
) -> str | None:
    _require_alive(head, state)
    try:
        dashboard.version()
    except MeshError:
        require_dashboard(state)
        return f"Ray's head starts (log: {state.head_log})"
    return None


def require_dashboard(state: MeshState) -> None:
    """Raise `NotReadyError` where the head lives on without the dashboard that we wait for."""
    log = Path(state.head_log)
    busy = lines_with(log, "Failed to bind to")
    if busy or lines_with(log, "Failed to start the dashboard"):
        reasons = [*busy, *lines_with(log, "Exception:")]
        raise NotReadyError(
            f"Ray's dashboard could not start: {' '.join(reasons) or 'no reason was given'}. "
            f"Try again, or choose its port with PMOVES_RAY__DASHBOARD_PORT; log: {state.head_log}"
        )


def _require_alive(head: subprocess.Popen[bytes], state: MeshState) -> None:
    if head.poll() is None:
        return
    raise NotReadyError(
        f"Ray's head ended with code {head.returncode}; the end of {state.head_log}:\n"
        f"{last_lines(Path(state.head_log))}"
    )


def _deploy(settings: Settings, config: dict[str, object], dashboard: Dashboard) -> None:
    # Past the time limit of bring-up, so that it is the limit that speaks.
    dashboard.deploy(config, settings.ray.ready_s + _CALL_S)


def _application_missing(
    head: subprocess.Popen[bytes], state: MeshState, dashboard: Dashboard
) -> str | None:
    _require_alive(head, state)
    return application_missing(state, dashboard)


def application_missing(state: Answering, dashboard: Dashboard) -> str | None:
    """Return what the application still waits for, None once it runs as it was last deployed.

    Raises `NotReadyError` where it cannot be deployed.
    """
    try:
        application = dashboard.serve().applications.get(APP_NAME)
    except MeshError as error:
        return str(error)
    if application is None:
        return "Serve takes the application"
    if application.status == "RUNNING":
        return None
    if application.status in ("DEPLOY_FAILED", "UNHEALTHY"):
        raise NotReadyError(
            f"the application could not be deployed: {application.message.strip()}\n"
            f"{_faults(application)}logs: {Path(state.home) / 'logs'}"
        )
    return f"the application starts: {_parts(application)}"


def _faults(application: Application) -> str:
    """Return a line for each deployment that failed: the last of what its replica raised."""
    lines = [
        f"{name}: {said[-1].strip()}\n"
        for name, deployment in application.deployments.items()
        if deployment.status != "HEALTHY" and (said := deployment.message.strip().splitlines())
    ]
    return "".join(lines)


def _parts(application: Application) -> str:
    shown = [
        f"{name} {deployment.status.lower()} {deployment.running}/{deployment.wanted}"
        for name, deployment in application.deployments.items()
    ]
    return ", ".join(shown) or "its code is imported"


def gateway_missing(state: Answering, http: httpx.Client) -> str | None:
    """Return which part is not ready, None once all are."""
    try:
        response = http.get(f"{state.url}/readyz")
    except httpx.HTTPError:
        return f"{state.url} does not answer yet"
    if response.status_code == httpx.codes.OK:
        return None
    return f"{state.url}/readyz says {response.status_code}: {response.text.strip()[:300]}"


def _link_logs(settings: Settings, state: MeshState) -> None:
    link = settings.log_dir / "ray"
    link.unlink(missing_ok=True)
    link.symlink_to(session_logs(state))
