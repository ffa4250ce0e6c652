"""Which entities have to do with which."""

from collections.abc import Sequence

import pytest

from retrieval.corpus.store import Corpus
from retrieval.entity import Alias, Entity
from retrieval.graph.dictionaries import dictionaries_of
from retrieval.graph.neighbors import (
    FOUND,
    Neighbor,
    Stated,
    found_entities,
    neighbors_of,
    relations_about,
    stated_in,
)
from retrieval.relation import CO_MENTION, Relation
from tests.retrieval.building import make_chunk

ASH = Entity("ns", "ash", "The Ash", "TREE", (Alias("Fraxinus"),))
ELM = Entity("ns", "elm", "Elm", "TREE")
OAK = Entity("ns", "oak", "Oak", "TREE", (Alias("Elm Tree"),))
LINKERS = dictionaries_of([ASH, ELM, OAK]).linkers


def stated(subject: str, kind: str, object_: str, confidence: float = 0.5) -> Stated:
    return Stated("ns", subject, kind, object_, confidence, 1)


def keep(corpus: Corpus, relations: Sequence[Relation]) -> None:
    chunks = [make_chunk(f"{at}-1", "text") for at in range(len(relations))]
    corpus.relations.settle(chunks, (), relations)


def relation(document: int, confidence: float, chunk: int = 1) -> Relation:
    key = f"{document}-{chunk}"
    return Relation("ns", str(document), key, "Ash", "TAUGHT", "Elm", confidence, 0, 1)


def test_documents_together_are_surer_than_each_and_passages_of_one_are_not(
    corpus: Corpus,
) -> None:
    keep(corpus, [relation(0, 0.5), relation(0, 0.4, chunk=2), relation(1, 0.5)])
    (found,) = stated_in(corpus.relations.dataset())
    assert found.confidence == pytest.approx(0.75)
    assert found.documents == 2
    keep(corpus, [relation(at, 1.0) for at in range(3)])
    assert stated_in(corpus.relations.dataset())[0].confidence == pytest.approx(0.99)


def test_neighbors_are_found_from_both_ends_by_any_name() -> None:
    found = neighbors_of([stated("fraxinus", "TAUGHT", "ELM")], LINKERS)
    assert found == {
        0: (Neighbor(1, "TAUGHT", 0.5, outgoing=True),),
        1: (Neighbor(0, "TAUGHT", 0.5, outgoing=False),),
    }
    assert neighbors_of([stated("Ash", "TAUGHT", "Oak")], LINKERS).keys() == {0, 2}


def test_what_is_typed_or_surer_counts() -> None:
    said = [
        stated("Ash", CO_MENTION, "Elm", 0.9),
        stated("Ash", "TAUGHT", "Elm", 0.4),
        stated("Ash", "FROM", "Elm", 0.3),
        stated("Ash", CO_MENTION, "Oak", 0.45),
    ]
    assert [(each.number, each.type) for each in neighbors_of(said, LINKERS)[0]] == [
        (2, CO_MENTION),
        (1, "TAUGHT"),
    ]


def test_names_of_several_or_nobody_and_of_itself_make_no_neighbors() -> None:
    twins = dictionaries_of([ASH, ELM, Entity("ns", "elm-2", "elm", "BAND")]).linkers
    said = [stated("Ash", "TAUGHT", "Elm"), stated("Ash", "TAUGHT", "Fraxinus")]
    assert neighbors_of(said, twins) == {}
    assert neighbors_of([stated("Ash", "TAUGHT", "Somebody")], LINKERS) == {}
    assert neighbors_of([Stated("other", "Ash", "TAUGHT", "Elm", 0.5, 1)], LINKERS) == {}


def test_names_that_no_dictionary_holds_are_joined_by_folding_and_typed_by_relations() -> None:
    said = [
        stated("Ash", "HOSTS", "The Böat Hour", 0.7),
        stated("boat hour", CO_MENTION, "Elm", 0.2),
        stated("Ash", "PART_OF", "Boat Hour", 0.6),
    ]
    (found,) = found_entities(said, LINKERS)
    assert (found.name, found.type, found.source) == ("The Böat Hour", "SHOW", FOUND)
    assert found.confidence == 0.7
    assert found_entities([stated("Ash", "TAUGHT", "Elm")], LINKERS) == []


def test_relations_about_a_name_are_those_by_any_of_its_names(corpus: Corpus) -> None:
    corpus.entities.change("ns", lambda _: [ASH, ELM])
    keep(corpus, [relation(0, 0.5)])
    assert [each.object for each in relations_about(corpus, "ns", "fraxinus")] == ["Elm"]
    assert relations_about(corpus, "ns", "Oak") == []
    assert len(relations_about(corpus, "ns")) == 1
