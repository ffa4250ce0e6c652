"""The ways of finding words, behind one call."""

import asyncio
import time
from itertools import pairwise
from typing import Protocol

import pytest

from retrieval.closing import Closing
from retrieval.corpus.filters import RowTest, filters_predicate, namespaces_predicate
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.lexical.base import Found, Question
from retrieval.lexical.fulltext import search_text
from retrieval.matching import FilterCache
from retrieval.query import Filters
from tests.retrieval.lexical.remotes import REMOTES, Remote

_PATIENCE_S = 60.0
KINDS = [
    "corpus",
    *(
        pytest.param(name, marks=[pytest.mark.integration, pytest.mark.xdist_group(name)])
        for name in REMOTES
    ),
]


class Backend(Protocol):
    """Finds words in the passages of `corpus`."""

    corpus: Corpus

    def find(self, question: Question) -> Found:
        """Return addresses and scores, best first."""
        ...


def ask(
    backend: Backend, query: str, *namespaces: str, k: int = 10, filters: Filters | None = None
) -> list[str]:
    """Return the chunk ids that a query finds in `namespaces`, or in `ns`, best first."""
    predicate = filters_predicate(filters)
    scope = namespaces or ("ns",)
    addresses, scores = backend.find(Question(query, scope, k, filters, predicate))
    assert all(one >= other for one, other in pairwise(scores))
    assert (scores > 0).all()
    assert len(addresses) <= k
    if not len(addresses):
        return []
    rows = backend.corpus.dataset()._take_rows(addresses.tolist(), columns=["chunk_id"])
    found: list[str] = rows["chunk_id"].to_pylist()
    return found


class CorpusBackend:
    """The corpus's own text index."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def find(self, question: Question) -> Found:
        """Return addresses and scores, best first."""
        dataset, allowed = self.corpus.dataset(), None
        if question.predicate is not None:
            test = RowTest(namespaces_predicate(question.scope), others=question.predicate)
            allowed = FilterCache().rows(dataset, test)
        return search_text(dataset, question.query, question.scope, question.k, allowed)


class RemoteBackend(Closing):
    """An index of its own in the engine at `url`; each search sees all that is stored."""

    def __init__(self, corpus: Corpus, remote: Remote, url: str, **settings: object) -> None:
        self.corpus = corpus
        self._remote, self._url = remote, url
        self.settings = remote.settings(url, **{"patience_ms": 60_000} | settings)
        self.text = remote.text(corpus, self.settings, pause_s=0.02)
        self._dense = DenseFollower(corpus)
        self._runner = asyncio.Runner()

    def find(self, question: Question) -> Found:
        """Return addresses and scores, best first."""
        self.catch_up()
        snapshot = self._dense.refresh()
        return self._runner.run(self.text.search(question, snapshot, _PATIENCE_S))

    def catch_up(self) -> None:
        """Wait until everything that is stored can be found."""
        newest, deadline = self.corpus.version, time.monotonic() + _PATIENCE_S
        while not self.text.progress.shows(newest):
            assert time.monotonic() < deadline, self.text.progress
            time.sleep(0.01)

    def close(self) -> None:
        """End everything, and drop the index."""
        self.text.close()
        self._dense.close(wait=True)
        self._runner.close()
        with self._remote.hands(self._url, self.settings) as hands:
            if hands.exists():
                hands.drop()


def open_backend(kind: str, corpus: Corpus, request: pytest.FixtureRequest) -> Backend:
    """Return the backend of that kind over `corpus`, closed with the fixture that asks for it."""
    if kind == "corpus":
        return CorpusBackend(corpus)
    remote = REMOTES[kind]
    made = RemoteBackend(corpus, remote, request.getfixturevalue(remote.fixture))
    request.addfinalizer(made.close)
    return made
