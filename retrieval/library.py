"""Search in five lines: a corpus, the model and the pipeline in one object."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retrieval.answering.opening import InProcessAnswering
from retrieval.answering.wire import AnswerResponse
from retrieval.chunk import Chunk
from retrieval.closing import Closing
from retrieval.corpus.store import Commit, Corpus
from retrieval.dense.opening import open_follower
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.embedding.opening import load_embedder
from retrieval.extraction.chunks import ChunkRelations
from retrieval.housekeeping import Housekeeping
from retrieval.ids import chunk_id
from retrieval.indexing import index_chunks
from retrieval.lexical.opening import open_text_engine
from retrieval.loop_thread import LoopThread
from retrieval.pipeline import Searcher
from retrieval.query import SearchRequest, SearchResponse
from retrieval.rerank.opening import InProcessReranking
from retrieval.settings import LibrarySettings


class Library(Closing):
    """A corpus in a folder with everything that answers questions about it.

    Blocking and safe from any thread; keeps the corpus in order by itself. Made for
    scripts and notebooks. Servers use `Searcher` and `index_chunks` directly.
    """

    def __init__(self, home: str | Path, settings: LibrarySettings | None = None) -> None:
        self.settings = (settings or LibrarySettings()).model_copy(update={"home": Path(home)})
        self._model = load_embedder(self.settings.embedding)
        self.corpus = Corpus.open(self.settings.corpus_uri, self._model.identity)
        self.embedder = BatchingEmbedder(self._model, self.settings.embedding.batch_tokens)
        follower = open_follower(self.corpus, self.settings)
        self._reranking = InProcessReranking(self.settings)
        self.searcher = Searcher(
            self.corpus,
            self.embedder,
            self.settings.search,
            follower,
            engine=open_text_engine(self.corpus, self.settings),
            reranking=self._reranking.stage,
        )
        self._relations = ChunkRelations(self.corpus.entities, self.settings)
        self._housekeeping = Housekeeping(self.corpus)
        self._loop = LoopThread("library")

    def add(self, doc_id: str, passages: Sequence[str], namespace: str | None = None) -> Commit:
        """Store `passages` as the whole content of the document `doc_id`; none deletes it."""
        name = namespace or self.settings.search.namespace
        chunks = [
            Chunk(name, doc_id, chunk_id(name, doc_id, at, text), text, at, source=doc_id)
            for at, text in enumerate(passages)
        ]
        if chunks:
            work = index_chunks(
                self.corpus, self.embedder, chunks, replace=True, relations=self._relations
            )
            commit = self._loop.run(work)
        else:
            commit = self.corpus.delete_document(name, doc_id)
        self._housekeeping.committed()
        self._loop.run(self.searcher.refresh())
        return commit

    def search(self, query: str, k: int = 10, **options: Any) -> SearchResponse:
        """Answer `query`; `options` are the fields of `SearchRequest`."""
        options.setdefault("namespace", self.settings.search.namespace)
        return self._loop.run(self.searcher.search(SearchRequest(query=query, k=k, **options)))

    def answer(self, query: str, k: int = 10, **options: Any) -> AnswerResponse:
        """Answer `query` by the language model from what `search` finds; see `AnswerResponse`.

        Raises `InvalidInputError` where the settings name none, and `LanguageModelError` or
        `OverloadedError` where it gives no answer.
        """
        answering = InProcessAnswering(self.settings)
        return self._loop.run(answering.answer(self.search(query, k, **options)))

    def close(self) -> None:
        """End the threads; what they are at is finished first."""
        self._housekeeping.close()
        self.searcher.close(wait=True)
        self.embedder.close(wait=True)
        if isinstance(self._model, Closing):
            self._model.close()
        self._relations.close()
        self._loop.run(self._reranking.close())
        self._loop.close()
