"""The state of a mesh in one object."""

from pydantic import BaseModel

from cluster.access.http import HttpAccess
from cluster.errors import ClientError, MeshError
from cluster.mesh.bringup import APP_NAME
from cluster.mesh.dashboard import Dashboard, Deployment, Node, Reachable
from cluster.mesh.joined import JoinedRay
from cluster.mesh.state import MeshState
from retrieval.chunk import JsonValue
from retrieval.placement import TIER_LABEL
from serve_apps.wire import JobView
from serve_apps.wire_state import Part

_JOBS = 5
_OWN_LABELS = "pmoves.io/"


class NodeStatus(BaseModel):
    """One machine: its tier, our other labels, and what Ray may hand out."""

    node_id: str
    address: str
    state: str
    tier: str | None
    labels: dict[str, str]
    cpus: float
    memory_bytes: float


class DeploymentStatus(BaseModel):
    """One deployment and how many of its replicas run."""

    name: str
    status: str
    running: int
    wanted: int
    message: str


class MeshStatus(BaseModel):
    """What `pmoves status` shows; `faults` are the parts that did not answer."""

    url: str
    dashboard_url: str | None = None
    mesh_id: str | None = None
    ready: bool = False
    parts: list[Part] = []
    application: str | None = None
    nodes: list[NodeStatus] = []
    deployments: list[DeploymentStatus] = []
    index: dict[str, JsonValue] = {}
    projections: dict[str, dict[str, JsonValue]] = {}
    jobs: list[JobView] = []
    faults: list[str] = []


def mesh_status(access: HttpAccess, state: MeshState | JoinedRay | None) -> MeshStatus:
    """Ask every part; the cluster's own only where the mesh is this home's (`state`)."""
    status = MeshStatus(url=access.where)
    if state:
        status.dashboard_url = state.dashboard_url
        status.mesh_id = state.mesh_id if isinstance(state, MeshState) else None
        _ask_cluster(status, state)
    _ask_gateway(status, access)
    return status


def _ask_cluster(status: MeshStatus, state: Reachable) -> None:
    try:
        with Dashboard(state) as dashboard:
            status.nodes = [_node(node) for node in dashboard.nodes()]
            application = dashboard.serve().applications.get(APP_NAME)
    except MeshError as error:
        status.faults.append(str(error))
        return
    if application:
        status.application = application.status
        status.deployments = [_deployment(*item) for item in application.deployments.items()]


def _ask_gateway(status: MeshStatus, access: HttpAccess) -> None:
    try:
        readiness = access.readiness()
        status.ready, status.parts = readiness.ok, readiness.parts
        stats = access.stats()
        status.index, status.projections = stats.index, stats.projections
        status.jobs = access.jobs(limit=_JOBS).jobs
    except ClientError as error:
        status.faults.append(str(error))


def _node(node: Node) -> NodeStatus:
    return NodeStatus(
        node_id=node.node_id,
        address=node.node_ip,
        state=node.state,
        tier=node.labels.get(TIER_LABEL),
        labels={k: v for k, v in node.labels.items() if k.startswith(_OWN_LABELS)},
        cpus=node.resources_total.get("CPU", 0.0),
        memory_bytes=node.resources_total.get("memory", 0.0),
    )


def _deployment(name: str, deployment: Deployment) -> DeploymentStatus:
    return DeploymentStatus(
        name=name,
        status=deployment.status,
        running=deployment.running,
        wanted=deployment.wanted,
        message=deployment.message,
    )
