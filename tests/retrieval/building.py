"""Short ways to chunks and corpora."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from retrieval.chunk import Chunk, JsonValue, Vectors
from retrieval.corpus.store import Commit, Corpus
from tests.embedders import WordEmbedder


def make_chunk(
    chunk_id: str,
    text: str,
    namespace: str = "ns",
    doc_id: str | None = None,
    **metadata: JsonValue,
) -> Chunk:
    """Return a chunk; its document is what stands before the dash of its id."""
    document = doc_id or chunk_id.split("-")[0]
    return Chunk(
        namespace, document, chunk_id, text, source=f"file:///{document}", metadata=metadata
    )


def store(
    corpus: Corpus, embedder: WordEmbedder, chunks: Sequence[Chunk], *, replace: bool = False
) -> Commit:
    """Commit `chunks` with their vectors."""
    vectors = embedder.embed_passages([chunk.indexed_text for chunk in chunks])
    keys = {(chunk.namespace, chunk.doc_id) for chunk in chunks}
    return corpus.commit(chunks, vectors, replace=keys if replace else ())


class Interrupted:
    """An embedder during whose calls other things happen, one of `events` a call."""

    def __init__(self, embedder: WordEmbedder, events: Iterable[Callable[[], object]] = ()) -> None:
        self.identity = embedder.identity
        self.embed_queries = embedder.embed_queries
        self.embedded: list[str] = []
        self._embedder = embedder
        self._events = iter(events)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages, and note them, once the next event has happened."""
        if event := next(self._events, None):
            event()
        self.embedded += texts
        return self._embedder.embed_passages(texts)


def run_together(works: Sequence[Callable[[], object]]) -> None:
    """Run `works` in threads at the same time; raise what any of them raised."""
    with ThreadPoolExecutor(len(works)) as pool:
        for future in [pool.submit(work) for work in works]:
            future.result()
