"""Intervals and tests of averages."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.statistics import Values, bootstrap, holm, randomization_p, row_means


def test_interval_holds_the_mean_and_matches_theory() -> None:
    values = np.random.default_rng(3).normal(0.5, 0.2, 400).tolist()
    estimate = bootstrap(values, resamples=4_000)
    half_width = 1.96 * float(np.std(values)) / 20
    assert estimate.mean == pytest.approx(np.mean(values))
    assert estimate.high - estimate.mean == pytest.approx(half_width, rel=0.1)
    assert estimate.mean - estimate.low == pytest.approx(half_width, rel=0.1)


def test_an_average_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        bootstrap([])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_interval_lies_within_the_values(values: list[float]) -> None:
    estimate = bootstrap(values, resamples=50)
    slack = 1e-9
    assert min(values) - slack <= estimate.low <= estimate.high <= max(values) + slack


def test_p_value_equals_the_exact_test() -> None:
    first = [0.9, 0.8, 0.7, 0.65, 0.9, 0.4, 0.8, 0.9, 0.3, 0.75]
    second = [0.7, 0.7, 0.75, 0.5, 0.6, 0.45, 0.5, 0.8, 0.3, 0.5]
    differences = np.subtract(first, second)
    signs = np.array(list(itertools.product([-1, 1], repeat=len(differences))))
    exact = (np.abs(signs @ differences) >= abs(differences.sum()) - 1e-9).mean()
    assert randomization_p(first, second, permutations=100_000) == pytest.approx(exact, abs=0.003)


def test_few_differences_are_counted_exactly_and_many_drawn_alike() -> None:
    first = [0.5] * 30 + [0.9, 0.8, 0.7, 0.95, 0.6]
    second = [0.5] * 30 + [0.1, 0.2, 0.3, 0.4, 0.5]
    assert randomization_p(first, second) == 2 / 32
    assert randomization_p(first, second, permutations=31) == pytest.approx(2 / 32, abs=0.15)
    drawn = randomization_p([1.0] * 12, [0.0] * 12, permutations=4_000)
    assert drawn == pytest.approx(2 / 4_096, abs=0.002)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_only_makes_doubts_larger_and_keeps_the_order(found: list[float]) -> None:
    adjusted = holm(found)
    assert all(0 <= before <= after <= 1 for before, after in zip(found, adjusted, strict=True))
    order = sorted(range(len(found)), key=lambda at: found[at])
    assert [adjusted[at] for at in order] == sorted(adjusted)


def test_a_whole_family_of_true_nulls_is_seldom_refused() -> None:
    rng = np.random.default_rng(5)
    families = 60
    refused = 0
    for _ in range(families):
        pairs = rng.normal(0.5, 0.2, (8, 2, 25))
        found = [randomization_p(*pair.tolist(), permutations=500) for pair in pairs]
        refused += min(holm(found)) < 0.05
    assert refused / families < 0.15


def test_any_statistic_has_an_interval() -> None:
    def medians(samples: Values) -> Values:
        return np.asarray(np.median(samples, axis=1))

    values = np.random.default_rng(1).exponential(1, 300).tolist()
    estimate = bootstrap(values, medians)
    assert estimate.mean == np.median(values)
    assert estimate.low < estimate.mean < estimate.high < bootstrap(values, row_means).high


def test_large_samples_are_drawn_in_blocks_of_bounded_size() -> None:
    values = np.random.default_rng(2).random(50_000).tolist()
    estimate = bootstrap(values, resamples=90)
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * 0.2887 / 223.6, rel=0.3)


def test_equal_runs_are_not_different() -> None:
    assert randomization_p([0.1, 0.5, 0.9], [0.1, 0.5, 0.9]) == 1


def test_p_value_is_never_zero_and_needs_no_luck() -> None:
    assert 0 < randomization_p([1.0] * 100, [0.0] * 100) < 0.001
