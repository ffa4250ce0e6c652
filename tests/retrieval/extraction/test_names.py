"""Where names stand in a sentence."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.extraction.names import find_names
from retrieval.graph.linking import Linker

NOBODY = Linker(())


@pytest.mark.parametrize(
    ("sentence", "names"),
    [
        (
            "Today Ada Lovelace met the Duke of Kent in Ockham.",
            ["Ada Lovelace", "Duke of Kent", "Ockham"],
        ),
        ("so we drove to Skagen on Monday", ["Skagen"]),
        ('we sang "the long way" and "Early Frost" twice', ["Early Frost"]),
        ("Mixed by Jean-Luc O'Hara.", ["Jean-Luc O'Hara"]),
        ("Ink and Iron is a show.", ["Ink and Iron"]),
        ("Åsa's boat left Århus.", ["Åsa", "Århus"]),
        ("I think it was fine.", []),
        ("", []),
    ],
)
def test_names_stand_in_capitals_or_quotes(sentence: str, names: list[str]) -> None:
    found = find_names(sentence, NOBODY)
    assert [name.text for name in found] == names
    assert all(sentence[name.start : name.end] == name.text for name in found)
    assert not any(name.known for name in found)


def test_names_of_a_dictionary_count_in_any_case() -> None:
    known = Linker([("old adze", 1), ("Sea Room", 2)])
    found = find_names("then OLD ADZE rowed to the sea room with Mara", known)
    assert [(name.text, name.known) for name in found] == [
        ("OLD ADZE", True),
        ("sea room", True),
        ("Mara", False),
    ]
    assert [name.certainty for name in found][:2] == [1, 1]


@given(st.text(max_size=200))
def test_whatever_the_text_names_are_parts_of_it_and_apart(text: str) -> None:
    found = find_names(text, Linker([("a", 1), ("ß", 2)]))
    assert all(text[name.start : name.end] == name.text for name in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
