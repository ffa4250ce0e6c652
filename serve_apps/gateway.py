"""The HTTP gateway as a deployment."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI
from ray import serve
from ray.serve.handle import DeploymentHandle

from retrieval.corpus.guarding import guard_store
from retrieval.corpus.store import Corpus
from retrieval.embedding.model import embedding_identity
from retrieval.graph.neo4j.opening import open_graph
from retrieval.jobs import JobStore
from retrieval.lexical.opening import open_text_engine
from retrieval.pipeline import Searcher
from retrieval.rerank.stage import RerankStage
from serve_apps.answering import make_answering
from serve_apps.api import create_app
from serve_apps.embedder import Embedder
from serve_apps.guarded import GuardedEmbedder
from serve_apps.ingress import beyond_loopback, check_ingress, ingress_of
from serve_apps.logs import configure_replica_logging
from serve_apps.metered import MeteredEmbedder
from serve_apps.metrics import Metrics
from serve_apps.near import make_launcher
from serve_apps.questions import OwnQuestions, asked_here, own_questions
from serve_apps.remote import RemoteEmbedder
from serve_apps.remote_shard import RemoteShard
from serve_apps.replica_metrics import Counted, ReplicaMetrics
from serve_apps.reranker import Reranker
from serve_apps.reranking import make_reranking
from serve_apps.services import Services
from serve_apps.settings import AppArgs
from serve_apps.sharding import make_index, remote_shards, wait_for
from serve_apps.tracing import Tracing, make_tracing
from serve_apps.vector_shard import VectorShard


class Gateway:
    """Speaks HTTP; searches the corpus in this very process.

    Passages are embedded through the embedder, questions here or there; see
    `serve_apps.questions`.

    Vectors are searched here as well, or in `shards`, the i-th of which holds share i.
    `former` shards are only kept for the gateways that this one takes the place of. Small
    jobs go to `ingestor`.
    Whoever composes it with routes of other packages overrides `more_routes`.
    """

    def __init__(
        self,
        settings: AppArgs,
        embedder: DeploymentHandle[Embedder],
        reranker: DeploymentHandle[Reranker] | None = None,
        shards: Sequence[DeploymentHandle[VectorShard]] = (),
        former: Sequence[DeploymentHandle[VectorShard]] = (),
        ingestor: DeploymentHandle[Any] | None = None,
    ) -> None:
        check_ingress(settings.state_url)
        configure_replica_logging(settings.log)
        metrics, tracing = Metrics(), make_tracing(settings.tracing, "gateway")
        self._metrics = ReplicaMetrics(metrics, serve.get_replica_context().replica_tag)
        corpus = Corpus.open(settings.corpus_uri, embedding_identity(settings.embedding))
        here = asked_here(settings)
        guarded = GuardedEmbedder(RemoteEmbedder(embedder), settings.serve, metrics, here)
        joined = OwnQuestions(own_questions(settings), guarded) if here else guarded
        metered = MeteredEmbedder(joined, metrics)
        remotes = remote_shards(shards)
        reranking = make_reranking(settings, reranker, metrics)
        self._services = Services(
            settings=settings,
            corpus=corpus,
            embedder=metered,
            deployed_embedder=guarded,
            searcher=_searcher(settings, corpus, metered, remotes, reranking, metrics, tracing),
            jobs=JobStore(settings.state_url),
            launcher=make_launcher(settings, ingestor),
            metrics=metrics,
            expose_all=self._metrics.expose,
            tracing=tracing,
            exposed=beyond_loopback(),
            ingress=ingress_of(),
            graph=open_graph(corpus, settings),
            answering=make_answering(settings, metrics),
            loaded=partial(wait_for, remotes, settings.serve.shard_start_s),
            embedder_absent_s=None if settings.serve.embedder_replicas else guarded.absent_s,
        )

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Return the application; Serve calls this once the replica is made."""
        # Serve's own server sends X-Request-ID back.
        more = self.more_routes(self._services)
        return create_app(self._services, echo_request_id=False, more=more)

    async def counted(self) -> Counted:
        """Return what this replica has counted, for whichever is asked for the metrics of all."""
        return self._metrics.counted()

    def more_routes(self, services: Services) -> Sequence[APIRouter]:
        """Return the routes that stand behind the gateway's doors beside its own."""
        return ()


def _searcher(
    settings: AppArgs,
    corpus: Corpus,
    embedder: MeteredEmbedder,
    shards: Sequence[RemoteShard],
    reranking: RerankStage | None,
    metrics: Metrics,
    tracing: Tracing,
) -> Searcher:
    follower, index = make_index(settings, corpus, shards, metrics)
    store = guard_store(
        corpus.chunks_uri,
        settings.s3,
        lambda is_open: metrics.set("pmoves_corpus_circuit_open", is_open),
    )
    return Searcher(
        corpus,
        embedder,
        settings.search,
        follower,
        tracing.stage,
        open_text_engine(corpus, settings),
        reranking,
        store,
        index,
    )
