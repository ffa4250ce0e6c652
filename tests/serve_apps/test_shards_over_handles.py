"""The suite of every dense index, over shards behind Serve's handles.

Serve runs the deployments in this process, with its real handles and no cluster; a real one
is in `test_serve.py`.
"""

from collections.abc import Iterator

import pytest
from ray import serve

from retrieval.corpus.store import Corpus
from retrieval.dense.directory import Directory
from retrieval.dense.holding import Share
from retrieval.dense.sharded import ShardedIndex
from serve_apps.remote_shard import RemoteShard
from serve_apps.settings import AppArgs
from serve_apps.vector_shard import VectorShard
from tests.embedders import WordEmbedder
from tests.retrieval.dense.test_index import (
    Rig,
    test_a_filter_works_inside_the_search,
    test_equal_rows_are_ordered_by_address,
    test_every_version_is_answered,
    test_it_tells_of_rows_what_their_vectors_say,
    test_the_nearest_rows_of_the_namespaces_and_no_others,
)
from tests.retrieval.dense.test_index import filled as _filled
from tests.retrieval.dense.test_index import query as _query

__all__ = [
    "test_a_filter_works_inside_the_search",
    "test_equal_rows_are_ordered_by_address",
    "test_every_version_is_answered",
    "test_it_tells_of_rows_what_their_vectors_say",
    "test_the_nearest_rows_of_the_namespaces_and_no_others",
]
filled, query = _filled, _query
_SHARDS = 3


@pytest.fixture
def corpus(settings: AppArgs, word_embedder: WordEmbedder) -> Corpus:
    """An empty corpus."""
    return Corpus.open(settings.corpus_uri, word_embedder.identity)


@pytest.fixture
def rig(settings: AppArgs, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """An index over handles of three shards, and what a gateway follows."""
    monkeypatch.setattr(
        "serve_apps.vector_shard.embedding_identity", lambda _settings: corpus.identity
    )
    deployment = serve.deployment()(VectorShard)
    handles = [
        serve.run(
            deployment.bind(settings, Share(number, _SHARDS)),
            name=f"shard-{number}",
            route_prefix=None,
            _local_testing_mode=True,
        )
        for number in range(_SHARDS)
    ]
    directory = Directory(corpus)
    shards = [RemoteShard(number, handle) for number, handle in enumerate(handles)]
    yield ShardedIndex(shards, directory), directory
    directory.close(wait=True)
    for handle in handles:
        handle.close.remote().result()
