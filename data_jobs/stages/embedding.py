"""Embed: a vector for every chunk, those of unchanged chunks taken from the corpus."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from data_jobs.monitor import Monitor
from data_jobs.settings import JobSettings
from data_jobs.stages.stage import Stage
from data_jobs.stages.work import Carried, Work, pack
from retrieval.chunk import Chunk, Vectors
from retrieval.embedding.base import Embedder
from retrieval.embedding.opening import load_embedder
from retrieval.settings import EmbeddingSettings

if TYPE_CHECKING:
    from retrieval.corpus.store import Corpus

LoadEmbedder = Callable[[EmbeddingSettings], Embedder]

# So many chunks go to the model at once; it sorts them by length into batches.
_CHUNKS_AT_ONCE = 256


class EmbedStage(Stage):
    """Embeds the chunks of several documents together.

    The model is loaded by `load_embedder` when the first document comes that is
    not skipped. When it fails the job ends, for no document is to blame.
    """

    name = "embed"

    def __init__(
        self,
        settings: JobSettings,
        monitor: Monitor,
        load_embedder: LoadEmbedder = load_embedder,
    ) -> None:
        super().__init__(monitor)
        self._settings = settings
        self._load_embedder = load_embedder

    @cached_property
    def _embedder(self) -> Embedder:
        self._monitor.doing("loading the model")
        # Threads that wait actively take the core from the parsers.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        embedder = self._load_embedder(self._settings.embedding)
        self._monitor.doing("")
        return embedder

    @cached_property
    def _corpus(self) -> "Corpus":
        from retrieval.corpus.store import Corpus

        return Corpus.open(self._settings.corpus_uri, self._embedder.identity)

    def process(self, work: Work) -> Iterator[Work]:
        """Embed one document."""
        return self._embedded([work])

    def documents(self, documents: Iterable[Carried]) -> Iterator[Carried]:
        """Take documents that come together; embed the chunks of several at once."""
        waiting: list[Work] = []
        chunks = 0
        for document in documents:
            if document.settled or self._monitor.stopping():
                yield document
                self._monitor.add(self.name, 1)
                continue
            waiting.append(document.work())
            chunks += len(waiting[-1].chunks)
            if chunks >= _CHUNKS_AT_ONCE:
                yield from map(pack, self._embedded(waiting))
                waiting, chunks = [], 0
        yield from map(pack, self._embedded(waiting))

    def _embedded(self, works: Sequence[Work]) -> Iterator[Work]:
        """Give each of `works` the vectors of its chunks."""
        started = time.perf_counter()
        chunks = [chunk for work in works for chunk in work.chunks]
        vectors = self._vectors(chunks, self._reusable(works)) if chunks else None
        each = (time.perf_counter() - started) / max(len(chunks), 1)
        position = 0
        for work in works:
            after = position + len(work.chunks)
            if vectors is not None:
                work.vectors = vectors[position:after]
            work.timings[self.name] = round(each * len(work.chunks), 6)
            position = after
            yield work
        self._monitor.add(self.name, len(works))

    def _reusable(self, works: Sequence[Work]) -> dict[int, Vectors]:
        """Return stored vectors by position, asking only for documents that were there before."""
        asked: list[Chunk] = []
        positions: list[int] = []
        position = 0
        for work in works:
            if work.known is not None:
                asked += work.chunks
                positions += range(position, position + len(work.chunks))
            position += len(work.chunks)
        found = self._corpus.reusable_vectors(asked) if asked else {}
        return {positions[at]: vector for at, vector in found.items()}

    def _vectors(self, chunks: Sequence[Chunk], known: dict[int, Vectors]) -> Vectors:
        vectors = np.empty((len(chunks), self._embedder.identity.dimension), dtype=np.float32)
        for position, vector in known.items():
            vectors[position] = vector
        new = [position for position in range(len(chunks)) if position not in known]
        for start in range(0, len(new), _CHUNKS_AT_ONCE):
            part = new[start : start + _CHUNKS_AT_ONCE]
            vectors[part] = self._embedder.embed_passages([chunks[at].indexed_text for at in part])
            self._monitor.add("passages", len(part))
        self._monitor.add("passages", len(known))
        return vectors
