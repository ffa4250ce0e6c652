"""Cutting text into sentences."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from retrieval.extraction.sentences import PARAGRAPH, sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def test_stops_blank_lines_and_items_end_a_sentence() -> None:
    text = f"Title{PARAGRAPH}One two. Mr. Ash feat. Elm! A. Birch\n\nthree\nfour\n- five\n- six"
    assert cut(text) == [
        "Title",
        "One two.",
        "Mr. Ash feat. Elm!",
        "A. Birch",
        "three\nfour",
        "- five",
        "- six",
    ]


def test_what_is_longer_than_any_sentence_is_left_out() -> None:
    assert cut("word " * 200 + ". Short one.") == ["Short one."]


@given(st.text(alphabet="ab .!\n-", max_size=80))
def test_sentences_come_in_order_and_hold_all_letters(text: str) -> None:
    found = list(sentences(text))
    assert all(start < end for start, end in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    assert "".join(cut(text)).count("a") == text.count("a")
