"""txtai's own API under uvicorn, as its documentation starts it.

Hybrid means here what txtai means by it: vectors in FAISS and BM25 side by side, fused
by txtai's default, texts in SQLite.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx
import yaml

from eval.bench.load import Load
from eval.bench.peers.calls import call
from eval.bench.peers.environment import package_versions
from eval.bench.peers.memory import Processes
from eval.bench.peers.processes import free_port, serving, tree
from eval.bench.peers.server import Passage

NAME = "txtai"
_PACKAGES = ("txtai", "uvicorn", "torch", "transformers", "faiss-cpu")


@dataclass(frozen=True, slots=True)
class TxtaiServer:
    """A running txtai API."""

    client: httpx.Client
    versions: Mapping[str, str]
    processes: Processes
    name: str = NAME

    def index(self, passages: Sequence[Passage]) -> None:
        """Send all passages at once, then have them indexed."""
        documents = [{"id": self._key(item), "text": item.text} for item in passages]
        call(self.client, "POST", "/add", documents)
        call(self.client, "GET", "/index")

    def load(self, queries: Sequence[str], clients: int, k: int) -> Load:
        """Return GET requests to `/search`."""
        return Load(
            url=str(self.client.base_url),
            clients=clients,
            targets=[_target(query, k) for query in queries],
        )

    def search(self, query: str, k: int) -> list[str]:
        """Ask `/search`."""
        found = call(self.client, "GET", _target(query, k))
        return [hit["id"].partition("\n")[2] for hit in found]

    @staticmethod
    def _key(passage: Passage) -> str:
        return f"{passage.passage_id}\n{passage.doc_id}"


@contextmanager
def txtai_server(python: Path, folder: Path, model: Path) -> Iterator[TxtaiServer]:
    """Serve an empty index with the model in the folder `model`; files go into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "txtai.yml"
    embeddings = {"path": str(model), "hybrid": True, "content": True}
    config.write_text(yaml.safe_dump({"writable": True, "embeddings": embeddings}), "utf-8")
    port = free_port()
    command = [str(python), "-m", "uvicorn", "txtai.api:app", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--log-level", "warning"]
    url = f"http://127.0.0.1:{port}"
    more = {"CONFIG": str(config)}
    with (
        serving(NAME, command, folder / "txtai.log", more, f"{url}/openapi.json") as process,
        httpx.Client(base_url=url, timeout=None) as client,
    ):
        versions = package_versions(python, _PACKAGES)
        yield TxtaiServer(client, versions, lambda: tree(process.pid))


def _target(query: str, k: int) -> str:
    return f"/search?{urlencode({'query': query, 'limit': k})}"
