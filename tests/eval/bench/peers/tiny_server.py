"""A small but real search server: the pipeline over a corpus, with the tests' embedder.

`python -m tests.eval.bench.peers.tiny_server FOLDER PORT` serves until it is ended.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import httpx
import uvicorn
from fastapi import FastAPI

from eval.bench.load import Load
from eval.bench.peers.calls import call
from eval.bench.peers.memory import Processes
from eval.bench.peers.processes import free_port, serving, tree
from eval.bench.peers.server import Passage
from retrieval.chunk import Chunk
from retrieval.corpus.store import Corpus
from retrieval.dense.opening import open_follower
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.ids import chunk_id
from retrieval.indexing import index_chunks
from retrieval.pipeline import Searcher
from retrieval.query import Mode, SearchRequest
from retrieval.settings import LibrarySettings
from tests.embedders import WordEmbedder

NAMESPACE = "tiny"
ROOT = Path(__file__).parents[4]


def application(folder: Path) -> FastAPI:
    """Return `POST /index` and `GET /search` over an empty corpus in `folder`."""
    settings = LibrarySettings(home=folder)
    corpus = Corpus.open(settings.corpus_uri, WordEmbedder().identity)
    embedder = BatchingEmbedder(WordEmbedder(), settings.embedding.batch_tokens)
    searcher = Searcher(corpus, embedder, settings.search, open_follower(corpus, settings))
    app = FastAPI()

    @app.post("/index")
    async def index(passages: list[dict[str, str]]) -> int:
        chunks = [
            Chunk(
                NAMESPACE,
                item["doc_id"],
                chunk_id(NAMESPACE, item["doc_id"], at, item["text"]),
                item["text"],
                at,
            )
            for at, item in enumerate(passages)
        ]
        await index_chunks(corpus, embedder, chunks, replace=True)
        await searcher.refresh()
        return len(chunks)

    @app.get("/search")
    async def search(query: str, limit: int, mode: Mode) -> list[dict[str, str]]:
        request = SearchRequest(query=query, namespace=NAMESPACE, k=limit, mode=mode)
        answer = await searcher.search(request)
        return [{"doc_id": hit.doc_id, "text": hit.text} for hit in answer.hits]

    return app


@dataclass(frozen=True, slots=True)
class TinyServer:
    """That server as one of those that are measured; `mode` is how it is asked."""

    name: str
    client: httpx.Client
    processes: Processes
    mode: Mode
    versions: Mapping[str, str] = field(default_factory=lambda: {"tiny": "1.0"})

    def index(self, passages: Sequence[Passage]) -> None:
        body = [{"doc_id": item.doc_id, "text": item.text} for item in passages]
        assert call(self.client, "POST", "/index", body) == len(passages)

    def load(self, queries: Sequence[str], clients: int, k: int) -> Load:
        targets = [self._target(query, k) for query in queries]
        return Load(url=str(self.client.base_url), clients=clients, targets=targets)

    def search(self, query: str, k: int) -> list[str]:
        return [hit["doc_id"] for hit in call(self.client, "GET", self._target(query, k))]

    def _target(self, query: str, k: int) -> str:
        return f"/search?{urlencode({'query': query, 'limit': k, 'mode': self.mode})}"


@contextmanager
def tiny_server(name: str, folder: Path, mode: Mode) -> Iterator[TinyServer]:
    """Serve in a process of its own for the time of the block."""
    port = free_port()
    command = [sys.executable, "-m", "tests.eval.bench.peers.tiny_server", str(folder), str(port)]
    url = f"http://127.0.0.1:{port}"
    more = {"PYTHONPATH": str(ROOT)}
    with (
        serving(name, command, folder / "server.log", more, f"{url}/docs") as process,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield TinyServer(name, client, lambda: tree(process.pid), mode)


if __name__ == "__main__":
    uvicorn.run(application(Path(sys.argv[1])), port=int(sys.argv[2]), log_level="warning")
