"""Cutting the documents of a collection into passages, as ingestion does."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eval.datasets.base import Dataset, DatasetDocument
from eval.library import library_files, library_hash
from retrieval.settings import EmbeddingSettings

if TYPE_CHECKING:
    from data_jobs.parse.base import ParsedDocument
    from data_jobs.settings import ChunkingSettings


@dataclass(frozen=True, slots=True)
class IngestCutter:
    """The chunker of ingestion, with its settings in force except for size and overlap."""

    def in_force(self) -> tuple[int, int]:
        """Return `chunking.size` and `chunking.overlap`."""
        chunking = _chunking()
        return chunking.size, chunking.overlap

    def cut(
        self,
        dataset: Dataset,
        size: int | None,
        overlap: int | None,
        embedding: EmbeddingSettings,
    ) -> Sequence[DatasetDocument]:
        """Return the documents with new passages; files of the sample library are parsed again.

        Texts of other collections are taken for paragraphs, parted by blank lines.
        """
        given = {"size": size, "overlap": overlap}
        update = {name: value for name, value in given.items() if value is not None}
        return list(
            with_passages(_parsed(dataset), _chunking().model_copy(update=update), embedding)
        )


def with_passages(
    documents: Iterable[tuple[DatasetDocument, str, "ParsedDocument"]],
    chunking: "ChunkingSettings",
    embedding: EmbeddingSettings,
) -> Iterator[DatasetDocument]:
    """Yield each document with the passages of its parsed form; the texts are file names."""
    # Loads the tokenizer: only where it is needed.
    from data_jobs.chunking.chunker import Chunker, Origin
    from retrieval.embedding.model import embedding_identity, load_tokenizer

    chunker = Chunker(load_tokenizer(embedding), embedding_identity(embedding), chunking)
    for document, file, parsed in documents:
        origin = Origin("evaluation", document.doc_id, source=document.doc_id, name=file)
        passages = (chunk.indexed_text for chunk in chunker.chunks(parsed, origin))
        yield replace(document, passages=tuple(passages))


def _chunking() -> "ChunkingSettings":
    from data_jobs.settings import JobSettings

    return JobSettings().chunking


def _parsed(dataset: Dataset) -> Iterator[tuple[DatasetDocument, str, "ParsedDocument"]]:
    # Loads the parsers: only where they are needed.
    from data_jobs.parse.registry import parse_file

    for document in dataset.documents:
        if dataset.source_hash == library_hash():
            yield document, document.doc_id, parse_file(library_files() / document.doc_id)[1]
        else:
            yield document, "", _paragraphs(document)


def _paragraphs(document: DatasetDocument) -> "ParsedDocument":
    from data_jobs.parse.base import ParseLimits
    from data_jobs.parse.builder import DocumentBuilder
    from data_jobs.parse.text import add_text

    builder = DocumentBuilder(ParseLimits())
    add_text(builder, document.text)
    return builder.build(document.title)
