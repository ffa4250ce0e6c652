"""Bringing a corpus to another embedding model while the old vectors go on serving.

New vectors gather in files of their own, batch by batch, so that a run that was ended
goes on where it stopped. Writers and readers go on meanwhile. Once next to nothing is
missing, writers wait for a moment: what they added last is embedded, and one version of
the chunks table exchanges all vectors and the model that they name.
"""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa

from retrieval.chunk import Vectors
from retrieval.corpus.locking import sole_run, sole_writer
from retrieval.corpus.meta import read_identity, write_identity
from retrieval.corpus.staging import StagedVectors
from retrieval.corpus.store import Corpus
from retrieval.corpus.switching import NewVectors
from retrieval.corpus.tables import write
from retrieval.corpus.vector_column import drop_superseded, rename_identity
from retrieval.embedding.base import Embedder
from retrieval.errors import CorpusError, InvalidInputError
from retrieval.identity import EmbeddingIdentity

_LOG = logging.getLogger(__name__)
_BATCH = 1_024
_ROUNDS = 10
# What the last round before the switch may find left, so that writers wait briefly.
_FEW_PASSAGES = 256
_FEW_ROWS = 16_384

OnProgress = Callable[["Progress"], None]
LoadEmbedder = Callable[[], Embedder]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: passages with a new vector, of all that there are now."""

    doing: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Reembedded:
    """What a run came to; `version` is the index version that shows the new vectors.

    `embedded` counts the passages that this run embedded; 0 where the model was the same
    already or only the questions' prefix changed.
    """

    before: EmbeddingIdentity
    after: EmbeddingIdentity
    embedded: int
    version: int


def reembed(
    uri: str,
    identity: EmbeddingIdentity,
    load_embedder: LoadEmbedder,
    folder: Path,
    on_progress: OnProgress = lambda _: None,
) -> Reembedded:
    """Bring the corpus at `uri` to the model `identity`, which `load_embedder` returns.

    New vectors wait in `folder`, which is the run's own and goes with its end. Whatever
    ends a run, the same call goes on from the last stored batch. Raises `CorpusError`
    where there is no corpus, another run is at it, or it cannot be written.
    """
    corpus = Corpus.open_existing(uri)
    with sole_run(corpus.chunks_uri, "reembed"):
        before = read_identity(uri)
        run = _Run(corpus, identity, load_embedder, on_progress)
        if before == identity:
            version = corpus.version
        elif identity.same_vectors(before):
            version = run.rename()
        else:
            version = run.exchange(folder)
        write_identity(uri, identity)
        # Also what a run for yet another model has left.
        shutil.rmtree(folder, ignore_errors=True)
        return Reembedded(before, identity, run.embedded, version)


class _Run:
    """One run over `corpus`."""

    def __init__(
        self,
        corpus: Corpus,
        identity: EmbeddingIdentity,
        load_embedder: LoadEmbedder,
        on_progress: OnProgress,
    ) -> None:
        self.embedded = 0
        self._corpus = corpus
        self._identity = identity
        self._load_embedder = load_embedder
        self._on_progress = on_progress

    def rename(self) -> int:
        """Let the vectors name the new model, which gives passages the same ones."""
        uri = self._corpus.chunks_uri
        with sole_writer(uri):
            write(uri, lambda dataset: rename_identity(dataset, self._identity))
        return self._corpus.version

    def exchange(self, folder: Path) -> int:
        """Embed all chunks and switch over; return the version that did."""
        uri = self._corpus.chunks_uri
        staged = StagedVectors(folder, self._identity)
        column = NewVectors(staged)
        for _ in range(_ROUNDS):
            if self._catch_up(self._corpus.dataset(), staged, column):
                break
        with sole_writer(uri):
            version: int = write(uri, lambda dataset: self._switch(dataset, staged, column))
            self._tidy(uri)
        return version

    def _catch_up(
        self, dataset: lance.LanceDataset, staged: StagedVectors, column: NewVectors
    ) -> bool:
        """Embed and write what is new; say whether that was so little that the rest can wait."""
        embedded = self._embed_missing(dataset, staged)
        self._tell("writing the new vectors", staged)
        return column.build(dataset) <= _FEW_ROWS and embedded <= _FEW_PASSAGES

    def _switch(
        self, dataset: lance.LanceDataset, staged: StagedVectors, column: NewVectors
    ) -> int:
        self._embed_missing(dataset, staged)
        self._tell("switching over", staged)
        return column.commit(dataset)

    def _tidy(self, uri: str) -> None:
        try:
            write(uri, drop_superseded)
        except CorpusError as error:
            _LOG.warning("the corpus has its new vectors, but the old ones remain: %s", error)

    def _embed_missing(self, dataset: lance.LanceDataset, staged: StagedVectors) -> int:
        missing = staged.missing(dataset)
        total = len(staged) + missing.num_rows
        for start in range(0, missing.num_rows, _BATCH):
            self._on_progress(Progress("embedding", len(staged) + start, total))
            batch = missing.slice(start, _BATCH)
            vectors = self._embed(dataset, batch["address"])
            staged.add(batch["content_hash"].to_pylist(), vectors)
            self.embedded += batch.num_rows
        staged.read()
        return int(missing.num_rows)

    def _embed(self, dataset: lance.LanceDataset, addresses: pa.ChunkedArray) -> Vectors:
        rows = dataset._take_rows(addresses.to_pylist(), columns=["indexed_text"])
        texts = [text or "" for text in rows["indexed_text"].to_pylist()]
        vectors = self._embedder.embed_passages(texts)
        if vectors.shape != (len(addresses), self._identity.dimension):
            raise InvalidInputError(f"the model gave vectors of shape {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise InvalidInputError("the model gave vectors with NaN or infinite values")
        return vectors

    @cached_property
    def _embedder(self) -> Embedder:
        embedder = self._load_embedder()
        embedder.identity.require(self._identity, "the plan")
        return embedder

    def _tell(self, doing: str, staged: StagedVectors) -> None:
        self._on_progress(Progress(doing, len(staged), len(staged)))
