from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.corpus.records import read_hit_rows
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower, Snapshot
from retrieval.fusion import fuse
from retrieval.graph.mentioned import Mentions
from retrieval.hit_rows import ReadRows
from retrieval.pool_graph import smooth
from retrieval.ranking import Ranking, rank
from retrieval.retrievers import Candidates
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store

Scores = dict[int, float]
scores = st.dictionaries(st.integers(0, 20), st.integers(1, 20).map(lambda n: n / 20), max_size=9)
rules = st.sampled_from(["convex", "rrf", "dbsf"])
ALL = 30


def reading(snapshot: Snapshot) -> ReadRows:
    """Return what reads the rows of `snapshot`."""
    return partial(read_hit_rows, snapshot.dataset)


def address_of(corpus: Corpus) -> dict[str, int]:
    """Return the address of each chunk by its id."""
    table = corpus.dataset().to_table(columns=["chunk_id"], with_row_address=True)
    return dict(zip(table["chunk_id"].to_pylist(), table["_rowaddr"].to_pylist(), strict=True))


@given(rules, scores, scores, st.sampled_from([0.0, 0.3, 1.0]))
def test_both_sides_are_fused_and_ordered(
    rule: str, dense: Scores, lexical: Scores, alpha: float
) -> None:
    candidates = Candidates(dense, lexical, frozenset(dense))
    ranking = rank(candidates, rule, alpha)  # type: ignore[arg-type]
    expected = fuse(rule, dense, lexical, alpha).scores  # type: ignore[arg-type]
    assert dict(ranking.scores) == expected
    assert ranking.scores == sorted(ranking.scores, key=lambda item: (-item[1], item[0]))


@given(rules, scores, st.floats(0, 1))
def test_a_single_side_is_ordered_by_itself_whatever_alpha_is(
    rule: str, side: Scores, alpha: float
) -> None:
    dense = rank(Candidates(side, None, frozenset(side)), rule, alpha)  # type: ignore[arg-type]
    lexical = rank(Candidates(None, side), rule, alpha)  # type: ignore[arg-type]
    assert (dense.alpha, lexical.alpha) == (1.0, 0.0)
    for ranking in (dense, lexical):
        raw = [side[address] for address, _ in ranking.scores]
        assert raw == sorted(side.values(), reverse=True)


def test_rank_fusion_counts_only_what_the_dense_side_found_itself() -> None:
    candidates = Candidates({1: 0.9, 2: 0.8}, {2: 5.0}, frozenset({1}))
    assert rank(candidates, "rrf", 0.5).fused.dense == {1: 1.0}
    assert set(rank(candidates, "convex", 0.5).fused.dense) == {1, 2}


@pytest.fixture
def snapshot_and_addresses(
    corpus: Corpus, word_embedder: WordEmbedder
) -> tuple[DenseFollower, dict[str, int]]:
    """Thirty passages with ids in another order than they are stored in."""
    chunks = [make_chunk(f"d-{(at * 7) % ALL:02}", f"boat w{at % 4}") for at in range(ALL)]
    store(corpus, word_embedder, chunks)
    return DenseFollower(corpus), address_of(corpus)


def test_equal_scores_are_ordered_by_chunk_id_also_at_the_end_of_the_page(
    snapshot_and_addresses: tuple[DenseFollower, dict[str, int]],
) -> None:
    follower, addresses = snapshot_and_addresses
    everybody = dict.fromkeys(addresses.values(), 0.5) | {addresses["d-29"]: 0.9}
    ranking = rank(Candidates(None, everybody), "convex", 0.7)
    for k in (1, 5, 29, 30, 200):
        hits = ranking.hits(reading(follower.snapshot), k, False)
        expected = ["d-29", *(f"d-{at:02}" for at in range(29))]
        assert [hit.chunk_id for hit in hits] == expected[:k]


def test_the_head_is_smoothed_and_says_by_how_much(
    snapshot_and_addresses: tuple[DenseFollower, dict[str, int]],
) -> None:
    follower, addresses = snapshot_and_addresses
    snapshot = follower.snapshot
    random = np.random.default_rng(5)
    dense = {at: float(random.random()) for at in addresses.values()}
    lexical = {at: float(random.random()) for at in list(addresses.values())[::2]}
    before = rank(Candidates(dense, lexical, frozenset(dense)), "convex", 0.7)
    after = before.smoothed(snapshot, ("ns",), 10, 0.4)
    rows = np.array([address for address, _ in before.scores])
    plain = np.array([score for _, score in before.scores])
    expected = smooth(plain, snapshot.vectors(("ns",), rows), 0.4)
    assert dict(after.scores) == pytest.approx(dict(zip(rows.tolist(), expected, strict=True)))
    assert [score for _, score in after.scores] == sorted(expected, reverse=True)
    hits = after.hits(reading(snapshot), 3, True)
    for hit in hits:
        assert hit.explain is not None
        fused = dict(before.scores)[addresses[hit.chunk_id]]
        assert hit.score == pytest.approx(fused + hit.explain.boosts["neighbors"])


def test_a_single_side_and_share_zero_are_not_smoothed(
    snapshot_and_addresses: tuple[DenseFollower, dict[str, int]],
) -> None:
    follower, addresses = snapshot_and_addresses
    scores = dict.fromkeys(addresses.values(), 0.5)
    hybrid = rank(Candidates(scores, scores, frozenset(scores)), "convex", 0.7)
    single: Ranking = rank(Candidates(None, scores), "convex", 0.7)
    assert hybrid.smoothed(follower.snapshot, ("ns",), 10, 0.0) is hybrid
    assert single.smoothed(follower.snapshot, ("ns",), 10, 0.4) is single


def test_no_candidates_are_no_hits(corpus: Corpus) -> None:
    snapshot = DenseFollower(corpus).snapshot
    ranking = rank(Candidates({}, {}), "convex", 0.7).smoothed(snapshot, ("ns",), 10, 0.4)
    assert ranking.hits(reading(snapshot), 10, True) == []


def test_the_explanation_gives_scores_and_ranks_of_both_sides(
    snapshot_and_addresses: tuple[DenseFollower, dict[str, int]],
) -> None:
    follower, addresses = snapshot_and_addresses
    one, two, three = (addresses[f"d-{at:02}"] for at in range(3))
    candidates = Candidates({one: 0.8, two: 0.5, three: 0.2}, {two: 9.0}, frozenset({one, two}))
    hits = rank(candidates, "convex", 0.7).hits(reading(follower.snapshot), 3, True)
    found = {hit.chunk_id: hit.explain for hit in hits}
    first, second, third = found["d-00"], found["d-01"], found["d-02"]
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.fusion, first.alpha) == ("convex", 0.7)
    assert first.dense is not None
    assert (first.dense.score, first.dense.rank, first.dense.normalized) == (0.8, 1, 1.0)
    assert first.lexical is not None
    assert (first.lexical.score, first.lexical.rank, first.lexical.normalized) == (None, None, 0)
    assert second.lexical is not None
    assert (second.lexical.score, second.lexical.rank) == (9.0, 1)
    assert third.dense is not None
    assert (third.dense.score, third.dense.rank) == (0.2, None)
    single = rank(Candidates(None, {one: 1.0}), "rrf", 0.7)
    (hit,) = single.hits(reading(follower.snapshot), 1, True)
    assert hit.explain is not None
    assert hit.explain.dense is None


def test_what_neither_side_found_is_last_by_ranks_until_it_is_boosted() -> None:
    mentions = Mentions({3: 0.5, 1: 0.1})
    candidates = Candidates({1: 0.9, 2: 0.8, 3: 0.1}, {2: 5.0}, frozenset({1, 2}), [], mentions)
    ranking = rank(candidates, "rrf", 0.7)
    assert ranking.scores[-1] == (3, 0.0)
    boosted = ranking.boosted(1.0)
    before, after = dict(ranking.scores), dict(boosted.scores)
    assert {row: after[row] - before[row] for row in after} == pytest.approx(
        {1: 0.1, 2: 0.0, 3: 0.5}
    )
    assert boosted.scores == sorted(boosted.scores, key=lambda item: -item[1])
    assert ranking.boosted(0).scores == ranking.scores
