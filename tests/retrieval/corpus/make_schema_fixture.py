"""Pack a small corpus of the present schema, for the tests of later ones.

Run `python -m tests.retrieval.corpus.make_schema_fixture` once for each
schema version, with the code that is released with it.
"""

import tarfile
import tempfile
from pathlib import Path

from retrieval.chunk import Document
from retrieval.corpus.schema import SCHEMA_VERSION
from retrieval.corpus.store import Corpus
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk

TEXTS = {
    "d-1": "The boats were sailing past the lighthouse at night",
    "d-2": "A boat, a rope and a lamp",
    "e-1": "Coffee for the sailors",
}


def fixture_path(version: int) -> Path:
    """Return where the corpus of a schema version is packed."""
    return Path(__file__).with_name(f"schema-{version}.tar.gz")


def main() -> None:
    """Write the fixture of the present schema version."""
    embedder = WordEmbedder(4)
    chunks = [make_chunk(name, text, kind=name[0]) for name, text in TEXTS.items()]
    rows = [
        Document("ns", name, f"file:///{name}", "ready", title=name.upper(), chunks=count)
        for name, count in (("d", 2), ("e", 1))
    ]
    bad = Document("ns", "bad", "file:///bad", "quarantined", stage="parse", attempts=2)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus.open(f"{folder}/corpus", embedder.identity)
        vectors = embedder.embed_passages([chunk.indexed_text for chunk in chunks])
        corpus.commit(chunks, vectors, documents=[*rows, bad])
        corpus.delete_document("ns", "e")
        with tarfile.open(fixture_path(SCHEMA_VERSION), "w:gz") as archive:
            archive.add(f"{folder}/corpus", "corpus")


if __name__ == "__main__":
    main()
