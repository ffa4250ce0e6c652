"""Processes that write to one corpus or watch it: `python -m tests.retrieval.corpus.worker`.

Every text says who wrote it and of how many passages its document consists, so that
a document tells by itself whether it is whole.
"""

import json
import random
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import lance

from retrieval import reembedding
from retrieval.chunk import Chunk, Document, Vectors
from retrieval.corpus.store import Corpus
from retrieval.errors import CorpusError, EmbeddingIdentityError
from retrieval.object_store import configure
from retrieval.settings import LibrarySettings
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk

EMBEDDER = WordEmbedder(4)
OTHERS = WordEmbedder(6, model="others")
REEMBED_BATCH = 16
JOB_DOCUMENTS = 24
_BATCH = 4


def open_corpus(folder: str) -> Corpus:
    """Open the corpus that all workers share."""
    return Corpus.open(folder, EMBEDDER.identity)


def document(doc_id: str, tag: str, passages: int) -> list[Chunk]:
    """Return a document whose passages say `tag`, and that they are `passages`."""
    return [make_chunk(f"{doc_id}-{at}", f"{tag} of {passages}") for at in range(passages)]


def replace_document(corpus: Corpus, doc_id: str, tag: str, passages: int) -> int:
    """Store a document as a whole, with its ledger row; return the version."""
    chunks = document(doc_id, tag, passages)
    row = Document("ns", doc_id, "s", "ready", chunks=passages, content_hash=tag)
    vectors = EMBEDDER.embed_passages([chunk.indexed_text for chunk in chunks])
    return corpus.commit(chunks, vectors, replace=[("ns", doc_id)], documents=[row]).version


def texts(dataset: lance.LanceDataset) -> dict[str, dict[str, str]]:
    """Return the texts by chunk id by document; a doubled row is an error."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in dataset.to_table(columns=["doc_id", "chunk_id", "indexed_text"]).to_pylist():
        assert row["chunk_id"] not in found[row["doc_id"]], f"{row} is there twice"
        found[row["doc_id"]][row["chunk_id"]] = row["indexed_text"]
    return dict(found)


def check_whole(dataset: lance.LanceDataset) -> dict[str, str]:
    """Return what each document says; raise `AssertionError` where one is torn."""
    said: dict[str, str] = {}
    for doc_id, passages in texts(dataset).items():
        (text,) = set(passages.values())
        assert text.endswith(f" of {len(passages)}"), f"{doc_id} is torn: {passages}"
        said[doc_id] = text
    return said


def write(folder: str, name: str, rounds: str) -> None:
    """Replace and delete shared and own documents; print what each commit did."""
    corpus, dice = open_corpus(folder), random.Random(name)
    for at in range(int(rounds)):
        doc_id = dice.choice(["shared0", "shared1", "shared2", f"{name}a", f"{name}b"])
        passages = dice.randint(0, 4)
        if passages:
            tag = f"{name} {at}"
            version = replace_document(corpus, doc_id, tag, passages)
            print(json.dumps([version, doc_id, f"{tag} of {passages}"]), flush=True)
        elif (gone := corpus.delete_document("ns", doc_id)).deleted:
            print(json.dumps([gone.version, doc_id, None]), flush=True)


def watch(folder: str, stop_file: str) -> None:
    """Check every version that can be seen, until `stop_file` is there."""
    corpus, seen = open_corpus(folder), set[int]()
    while not Path(stop_file).exists():
        dataset = corpus.dataset()
        if dataset.version not in seen:
            check_whole(dataset)
            seen.add(dataset.version)
    print(json.dumps(len(seen)))


def keep(folder: str, stop_file: str) -> None:
    """Compact again and again, until `stop_file` is there."""
    corpus = open_corpus(folder)
    while not Path(stop_file).exists():
        corpus.optimize()


def job(folder: str, last: str = "") -> None:
    """Bring all documents to the next generation, and so on, up to the generation `last`.

    What the ledger knows as done is skipped, as an ingestion job does.
    """
    corpus = open_corpus(folder)
    names = [f"d{at}" for at in range(JOB_DOCUMENTS)]
    print("started", flush=True)
    for generation in count(1):
        for start in range(0, len(names), _BATCH):
            _job_batch(corpus, names[start : start + _BATCH], generation)
        corpus.optimize()
        if last and generation >= int(last):
            return


def passages_of(doc_id: str, generation: int) -> int:
    """Return how many passages a document of the job has in a generation."""
    return 1 + (int(doc_id[1:]) + generation) % 3


def _job_batch(corpus: Corpus, names: list[str], generation: int) -> None:
    known = corpus.ledger({("ns", name) for name in names})
    done = {row.doc_id for row in known.values() if int(row.content_hash or 0) >= generation}
    todo = [name for name in names if name not in done]
    sizes = {name: passages_of(name, generation) for name in todo}
    chunks = [c for name in todo for c in document(name, f"{generation}", sizes[name])]
    rows = [
        Document("ns", name, "s", "ready", chunks=sizes[name], content_hash=f"{generation}")
        for name in todo
    ]
    vectors = EMBEDDER.embed_passages([chunk.indexed_text for chunk in chunks])
    corpus.commit(chunks, vectors, replace=[("ns", name) for name in todo], documents=rows)


def fill_disk(folder: str, most_bytes: str) -> None:
    """Store a large document where no file may exceed `most_bytes`; print the error."""
    corpus = open_corpus(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), int(most_bytes)))
    try:
        replace_document(corpus, "large", "x " * 50_000, 4)
    except CorpusError as error:
        print(json.dumps(str(error)))


class _Logged:
    """An embedder that notes each text in a file before it is asked for the next ones."""

    def __init__(self, embedder: WordEmbedder, log: str) -> None:
        self.identity = embedder.identity
        self.embed_queries = embedder.embed_queries
        self._embedder = embedder
        self._log = Path(log)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Note and embed passages, as slowly as a model does."""
        with self._log.open("a") as file:
            file.write("".join(f"{text}\n" for text in texts))
        time.sleep(0.002 * len(texts))
        return self._embedder.embed_passages(texts)


def reembed(folder: str, log: str) -> None:
    """Bring the corpus to the model `OTHERS`, and note in `log` what is embedded."""
    reembedding._BATCH = REEMBED_BATCH
    embedder = _Logged(OTHERS, log)
    print("started", flush=True)
    staged = Path(f"{folder} staged")
    made = reembedding.reembed(folder, OTHERS.identity, lambda: embedder, staged)
    print(json.dumps(made.version))


def write_until_refused(folder: str) -> None:
    """Replace and delete documents until the corpus has another model; print what is there."""
    corpus, said = open_corpus(folder), dict[str, str]()
    for at in count():
        doc_id = f"w{at % 5}"
        try:
            if at % 7 == 6:
                corpus.delete_document("ns", doc_id)
                said.pop(doc_id, None)
            else:
                replace_document(corpus, doc_id, f"write {at}", 1 + at % 3)
                said[doc_id] = f"write {at} of {1 + at % 3}"
        except EmbeddingIdentityError as error:
            print(json.dumps([str(error), said]))
            return


_ROLES = {
    role.__name__: role
    for role in (write, watch, keep, job, fill_disk, reembed, write_until_refused)
}

if __name__ == "__main__":
    configure(LibrarySettings().s3)
    _ROLES[sys.argv[1]](*sys.argv[2:])
