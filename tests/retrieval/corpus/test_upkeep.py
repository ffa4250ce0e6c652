"""What keeps the files, index segments and versions of a table few."""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import log2
from pathlib import Path

import lance
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrieval.corpus.locking import sole_keeper
from retrieval.corpus.store import Corpus
from retrieval.corpus.upkeep import tidy, trailing
from retrieval.lexical.fulltext import search_text
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store

# `make soak` sets it to 2,000.
COMMITS = int(os.environ.get("PMOVES_TEST_COMMITS", "80"))


@pytest.mark.parametrize(
    ("sizes", "new", "most", "count"),
    [
        ([], 5, 100, 0),
        ([5], 5, 100, 1),
        ([6], 5, 100, 0),
        ([10, 5], 5, 100, 2),
        ([21, 10, 5], 5, 100, 2),
        ([20, 10, 5], 5, 20, 2),
        ([20, 10, 5], 5, 19, 1),
        ([8, 8, 8], 0, 100, 3),
        ([90, 8, 8], 0, 100, 2),
        ([90, 0, 0], 0, 100, 3),
        ([4, 0], 5, 100, 2),
    ],
)
def test_which_parts_are_merged(sizes: list[int], new: int, most: int, count: int) -> None:
    assert trailing(sizes, new, most) == count


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=300))
@example([100] * 300)
@example([2**at for at in range(10, 0, -1)])
def test_parts_stay_few_and_are_seldom_written_anew(batches: list[int]) -> None:
    parts: list[int] = []
    written = 0
    for rows in batches:
        count = trailing(parts, rows)
        merged = rows + sum(parts[len(parts) - count :])
        parts = [*parts[: len(parts) - count], merged]
        written += merged
    rounds = log2(sum(batches)) + 1
    assert sum(parts) == sum(batches)
    assert len(parts) <= rounds
    assert written <= sum(batches) * rounds


@dataclass(frozen=True)
class Shape:
    """How many pieces a table consists of."""

    fragments: int
    segments: int
    versions: int
    files: int


def shape(uri: str) -> Shape:
    dataset = lance.dataset(uri)
    return Shape(
        fragments=len(dataset.get_fragments()),
        segments=max(len(index.segments) for index in dataset.describe_indices()),
        versions=len(dataset.version_refs()),
        files=sum(path.is_file() for path in Path(uri).rglob("*")),
    )


def fill(
    corpus: Corpus, embedder: WordEmbedder, commits: Sequence[int], documents: int = 1_000
) -> None:
    """Replace a document by each commit, round and round over so many."""
    for at in commits:
        texts = [f"boat w{at} w{at % 7} {at % 13 * 'rope '}", f"lamp w{at % 5}"]
        chunks = [make_chunk(f"d{at % documents}-{n}", text) for n, text in enumerate(texts)]
        store(corpus, embedder, chunks, replace=True)


def scores(corpus: Corpus) -> list[float]:
    _, found = search_text(corpus.dataset(), "boat w3 rope", ("ns",), 1_000)
    return [round(float(score), 4) for score in found]


def files_of(corpus: Corpus) -> list[str]:
    return [file.path for part in corpus.dataset().get_fragments() for file in part.data_files()]


def test_many_small_files_become_few_and_nothing_else_changes(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    fill(corpus, word_embedder, range(16))
    corpus.delete_document("ns", "d3")
    before, ids = scores(corpus), set(corpus.dataset().to_table()["chunk_id"].to_pylist())
    assert shape(corpus.chunks_uri).fragments == 15
    assert corpus.optimize()
    assert shape(corpus.chunks_uri).fragments == 1
    assert shape(corpus.chunks_uri).segments == 1
    assert set(corpus.dataset().to_table()["chunk_id"].to_pylist()) == ids
    assert scores(corpus) == before


@pytest.mark.integration
def test_a_large_file_is_not_written_anew_for_small_ones(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    fill(corpus, word_embedder, range(16))
    corpus.optimize()
    (large,) = files_of(corpus)
    fill(corpus, word_embedder, range(16, 20))
    corpus.optimize()
    assert len(files_of(corpus)) == 2
    assert large in files_of(corpus)


def test_a_file_with_many_deleted_rows_is_written_anew(
    corpus: Corpus, word_embedder: WordEmbedder
) -> None:
    fill(corpus, word_embedder, range(12))
    corpus.optimize()
    for at in range(4):
        corpus.delete_document("ns", f"d{at}")
    fill(corpus, word_embedder, [20])
    corpus.optimize()
    assert all(part.metadata.num_deletions == 0 for part in corpus.dataset().get_fragments())
    assert corpus.dataset().count_rows() == 2 * 9


def test_nothing_to_do_makes_no_version(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    fill(corpus, word_embedder, range(6))
    corpus.optimize()
    before = corpus.version
    assert corpus.optimize()
    assert corpus.version == before


def test_one_keeper_at_a_time(corpus: Corpus, word_embedder: WordEmbedder) -> None:
    fill(corpus, word_embedder, range(4))
    with sole_keeper(corpus.chunks_uri) as ours:
        assert ours
        assert not tidy(corpus.chunks_uri)
        assert not corpus.optimize()
    assert shape(corpus.chunks_uri).fragments == 4
    assert corpus.optimize()


@pytest.mark.integration
def test_upkeep_goes_on_while_backups_come_and_go(
    corpus: Corpus, word_embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup holds its version by a tag; one that is gone meanwhile disturbs nobody."""
    monkeypatch.setattr("retrieval.corpus.upkeep._KEEP_VERSIONS", timedelta(0))
    ended = threading.Event()

    def hold_and_let_go() -> None:
        while not ended.is_set():
            table = corpus.dataset()
            table.tags.create("copy", table.version)
            table.tags.delete("copy")

    holder = threading.Thread(target=hold_and_let_go)
    holder.start()
    try:
        for at in range(40):
            fill(corpus, word_embedder, [at])
            assert corpus.optimize()
    finally:
        ended.set()
        holder.join()
    assert corpus.dataset().count_rows() == 80


@pytest.mark.integration
@pytest.mark.timeout(0 if "PMOVES_TEST_COMMITS" in os.environ else 300)
def test_many_commits_cost_the_last_no_more_than_the_first(
    corpus: Corpus, word_embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in files, parts and reads of one search, over twenty rounds of upkeep."""
    monkeypatch.setattr("retrieval.corpus.upkeep._KEEP_VERSIONS", timedelta(0))
    shapes, reads = list[Shape](), list[int]()
    step = COMMITS // 20
    for start in range(0, COMMITS, step):
        fill(corpus, word_embedder, range(start, start + step), documents=2 * step)
        shapes.append(shape(corpus.chunks_uri))
        dataset = lance.dataset(corpus.chunks_uri)
        search_text(dataset, "boat w3 rope", ("ns",), 10)
        reads.append(dataset.io_stats_incremental().read_iops)
        assert corpus.optimize()
    # From the third round on the corpus has its size, and only versions are added.
    for name in ("fragments", "segments", "versions", "files"):
        counts = [getattr(found, name) for found in shapes]
        assert max(counts[10:]) <= max(counts[2:10]) * 1.25 + 2, name
    assert max(reads[10:]) <= max(reads[2:10]) * 1.5
    assert corpus.dataset().count_rows() == 4 * step
