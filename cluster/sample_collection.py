"""The sample library with its labelled questions, parsed and cut by the present code."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.cutting import with_passages
from eval.datasets.base import Dataset, DatasetDocument
from eval.datasets.questions import read_questions
from eval.library import labelled_questions, library_files, library_hash

if TYPE_CHECKING:
    from data_jobs.parse.base import ParsedDocument

_NAME = "library"


def sample_library(questions: Path | None = None) -> Dataset:
    """Return the sample files as documents, with their passages as an ingest would cut them.

    They are asked the labelled questions, or those of another file in that form.
    The collection is known by the bytes of the files, so that a parser or a chunker
    that has changed is measured against the same baseline. Attachments are left out.
    """
    from data_jobs.settings import JobSettings

    settings = JobSettings()
    documents = tuple(with_passages(_parsed(), settings.chunking, settings.embedding))
    asked = read_questions(questions or labelled_questions(), documents)
    cut_by = {"chunking": settings.chunking.model_dump(mode="json", exclude_defaults=True)}
    return replace(asked, name=_NAME, source_hash=library_hash(), cut_by=cut_by)


def _parsed() -> Iterator[tuple[DatasetDocument, str, "ParsedDocument"]]:
    # Loads the parsers: only where they are needed.
    from data_jobs.parse.registry import parse_file

    for file in sorted(library_files().iterdir()):
        _, parsed = parse_file(file)
        text = "\n".join(block.text for block in parsed.blocks)
        yield DatasetDocument(file.name, text, parsed.title or ""), file.name, parsed
