"""Intervals and tests of averages."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.statistics import bootstrap, randomization_p


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


def test_equal_runs_are_not_different() -> None:
    assert randomization_p([0.1, 0.5, 0.9], [0.1, 0.5, 0.9]) == 1


def test_p_value_is_never_zero_and_needs_no_luck() -> None:
    assert 0 < randomization_p([1.0] * 100, [0.0] * 100) < 0.001
