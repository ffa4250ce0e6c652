"""The metrics against trec_eval's own code, and by hand."""

import math
import random

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.errors import EvaluationError
from eval.metrics import (
    LATENCIES,
    METRICS,
    average_precision,
    bpref,
    judged_at_k,
    mrr,
    ndcg_at_k,
    parse_metric,
    percentile_ms,
    precision_at_k,
)
from eval.runs import rank_by_score

IDS = [f"d{number}" for number in range(40)]
SAME_NAME = {
    "nDCG@1": "nDCG@1",
    "nDCG@10": "nDCG@10",
    "nDCG@100": "nDCG@100",
    "MRR": "RR",
    "MAP": "AP",
    "MAP@10": "AP@10",
    "Recall@5": "R@5",
    "Recall@100": "R@100",
    "Precision@1": "P@1",
    "Precision@10": "P@10",
    "Precision@100": "P@100",
    "hit@1": "Success@1",
    "success@10": "Success@10",
    "bpref": "Bpref",
}
"""Our names and those of ir_measures, for what trec_eval computes."""

Runs = dict[str, dict[str, float]]
Qrels = dict[str, dict[str, int]]


def random_case(rng: random.Random) -> tuple[dict[str, float], dict[str, int]]:
    """Return scores with ties and grades with gaps, negative ones among them."""
    retrieved = rng.sample(IDS, rng.randint(1, len(IDS)))
    judged = rng.sample(IDS, rng.randint(1, len(IDS)))
    scores = {doc_id: float(rng.randint(0, 8)) / 4 for doc_id in retrieved}
    grades = {doc_id: rng.choice([-1, 0, 0, 0, 1, 2, 3]) for doc_id in judged}
    return scores, grades


def thousand_cases() -> tuple[Runs, Qrels]:
    rng = random.Random(20)
    cases = {f"q{number}": random_case(rng) for number in range(1000)}
    runs = {query: scores for query, (scores, _) in cases.items()}
    return runs, {query: grades for query, (_, grades) in cases.items()}


def require_equal(ours: str, theirs: str, runs: Runs, qrels: Qrels, scored: Runs) -> None:
    """Compare one metric on every query; `scored` is what the reference reads."""
    metric, measure = parse_metric(ours), ir_measures.parse_measure(theirs)
    provider = ir_measures.judged if measure.NAME == "Judged" else ir_measures.pytrec_eval
    found = {item.query_id: item.value for item in provider.iter_calc([measure], qrels, scored)}
    assert found.keys() == runs.keys()
    for query, value in found.items():
        mine = metric.compute(rank_by_score(runs[query]), qrels[query])
        assert mine == pytest.approx(value, abs=1e-9), (query, ours)


@pytest.mark.parametrize(("ours", "theirs"), SAME_NAME.items(), ids=SAME_NAME)
def test_values_equal_those_of_trec_eval(ours: str, theirs: str) -> None:
    runs, qrels = thousand_cases()
    require_equal(ours, theirs, runs, qrels, runs)


def test_a_cut_reciprocal_rank_is_that_of_the_cut_answer() -> None:
    runs, qrels = thousand_cases()
    cut = {
        query: {d: scores[d] for d in rank_by_score(scores)[:5]} for query, scores in runs.items()
    }
    require_equal("MRR@5", "RR", runs, qrels, cut)


@pytest.mark.parametrize("k", [1, 10, 100])
def test_judged_equals_that_of_ir_measures(k: int) -> None:
    runs, qrels = thousand_cases()
    # ir_measures breaks ties by rising id here: give it our order without any.
    untied = {
        query: {doc_id: -float(rank) for rank, doc_id in enumerate(rank_by_score(scores))}
        for query, scores in runs.items()
    }
    require_equal(f"Judged@{k}", f"Judged@{k}", runs, qrels, untied)


def test_every_family_is_compared() -> None:
    compared = {name.partition("@")[0].lower() for name in SAME_NAME}
    assert compared | {"judged"} == METRICS.keys()


def test_ideal_gain_counts_what_was_not_found() -> None:
    judged = dict.fromkeys(["a", "b", "c", "d", "e"], 1)
    assert ndcg_at_k(["a", "x", "y", "z", "w"], judged, k=5) == pytest.approx(0.339160, abs=1e-6)


def test_graded_gains_by_hand() -> None:
    dcg = 1 / math.log2(2) + 3 / math.log2(4)
    ideal = 3 / math.log2(2) + 1 / math.log2(3)
    assert ndcg_at_k(["low", "none", "high"], {"low": 1, "high": 3}) == pytest.approx(dcg / ideal)


def test_average_precision_and_precision_by_hand() -> None:
    judged = {"a": 1, "b": 2, "c": 1}
    assert average_precision(["a", "x", "b"], judged) == pytest.approx((1 + 2 / 3) / 3)
    assert precision_at_k(["a", "x", "b"], judged, k=5) == pytest.approx(2 / 5)
    assert precision_at_k(["a", "x", "b"], judged, k=None) == pytest.approx(2 / 3)


def test_bpref_passes_over_what_nobody_judged() -> None:
    judged = {"a": 1, "b": 1, "n": 0}
    assert bpref(["u", "a", "v", "n", "b"], judged) == pytest.approx((1 + 0) / 2)
    assert bpref(["u", "v", "a", "b"], judged) == 1


def test_judged_sees_gaps_and_no_grades() -> None:
    assert judged_at_k(["a", "u", "n", "v"], {"a": 1, "n": 0}, k=3) == pytest.approx(2 / 3)


def test_nothing_relevant_is_zero_wherever_grades_count() -> None:
    for family in METRICS.values():
        metric = parse_metric(f"{family.name}@10" if family.cut == "needed" else family.name)
        assert metric.compute([], {"a": 1}) == 0
        if family.name != "Judged":
            assert metric.compute(["a", "b"], {"a": 0, "b": -1}) == 0


def test_reciprocal_rank_stops_at_its_cut() -> None:
    assert mrr(["x", "y", "a"], {"a": 1}) == pytest.approx(1 / 3)
    assert mrr(["x", "y", "a"], {"a": 1}, k=2) == 0


@pytest.mark.parametrize(
    ("text", "name"),
    [("ndcg@10", "nDCG@10"), (" MRR ", "MRR"), ("map@05", "MAP@5"), ("BPREF", "bpref")],
)
def test_names_have_one_spelling(text: str, name: str) -> None:
    assert parse_metric(text).name == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("top3_hit@k", r"'top3_hit@k' is no metric; there are nDCG@k, MRR\[@k\], .*bpref"),
        ("nDCG", "'nDCG' is no metric; write nDCG@k with a k from 1 to 10000, such as nDCG@10"),
        ("Recall@0", "write Recall@k with a k from 1"),
        ("hit@ten", "write hit@k with a k from 1"),
        ("MRR@", r"write MRR\[@k\] with a k"),
        ("bpref@10", "'bpref@10' is no metric; write bpref$"),
    ],
)
def test_other_names_are_refused_with_what_there_is(text: str, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        parse_metric(text)


def test_percentiles_of_latency() -> None:
    seconds = [number / 1000 for number in range(1, 101)]
    found = {name: percentile_ms(seconds, name) for name in LATENCIES}
    assert found == pytest.approx({"p50_ms": 50.5, "p95_ms": 95.05, "p99_ms": 99.01})
    assert percentile_ms([0.25], "p99_ms") == 250
    with pytest.raises(ValueError, match="at least one observation"):
        percentile_ms([], "p50_ms")


@given(
    st.lists(st.sampled_from(IDS), unique=True),
    st.dictionaries(st.sampled_from(IDS), st.integers(-1, 3)),
    st.integers(1, 50),
)
def test_every_metric_is_a_share(ranked: list[str], judged: dict[str, int], k: int) -> None:
    for family in METRICS.values():
        value = parse_metric(f"{family.name}@{k}" if family.cut != "none" else family.name)
        assert 0 <= value.compute(ranked, judged) <= 1


@given(st.dictionaries(st.sampled_from(IDS), st.integers(0, 3)), st.integers(1, 50))
def test_the_ideal_order_scores_one(judged: dict[str, int], k: int) -> None:
    best = sorted(judged, key=lambda doc_id: -judged[doc_id])
    expected = 1 if any(judged.values()) else 0
    assert ndcg_at_k(best, judged, k) == pytest.approx(expected)
