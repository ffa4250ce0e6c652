"""Clustered segments: what they find, and how exactly."""

from itertools import pairwise

import numpy as np
import pytest

from retrieval.chunk import Vectors
from retrieval.dense.building import build
from retrieval.dense.segment import Addresses, Segment
from tests.retrieval.dense.vectors import topical

ROWS = 12_000
ALL = np.arange(ROWS, dtype=np.int64) * 3


@pytest.fixture(scope="module")
def clustered() -> Segment:
    """A clustered segment built from three flat ones."""
    vectors, cuts = topical(ROWS, 2), [0, 1_000, 1_500, ROWS]
    flat = [
        Segment.build(ALL[a:b], vectors[a:b], np.arange(a, b).astype(np.uint64) + 1)
        for a, b in pairwise(cuts)
    ]
    return build(flat, True).segment(flat)


def recall(segment: Segment, queries: Vectors, allowed: Addresses, unfiltered: bool) -> float:
    """Return recall@10 against brute force over the rows at `allowed`."""
    here, vectors = segment.vectors(allowed)
    assert here.all()
    hits = 0
    for query in queries:
        exact = allowed[np.argsort(-(vectors @ query), kind="stable")[:10]]
        found, scores = segment.search(query, 10, None if unfiltered else allowed)
        assert len(set(found.tolist())) == len(found) == min(10, len(allowed))
        np.testing.assert_allclose(scores, segment.vectors(found)[1] @ query, atol=1e-5)
        assert (np.diff(scores) <= 0).all()
        hits += len(np.intersect1d(found, exact))
    return hits / (len(queries) * min(10, len(allowed)))


def test_a_part_is_looked_at_and_nearly_all_is_found(clustered: Segment) -> None:
    clusters = clustered.store.clusters
    assert clusters is not None
    assert clusters.budget < ROWS / 4
    assert recall(clustered, topical(100, 9), ALL, unfiltered=True) >= 0.97


@pytest.mark.parametrize(("share", "least"), [(0.5, 0.97), (0.1, 0.97), (0.01, 1.0), (0.002, 1.0)])
def test_filters_cost_no_recall(clustered: Segment, share: float, least: float) -> None:
    allowed = ALL[np.random.default_rng(4).random(ROWS) < share]
    assert recall(clustered, topical(50, 9), allowed, unfiltered=False) >= least


def test_a_filter_that_leaves_rows_far_from_the_query_is_answered(clustered: Segment) -> None:
    query = topical(1, 9)
    order = np.argsort(clustered.vectors(ALL)[1] @ query[0])
    for rows in (ROWS // 8, ROWS // 2):
        far = np.sort(ALL[order[:rows]])
        assert recall(clustered, query, far, unfiltered=False) >= 0.9


def test_deletes_cost_no_recall(clustered: Segment) -> None:
    alive = ALL[np.random.default_rng(5).random(ROWS) >= 0.3]
    fewer = clustered.keep(alive)
    assert len(fewer) == len(alive)
    assert recall(fewer, topical(100, 9), alive, unfiltered=True) >= 0.97
    some = alive[::10]
    assert recall(fewer, topical(20, 9), some, unfiltered=False) >= 0.97


def test_every_vector_keeps_its_address_and_key(clustered: Segment) -> None:
    assert np.array_equal(clustered.vectors(ALL)[1], topical(ROWS, 2))
    rows = clustered.order
    assert np.array_equal(clustered.store.keys[rows], np.arange(ROWS).astype(np.uint64) + 1)


def test_what_changes_while_building_shows_in_the_result() -> None:
    vectors = topical(600, 3)
    before = [
        Segment.build(ALL[:300], vectors[:300]),
        Segment.build(ALL[300:600], vectors[300:]).keep(ALL[300:500]),
    ]
    built = build(before, True)
    moved = (
        before[0].without([slice(0, 15), slice(15, 30)]).revive(np.array([4]), np.array([10**9]))
    )
    now = [moved, before[1].keep(ALL[300:400])]
    segment = built.segment(now)
    assert len(segment.store) == 500
    assert len(segment) == 290 + 1 + 100
    here, found = segment.vectors(np.array([10**9, 0, ALL[350], ALL[450]]))
    assert here.tolist() == [True, False, True, False]
    assert np.array_equal(found, vectors[[4, 350]])
