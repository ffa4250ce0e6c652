"""Chunk: from blocks to chunks, and what these state of names."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import cast

from data_jobs.chunking.chunker import Chunker, Origin
from data_jobs.chunking.text import clean
from data_jobs.errors import EmptyDocumentError
from data_jobs.monitor import Monitor
from data_jobs.settings import JobSettings
from data_jobs.stages.stage import Stage
from data_jobs.stages.work import Work
from retrieval.chunk import JsonValue
from retrieval.corpus.entities import EntityTable
from retrieval.embedding.model import embedding_identity, load_tokenizer
from retrieval.extraction.chunks import ChunkRelations


class ChunkStage(Stage):
    """Cuts documents into chunks.

    The metadata of chunks is what the parser found, overridden by what came with
    the source.
    """

    name = "chunk"

    def __init__(self, settings: JobSettings, monitor: Monitor) -> None:
        super().__init__(monitor)
        self._settings = settings

    @cached_property
    def _chunker(self) -> Chunker:
        embedding = self._settings.embedding
        return Chunker(
            load_tokenizer(embedding), embedding_identity(embedding), self._settings.chunking
        )

    @cached_property
    def _relations(self) -> ChunkRelations:
        settings = self._settings
        # Each worker has a share of the job's tokens.
        share = -(-settings.llm.tokens_per_job // settings.ingest.stages.chunk_workers)
        return ChunkRelations(EntityTable(settings.corpus_uri), settings, share)

    def process(self, work: Work) -> Iterator[Work]:
        """Cut one document."""
        if work.parsed is None:
            raise ValueError("a document came to be cut before it was parsed")
        found = {**cast(Mapping[str, JsonValue], work.parsed.metadata)}
        if work.video is not None:
            found |= work.video.for_passages()
        work.metadata = _storable({**found, **work.file.metadata})
        origin = Origin(
            namespace=work.namespace,
            doc_id=work.doc_id,
            source=work.file.uri,
            name=clean(work.name),
            media_type=work.media_type or "application/octet-stream",
            metadata=work.metadata,
        )
        work.chunks = self._chunker.chunks(work.parsed, origin)
        if not work.chunks and not work.attachments:
            raise EmptyDocumentError("the document holds no text")
        work.relations = self._relations.of(work.chunks)
        work.parsed = None
        yield work


def _storable(metadata: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return `metadata` without lone surrogates; `ValueError` for NaN and infinities."""
    text = json.dumps(dict(metadata), allow_nan=False, ensure_ascii=False)
    found: dict[str, JsonValue] = json.loads(text.encode("utf-8", "replace"))
    return found
