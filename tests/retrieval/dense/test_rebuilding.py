"""A new build of the vector index: beside the old one, from the corpus alone, and whole."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from retrieval.corpus.dense_build import want_build, wanted_build
from retrieval.corpus.store import Corpus
from retrieval.corpus.tables import write
from retrieval.dense.follower import DenseFollower
from retrieval.dense.segment import Segment, Store
from retrieval.dense.snapshot import Snapshot
from retrieval.dense.snapshots_on_disk import SnapshotFolder
from retrieval.dense.tiers import Sizes
from retrieval.dense.versions import build_anew
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store

SIZES = Sizes(exact=50, largest=200)
ROWS = 160


@pytest.fixture
def filled(corpus: Corpus, word_embedder: WordEmbedder) -> Corpus:
    """A corpus whose index has clusters."""
    store(
        corpus, word_embedder, [make_chunk(f"d{at % 9}-{at}", f"boat {at}") for at in range(ROWS)]
    )
    return corpus


def spoil(follower: DenseFollower) -> None:
    """Put other vectors into the index, as a fault of the machine would."""
    snapshot = follower.refresh()
    (segment,) = snapshot.segments(["ns"])
    index = faiss.IndexFlatIP(segment.store.index.d)
    index.add(np.zeros((len(segment.store), index.d), np.float32))
    store_ = Store(index, segment.store.keys, segment.store.clusters)
    spoilt = Segment(store_, segment.addresses, segment.order, segment.alive)
    follower._snapshot = replace(snapshot, namespaces={"ns": (spoilt,)})


def is_exact(snapshot: Snapshot) -> bool:
    """Say whether every vector of the table is in the index, and no other."""
    table = snapshot.dataset.to_table(columns=["vector"], with_row_address=True)
    addresses = table["_rowaddr"].to_numpy().astype(np.int64)
    expected = np.array(table["vector"].to_pylist(), np.float32)
    held = np.array_equal(snapshot.vectors(["ns"], addresses), expected)
    return held and snapshot.counts() == {"ns": len(addresses)}


def rebuilt(follower: DenseFollower, corpus: Corpus) -> Snapshot:
    number = write(corpus.chunks_uri, want_build)
    follower.refresh()
    assert follower.settle(60)
    assert follower.build == number
    return follower.snapshot


def test_a_spoilt_index_is_right_again(filled: Corpus) -> None:
    follower = DenseFollower(filled, SIZES)
    follower.refresh()
    assert follower.settle(60)
    spoil(follower)
    assert not is_exact(follower.snapshot)
    snapshot = rebuilt(follower, filled)
    assert is_exact(snapshot)
    assert any(part.store.clusters for part in snapshot.segments(["ns"]))


def test_searches_and_writes_go_on_meanwhile_and_nothing_is_lost(
    filled: Corpus, word_embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = DenseFollower(filled, SIZES)
    follower.refresh()
    assert follower.settle(60)
    query = word_embedder.embed_queries(["boat"])[0]
    built, seen = threading.Event(), threading.Event()

    def slowly(*arguments: Any) -> Snapshot | None:
        made = build_anew(*arguments)
        built.set()
        assert seen.wait(60)
        return made

    monkeypatch.setattr("retrieval.dense.follower.build_anew", slowly)
    write(filled.chunks_uri, want_build)
    old = follower.refresh()
    assert built.wait(60)
    filled.delete_document("ns", "d3")
    store(filled, word_embedder, [make_chunk("new-1", "boat new")])
    snapshot = follower.refresh()
    assert snapshot.build == old.build == 0
    assert is_exact(snapshot)
    assert len(snapshot.search(query, ["ns"], 10)[0]) == 10
    seen.set()
    assert follower.settle(60)
    assert follower.build == wanted_build(filled.dataset())
    assert follower.snapshot.version == filled.version
    assert is_exact(follower.snapshot)


def test_files_of_the_build_before_are_not_read_and_go(filled: Corpus, tmp_path: Path) -> None:
    def follower() -> DenseFollower:
        return DenseFollower(filled, SIZES, SnapshotFolder(tmp_path / "saved", least_rows=10))

    def saved() -> set[str]:
        return {path.name for path in (tmp_path / "saved").glob("*.json")}

    first = follower()
    first.refresh()
    assert first.settle(60)
    spoil(first)
    first._folder.save(first.snapshot.namespaces, first.snapshot.identity)  # type: ignore[union-attr]
    first.close(wait=True)
    before = saved()
    write(filled.chunks_uri, want_build)
    second = follower()
    assert is_exact(second.refresh())
    assert second.settle(60)
    second.close(wait=True)
    assert len(saved()) == 1
    assert not saved() & before
    third = follower()
    assert is_exact(third.refresh())
    assert third.settle(60)
    third.close(wait=True)


def test_a_failed_build_is_tried_again(
    filled: Corpus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    follower = DenseFollower(filled, SIZES)
    follower.refresh()
    assert follower.settle(60)

    def fails(*_: object) -> Snapshot | None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr("retrieval.dense.follower.build_anew", fails)
        write(filled.chunks_uri, want_build)
        follower.refresh()
        with pytest.raises(OSError, match="the disk is gone"):
            follower.settle(60)
    assert follower.build == 0
    follower.refresh()
    assert follower.settle(60)
    assert follower.build == wanted_build(filled.dataset())


def test_each_wish_has_a_larger_number(filled: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wanted_build(filled.dataset()) == 0
    first = write(filled.chunks_uri, want_build)
    monkeypatch.setattr("time.time_ns", lambda: 0)
    assert write(filled.chunks_uri, want_build) == first + 1
    assert wanted_build(filled.dataset()) == first + 1
