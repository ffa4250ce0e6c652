"""Warm starts: what is read back, and what is refused."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lance
import numpy as np
import pytest

from retrieval.chunk import Vectors
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.dense.holding import Holding
from retrieval.dense.loading import Rows, read_rows, read_vectors
from retrieval.dense.segment import Addresses
from retrieval.dense.snapshots_on_disk import SnapshotFolder
from retrieval.dense.tiers import Sizes
from retrieval.reembedding import reembed
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store

SIZES = Sizes(exact=100, largest=300)
WORDS = ["boat", "tide", "rope", "lamp", "song", "drum", "reef", "sail", "mast", "knot"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where segments are saved."""
    return tmp_path / "cache" / "dense"


@pytest.fixture
def filled(corpus: Corpus, word_embedder: WordEmbedder, folder: Path) -> Corpus:
    """A corpus of 250 rows in two namespaces, saved."""
    fill(corpus, word_embedder, 200, "a")
    fill(corpus, word_embedder, 50, "b")
    with started(corpus, folder):
        return corpus


def fill(
    corpus: Corpus, embedder: WordEmbedder, count: int, namespace: str, first: int = 0
) -> None:
    random = np.random.default_rng(first)
    texts = [" ".join(random.choice(WORDS, 4)) for _ in range(count)]
    chunks = [
        make_chunk(f"d{at % 9}-{first + at}", text, namespace) for at, text in enumerate(texts)
    ]
    store(corpus, embedder, chunks)


def on_disk(folder: Path) -> SnapshotFolder:
    return SnapshotFolder(folder, least_rows=10)


@contextmanager
def started(corpus: Corpus, folder: Path) -> Iterator[DenseFollower]:
    """A process that has loaded the index."""
    follower = DenseFollower(corpus, SIZES, on_disk(folder))
    try:
        follower.refresh()
        yield follower
        assert follower.settle(60)
    finally:
        follower.close()


@pytest.fixture
def vectors_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many vectors were read from the table, one entry for each time."""
    read: list[int] = []
    rows, vectors = read_rows, read_vectors

    def counted_rows(
        fragment: lance.LanceFragment, holding: Holding
    ) -> Iterator[tuple[str, Rows, Vectors]]:
        for name, part, found in rows(fragment, holding):
            read.append(len(found))
            yield name, part, found

    def counted_vectors(
        dataset: lance.LanceDataset, addresses: Addresses, holding: Holding
    ) -> Vectors:
        found = vectors(dataset, addresses, holding)
        read.append(len(found))
        return found

    monkeypatch.setattr("retrieval.dense.applying.read_rows", counted_rows)
    monkeypatch.setattr("retrieval.dense.applying.read_vectors", counted_vectors)
    return read


def assert_whole(corpus: Corpus, follower: DenseFollower) -> None:
    """Every row of the table stands in the index, at its address and with its vector."""
    snapshot = follower.snapshot
    assert snapshot.version == corpus.version
    table = snapshot.dataset.to_table(columns=["namespace", "vector"], with_row_address=True)
    addresses = table["_rowaddr"].to_numpy().astype(np.int64)
    expected = np.array(table["vector"].to_pylist(), np.float32)
    assert np.array_equal(snapshot.vectors(("a", "b"), addresses), expected)
    assert sum(snapshot.counts().values()) == len(addresses)


def test_a_start_reads_files_and_only_checks_the_table(
    filled: Corpus, folder: Path, vectors_read: list[int]
) -> None:
    with started(filled, folder) as follower:
        assert sum(vectors_read) <= 2 * 64
        assert any(part.store.clusters for part in follower.snapshot.segments("a"))
        assert_whole(filled, follower)


def test_a_start_follows_what_is_newer(
    filled: Corpus, folder: Path, word_embedder: WordEmbedder, vectors_read: list[int]
) -> None:
    fill(filled, word_embedder, 5, "a", first=1_000)
    filled.delete_document("a", "d3")
    filled.optimize()
    with started(filled, folder) as follower:
        assert sum(vectors_read) <= 2 * 64 + 5
        assert_whole(filled, follower)
        assert follower.settle(60)
        assert_whole(filled, follower)


def damage_vectors(folder: Path) -> None:
    for path in folder.glob("*.faiss"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


def truncate_rows(folder: Path) -> None:
    for path in folder.glob("*.arrow"):
        path.write_bytes(path.read_bytes()[:-10])


def damage_descriptions(folder: Path) -> None:
    for path in folder.glob("*.json"):
        path.write_text('{"format": 1}')


def lose_vectors(folder: Path) -> None:
    for path in folder.glob("*.faiss"):
        path.unlink()


def change(folder: Path, name: str, value: object) -> None:
    for path in folder.glob("*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))


def other_model(folder: Path) -> None:
    for path in folder.glob("*.json"):
        description = json.loads(path.read_text())
        description["identity"]["model"] = "another"
        path.write_text(json.dumps(description))


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (damage_vectors, r"\.faiss is damaged"),
        (truncate_rows, r"\.arrow is damaged"),
        (damage_descriptions, "description is damaged"),
        (lose_vectors, "No such file"),
        (other_model, "embedding model 'another'"),
        (lambda folder: change(folder, "format", 9), "format 9"),
        (lambda folder: change(folder, "rows", 3), "do not belong together"),
    ],
)
def test_a_damaged_or_foreign_snapshot_is_left_out_and_made_anew(
    filled: Corpus,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    harm: Callable[[Path], None],
    reason: str,
) -> None:
    harm(folder)
    with started(filled, folder) as follower:
        assert_whole(filled, follower)
    assert re.search(reason, caplog.text)
    caplog.clear()
    assert on_disk(folder).load(filled.identity).keys() == {"a", "b"}
    assert not caplog.records


def test_one_process_saves_and_the_others_read(
    filled: Corpus, folder: Path, word_embedder: WordEmbedder
) -> None:
    def names() -> list[str]:
        return sorted(path.name for path in folder.iterdir())

    with started(filled, folder) as first:
        assert first.settle(60)
        before = names()
        fill(filled, word_embedder, 150, "a", first=500)
        with started(filled, folder) as second:
            assert_whole(filled, second)
        assert names() == before
    with started(filled, folder):
        pass
    assert names() != before
    assert not [name for name in names() if name.endswith(".draft")]


def test_what_the_index_no_longer_holds_is_removed(filled: Corpus, folder: Path) -> None:
    for document in range(9):
        filled.delete_document("a", f"d{document}")
    with started(filled, folder):
        pass
    assert on_disk(folder).load(filled.identity).keys() == {"b"}


def test_a_folder_that_cannot_be_written_costs_a_warning(
    filled: Corpus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    with started(filled, tmp_path / "file" / "dense") as follower:
        assert_whole(filled, follower)
    assert "cannot save the index" in caplog.text


def test_a_closed_folder_saves_no_more(filled: Corpus, tmp_path: Path) -> None:
    saved = on_disk(tmp_path / "other")
    saved.close()
    follower = DenseFollower(filled, SIZES, saved)
    assert_whole(filled, follower)
    assert follower.settle(60)
    assert not (tmp_path / "other").exists()


def test_after_a_change_of_the_model_its_own_vectors_are_saved(
    filled: Corpus, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A replica that goes on through the change must not save new vectors as old ones."""
    other = WordEmbedder(dimension=16, model="others")
    with started(filled, folder) as follower:
        assert follower.settle(60)
        reembed(filled.uri, other.identity, lambda: other, tmp_path / "staged")
        assert follower.refresh().identity == other.identity
        assert follower.settle(60)
    caplog.clear()
    assert on_disk(folder).load(other.identity).keys() == {"a", "b"}
    assert not caplog.records
    with started(Corpus.open(filled.uri, other.identity), folder) as again:
        query = other.embed_queries([" ".join(WORDS[:4])])[0]
        kept, found = follower.snapshot, again.snapshot
        assert np.array_equal(found.search(query, ["a"], 20)[1], kept.search(query, ["a"], 20)[1])
