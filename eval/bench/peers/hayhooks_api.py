"""Haystack's hybrid pipeline behind Hayhooks, as their documentation builds and serves it.

The store is the one in memory, Haystack's only embedded one with BM25; the pipelines
stand in `runners/pipelines`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from eval.bench.load import Load
from eval.bench.peers.calls import call
from eval.bench.peers.environment import package_versions
from eval.bench.peers.memory import Processes
from eval.bench.peers.processes import free_port, serving, tree
from eval.bench.peers.server import Passage

NAME = "Haystack"
RUNNERS = Path(__file__).parent / "runners"
MODEL_VARIABLE = "PEER_MODEL"
_PACKAGES = (
    "haystack-ai",
    "hayhooks",
    "sentence-transformers-haystack",
    "torch",
    "sentence-transformers",
)
_SEARCH, _INDEX = "/search/run", "/index/run"


@dataclass(frozen=True, slots=True)
class HaystackServer:
    """A running Hayhooks with the pipelines `search` and `index`."""

    client: httpx.Client
    versions: Mapping[str, str]
    processes: Processes
    name: str = NAME

    def index(self, passages: Sequence[Passage]) -> None:
        """Run the pipeline `index` over all passages at once."""
        documents = [
            {"id": item.passage_id, "content": item.text, "meta": {"doc_id": item.doc_id}}
            for item in passages
        ]
        call(self.client, "POST", _INDEX, {"documents": documents})

    def load(self, queries: Sequence[str], clients: int, k: int) -> Load:
        """Return requests to the pipeline `search`."""
        return Load(
            url=f"{str(self.client.base_url).rstrip('/')}{_SEARCH}",
            clients=clients,
            bodies=[json.dumps(_body(query, k)) for query in queries],
        )

    def search(self, query: str, k: int) -> list[str]:
        """Run the pipeline `search`."""
        found = call(self.client, "POST", _SEARCH, _body(query, k))
        return [hit["doc_id"] for hit in found["result"]]


@contextmanager
def haystack_server(python: Path, folder: Path, model: Path) -> Iterator[HaystackServer]:
    """Serve an empty store with the model in the folder `model`; files go into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [str(python.parent / "hayhooks"), "run", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--pipelines-dir", str(RUNNERS / "pipelines"), "--without-tracing"]
    url = f"http://127.0.0.1:{port}"
    more = {MODEL_VARIABLE: str(model), "LOG": "WARNING"}
    with (
        serving(NAME, command, folder / "hayhooks.log", more, f"{url}/status") as process,
        httpx.Client(base_url=url, timeout=None) as client,
    ):
        versions = package_versions(python, _PACKAGES)
        yield HaystackServer(client, versions, lambda: tree(process.pid))


def _body(query: str, k: int) -> dict[str, str | int]:
    return {"query": query, "top_k": k}
