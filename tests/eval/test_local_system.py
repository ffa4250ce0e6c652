"""Evaluations in this process."""

from eval.systems.local import patient
from retrieval.settings import SearchSettings


def test_a_busy_machine_leaves_no_side_out() -> None:
    found = patient(SearchSettings(dense_timeout_ms=5, timeout_ms=120_000, alpha=0.3))
    assert (found.dense_timeout_ms, found.lexical_timeout_ms, found.embed_timeout_ms) == (
        60_000,
        60_000,
        60_000,
    )
    assert (found.timeout_ms, found.alpha) == (120_000, 0.3)
