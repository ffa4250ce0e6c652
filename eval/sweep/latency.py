"""How long real searches take under each setting, side by side."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from eval.datasets.base import Dataset
from eval.progress import Progress
from eval.sweep.indexes import index_settings
from eval.sweep.naming import NAMESPACE
from eval.sweep.points import IndexSetting, Setting
from eval.sweep.workplace import Workplace
from retrieval.corpus.store import Corpus
from retrieval.dense.opening import open_follower
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest

TIMED = 20
"""How many queries are timed at most."""
Seconds = dict[Setting, dict[str, float]]
"""The seconds of each timed query under every setting."""


async def search_seconds(
    place: Workplace,
    dataset: Dataset,
    index: IndexSetting,
    settings: Sequence[Setting],
    progress: Progress,
) -> Seconds:
    """Time whole searches in an index that exists, one at a time, each embedding its query.

    All settings are asked the same queries, in turn and in a changing order, so that
    whatever else the machine does falls on all of them.
    """
    home = place.home(place.passages(dataset, index), index)
    order, queries = Random(0), _timed(dataset)
    seconds: Seconds = {setting: {} for setting in settings}
    with _searchers(place, index, home, settings) as searchers:
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


@contextmanager
def _searchers(
    place: Workplace, index: IndexSetting, home: Path, settings: Sequence[Setting]
) -> Iterator[dict[Setting, Searcher]]:
    """Yield a searcher for what a request cannot ask for; all share one index and the model."""
    own = index_settings(place, index)
    model = place.load(own.embedding)
    corpus = Corpus.open(str(home / "corpus"), model.identity)
    embedder, follower = BatchingEmbedder(model), open_follower(corpus, own)
    found = {
        kept: Searcher(corpus, embedder, kept.within(own.search), follower)
        for kept in dict.fromkeys(map(_kept, settings))
    }
    try:
        yield found
    finally:
        for searcher in found.values():
            searcher.close(wait=True)
        embedder.close(wait=True)


def _kept(setting: Setting) -> Setting:
    """Return `setting` without what a request asks for."""
    return setting.model_copy(update={"fusion": "convex", "alpha": 0.5, "graph_boost": None})


def _request(text: str, setting: Setting, k: int) -> SearchRequest:
    given = setting.model_dump(include={"fusion", "alpha", "graph_boost"})
    return SearchRequest(query=text, namespace=NAMESPACE, k=k, **given)
