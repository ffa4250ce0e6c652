"""The sample library with its labelled questions, parsed and cut by the present code."""

from dataclasses import replace
from pathlib import Path

from eval.datasets.base import Dataset, DatasetDocument
from eval.datasets.questions import read_questions
from eval.library import labelled_questions, library_files, library_hash

_NAME = "library"


def sample_library(questions: Path | None = None) -> Dataset:
    """Return the sample files as documents, with their passages as an ingest would cut them.

    They are asked the labelled questions, or those of another file in that form.
    The collection is known by the bytes of the files, so that a parser or a chunker
    that has changed is measured against the same baseline. Attachments are left out.
    """
    documents = tuple(_documents())
    asked = read_questions(questions or labelled_questions(), documents)
    return replace(asked, name=_NAME, source_hash=library_hash())


def _documents() -> list[DatasetDocument]:
    # Loads the parsers and the tokenizer: only where they are needed.
    from data_jobs.chunking.chunker import Chunker, Origin
    from data_jobs.parse.registry import parse_file
    from data_jobs.settings import JobSettings
    from retrieval.embedding.model import embedding_identity, load_tokenizer

    settings = JobSettings()
    model = settings.embedding
    chunker = Chunker(load_tokenizer(model), embedding_identity(model), settings.chunking)
    found = []
    for file in sorted(library_files().iterdir()):
        _, parsed = parse_file(file)
        origin = Origin(_NAME, file.name, source=file.name, name=file.name)
        found.append(
            DatasetDocument(
                file.name,
                "\n".join(block.text for block in parsed.blocks),
                parsed.title or "",
                tuple(chunk.indexed_text for chunk in chunker.chunks(parsed, origin)),
            )
        )
    return found
