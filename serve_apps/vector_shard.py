"""A shard of the vector index as a deployment: loaded before the first call."""

from concurrent.futures import ThreadPoolExecutor

import faiss

from retrieval.chunk import Vectors
from retrieval.corpus.store import Corpus
from retrieval.dense.holding import Share
from retrieval.dense.index import Nearest, ShardState, Wanted
from retrieval.dense.opening import open_shard
from retrieval.dense.segment import Addresses
from retrieval.dense.shard import At, Held, ThreadedShard
from retrieval.embedding.model import embedding_identity
from serve_apps.logs import configure_replica_logging
from serve_apps.settings import AppArgs
from serve_apps.tracing import Carrier, make_tracing


def deployment_name(share: Share) -> str:
    """Return the name of the deployment that holds `share`.

    Another number of shards has other names, so that both can be there at a time.
    """
    return f"dense-shard-{share.number}-of-{share.of}"


class VectorShard:
    """Answers gateways about the rows of its share; see `retrieval.dense.shard`.

    A replica is ready once it has loaded what the corpus holds. `trace` continues the
    caller's trace.
    """

    def __init__(self, settings: AppArgs, share: Share) -> None:
        configure_replica_logging(settings.log)
        self._tracing = make_tracing(settings.tracing, deployment_name(share))
        corpus = Corpus.open(settings.corpus_uri, embedding_identity(settings.embedding))
        self._shard = open_shard(corpus, settings, share)
        self._shard.state()
        # OpenMP counts its threads for each of ours; more would wait for one another.
        self._threads = ThreadPoolExecutor(
            settings.search.threads, "shard", faiss.omp_set_num_threads, (1,)
        )
        self._threaded = ThreadedShard(self._shard, self._threads)

    async def nearest(self, at: At, asked: Nearest, trace: Carrier) -> tuple[Addresses, Vectors]:
        """Return the nearest of its rows, best first."""
        with self._tracing.continued(trace, "nearest"):
            return await self._threaded.nearest(at, asked)

    async def tell(self, at: At, wanted: Wanted, trace: Carrier) -> Held:
        """Return what is wanted of those rows that it holds."""
        with self._tracing.continued(trace, "tell"):
            return await self._threaded.tell(at, wanted)

    async def prepare(self, at: At) -> ShardState:
        """Begin to apply a version; return the state after a second at the latest."""
        return await self._threaded.prepare(at)

    async def state(self) -> ShardState:
        """Return what is held."""
        return self._shard.state()

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True)
        self._shard.close()
