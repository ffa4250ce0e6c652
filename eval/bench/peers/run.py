"""The whole comparison: environments, servers, measuring, and down again."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from eval.bench.parts import IngestFiles, MeshAddress
from eval.bench.peers.environment import ensure_environment, package_versions, peer_pins
from eval.bench.peers.hayhooks_api import haystack_server
from eval.bench.peers.haystack_ingest import haystack_ingestion
from eval.bench.peers.ingest import PeersIngestPlan, bench_peers_ingest
from eval.bench.peers.ingest_report import PeersIngestReport
from eval.bench.peers.mesh import mesh_server
from eval.bench.peers.search import PeersPlan, bench_peers
from eval.bench.peers.search_report import PeersSearchReport
from eval.bench.peers.server import SearchServer
from eval.bench.peers.txtai_api import txtai_server
from eval.datasets.base import Dataset
from eval.progress import LineProgress

_INGESTING = ("haystack-ai", "unstructured", "sentence-transformers-haystack", "pypdf", "torch")


@dataclass(frozen=True, slots=True)
class Peers:
    """The peers' interpreters, the folder of their logs, and the model that all load."""

    txtai: Path
    haystack: Path
    logs: Path
    model: Path


def set_up(home: Path, model: Path) -> Peers:
    """Make the environments below `home`, or find them there."""
    progress = LineProgress()
    found = []
    for number, name in enumerate(("txtai", "haystack")):
        found.append(ensure_environment(peer_pins(name), home))
        progress("environments", number + 1, 2)
    return Peers(found[0], found[1], home.absolute() / "logs", model)


def compare_search(
    plan: PeersPlan,
    dataset: Dataset,
    peers: Peers,
    mesh: AbstractContextManager[MeshAddress],
    api_key: str | None,
) -> PeersSearchReport:
    """Start all servers, measure them, and end those that were started."""
    with _servers(peers, mesh, api_key) as servers:
        return bench_peers(plan, dataset, servers)


def compare_ingest(plan: PeersIngestPlan, peers: Peers, ours: IngestFiles) -> PeersIngestReport:
    """Start the peer, measure both, and end it."""
    versions = package_versions(peers.haystack, _INGESTING)
    with haystack_ingestion(peers.haystack, peers.logs, peers.model) as theirs:
        return bench_peers_ingest(plan, ours, theirs, versions)


@contextmanager
def _servers(
    peers: Peers, mesh: AbstractContextManager[MeshAddress], api_key: str | None
) -> Iterator[list[SearchServer]]:
    with ExitStack() as stack:
        address = stack.enter_context(mesh)
        yield [
            stack.enter_context(mesh_server(address, api_key)),
            stack.enter_context(txtai_server(peers.txtai, peers.logs, peers.model)),
            stack.enter_context(haystack_server(peers.haystack, peers.logs, peers.model)),
        ]
