"""Constant searches over a corpus, whatever happens to the engine meanwhile."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from retrieval.closing import Closing
from retrieval.corpus.store import Corpus
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.lexical.base import TextEngine
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest, SearchResponse
from retrieval.settings import SearchSettings
from tests.embedders import WordEmbedder
from tests.retrieval.lexical.remotes import Remote, Settings

PATIENCE_S = 120.0
_SEARCH = SearchSettings(
    timeout_ms=120_000, embed_timeout_ms=60_000, dense_timeout_ms=60_000, lexical_timeout_ms=60_000
)


class Searches(Closing):
    """Searches for `query` again and again, from one thread, until it is closed.

    `failures` are errors, `answers` what was answered, the newest last.
    """

    def __init__(
        self,
        corpus: Corpus,
        embedder: WordEmbedder,
        query: str,
        engine: TextEngine | None = None,
        **fields: Any,
    ) -> None:
        self.failures: list[Exception] = []
        self.answers: list[SearchResponse] = []
        self._asked = {"query": query, "namespace": "ns"} | fields
        self._batching = BatchingEmbedder(embedder)
        self._searcher = Searcher(corpus, self._batching, _SEARCH, engine=engine)
        self._ended = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait_for(self, condition: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
        """Wait until `condition` holds, while searches go on."""
        deadline = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < deadline, self.state()
            time.sleep(0.02)

    def go_on(self, count: int = 2) -> None:
        """Wait until so many more searches were answered."""
        done = len(self.answers)
        self.wait_for(lambda: len(self.answers) >= done + count)

    def state(self) -> object:
        """Return what tells why nothing happens."""
        return self.failures[-1:], self.answers[-1:]

    def ask(self, query: str, **fields: Any) -> SearchResponse:
        """Search once, beside the others."""
        request = SearchRequest(query=query, namespace="ns", mode="lexical", **fields)
        search = self._searcher.search(request)
        return asyncio.run_coroutine_threadsafe(search, self._loop).result(PATIENCE_S)

    def close(self) -> None:
        """End the searches."""
        self._ended.set()
        self._thread.join()
        self._searcher.close(wait=True)
        self._batching.close(wait=True)
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._search())

    async def _search(self) -> None:
        while not self._ended.is_set():
            try:
                request = SearchRequest.model_validate(self._asked)
                self.answers.append(await self._searcher.search(request))
            except Exception as error:
                self.failures.append(error)
            await asyncio.sleep(0.05)


class Load(Searches):
    """Searches for `boat`, by an engine where it can."""

    def __init__(
        self, corpus: Corpus, embedder: WordEmbedder, remote: Remote, settings: Settings
    ) -> None:
        self.settings = settings
        self.engine = remote.text(corpus, settings, pause_s=0.05)
        super().__init__(corpus, embedder, "boat", self.engine, mode="lexical", k=200)

    def wait_for_engine(self) -> None:
        """Wait until searches are answered by the engine, at the newest version."""
        newest = self.engine.progress.newest
        self.wait_for(lambda: self._answered_by_engine(newest))

    def wait_for_corpus(self) -> None:
        """Wait until searches are answered by the corpus, with a line in `degraded`."""
        done = len(self.answers)
        self.wait_for(lambda: len(self.answers) > done and self.answers[-1].degraded)

    def state(self) -> object:
        """Return what tells why nothing happens."""
        return self.engine.progress, self.answers[-1].degraded

    def _answered_by_engine(self, newest: int) -> bool:
        progress = self.engine.progress
        self.go_on()
        return progress.shows(newest) and not self.answers[-1].degraded
