"""Gives a running mesh another embedding model without a pause."""

from pathlib import Path

import httpx
from rich.console import Console

from cluster.mesh.bringup import APP_NAME, application_missing, gateway_missing, serve_config
from cluster.mesh.dashboard import Dashboard
from cluster.mesh.progress import Progress
from cluster.mesh.state import MeshState, exclusive
from cluster.settings import Settings
from retrieval.embedding.model import PACKAGED

_CALL_S = 10.0
_DEPLOY_S = 60.0


def change_model(settings: Settings, state: MeshState, console: Console) -> None:
    """Let the mesh of `state` embed with the model of `settings`; return once all of it does.

    Serve starts a replica with the new model for each old one before it stops that, so
    that nobody is turned away. All other settings stay those of the mesh. Raises
    `MeshError` where the mesh does not answer or does not become ready in time.
    """
    limit = settings.ray.ready_s + settings.serve.drain_s
    with (
        exclusive(settings.run_dir),
        Dashboard(state, timeout_s=_CALL_S) as dashboard,
        httpx.Client(timeout=_CALL_S, trust_env=False) as http,
        Progress(console, limit, settings.log_dir) as progress,
    ):
        dashboard.deploy(_config(settings, state, dashboard), _DEPLOY_S)
        progress.wait("the mesh loads the new model", lambda: application_missing(state, dashboard))
        progress.wait("the gateway answers", lambda: gateway_missing(state, http))


def _config(settings: Settings, state: MeshState, dashboard: Dashboard) -> dict[str, object]:
    """Return what runs now, with another model."""
    application = dashboard.serve().applications.get(APP_NAME)
    running = application.deployed_app_config if application else None
    # Ray keeps arguments and shows them; the key stays that of the mesh's environment.
    embedding = settings.embedding.model_dump(mode="json", exclude={"api_key"})
    path = "tokenizer" if settings.embedding.remote else "model"
    if embedding[path] != PACKAGED:
        # Replicas stand in another folder than the command line.
        embedding[path] = str(Path(embedding[path]).expanduser().absolute())
    args = (running.args if running else {}) | {"embedding": embedding}
    mine = settings.model_copy(
        update={"http": settings.http.model_copy(update={"port": state.http_port})}
    )
    return serve_config(mine, state.serve_host, args=args)
