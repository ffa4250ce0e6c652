"""Storing passages that somebody else has cut."""

import asyncio
from collections.abc import Sequence

import numpy as np

from retrieval.chunk import Chunk, Document, Vectors, utc_now
from retrieval.corpus.changes import DocumentKey
from retrieval.corpus.store import Commit, Corpus
from retrieval.embedding.base import AsyncEmbedder
from retrieval.errors import NotEmbeddedError, StageError
from retrieval.extraction.chunks import ChunkRelations
from retrieval.ids import content_hash


async def index_chunks(
    corpus: Corpus,
    embedder: AsyncEmbedder,
    chunks: Sequence[Chunk],
    *,
    replace: bool = False,
    relations: ChunkRelations | None = None,
) -> Commit:
    """Embed and store `chunks`; those that are stored already as they are cost nothing.

    With `replace`, the chunks of a document become exactly those given; without,
    they are merged by chunk id. The documents appear in the ledger as ready.
    `relations` finds what the chunks state; without, they state nothing. Raises
    `NotEmbeddedError` where the embedder does not answer.
    """
    vectors = await _vectors(corpus, embedder, chunks)
    keys = {(chunk.namespace, chunk.doc_id) for chunk in chunks}
    return await asyncio.to_thread(
        corpus.commit,
        chunks,
        vectors,
        replace=keys if replace else (),
        documents=_documents(chunks),
        relations=await asyncio.to_thread(relations.of, chunks) if relations else (),
        recount=True,
    )


async def _vectors(corpus: Corpus, embedder: AsyncEmbedder, chunks: Sequence[Chunk]) -> Vectors:
    known = await asyncio.to_thread(corpus.reusable_vectors, chunks)
    vectors = np.empty((len(chunks), corpus.identity.dimension), dtype=np.float32)
    for position, vector in known.items():
        vectors[position] = vector
    new = [position for position in range(len(chunks)) if position not in known]
    if new:
        vectors[new] = await _embedded(embedder, [chunks[at].indexed_text for at in new])
    return vectors


async def _embedded(embedder: AsyncEmbedder, texts: Sequence[str]) -> Vectors:
    try:
        return await embedder.embed_passages(texts)
    except StageError as error:
        raise NotEmbeddedError(f"{error}; nothing of this write was stored") from error


def _documents(chunks: Sequence[Chunk]) -> list[Document]:
    by_document: dict[DocumentKey, list[Chunk]] = {}
    for chunk in chunks:
        by_document.setdefault((chunk.namespace, chunk.doc_id), []).append(chunk)
    return [_document(found) for found in by_document.values()]


def _document(chunks: Sequence[Chunk]) -> Document:
    first, now = chunks[0], utc_now()
    return Document(
        namespace=first.namespace,
        doc_id=first.doc_id,
        source=first.source,
        status="ready",
        title=first.title,
        media_type=first.media_type,
        size_bytes=sum(len(chunk.text.encode()) for chunk in chunks),
        attempts=1,
        content_hash=content_hash(*(chunk.indexed_text for chunk in chunks)),
        created_at=now,
        updated_at=now,
    )
