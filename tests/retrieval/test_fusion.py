import math
from itertools import pairwise
from statistics import fmean
from typing import get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retrieval.fusion import (
    RRF_CONSTANT,
    distribution,
    fuse,
    last_reciprocal_rank,
    ranks,
    reciprocal_rank,
    theoretical_minimum_bm25,
    theoretical_minimum_cosine,
)
from retrieval.query import Fusion

Scores = dict[int, float]
RULES = get_args(Fusion)

passages = st.integers(0, 30)
# Steps instead of arbitrary floats, so that ties are common and differences are real.
cosines = st.dictionaries(passages, st.integers(-100, 100).map(lambda n: n / 100), max_size=12)
bm25 = st.dictionaries(passages, st.integers(0, 300).map(lambda n: n / 10), max_size=12)
alphas = st.integers(0, 10).map(lambda n: n / 10)
rules = st.sampled_from(RULES)


def order(scores: Scores) -> list[int]:
    """Sort as the pipeline does: best first, ties by passage."""
    return sorted(scores, key=lambda at: (-scores[at], at))


@given(rules, cosines, bm25, alphas)
def test_the_union_is_scored_within_bounds(
    rule: Fusion, dense: Scores, lexical: Scores, alpha: float
) -> None:
    fused = fuse(rule, dense, lexical, alpha)
    assert fused.scores.keys() == dense.keys() | lexical.keys()
    assert fused.dense.keys() == dense.keys()
    assert fused.lexical.keys() == lexical.keys()
    for part in (fused.scores, fused.dense, fused.lexical):
        assert all(0 <= score <= 1 + 1e-12 for score in part.values())


@given(rules, cosines, bm25, alphas, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    rule: Fusion, dense: Scores, lexical: Scores, alpha: float, random: object
) -> None:
    def shuffled(scores: Scores) -> Scores:
        items = list(scores.items())
        random.shuffle(items)  # type: ignore[attr-defined]
        return dict(items)

    fused = fuse(rule, dense, lexical, alpha)
    assert fuse(rule, shuffled(dense), shuffled(lexical), alpha) == fused


@given(rules, cosines, bm25)
def test_alpha_at_its_ends_gives_the_order_of_one_side(
    rule: Fusion, dense: Scores, lexical: Scores
) -> None:
    for alpha, side in ((1.0, dense), (0.0, lexical)):
        scores = fuse(rule, dense, lexical, alpha).scores
        for one, other in pairwise(order(side)):
            assert scores[one] >= scores[other]
        floor = min((scores[at] for at in side), default=0.0)
        assert all(scores[at] <= floor for at in scores.keys() - side.keys())


@given(rules, cosines, bm25, alphas)
def test_better_on_both_sides_is_never_worse(
    rule: Fusion, dense: Scores, lexical: Scores, alpha: float
) -> None:
    scores = fuse(rule, dense, lexical, alpha).scores
    both = dense.keys() & lexical.keys()
    for one in both:
        for other in both:
            if dense[one] >= dense[other] and lexical[one] >= lexical[other]:
                assert scores[one] >= scores[other] - 1e-12


@given(rules, cosines, bm25, alphas, st.sampled_from([0.25, 2.0, 1024.0]))
def test_the_scale_of_bm25_does_not_matter(
    rule: Fusion, dense: Scores, lexical: Scores, alpha: float, scale: float
) -> None:
    scaled = {at: score * scale for at, score in lexical.items()}
    assert fuse(rule, dense, scaled, alpha).scores == pytest.approx(
        fuse(rule, dense, lexical, alpha).scores, abs=1e-9
    )


@given(rules, bm25.filter(lambda scores: max(scores.values(), default=0) > 0), cosines)
def test_a_passage_that_only_the_lexical_side_finds_can_win(
    rule: Fusion, lexical: Scores, dense: Scores
) -> None:
    best = order(lexical)[0]
    scores = fuse(rule, {at: s for at, s in dense.items() if at != best}, lexical, 0.0).scores
    assert scores[best] == max(scores.values())


@given(rules, cosines.filter(bool), bm25)
def test_a_passage_that_only_the_dense_side_finds_can_win(
    rule: Fusion, dense: Scores, lexical: Scores
) -> None:
    best = order(dense)[0]
    scores = fuse(rule, dense, {at: s for at, s in lexical.items() if at != best}, 1.0).scores
    assert scores[best] == max(scores.values())


def test_an_exact_word_match_wins_over_vague_likeness_by_default() -> None:
    dense = {at: 0.30 - at / 1_000 for at in range(20)} | {99: 0.25}
    lexical = {99: 18.0} | dict.fromkeys(range(10, 20), 1.0)
    assert order(fuse("convex", dense, lexical, 0.7).scores)[0] == 99


def test_nothing_found_is_nothing_fused() -> None:
    for rule in RULES:
        assert fuse(rule, {}, {}, 0.7).scores == {}


@given(cosines)
def test_ranks_count_from_one_and_ties_share(scores: Scores) -> None:
    found = ranks(scores)
    for at, score in scores.items():
        assert found[at] == 1 + sum(other > score for other in scores.values())


def test_convex_is_the_theoretical_minimum_rule() -> None:
    fused = fuse("convex", {1: 0.8, 2: 0.5}, {2: 10.0, 3: 5.0}, 0.7)
    assert fused.dense == pytest.approx({1: 1.0, 2: 1.5 / 1.8})
    assert fused.lexical == pytest.approx({2: 1.0, 3: 0.5})
    assert fused.scores == pytest.approx({1: 0.7, 2: 0.7 * 1.5 / 1.8 + 0.3, 3: 0.15})


def test_reciprocal_ranks() -> None:
    assert reciprocal_rank({1: 9.0, 2: 9.0, 3: 1.0}) == {
        1: 1.0,
        2: 1.0,
        3: (RRF_CONSTANT + 1) / (RRF_CONSTANT + 3),
    }


def test_equal_scores_may_share_their_last_rank() -> None:
    last = last_reciprocal_rank({1: 9.0, 2: 5.0, 3: 5.0, 4: 1.0})
    expected = {1: 1, 2: 3, 3: 3, 4: 4}
    assert last == {at: (RRF_CONSTANT + 1) / (RRF_CONSTANT + rank) for at, rank in expected.items()}


def test_distribution_places_the_mean_in_the_middle() -> None:
    assert distribution({1: 1.0, 2: 2.0, 3: 3.0})[2] == pytest.approx(0.5)
    assert distribution({1: 4.2, 2: 4.2}) == {1: 0.5, 2: 0.5}
    assert distribution({1: 7.0}) == {1: 0.5}
    assert distribution({}) == {}


def test_distribution_cuts_outliers() -> None:
    scores = dict.fromkeys(range(100), 0.0) | {100: 1e9}
    assert distribution(scores)[100] == 1.0


@given(st.dictionaries(passages, st.floats(-1e6, 1e6), max_size=12))
def test_distribution_keeps_the_order(scores: Scores) -> None:
    scaled = distribution(scores)
    assert all(scaled[one] >= scaled[other] for one, other in pairwise(order(scores)))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [({1: -1.0, 2: -1.0}, {1: 0.0, 2: 0.0}), ({}, {}), ({1: -1.0, 2: 1.0}, {1: 0.0, 2: 1.0})],
)
def test_cosines_at_their_floor(scores: Scores, expected: Scores) -> None:
    assert theoretical_minimum_cosine(scores) == expected


@pytest.mark.parametrize(
    ("scores", "expected"), [({1: 0.0}, {1: 0.0}), ({}, {}), ({1: -2.0, 2: 4.0}, {1: 0.0, 2: 1.0})]
)
def test_bm25_at_its_floor(scores: Scores, expected: Scores) -> None:
    assert theoretical_minimum_bm25(scores) == expected


@given(rules, cosines, bm25, alphas)
def test_scores_are_numbers(rule: Fusion, dense: Scores, lexical: Scores, alpha: float) -> None:
    assume(dense or lexical)
    assert all(math.isfinite(s) for s in fuse(rule, dense, lexical, alpha).scores.values())


untold_passages = st.frozensets(passages, max_size=12)


@given(rules, cosines, bm25, alphas, untold_passages)
def test_what_the_dense_side_cannot_tell_of_counts_as_its_mean_or_as_its_words(
    rule: Fusion, dense: Scores, lexical: Scores, alpha: float, away: frozenset[int]
) -> None:
    dense = {at: score for at, score in dense.items() if at not in away}
    untold = lexical.keys() & away
    found, told = fuse(rule, dense, lexical, alpha, untold), fuse(rule, dense, lexical, alpha)
    assert (found.dense, found.lexical) == (told.dense, told.lexical)
    assert all(found.scores[at] == told.scores[at] for at in told.scores.keys() - untold)
    if not dense:
        assert found.scores == told.scores
        return
    words = last_reciprocal_rank(lexical) if rule == "rrf" else found.lexical
    for at in untold:
        supposed = max(fmean(found.dense.values()), words[at])
        expected = alpha * supposed + (1 - alpha) * found.lexical[at]
        assert found.scores[at] == pytest.approx(expected)


@given(rules, cosines.filter(bool), bm25, alphas, untold_passages)
def test_words_order_what_the_dense_side_cannot_tell_of(
    rule: Fusion, dense: Scores, lexical: Scores, alpha: float, away: frozenset[int]
) -> None:
    dense = {at: score for at, score in dense.items() if at not in away}
    untold = lexical.keys() & away
    scores = fuse(rule, dense, lexical, alpha, untold).scores
    for one, other in pairwise(order({at: lexical[at] for at in untold})):
        assert scores[one] >= scores[other] - 1e-12


@given(
    st.sampled_from(["convex", "rrf"]),
    cosines.filter(bool),
    bm25.filter(lambda scores: max(scores.values(), default=0) > 0),
    alphas,
)
def test_the_best_by_words_is_not_lost_with_its_shard(
    rule: Fusion, dense: Scores, lexical: Scores, alpha: float
) -> None:
    best, *others = order(lexical)
    assume(not others or lexical[others[0]] < lexical[best])
    dense = {at: score for at, score in dense.items() if at != best}
    assume(dense)
    scores = fuse(rule, dense, lexical, alpha, {best}).scores
    assert scores[best] >= max(scores.values()) - 1e-12
