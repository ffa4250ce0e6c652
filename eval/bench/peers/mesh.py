"""Our own mesh, over its public interface like the others."""

import asyncio
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from eval.bench.load import Load
from eval.bench.machine import this_machine
from eval.bench.parts import MeshAddress
from eval.bench.peers.memory import Processes
from eval.bench.peers.server import Passage
from eval.systems.http import HttpSystem
from retrieval.chunk import Chunk
from retrieval.ids import chunk_id
from retrieval.query import SearchRequest

NAME = "PMOVES mesh"
_PACKAGES = ("pmoves-mesh", "ray", "ctranslate2", "faiss-cpu", "pylance")
_UPSERT = 256


@dataclass(slots=True)
class MeshServer:
    """A running mesh; passages go into `namespace`, which nobody had before."""

    address: MeshAddress
    api_key: str | None
    namespace: str
    remote: HttpSystem
    runner: asyncio.Runner
    versions: Mapping[str, str]
    name: str = NAME
    _version: int | None = None

    @property
    def processes(self) -> Processes | None:
        """The processes of a mesh that was brought up for this; unknown of any other."""
        return self.address.processes

    def index(self, passages: Sequence[Passage]) -> None:
        """Upsert the passages in batches; wait until a search sees the last of them."""
        chunks = [self._chunk(position, item) for position, item in enumerate(passages)]
        for start in range(0, len(chunks), _UPSERT):
            self._version = self.runner.run(self.remote.index(chunks[start : start + _UPSERT]))
        self.search(passages[-1].text[:200], 1)

    def load(self, queries: Sequence[str], clients: int, k: int) -> Load:
        """Return searches with all settings as they are by default."""
        requests = [self._request(query, k) for query in queries]
        return Load(
            url=f"{self.address.url.rstrip('/')}/hirag/query",
            clients=clients,
            bodies=[request.model_dump_json(exclude_unset=True) for request in requests],
            api_key=self.api_key,
        )

    def search(self, query: str, k: int) -> list[str]:
        """Ask one search that sees everything indexed here."""
        request = self._request(query, k).model_copy(update={"min_index_version": self._version})
        answer = self.runner.run(self.remote.search(request))
        return [hit.doc_id for hit in answer.hits]

    def _request(self, query: str, k: int) -> SearchRequest:
        return SearchRequest(query=query, namespace=self.namespace, k=k)

    def _chunk(self, position: int, item: Passage) -> Chunk:
        key = chunk_id(self.namespace, item.doc_id, position, item.text)
        return Chunk(self.namespace, item.doc_id, key, item.text, position)


@contextmanager
def mesh_server(address: MeshAddress, api_key: str | None) -> Iterator[MeshServer]:
    """Talk to the mesh at `address`."""
    with asyncio.Runner() as runner:
        remote = HttpSystem(address.url, api_key)
        namespace = f"peers-{secrets.token_hex(4)}"
        versions = this_machine(*_PACKAGES).versions
        try:
            yield MeshServer(address, api_key, namespace, remote, runner, versions)
        finally:
            runner.run(remote.close())
