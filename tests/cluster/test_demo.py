"""The demo judges each answer, and names the question that missed."""

import pytest

from cluster.access.http import HttpAccess
from cluster.demo import _ask_all, _verdict
from eval.library import Question


def question(text: str, expect: str) -> Question:
    return Question(text, expect, "it is hard", "", "both")


def test_an_expected_document_that_is_missed_fails_the_demo(
    gateway: str, capsys: pytest.CaptureFixture[str]
) -> None:
    right = question("How hot is the water for tea?", "tea.pdf")
    wrong = question("How hot is the water for coffee?", "coffee.pdf")
    access = HttpAccess(gateway)
    missed = _ask_all(access, [right, wrong], version=0)
    access.close()
    printed = capsys.readouterr().out
    assert missed == [wrong]
    assert "→ 1. " in printed
    assert "Tea, brewed · page 3 · tea.pdf" in printed
    assert "“" in printed
    assert "MISSED: coffee.pdf" in printed
    assert _verdict(missed, 2) == 1
    assert "did not find coffee.pdf: it is hard" in capsys.readouterr().err


def test_all_found_is_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert _verdict([], 6) == 0
    assert "All 6 questions" in capsys.readouterr().out
