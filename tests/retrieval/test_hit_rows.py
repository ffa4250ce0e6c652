"""Rows that are remembered are those that would be read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lance
import pytest

from retrieval import hit_rows
from retrieval.corpus.records import read_hit_rows
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower, Snapshot
from retrieval.hit_rows import HitRows
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store

NAMES = [f"d-{at}" for at in range(6)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each read of the table was for."""
    counts: list[int] = []

    def read(dataset: lance.LanceDataset, addresses: Sequence[int]) -> list[dict[str, Any]]:
        counts.append(len(addresses))
        return read_hit_rows(dataset, addresses)

    monkeypatch.setattr(hit_rows, "read_hit_rows", read)
    return counts


@pytest.fixture
def snapshot(corpus: Corpus, word_embedder: WordEmbedder) -> Snapshot:
    """A snapshot of six passages."""
    store(corpus, word_embedder, [make_chunk(name, f"boat {name}") for name in NAMES])
    return DenseFollower(corpus).refresh()


def names_of(rows: Sequence[Any]) -> list[str]:
    return [row["chunk_id"] for row in rows]


def addresses_of(corpus: Corpus) -> dict[str, int]:
    table = corpus.dataset().to_table(columns=["chunk_id"], with_row_address=True)
    return dict(zip(table["chunk_id"].to_pylist(), table["_rowaddr"].to_pylist(), strict=True))


def test_only_what_is_not_known_is_read(
    corpus: Corpus, snapshot: Snapshot, asked: list[int]
) -> None:
    at, rows = addresses_of(corpus), HitRows()
    assert names_of(rows.read(snapshot, ["ns"], [at["d-2"], at["d-0"]])) == ["d-2", "d-0"]
    wanted = [at["d-0"], at["d-5"], at["d-2"], at["d-0"]]
    found = rows.read(snapshot, ["ns"], wanted)
    assert found == read_hit_rows(snapshot.dataset, wanted)
    assert rows.read(snapshot, ["ns"], wanted) == found
    assert rows.read(snapshot, ["ns"], []) == []
    assert asked == [2, 1]


def test_a_place_that_holds_another_row_now_is_read_anew(
    corpus: Corpus,
    word_embedder: WordEmbedder,
    snapshot: Snapshot,
    asked: list[int],
    tmp_path: Path,
) -> None:
    # As after a restoration: a table with another history has the same addresses.
    other = Corpus.open(str(tmp_path / "other"), word_embedder.identity)
    store(other, word_embedder, [make_chunk(name, f"lamp {name}") for name in NAMES])
    assert addresses_of(other) == addresses_of(corpus)
    rows, everywhere = HitRows(), list(addresses_of(corpus).values())
    for each, word in ((snapshot, "boat"), (DenseFollower(other).refresh(), "lamp")):
        found = rows.read(each, ["ns"], everywhere)
        assert {row["indexed_text"].split()[0] for row in found} == {word}
    assert asked == [6, 6]


def test_rows_whose_content_has_no_key_are_not_remembered(
    corpus: Corpus, snapshot: Snapshot, asked: list[int]
) -> None:
    rows, (address, *_) = HitRows(), addresses_of(corpus).values()
    for _ in range(2):
        assert len(rows.read(snapshot, ["elsewhere"], [address])) == 1
    assert asked == [1, 1]


def test_what_was_found_longest_ago_is_forgotten_first(
    corpus: Corpus, snapshot: Snapshot, asked: list[int]
) -> None:
    at, rows = addresses_of(corpus), HitRows(most_bytes=2 * 2_200)
    for name in ("d-0", "d-1", "d-0", "d-2", "d-0", "d-1"):
        assert names_of(rows.read(snapshot, ["ns"], [at[name]])) == [name]
    assert asked == [1, 1, 1, 1]
    assert len(rows._rows) == 2
