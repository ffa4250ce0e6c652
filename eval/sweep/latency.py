"""How long real searches take under each setting, side by side."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

from eval.datasets.base import Dataset
from eval.progress import Progress
from eval.sweep.indexes import index_settings
from eval.sweep.naming import NAMESPACE
from eval.sweep.pair_scores import PairScores
from eval.sweep.points import IndexSetting, Setting, types_asked
from eval.sweep.values import DEPTHS
from eval.sweep.workplace import Workplace
from retrieval.corpus.store import Corpus
from retrieval.dense.opening import open_follower
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest
from retrieval.rerank.stage import RerankStage
from retrieval.settings import RerankSettings

TIMED = 20
"""How many queries are timed at most."""
Seconds = dict[Setting, dict[str, float]]
"""The seconds of each timed query under every setting."""


async def search_seconds(
    place: Workplace,
    dataset: Dataset,
    index: IndexSetting,
    settings: Sequence[Setting],
    pairs: PairScores,
    progress: Progress,
) -> Seconds:
    """Time whole searches in an index that exists, one at a time, each embedding its query.

    What is reranked is scored each time, whatever `pairs` knows.

    All settings are asked the same queries, in turn and in a changing order, so that
    whatever else the machine does falls on all of them.
    """
    home = place.home(place.passages(dataset, index), index)
    order, queries = Random(0), _timed(dataset)
    seconds: Seconds = {setting: {} for setting in settings}
    async with _searchers(place, index, home, settings, pairs) as searchers:
        # The first one is asked twice: its first answers pay for loading.
        for done, query_id in enumerate([queries[0], *queries]):
            for setting in order.sample(list(settings), len(settings)):
                request = _request(dataset.queries[query_id], setting, place.k)
                start = time.perf_counter()
                await searchers[_kept(setting)].search(request)
                seconds[setting][query_id] = time.perf_counter() - start
            progress("time", done, len(queries))
    return seconds


def _timed(dataset: Dataset) -> list[str]:
    """Return the queries that are timed, the same for every trial."""
    queries = sorted(dataset.judged_queries)
    return Random(0).sample(queries, min(TIMED, len(queries)))


@asynccontextmanager
async def _searchers(
    place: Workplace,
    index: IndexSetting,
    home: Path,
    settings: Sequence[Setting],
    pairs: PairScores,
) -> AsyncIterator[dict[Setting, Searcher]]:
    """Yield a searcher for what a request cannot ask for; all share one index and the models."""
    own = index_settings(place, index)
    model = place.load(own.embedding)
    corpus = Corpus.open(str(home / "corpus"), model.identity)
    embedder, follower = BatchingEmbedder(model), open_follower(corpus, own)
    as_set = place.settings.search.model_dump(include=set(DEPTHS))
    as_deep_as_set = own.search.model_copy(update=as_set)
    async with AsyncExitStack() as opened:
        opened.callback(embedder.close, wait=True)
        found: dict[Setting, Searcher] = {}
        for kept in dict.fromkeys(map(_kept, settings)):
            stage = await _stage(kept, place.settings.rerank, pairs, opened)
            search = kept.within(as_deep_as_set)
            found[kept] = Searcher(corpus, embedder, search, follower, reranking=stage)
            opened.callback(found[kept].close, wait=True)
        yield found


async def _stage(
    setting: Setting, settings: RerankSettings, pairs: PairScores, opened: AsyncExitStack
) -> RerankStage | None:
    reranker = setting.reranking(settings)
    if reranker is None:
        return None
    # As for the sides: nobody waits, and a score that is known already takes no time.
    patient = reranker.model_copy(update={"timeout_ms": 300_000, "cache_entries": 0})
    return RerankStage(await opened.enter_async_context(pairs.asked(patient)), patient, "timed")


def _kept(setting: Setting) -> Setting:
    """Return `setting` without what a request asks for."""
    asked = {"fusion": "convex", "alpha": 0.5, "graph_boost": None, "entity_types": None}
    return setting.model_copy(update=asked)


def _request(text: str, setting: Setting, k: int) -> SearchRequest:
    asked = {"fusion", "alpha", "graph_boost", "rerank_k"}
    given = setting.model_dump(include=asked, exclude_none=True)
    return SearchRequest(
        query=text,
        namespace=NAMESPACE,
        k=k,
        entity_types=types_asked(setting.entity_types),
        **given,
    )
