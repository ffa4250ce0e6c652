"""What rules find in sentences."""

import pytest

from retrieval.extraction.patterns import patterns
from retrieval.extraction.rules import RuleExtractor
from retrieval.graph.linking import Linker
from retrieval.relation import CO_MENTION, Statement


def stated(text: str, *known: str) -> list[Statement]:
    linker = Linker((name, at) for at, name in enumerate(known))
    return RuleExtractor().extract([text], linker)[0]


def triples(text: str, *known: str) -> set[tuple[str, str, str]]:
    return {(each.subject, each.type, each.object) for each in stated(text, *known)}


@pytest.mark.parametrize(
    ("sentence", "subject", "kind", "object_"),
    [
        ("Mara Quist wrote Early Frost.", "Mara Quist", "CREATED", "Early Frost"),
        ("Early Frost was written by Mara Quist.", "Mara Quist", "CREATED", "Early Frost"),
        ("Mara Quist is the singer of Dry Dock.", "Mara Quist", "MEMBER_OF", "Dry Dock"),
        ("Mara Quist, who works for Ebb Records, sings.", "Mara Quist", "WORKS_FOR", "Ebb Records"),
        ("Ebb Records is based in Ribe.", "Ebb Records", "LOCATED_IN", "Ribe"),
        ("Jon Vale learned the lute from Mara Quist.", "Mara Quist", "TAUGHT", "Jon Vale"),
    ],
)
def test_type_and_direction_do_not_depend_on_the_voice(
    sentence: str, subject: str, kind: str, object_: str
) -> None:
    (found,) = stated(sentence)
    assert (found.subject, found.type, found.object) == (subject, kind, object_)
    assert 0.5 < found.confidence < 1
    assert (found.start, found.end) == (0, len(sentence))


def test_an_enumeration_states_it_of_each() -> None:
    assert triples("Mara Quist, Jon Vale and Ida Roe founded Dry Dock.") >= {
        (name, "FOUNDED", "Dry Dock") for name in ("Mara Quist", "Jon Vale", "Ida Roe")
    }


@pytest.mark.parametrize(
    "sentence",
    [
        "Did Mara Quist write Early Frost?",
        "Mara Quist did not write Early Frost.",
        "Mara Quist would have written Early Frost.",
        "If Mara Quist wrote Early Frost, nobody knew.",
    ],
)
def test_what_is_asked_denied_or_wished_is_a_co_mention_at_most(sentence: str) -> None:
    found = stated(sentence)
    assert {each.type for each in found} == {CO_MENTION}
    assert all(each.confidence <= 0.3 for each in found)


def test_names_of_a_dictionary_are_found_in_captions() -> None:
    found = triples("so old adze taught mara and that was it", "Old Adze", "Mara")
    assert found == {("old adze", "TAUGHT", "mara")}


def test_evidence_is_the_sentence_in_its_text() -> None:
    text = "Nothing here.\nThen Mara Quist wrote Early Frost. The end."
    (found,) = stated(text)
    assert text[found.start : found.end] == "Then Mara Quist wrote Early Frost."


def test_long_lists_of_names_are_no_co_mentions() -> None:
    names = ["Ash", "Elm", "Oak", "Fir", "Yew", "Bay", "Box"]
    assert stated(f"We saw {' or '.join(names)}") == []
    assert len(stated(f"We saw {' or '.join(names[:3])}")) == 3


def test_every_pattern_has_both_names_and_a_type_in_capitals() -> None:
    for pattern in patterns():
        assert {"s", "o"} <= pattern.regex.groupindex.keys()
        assert pattern.type.isupper()
        assert 0 < pattern.confidence < 1
