"""What the rules find in the labelled sentences, and on the half kept out while writing them."""

import pytest

from eval.relations.judging import judge
from eval.relations.labelled import Sentence, Stated, labelled_sentences
from retrieval.extraction.dependencies import SpacyExtractor
from retrieval.extraction.rules import RuleExtractor


def half(held_out: bool) -> list[Sentence]:
    return [sentence for sentence in labelled_sentences() if sentence.held_out is held_out]


def test_labels_are_names_in_their_sentences_and_both_halves_are_large() -> None:
    found = labelled_sentences()
    assert len({sentence.text for sentence in found}) == len(found) >= 150
    assert min(len(half(True)), len(half(False))) >= 75
    for sentence in found:
        for each in sentence.relations:
            assert each.subject in sentence.text
            assert each.object in sentence.text


def test_rules_are_precise_on_sentences_that_were_kept_out() -> None:
    found = judge(half(True), RuleExtractor())
    assert found.precision >= 0.9
    assert found.recall >= 0.8


@pytest.mark.integration
def test_a_parser_is_precise_on_them_too() -> None:
    found = judge(half(True), SpacyExtractor.load("en_core_web_sm"))
    assert found.precision >= 0.88
    assert found.recall >= 0.8


def test_direction_and_type_count_and_differences_are_told() -> None:
    right = Stated("Mara Quist", "CREATED", "Early Frost")
    turned = Stated("Early Frost", "CREATED", "Mara Quist")
    text = "Mara Quist wrote Early Frost."
    assert judge([Sentence(text, (right,))], RuleExtractor()).precision == 1
    found = judge([Sentence(text, (turned,))], RuleExtractor())
    assert (found.precision, found.recall, len(found.differences)) == (0, 0, 2)
