"""What `pmoves bench` needs from the other packages: a mesh of its own, and ingestion."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import psutil

from cluster.cli.output import err
from cluster.config_report import given_values, read_settings, require_usable
from cluster.mesh.bringup import APP_IMPORT
from cluster.mesh.lifecycle import ensure_down, ensure_up, interruptible
from cluster.mesh.ports import any_free_port
from cluster.mesh.processes import mesh_processes
from cluster.mesh.state import MeshState
from cluster.ocr_benchmark import scan_lane
from cluster.sample_collection import sample_library
from cluster.settings import Settings
from cluster.speech_benchmark import hear, hear_alone
from eval.bench.embedding import PORTION
from eval.bench.parts import BenchParts, EngineAddresses, Ingested, MeshAddress, ServedNoop
from retrieval.chunk import Chunk, Vectors
from retrieval.embedding.model import embedding_identity
from retrieval.identity import EmbeddingIdentity
from retrieval.ids import chunk_id
from retrieval.jobs import JobRequest, SourceItem
from retrieval.settings import ElasticsearchSettings, EmbeddingSettings, Neo4jSettings

if TYPE_CHECKING:
    from data_jobs.sandbox.sandbox import Sandbox
    from data_jobs.settings import JobSettings
    from data_jobs.stages.work import Work
    from retrieval.embedding.base import Embedder

T = TypeVar("T")
_NOOP = "eval.bench.noop_app:build"
# Documents in a bundle; together they hold one portion of passages.
_BUNDLE = 32
_NAMESPACE = "bench"
_READY_S = "240"


@contextmanager
def bench_parts() -> Iterator[BenchParts]:
    """Yield the parts; a Ray that was started for them ends with the block."""
    with ExitStack() as session:

        def ingest_folder(folder: Path) -> int:
            return _ingest(folder, session)

        def ingest_on_ray(folder: Path) -> int:
            return _ingest(folder, session, always_on_ray=True)

        def embed(texts: Sequence[str]) -> Iterator[int]:
            return _embed(texts, session)

        # A request to end this process ends what a benchmark started, too.
        session.enter_context(interruptible())
        yield BenchParts(
            ingest_folder=ingest_folder,
            ingest_on_ray=ingest_on_ray,
            mesh=own_mesh,
            noop=noop_mesh,
            embed=embed,
            ingest_files=_WarmIngestion(session),
            sample_library=sample_library,
            hear=hear,
            hear_alone=hear_alone,
            engines=own_engines,
            read_scans=scan_lane,
        )


@contextmanager
def own_mesh() -> Iterator[MeshAddress]:
    """Bring up a mesh with an empty corpus for the time of the block."""
    with _mesh_of_its_own(APP_IMPORT) as (state, settings):
        temp_dir = Path(state.temp_dir)
        yield MeshAddress(
            state.url, settings.corpus_uri, lambda: mesh_processes(state.mesh_id, temp_dir)
        )


@contextmanager
def noop_mesh() -> Iterator[ServedNoop]:
    """Bring up a mesh whose application does nothing, for the time of the block."""
    with _mesh_of_its_own(_NOOP) as (state, _):
        yield ServedNoop(f"{state.url}/", lambda: _cpu_seconds(state))


@contextmanager
def _mesh_of_its_own(import_path: str) -> Iterator[tuple[MeshState, Settings]]:
    with interruptible(), tempfile.TemporaryDirectory(prefix="pmoves-bench-") as home:
        os.environ["PMOVES_HOME"] = home
        os.environ["PMOVES_HTTP__PORT"] = str(any_free_port())
        os.environ.setdefault("PMOVES_RAY__READY_S", _READY_S)
        report = read_settings()
        settings = require_usable(report)
        try:
            given = given_values(report, settings)
            yield ensure_up(settings, given, err(), import_path)[0], settings
        finally:
            ensure_down(settings)


@contextmanager
def own_engines() -> Iterator[EngineAddresses]:
    """Start an Elasticsearch and a Neo4j from their packages for the time of the block."""
    from cluster.engines.elasticsearch import elasticsearch
    from cluster.engines.neo4j import neo4j

    with interruptible(), tempfile.TemporaryDirectory(prefix="pmoves-bench-") as folder:
        homes = [Path(folder, name) for name in ("elasticsearch", "neo4j")]
        for home in homes:
            home.mkdir()
        with elasticsearch(homes[0]) as text, neo4j(homes[1]) as graph:
            yield EngineAddresses(
                ElasticsearchSettings(hosts=[text.url], patience_ms=60_000),
                Neo4jSettings(url=graph.url, timeout_s=120),
            )


def _cpu_seconds(state: MeshState) -> dict[str, float]:
    """Return the processor time of HAProxy, of the replica, and of all the rest of the mesh."""
    spent = dict.fromkeys(("HAProxy", "the replica", "the rest of the mesh"), 0.0)
    for process in mesh_processes(state.mesh_id, Path(state.temp_dir)):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            spent[_kind(process)] += times.user + times.system
    return spent


def _kind(process: psutil.Process) -> str:
    if process.name() == "haproxy":
        return "HAProxy"
    serves = "ServeReplica" in " ".join(process.cmdline())
    return "the replica" if serves else "the rest of the mesh"


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


def _ingest(folder: Path, session: ExitStack, always_on_ray: bool = False) -> int:
    """Ingest `folder` into a corpus of its own without embedding; return the pages stored."""
    from retrieval.corpus.store import Corpus

    with _ingested(folder, session, always_on_ray) as settings:
        corpus, pages, cursor = Corpus.open_existing(settings.corpus_uri), 0, None
        while True:
            page = corpus.documents([_NAMESPACE], status="ready", limit=1_000, cursor=cursor)
            pages += sum(document.pages for document in page.documents)
            if (cursor := page.next_cursor) is None:
                return pages


class _WarmIngestion:
    """Ingests as the mesh does with what is small: parsers and model stay from job to job."""

    def __init__(self, session: ExitStack) -> None:
        self._session = session
        self._embedder: Embedder | None = None
        self._sandboxes: list[Sandbox] = []

    def __call__(self, folder: Path, embedded: bool) -> Ingested:
        """Ingest `folder` into a corpus of its own; return what became of the files."""
        from data_jobs.in_process import InProcess
        from data_jobs.ingest import run_ingest
        from data_jobs.settings import JobSettings
        from data_jobs.stages.parsing import new_sandboxes

        with tempfile.TemporaryDirectory(prefix="pmoves-bench-") as home:
            settings = JobSettings(home=Path(home))
            if not self._sandboxes:
                self._sandboxes = new_sandboxes(settings.ingest)
                for sandbox in self._sandboxes:
                    self._session.enter_context(sandbox)
            summary = run_ingest(
                _request(folder),
                settings,
                load_embedder=self._loaded if embedded else NoEmbedding,
                start=lambda: InProcess(self._sandboxes),
            )
        return Ingested(summary.ready, summary.quarantined, summary.chunks)

    def _loaded(self, settings: EmbeddingSettings) -> "Embedder":
        from retrieval.embedding.opening import load_embedder

        self._embedder = self._embedder or load_embedder(settings)
        return self._embedder


def _request(folder: Path) -> JobRequest:
    return JobRequest(namespace=_NAMESPACE, sources=[SourceItem(uri=folder.as_uri())])


@contextmanager
def _ingested(folder: Path, session: ExitStack, always_on_ray: bool) -> "Iterator[JobSettings]":
    """Ingest `folder`, without embedding, into a corpus that lasts for the block.

    A small job runs in this process, as that of `pmoves ingest` does.
    """
    from data_jobs.in_process import InProcess
    from data_jobs.ingest import run_ingest
    from data_jobs.session import ray_session
    from data_jobs.settings import JobSettings
    from data_jobs.small import is_small

    with tempfile.TemporaryDirectory(prefix="pmoves-bench-") as home:
        settings, request = JobSettings(home=Path(home)), _request(folder)
        here = not always_on_ray and is_small(request, settings.ingest, settings.s3)
        if not here:
            session.enter_context(ray_session())
        start = InProcess if here else None
        run_ingest(request, settings, load_embedder=NoEmbedding, start=start)
        yield settings


def _embed(texts: Sequence[str], session: ExitStack) -> Iterator[int]:
    """Embed `texts` in the embedding stage of ingestion; yield how many each bundle held."""
    from data_jobs.pipeline import embed_alone
    from data_jobs.session import ray_session
    from data_jobs.settings import JobSettings
    from data_jobs.stages.work import bundles, pack, unpack

    session.enter_context(ray_session())
    documents = map(pack, _documents(texts))
    tables = [table for part in _batched(documents, _BUNDLE) for table in bundles(part)]
    for table in embed_alone(tables, JobSettings()):
        vectors = (packed.work().vectors for packed in unpack(table))
        yield sum(len(found) for found in vectors if found is not None)


def _documents(texts: Sequence[str]) -> "Iterator[Work]":
    """Yield documents of eight passages."""
    from data_jobs.sources import SourceFile
    from data_jobs.stages.work import Work

    for number, part in enumerate(_batched(texts, PORTION // _BUNDLE)):
        name = f"document-{number}"
        chunks = [
            Chunk(_NAMESPACE, name, chunk_id(_NAMESPACE, name, at, text), text, position=at)
            for at, text in enumerate(part)
        ]
        yield Work(SourceFile(f"bench:{name}", Path(name)), _NAMESPACE, name, chunks=chunks)


def _batched(items: Iterable[T], count: int) -> Iterator[list[T]]:
    """Yield lists of `count` items; the last one may hold fewer."""
    waiting = iter(items)
    while part := list(islice(waiting, count)):
        yield part
