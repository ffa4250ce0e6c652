"""A small client of Ray's dashboard: version, nodes, and the Serve applications."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import httpx
from pydantic import BaseModel, TypeAdapter

from cluster.errors import MeshError
from retrieval.closing import Closing

DeploymentStatus = Literal[
    "UPDATING", "HEALTHY", "UNHEALTHY", "DEPLOY_FAILED", "UPSCALING", "DOWNSCALING"
]


class Reachable(Protocol):
    """Where a dashboard is, and the token that it wants."""

    @property
    def dashboard_url(self) -> str:
        """Base URL."""

    @property
    def token(self) -> str | None:
        """Ray's token, where Ray asks for one."""


@dataclass(frozen=True, slots=True)
class DashboardAddress:
    """The dashboard of a cluster that was not started by `pmoves up`."""

    dashboard_url: str
    token: str | None = None


class Replica(BaseModel):
    """One replica of a deployment."""

    state: str
    node_id: str | None = None
    pid: int | None = None


class Deployment(BaseModel):
    """The state of a deployment; `message` says why it is not healthy."""

    status: str
    message: str = ""
    target_num_replicas: int | None = None
    replicas: list[Replica] = []
    deployment_config: dict[str, Any] = {}

    @property
    def running(self) -> int:
        """How many replicas run."""
        return sum(replica.state == "RUNNING" for replica in self.replicas)

    @property
    def wanted(self) -> int:
        """How many replicas there should be."""
        return len(self.replicas) if self.target_num_replicas is None else self.target_num_replicas

    @property
    def actor_options(self) -> dict[str, Any]:
        """What Ray is told of each replica: CPUs, GPUs, selectors, its environment."""
        return dict(self.deployment_config.get("ray_actor_options") or {})


class AppConfig(BaseModel):
    """What an application was deployed with."""

    args: dict[str, object] = {}


class Application(BaseModel):
    """The state of a Serve application."""

    status: str
    message: str = ""
    deployments: dict[str, Deployment] = {}
    deployed_app_config: AppConfig | None = None


class Proxy(BaseModel):
    """The state of an HTTP proxy."""

    status: str


class ServeDetails(BaseModel):
    """What Serve says of itself."""

    applications: dict[str, Application] = {}
    proxies: dict[str, Proxy] = {}


class Node(BaseModel):
    """One machine of the cluster."""

    node_id: str
    node_ip: str
    state: str
    is_head_node: bool = False
    labels: dict[str, str] = {}
    resources_total: dict[str, float] = {}
    start_time_ms: int = 0


class Dashboard(Closing):
    """Speaks to the dashboard of one cluster; raises `MeshError` where it does not answer."""

    def __init__(self, state: Reachable, timeout_s: float = 10.0) -> None:
        token = state.token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # A proxy in the environment has no business with loopback.
        self._http = httpx.Client(
            base_url=state.dashboard_url, headers=headers, timeout=timeout_s, trust_env=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def version(self) -> str:
        """Return Ray's version."""
        return str(self._call("GET", "/api/version")["ray_version"])

    def nodes(self) -> list[Node]:
        """Return all nodes, dead ones too."""
        answer = self._call("GET", "/api/v0/nodes", params={"detail": "true"})
        return TypeAdapter(list[Node]).validate_python(answer["data"]["result"]["result"])

    def serve(self) -> ServeDetails:
        """Return the state of Serve."""
        return ServeDetails.model_validate(self._call("GET", "/api/serve/applications/"))

    def deployed(self) -> dict[str, Any]:
        """Return the Serve config that is in force, in the form that `deploy` takes.

        Its `http_options` are empty where Serve does not run.
        """
        details = self._call("GET", "/api/serve/applications/")
        applications = [one["deployed_app_config"] for one in details["applications"].values()]
        # Where Serve does not run, nobody has chosen these.
        options = _given(details["http_options"]) if details.get("proxies") else {}
        return _given(
            {
                "proxy_location": details.get("proxy_location"),
                "http_options": options,
                "applications": [_given(one) for one in applications if one],
            }
        )

    def deploy(self, config: dict[str, object], timeout_s: float) -> None:
        """Make `config`, a Serve config, the goal state; returns once Serve took it."""
        self._call("PUT", "/api/serve/applications/", json=config, timeout=timeout_s)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            response = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise MeshError(
                f"Ray's dashboard at {self._http.base_url} does not answer ({error}); "
                "see `pmoves doctor`."
            ) from error
        if response.is_error:
            raise MeshError(
                f"Ray's dashboard answered {method} {path} with {response.status_code}: "
                f"{response.text.strip()[-2000:]}"
            )
        return response.json() if response.content else None


def environment_token() -> str | None:
    """Return the token by which Ray's own tools would speak to a cluster, None without one."""
    if token := os.environ.get("RAY_AUTH_TOKEN"):
        return token
    path = os.environ.get("RAY_AUTH_TOKEN_PATH")
    file = Path(path) if path else Path.home() / ".ray" / "auth_token"
    try:
        return file.read_text().strip() or None
    except FileNotFoundError as error:
        if path:
            raise MeshError(f"RAY_AUTH_TOKEN_PATH names {path}, which is not there.") from error
        return None


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
