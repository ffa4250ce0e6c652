import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval.chunk import Vectors
from retrieval.dense.segment import Segment

DIMENSION = 8
Case = tuple[NDArray[np.int64], Vectors, NDArray[np.bool_], NDArray[np.bool_], int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Addresses, vectors, which rows live, which are allowed, and k."""
    count = draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    addresses = np.sort(random.choice(2**40, count, replace=False)).astype(np.int64)
    vectors = random.standard_normal((count, DIMENSION)).astype(np.float32)
    share = draw(st.sampled_from([0.0, 0.1, 0.9, 1.0]))
    alive, allowed = random.random(count) < share, random.random(count) < 0.5
    return addresses, vectors, alive, allowed, draw(st.integers(1, 50))


@given(cases())
def test_search_equals_brute_force(case: Case) -> None:
    addresses, vectors, alive, allowed, k = case
    query = vectors.sum(axis=0)
    segment = Segment.build(addresses, vectors).keep(addresses[alive])
    for names, mask in ((None, alive), (addresses[allowed], alive & allowed)):
        found, scores = segment.search(query, k, names)
        products = vectors @ query
        best = np.flatnonzero(mask)[np.argsort(-products[mask], kind="stable")][:k]
        assert found.tolist() == addresses[best].tolist()
        np.testing.assert_allclose(scores, products[best], rtol=1e-4, atol=1e-5)


@given(cases())
def test_vectors_come_back_by_address(case: Case) -> None:
    addresses, vectors, alive, allowed, _ = case
    segment = Segment.build(addresses, vectors).keep(addresses[alive])
    asked = np.concatenate([addresses[allowed], [np.int64(-1), np.int64(2**50)]])
    here, found = segment.vectors(asked)
    assert here.tolist() == [*alive[allowed].tolist(), False, False]
    assert np.array_equal(found, vectors[alive & allowed])
    assert len(segment) == int(alive.sum())


@given(cases())
def test_products_are_those_of_the_vectors_that_live(case: Case) -> None:
    addresses, vectors, alive, allowed, _ = case
    segment = Segment.build(addresses, vectors).keep(addresses[alive])
    query = vectors.sum(axis=0)
    asked = np.append(addresses[allowed], [2**41])
    here, found = segment.products(query, asked)
    assert here.tolist() == segment.holds(asked).tolist() == [*alive[allowed], False]
    expected = vectors[allowed & alive] @ query
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_keeping_again_starts_from_all_rows() -> None:
    addresses = np.arange(4, dtype=np.int64)
    segment = Segment.build(addresses, np.eye(4, dtype=np.float32))
    fewer = segment.keep(addresses[:2])
    assert (len(segment), len(fewer), len(fewer.keep(addresses))) == (4, 2, 4)
    assert fewer.store is segment.store


@pytest.mark.parametrize("allowed", [[], [7, 8]])
def test_nothing_allowed_is_nothing_found(allowed: list[int]) -> None:
    segment = Segment.build(np.arange(3, dtype=np.int64), np.eye(3, dtype=np.float32))
    found, scores = segment.search(np.ones(3, np.float32), 5, np.array(allowed, np.int64))
    assert found.dtype == np.int64
    assert scores.dtype == np.float32
    assert len(found) == len(scores) == 0
