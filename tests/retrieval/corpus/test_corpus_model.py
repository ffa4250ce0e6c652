"""The corpus against a dictionary, over random sequences of operations."""

import shutil
import tempfile
from pathlib import Path

import lance
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from retrieval.chunk import Chunk, Document
from retrieval.corpus.changes import DocumentKey
from retrieval.corpus.schema import chunk_hash, row_to_chunk
from retrieval.corpus.store import Corpus
from retrieval.corpus.vector_column import vector_field
from retrieval.reembedding import reembed
from tests.embedders import WordEmbedder
from tests.retrieval.building import Interrupted, make_chunk

NAMESPACES = st.sampled_from(["a", "b"])
DOCUMENTS = st.sampled_from(["d1", "d'2"])
MODELS = ["words", "others", "third"]
Key = tuple[str, str]

# Few ids and few texts, so that runs meet the same rows again and again.
drafts = st.tuples(
    NAMESPACES, DOCUMENTS, st.integers(0, 3), st.sampled_from(["x", "red boat", "it's é\x00"])
)


def to_chunks(made: list[tuple[str, str, int, str]]) -> list[Chunk]:
    found = [
        make_chunk(f"c{number}", text, namespace, doc, n=number)
        for namespace, doc, number, text in made
    ]
    return list({(chunk.namespace, chunk.chunk_id): chunk for chunk in found}.values())


class CorpusMachine(RuleBasedStateMachine):
    """Runs operations on a corpus and on a dictionary of what it must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.staging = Path(self.folder) / "staging"
        self.embedder = WordEmbedder(dimension=4)
        self.expected: dict[Key, Chunk] = {}
        self.history: dict[int, tuple[WordEmbedder, dict[Key, Chunk]]] = {}
        self.version = 0

    @initialize(scheme=st.sampled_from(["", "file://"]))
    def create(self, scheme: str) -> None:
        """As a folder with locks, or at a URL without."""
        self.corpus = Corpus.open(f"{scheme}{self.folder}", self.embedder.identity)
        self.history[self.corpus.version] = (self.embedder, {})

    def commit(self, chunks: list[Chunk], replaced: set[DocumentKey]) -> None:
        given = {(chunk.namespace, chunk.chunk_id): chunk for chunk in chunks}
        after = {
            key: chunk
            for key, chunk in self.expected.items()
            if (chunk.namespace, chunk.doc_id) not in replaced
        } | given
        deleted = len(self.expected.keys() - after.keys())
        unchanged = sum(self.expected.get(key) == chunk for key, chunk in given.items())
        vectors = self.embedder.embed_passages([chunk.indexed_text for chunk in chunks])
        commit = self.corpus.commit(chunks, vectors, replace=replaced)
        assert (commit.upserted, commit.unchanged, commit.deleted) == (
            len(given) - unchanged,
            unchanged,
            deleted,
        )
        self.remember(commit.version, after)

    def remember(self, version: int, after: dict[Key, Chunk]) -> None:
        assert version >= self.version
        self.expected, self.version = after, version
        self.history[version] = (self.embedder, dict(after))

    @rule(made=st.lists(drafts, max_size=4))
    def upsert(self, made: list[tuple[str, str, int, str]]) -> None:
        self.commit(to_chunks(made), set())

    @rule(made=st.lists(drafts, max_size=4), more=st.sets(st.tuples(NAMESPACES, DOCUMENTS)))
    def replace(self, made: list[tuple[str, str, int, str]], more: set[DocumentKey]) -> None:
        chunks = to_chunks(made)
        self.commit(chunks, {(chunk.namespace, chunk.doc_id) for chunk in chunks} | more)

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        chunk = data.draw(st.sampled_from(sorted(self.expected.values(), key=str)))
        key = (chunk.namespace, chunk.doc_id)
        same = [one for one in self.expected.values() if (one.namespace, one.doc_id) == key]
        before = self.corpus.version
        self.commit(same, {key})
        assert self.corpus.version == before

    @rule(namespace=NAMESPACES, doc=DOCUMENTS)
    def delete(self, namespace: str, doc: str) -> None:
        self.corpus.record([Document(namespace, doc, "s", "ready")])
        commit = self.corpus.delete_document(namespace, doc)
        after = {
            key: chunk
            for key, chunk in self.expected.items()
            if (chunk.namespace, chunk.doc_id) != (namespace, doc)
        }
        assert commit.deleted == len(self.expected) - len(after)
        self.remember(commit.version, after)
        row = self.corpus.document(namespace, doc)
        assert row is not None
        assert row.status == "deleted"

    @rule()
    def reopen(self) -> None:
        self.corpus = Corpus.open(self.corpus.uri, self.embedder.identity)

    @rule(model=st.sampled_from(MODELS), added=st.lists(drafts, max_size=2), deletes=st.booleans())
    def reembed(self, model: str, added: list[tuple[str, str, int, str]], deletes: bool) -> None:
        """Change the model; its first batch is the moment of other writes."""
        after = WordEmbedder(dimension=3 + MODELS.index(model), model=model)

        def write() -> None:
            self.upsert(added)
            if deletes:
                self.delete("a", "d1")

        # At the second batch writers may have to wait for this very run.
        meanwhile = Interrupted(after, [write])
        made = reembed(self.corpus.uri, after.identity, lambda: meanwhile, self.staging)
        assert (made.before, made.after) == (self.embedder.identity, after.identity)
        # What was new on the way has its new vector too.
        assert made.embedded >= len({chunk_hash(chunk) for chunk in self.expected.values()}) * (
            self.embedder.identity != after.identity
        )
        self.embedder = after
        self.remember(made.version, self.expected)
        self.reopen()

    @rule()
    def optimize(self) -> None:
        self.corpus.optimize()

    @invariant()
    def holds_what_it_must(self) -> None:
        if hasattr(self, "corpus"):
            self.check(self.corpus.dataset(), self.expected, self.embedder)
            assert self.corpus.identity == self.embedder.identity
            sizes: dict[str, int] = {}
            for namespace, _ in self.expected:
                sizes[namespace] = sizes.get(namespace, 0) + 1
            assert {n: c.chunks for n, c in self.corpus.namespaces().items() if c.chunks} == sizes

    def check(
        self, dataset: lance.LanceDataset, expected: dict[Key, Chunk], embedder: WordEmbedder
    ) -> None:
        rows = dataset.to_table().to_pylist()
        found = [row_to_chunk(row) for row in rows]
        assert len(rows) == len(expected)
        assert {(chunk.namespace, chunk.chunk_id): chunk for chunk in found} == expected
        if rows:
            wanted = embedder.embed_passages([chunk.indexed_text for chunk in found])
            name = vector_field(dataset.schema).name
            assert np.array_equal(np.array([row[name] for row in rows], np.float32), wanted)

    def teardown(self) -> None:
        for version, (embedder, expected) in self.history.items():
            self.check(lance.dataset(self.corpus.chunks_uri, version=version), expected, embedder)
        shutil.rmtree(self.folder)


TestCorpusAgainstDictionary = pytest.mark.integration(CorpusMachine.TestCase)
TestCorpusAgainstDictionary.settings = settings(max_examples=8, stateful_step_count=8)
