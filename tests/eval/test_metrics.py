"""The metrics against trec_eval's own code, and by hand."""

import math
import random
from collections.abc import Callable, Sequence
from functools import partial

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics import Judged, hit_at_k, mrr, ndcg_at_k, recall_at_k
from eval.runs import rank_by_score

IDS = [f"d{number}" for number in range(40)]
METRICS: dict[str, Callable[[Sequence[str], Judged], float]] = {
    "nDCG@1": partial(ndcg_at_k, k=1),
    "nDCG@10": partial(ndcg_at_k, k=10),
    "nDCG@100": partial(ndcg_at_k, k=100),
    "RR": mrr,
    "R@5": partial(recall_at_k, k=5),
    "R@100": partial(recall_at_k, k=100),
    "Success@1": partial(hit_at_k, k=1),
    "Success@10": partial(hit_at_k, k=10),
}


def random_case(rng: random.Random) -> tuple[dict[str, float], dict[str, int]]:
    """Return scores with ties and grades with gaps, negative ones among them."""
    retrieved = rng.sample(IDS, rng.randint(1, len(IDS)))
    judged = rng.sample(IDS, rng.randint(1, len(IDS)))
    scores = {doc_id: float(rng.randint(0, 8)) / 4 for doc_id in retrieved}
    grades = {doc_id: rng.choice([-1, 0, 0, 0, 1, 2, 3]) for doc_id in judged}
    return scores, grades


def reference(
    runs: dict[str, dict[str, float]], qrels: dict[str, dict[str, int]]
) -> dict[tuple[str, str], float]:
    """Return trec_eval's value by query and measure."""
    measures = [ir_measures.parse_measure(name) for name in METRICS]
    found = ir_measures.pytrec_eval.iter_calc(measures, qrels, runs)
    return {(item.query_id, str(item.measure)): item.value for item in found}


def test_values_equal_those_of_trec_eval() -> None:
    rng = random.Random(20)
    cases = {f"q{number}": random_case(rng) for number in range(1000)}
    expected = reference(
        {query: scores for query, (scores, _) in cases.items()},
        {query: grades for query, (_, grades) in cases.items()},
    )
    assert len(expected) == len(cases) * len(METRICS)
    for (query, name), value in expected.items():
        scores, grades = cases[query]
        ours = METRICS[name](rank_by_score(scores), grades)
        assert ours == pytest.approx(value, abs=1e-9), (query, name)


def test_ideal_gain_counts_what_was_not_found() -> None:
    judged = dict.fromkeys(["a", "b", "c", "d", "e"], 1)
    assert ndcg_at_k(["a", "x", "y", "z", "w"], judged, k=5) == pytest.approx(0.339160, abs=1e-6)


def test_graded_gains_by_hand() -> None:
    dcg = 1 / math.log2(2) + 3 / math.log2(4)
    ideal = 3 / math.log2(2) + 1 / math.log2(3)
    assert ndcg_at_k(["low", "none", "high"], {"low": 1, "high": 3}) == pytest.approx(dcg / ideal)


def test_nothing_relevant_is_zero_everywhere() -> None:
    for metric in METRICS.values():
        assert metric(["a", "b"], {"a": 0, "b": -1}) == 0
        assert metric([], {"a": 1}) == 0


def test_reciprocal_rank_stops_at_its_cut() -> None:
    assert mrr(["x", "y", "a"], {"a": 1}) == pytest.approx(1 / 3)
    assert mrr(["x", "y", "a"], {"a": 1}, k=2) == 0


@given(
    st.lists(st.sampled_from(IDS), unique=True),
    st.dictionaries(st.sampled_from(IDS), st.integers(-1, 3)),
    st.integers(1, 50),
)
def test_every_metric_is_a_share(ranked: list[str], judged: dict[str, int], k: int) -> None:
    for metric in (ndcg_at_k, mrr, recall_at_k, hit_at_k):
        assert 0 <= metric(ranked, judged, k) <= 1


@given(st.dictionaries(st.sampled_from(IDS), st.integers(0, 3)), st.integers(1, 50))
def test_the_ideal_order_scores_one(judged: dict[str, int], k: int) -> None:
    best = sorted(judged, key=lambda doc_id: -judged[doc_id])
    expected = 1 if any(judged.values()) else 0
    assert ndcg_at_k(best, judged, k) == pytest.approx(expected)
