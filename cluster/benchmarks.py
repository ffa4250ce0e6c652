"""What `pmoves bench` needs from the other packages: a mesh of its own, and ingestion."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from cluster.cli.output import err
from cluster.config_report import given_values, read_settings, require_usable
from cluster.mesh.lifecycle import ensure_down, ensure_up, interruptible
from cluster.mesh.ports import any_free_port
from eval.bench.parts import BenchParts, MeshAddress
from retrieval.chunk import Vectors
from retrieval.embedding.model import embedding_identity
from retrieval.identity import EmbeddingIdentity
from retrieval.jobs import JobRequest, SourceItem
from retrieval.settings import EmbeddingSettings

_NAMESPACE = "bench"
_READY_S = "240"


@contextmanager
def bench_parts() -> Iterator[BenchParts]:
    """Yield the parts; a Ray that was started for them ends with the block."""
    with ExitStack() as session:

        def ingest_folder(folder: Path) -> int:
            return _ingest(folder, session)

        yield BenchParts(ingest_folder, own_mesh)


@contextmanager
def own_mesh() -> Iterator[MeshAddress]:
    """Bring up a mesh with an empty corpus for the time of the block."""
    with interruptible(), tempfile.TemporaryDirectory(prefix="pmoves-bench-") as home:
        os.environ["PMOVES_HOME"] = home
        os.environ["PMOVES_HTTP__PORT"] = str(any_free_port())
        os.environ.setdefault("PMOVES_RAY__READY_S", _READY_S)
        report = read_settings()
        settings = require_usable(report)
        try:
            state, _ = ensure_up(settings, given_values(report, settings), err())
            yield MeshAddress(state.url, settings.corpus_uri)
        finally:
            ensure_down(settings)


class NoEmbedding:
    """Stands where the model would: one fixed vector for every text, at no cost."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        self._identity = embedding_identity(settings)

    @property
    def identity(self) -> EmbeddingIdentity:
        """The identity of the model that is left out."""
        return self._identity

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return a row of shape (dimension,) for each text."""
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return a row of shape (dimension,) for each text."""
        dimension = self._identity.dimension
        return np.full((len(texts), dimension), dimension**-0.5, dtype=np.float32)


def _ingest(folder: Path, session: ExitStack) -> int:
    """Ingest `folder` into a corpus of its own without embedding; return the pages stored."""
    from data_jobs.ingest import run_ingest
    from data_jobs.session import ray_session
    from data_jobs.settings import JobSettings
    from retrieval.corpus.store import Corpus

    session.enter_context(ray_session())
    with tempfile.TemporaryDirectory(prefix="pmoves-bench-") as home:
        settings = JobSettings(home=Path(home))
        request = JobRequest(namespace=_NAMESPACE, sources=[SourceItem(uri=folder.as_uri())])
        run_ingest(request, settings, load_embedder=NoEmbedding)
        corpus, pages, cursor = Corpus.open_existing(settings.corpus_uri), 0, None
        while True:
            page = corpus.documents([_NAMESPACE], status="ready", limit=1_000, cursor=cursor)
            pages += sum(document.pages for document in page.documents)
            if (cursor := page.next_cursor) is None:
                return pages
