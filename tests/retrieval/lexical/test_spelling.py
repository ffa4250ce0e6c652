"""Words that may be typing errors, and what is near them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.lexical.spelling import (
    ONE_FROM,
    corrected,
    distance,
    exchanged,
    meant,
    plain_words,
    variants,
)

words = st.text("abcdé", min_size=2, max_size=7)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Bakcup of the server", ["bakcup", "server"]),
        ("restore, restore!", ["restore"]),
        ("INV-2026-031 MV-TIDE-24 A4", []),
        ("ingrid@solheim.no docs/backup example.org snake_case", []),
        ("about would through", ["would"]),  # what the index leaves out is no error
        ("Музыка naïveté 東京大学病院", ["музыка", "naïveté"]),
        ("word tiny", []),
        ("x" * 33, []),
        ("it's don't", []),
        ("\x00 😀 '\" \\", []),
    ],
)
def test_what_may_be_wrong(query: str, expected: list[str]) -> None:
    assert plain_words(query) == expected


@given(st.text(max_size=60))
def test_any_text_has_words_of_some_length(query: str) -> None:
    found = plain_words(query)
    assert len(found) == len(set(found))
    assert all(len(word) >= ONE_FROM for word in found)
    assert corrected(query, {}) == query


def test_only_whole_words_are_corrected() -> None:
    wrong = {"bakcup": "backup", "serv": "serve"}
    asked = 'The  "Bakcup", of bakcups\non server; and bakcup@home a/bakcup bakcup2'
    read = 'The  "backup", of bakcups\non server; and bakcup@home a/bakcup bakcup2'
    assert corrected(asked, wrong) == read


def test_known_distances() -> None:
    assert distance("backup", "backup") == 0
    assert distance("bakcup", "backup") == 1
    assert distance("bakup", "backup") == 1
    assert distance("backups", "backup") == 1
    assert distance("bacqup", "backup") == 1
    assert distance("kitten", "sitting") == 3
    assert distance("ca", "abc") == 3  # restricted: no letter is moved twice
    assert distance("", "abc") == distance("abc", "") == 3


@given(words, words)
def test_distances_are_symmetric_and_bounded(one: str, other: str) -> None:
    found = distance(one, other)
    assert found == distance(other, one)
    assert (found == 0) == (one == other)
    assert abs(len(one) - len(other)) <= found <= max(len(one), len(other))


@given(st.text("abcdefgh", min_size=2, max_size=8))
def test_variants_are_all_that_is_one_letter_away(word: str) -> None:
    found = variants(word)
    assert set(exchanged(word)) <= found
    assert all(distance(word, each) == 1 for each in found)
    assert all(each[0] == word[0] for each in found)
    assert len(found) >= 25 * (len(word) - 1)


@given(st.text("abc", min_size=3, max_size=5), st.text("abc", min_size=3, max_size=5))
def test_none_is_missed(word: str, other: str) -> None:
    near = distance(word, other) == 1 and word[0] == other[0]
    assert (other in variants(word)) == near
    assert meant(word, [other], 1) == (other if near or word == other else None)


def test_the_nearest_word_in_the_best_passages_is_meant() -> None:
    assert meant("bakcup", ["a pack up", "the Backup of backups"], 1) == "backup"
    assert meant("flwo", ["flow of air", "a flaw"], 1) == "flow"
    assert meant("lanturn", ["lantern", "lectern"], 1) == "lantern"
    assert meant("stang", ["a stand", "a sting"], 1) == "stand"
    assert meant("stang", ["a sting", "a stand"], 1) == "sting"
    assert meant("realtions", ["reactions", "relations"], 1) == "relations"
    assert meant("hydrofone", ["a hydrophone"], 2) == "hydrophone"
    assert meant("hydrofone", ["a hydrophone"], 1) is None
    assert meant("Xanything", [], 2) is None
    assert meant("mediatehque", ["La Médiathèque"], 1) == "médiathèque"
