"""What neighbors of the entities of a query do to an answer."""

import pytest

from retrieval.corpus.store import Corpus
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.entity import Alias, Entity
from retrieval.pipeline import Searcher
from retrieval.query import SearchResponse
from retrieval.relation import Relation
from retrieval.settings import SearchSettings
from tests.embedders import WordEmbedder
from tests.retrieval.asking import ask
from tests.retrieval.building import make_chunk

ENTITIES = [
    Entity("ns", "wren", "Wren", "PERSON", (Alias("Captain"),)),
    Entity("ns", "tern", "Tern", "SHIP"),
]
TEXTS = {"a-1": "Wren has the Tern built", "b-1": "the Tern is tarred", "c-1": "a quiet harbour"}
SAID = Relation("ns", "a", "a-1", "Wren", "FOUNDED", "Tern", 0.8, 0, 10)


@pytest.fixture
def related(corpus: Corpus, word_embedder: WordEmbedder) -> Corpus:
    """Passages of which one says what two entities have to do with each other."""
    corpus.entities.change("ns", lambda _: ENTITIES)
    chunks = [make_chunk(key, text) for key, text in TEXTS.items()]
    chunks += [make_chunk(f"d{at}-1", f"sail number{at}") for at in range(9)]
    vectors = word_embedder.embed_passages([chunk.indexed_text for chunk in chunks])
    corpus.commit(chunks, vectors, relations=[SAID])
    return corpus


def boosts(response: SearchResponse, name: str) -> dict[str, float]:
    return {
        hit.chunk_id: hit.explain.boosts[name]
        for hit in response.hits
        if hit.explain and name in hit.explain.boosts
    }


async def test_passages_that_mention_a_neighbor_rise_less_and_say_why(
    related: Corpus, searcher: Searcher
) -> None:
    response = await ask(searcher, "captain tarred", explain=True, graph_boost=0.5)
    hits = {hit.chunk_id: hit for hit in response.hits}
    named, near = boosts(response, "graph"), boosts(response, "related")
    assert named.keys() == {"a-1"}
    assert near.keys() == {"b-1"}
    assert 0 < near["b-1"] < named["a-1"] == pytest.approx(0.5)
    assert hits["b-1"].entities == ["Tern"]
    assert hits["b-1"].graph_match
    assert hits["b-1"].explain is not None
    (tie,) = hits["b-1"].explain.relations
    assert (tie.subject, tie.type, tie.object, tie.confidence) == ("Wren", "FOUNDED", "Tern", 0.8)
    assert not hits["c-1"].graph_match


async def test_neighbors_join_what_neither_side_found(related: Corpus, searcher: Searcher) -> None:
    crowd = await ask(searcher, "captain sail", k=200, mode="lexical", graph_boost=0.5)
    assert "b-1" not in {hit.chunk_id for hit in crowd.hits}
    found = await ask(searcher, "captain sail", k=200, graph_boost=0.5)
    assert "b-1" in {hit.chunk_id for hit in found.hits}


async def test_neighbors_count_as_much_as_is_set(
    related: Corpus, word_embedder: WordEmbedder
) -> None:
    shares = {0.0: set[str](), 0.5: {"b-1"}}
    for share, expected in shares.items():
        batching = BatchingEmbedder(word_embedder, 4_096)
        made = Searcher(related, batching, SearchSettings(neighbor_boost=share))
        response = await ask(made, "captain tarred", explain=True)
        made.close(wait=True)
        batching.close(wait=True)
        assert boosts(response, "related").keys() == expected


async def test_a_relation_goes_with_its_passage(related: Corpus, searcher: Searcher) -> None:
    assert boosts(await ask(searcher, "captain tarred", explain=True), "related")
    related.delete_document("ns", "a")
    await searcher.refresh()
    response = await ask(searcher, "captain tarred", explain=True)
    assert boosts(response, "related") == {}


async def test_types_restrict_the_names_of_the_query_alone(
    related: Corpus, searcher: Searcher
) -> None:
    found = await ask(searcher, "captain tarred", explain=True, entity_types=["person"])
    assert boosts(found, "related").keys() == {"b-1"}
    none = await ask(searcher, "captain tarred", explain=True, entity_types=["ship"])
    assert boosts(none, "related") == {}
