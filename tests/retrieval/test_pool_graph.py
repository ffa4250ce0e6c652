import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval.chunk import Vectors
from retrieval.pool_graph import NEIGHBORS, smooth

Pool = tuple[NDArray[np.float64], Vectors]


def unit(vectors: NDArray[np.float64]) -> Vectors:
    scaled: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled.astype(np.float32)


@st.composite
def pools(draw: st.DrawFn, least: int = 0) -> Pool:
    """Scores in [0, 1] and unit vectors of the same passages."""
    count = draw(st.integers(least, 30))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    return random.random(count), unit(random.standard_normal((count, 6)))


shares = st.sampled_from([0.1, 0.4, 1.0])


@given(pools())
def test_share_zero_changes_nothing(pool: Pool) -> None:
    assert smooth(*pool, 0.0).tolist() == pool[0].tolist()


@given(pools(), shares)
def test_the_input_stays_as_it_is(pool: Pool, share: float) -> None:
    before = pool[0].copy(), pool[1].copy()
    smooth(*pool, share)
    assert np.array_equal(pool[0], before[0])
    assert np.array_equal(pool[1], before[1])


@given(pools(), shares, st.integers(0, 2**32))
def test_the_order_of_the_pool_does_not_matter(pool: Pool, share: float, seed: int) -> None:
    scores, vectors = pool
    order = np.random.default_rng(seed).permutation(len(scores))
    moved = smooth(scores[order], vectors[order], share)
    np.testing.assert_allclose(moved, smooth(scores, vectors, share)[order], atol=1e-6)


@given(pools(), shares, st.floats(0, 1))
def test_equal_scores_stay(pool: Pool, share: float, score: float) -> None:
    constant = np.full(len(pool[0]), score)
    np.testing.assert_allclose(smooth(constant, pool[1], share), constant, atol=1e-9)


@given(pools(), shares)
def test_scores_stay_between_the_lowest_and_the_highest(pool: Pool, share: float) -> None:
    after = smooth(*pool, share)
    assert after.shape == pool[0].shape
    if len(after):
        assert pool[0].min() - 1e-9 <= after.min()
        assert after.max() <= pool[0].max() + 1e-9


@pytest.mark.parametrize("count", [0, 1])
def test_nobody_is_near_a_lone_passage(count: int) -> None:
    scores = np.full(count, 0.7)
    assert smooth(scores, np.ones((count, 3), np.float32), 0.4).tolist() == scores.tolist()


def test_two_passages_lend_to_each_other() -> None:
    near = unit(np.array([[1.0, 0.0], [1.0, 0.1]]))
    assert smooth(np.array([1.0, 0.0]), near, 0.4) == pytest.approx([0.6, 0.4])


def test_opposite_passages_lend_nothing() -> None:
    opposite = np.array([[1, 0], [-1, 0]], np.float32)
    assert smooth(np.array([1.0, 0.5]), opposite, 0.4).tolist() == [1.0, 0.5]


def test_rows_without_a_vector_keep_their_score() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 0]], np.float32)
    assert smooth(np.array([1.0, 0.5, 0.3]), vectors, 0.4)[2] == pytest.approx(0.3)


def test_a_passage_among_good_ones_rises_above_a_lone_one() -> None:
    crowd = np.tile([[1.0, 0.0, 0.0]], (5, 1))
    vectors = unit(np.vstack([crowd, [[0.0, 1.0, 0.0]]]))
    scores = np.array([0.9, 0.9, 0.9, 0.9, 0.70, 0.72])
    after = smooth(scores, vectors, 0.4)
    assert after[4] > after[5]


@given(pools(least=NEIGHBORS + 2), shares)
def test_it_is_the_weighted_mean_of_the_nearest(pool: Pool, share: float) -> None:
    scores, vectors = pool
    after = smooth(scores, vectors, share)
    for at in range(len(scores)):
        near = np.clip(vectors @ vectors[at], 0, None).astype(np.float64)
        others = [row for row in np.argsort(-near, kind="stable") if row != at][:NEIGHBORS]
        weights = near[others]
        mean = np.average(scores[others], weights=weights) if weights.sum() > 0 else scores[at]
        assert after[at] == pytest.approx((1 - share) * scores[at] + share * mean, abs=1e-5)
