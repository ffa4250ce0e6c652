"""What counts as the same name."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.graph.folding import cased_words, compact, is_acronym, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dark-X_Side", ["dark", "x", "side"]),
        ("  Björk   Guðmundsdóttir ", ["bjork", "guðmundsdottir"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("ΟΔΥΣΣΕΥΣ Οδυσσεύς", ["οδυσσευσ", "οδυσσευσ"]),
        ("İstanbul", ["istanbul"]),
        ("ｆｕｌｌ ｗｉｄｔｈ", ["full", "width"]),
        ("L'été", ["l", "ete"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("東京Tower", ["東", "京", "tower"]),
        ("AC/DC!", ["ac", "dc"]),
        ("…", []),
    ],
)
def test_words_are_compared_without_case_accents_and_punctuation(
    text: str, expected: list[str]
) -> None:
    assert words(text) == expected


def test_marks_that_make_another_letter_stay() -> None:
    assert words("が") != words("か")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("WHO", True), ("4K", True), ("PMOVES", False), ("Who", False), ("A B", False), ("", False)],
)
def test_short_words_in_capitals_are_acronyms(name: str, expected: bool) -> None:
    assert is_acronym(name) is expected


def test_spacing_does_not_tell_names_apart() -> None:
    assert compact("Power ful-MÓVES") == compact("powerfulmoves")


@given(st.text(max_size=30))
def test_folding_is_stable_under_composition_and_repetition(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert words(unicodedata.normalize(form, text)) == found


@given(st.text(max_size=30))
def test_each_word_has_a_cased_one(text: str) -> None:
    cased = cased_words(text)
    assert [words(word) for word in cased] == [[word] for word in words(text)]
