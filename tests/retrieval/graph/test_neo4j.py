"""The graph in a real Neo4j, through its real driver."""

import signal
import threading
from collections.abc import Iterator

import pytest

from retrieval.corpus.store import Corpus
from retrieval.entity import Alias, Entity
from retrieval.errors import EngineError
from retrieval.graph.neo4j.client import Neo4jClient
from retrieval.graph.neo4j.engine import Neo4jEngine
from retrieval.graph.neo4j.foreign import read_entities
from retrieval.graph.neo4j.tables import graph_tables
from retrieval.projection.projection import Projection
from retrieval.relation import Relation
from retrieval.settings import Neo4jSettings
from tests.embedders import WordEmbedder
from tests.engines.process import Engine
from tests.retrieval.building import make_chunk

pytestmark = pytest.mark.integration

PINE = Entity("ns", "pine", "Pine", "TREE", (Alias("Pinus"),))
OAK = Entity("ns", "oak", "Oak", "TREE")
# It takes hours.
ENDLESS = "UNWIND range(1, 2000000000) AS a UNWIND range(1, 1000) AS b RETURN max(a * b) AS most"
TEXTS = {"a-1": "pinus beside an oak", "a-2": "nothing", "b-1": "An OAK alone"}


@pytest.fixture
def client(neo4j_engine: Engine) -> Iterator[Neo4jClient]:
    """A client of an empty database."""
    settings = Neo4jSettings(url=neo4j_engine.url, connect_timeout_s=2, timeout_s=20)
    with Neo4jClient(settings) as made:
        made.write("MATCH (n) DETACH DELETE n")
        yield made


@pytest.fixture
def projection(corpus: Corpus, client: Neo4jClient) -> Projection:
    """The graph of `corpus` there."""
    return Projection(corpus, Neo4jEngine(client, corpus), graph_tables(corpus))


def fill(corpus: Corpus, embedder: WordEmbedder, texts: dict[str, str]) -> None:
    """Store passages; those of `a` state that the pine is taught by somebody unknown."""
    chunks = [make_chunk(key, text) for key, text in texts.items()]
    stated = [
        Relation("ns", "a", "a-1", "pinus", "COLLABORATED_WITH", "Oak", 0.5, 0, 10),
        Relation("ns", "a", "a-1", "Mr Birch", "TAUGHT", "Pine", 0.8, 0, 10),
    ]
    corpus.commit(
        chunks,
        embedder.embed_passages([chunk.indexed_text for chunk in chunks]),
        replace={(chunk.namespace, chunk.doc_id) for chunk in chunks},
        relations=[each for each in stated if each.chunk_id in texts],
    )


def mentions(client: Neo4jClient) -> set[tuple[str, str]]:
    rows = client.read("MATCH (c:Chunk)-[:MENTIONS]->(e) RETURN c.chunk_id AS c, e.entity_id AS e")
    return {(row["c"], row["e"]) for row in rows}


def relations(client: Neo4jClient) -> set[tuple[str, str, str]]:
    rows = client.read(
        "MATCH (s)-[r:REL]->(o) RETURN s.entity_id AS s, r.type AS t, o.entity_id AS o"
    )
    return {(row["s"], row["t"], row["o"]) for row in rows}


def equal(projection: Projection) -> bool:
    found = projection.compare()
    assert [each.table.name for each in found] == ["entities", "chunks", "relations"]
    return all(each.equal for each in found)


def test_the_graph_follows_the_corpus(
    corpus: Corpus, client: Neo4jClient, projection: Projection, word_embedder: WordEmbedder
) -> None:
    corpus.entities.change("ns", lambda _: [PINE, OAK])
    fill(corpus, word_embedder, TEXTS)
    assert projection.follow()
    assert equal(projection)
    assert mentions(client) == {("a-1", "pine"), ("a-1", "oak"), ("b-1", "oak")}
    assert relations(client) == {
        ("pine", "COLLABORATED_WITH", "oak"),
        ("name:mr birch", "TAUGHT", "pine"),
    }
    fill(corpus, word_embedder, {"a-3": "a pine"})
    assert projection.follow()
    assert equal(projection)
    assert mentions(client) == {("a-3", "pine"), ("b-1", "oak")}
    assert relations(client) == set()
    # Nobody relates to that name any more.
    assert client.read("MATCH (e:Entity) WHERE e.mark IS NULL RETURN e") == []


def test_a_changed_dictionary_moves_mentions_and_relations(
    corpus: Corpus, client: Neo4jClient, projection: Projection, word_embedder: WordEmbedder
) -> None:
    corpus.entities.change("ns", lambda _: [PINE, OAK])
    fill(corpus, word_embedder, TEXTS)
    projection.follow()
    birch = Entity("ns", "birch", "Birch", "TREE", (Alias("Mr Birch"), Alias("nothing")))
    corpus.entities.change("ns", lambda _: [PINE, birch])
    assert projection.follow()
    assert equal(projection)
    assert mentions(client) == {("a-1", "pine"), ("a-2", "birch")}
    assert ("birch", "TAUGHT", "pine") in relations(client)
    assert ("pine", "COLLABORATED_WITH", "name:oak") in relations(client)


def test_a_rebuild_sweeps_what_is_not_in_the_corpus_and_leaves_what_is_not_ours(
    corpus: Corpus, client: Neo4jClient, projection: Projection, word_embedder: WordEmbedder
) -> None:
    corpus.entities.change("ns", lambda _: [PINE, OAK])
    fill(corpus, word_embedder, TEXTS)
    projection.follow()
    client.write("CREATE (:Entity {value: 'Elm', type: 'tree'})")
    client.write(
        "CREATE (:Chunk {namespace: 'ns', chunk_id: 'lost', mark: 'x', version: 1, build: 1})"
    )
    client.write("MATCH (:Chunk {chunk_id: 'a-1'})-[m:MENTIONS]->() DELETE m")
    assert not equal(projection)
    assert projection.rebuild()
    assert equal(projection)
    assert mentions(client) == {("a-1", "pine"), ("a-1", "oak"), ("b-1", "oak")}
    assert [row.persona_name for row in read_entities(client, 10)] == ["Elm"]


def test_lost_items_are_mended(
    corpus: Corpus, client: Neo4jClient, projection: Projection, word_embedder: WordEmbedder
) -> None:
    corpus.entities.change("ns", lambda _: [PINE, OAK])
    fill(corpus, word_embedder, TEXTS)
    projection.follow()
    client.write("MATCH (c:Chunk {chunk_id: 'b-1'}) DETACH DELETE c")
    client.write("MATCH ()-[r:REL {type: 'TAUGHT'}]->() DELETE r")
    assert projection.verify()
    assert equal(projection)
    assert ("b-1", "oak") in mentions(client)


def test_names_and_aliases_are_found_by_the_full_text_index(
    corpus: Corpus, client: Neo4jClient, projection: Projection, word_embedder: WordEmbedder
) -> None:
    corpus.entities.change("ns", lambda _: [PINE, OAK])
    fill(corpus, word_embedder, TEXTS)
    projection.follow()
    client.run("CALL db.awaitIndexes(30)")
    found = client.read(
        "CALL db.index.fulltext.queryNodes('pmoves_names', 'pinus') YIELD node "
        "RETURN node.entity_id AS found"
    )
    assert found == [{"found": "pine"}]


def test_entities_of_others_become_rows_of_a_dictionary(client: Neo4jClient) -> None:
    client.write(
        "UNWIND $rows AS row CREATE (e:Entity) SET e = row",
        {
            "rows": [
                {"value": "Elm", "type": "tree", "aliases": ["Ulmus", "?"]},
                {"value": "Ash"},
                {"value": "…", "type": "mark"},
                {"name": "without value"},
            ]
        },
    )
    rows = read_entities(client, 10)
    assert [(row.persona_name, row.alias, row.entity_type) for row in rows] == [
        ("Ash", "", "UNK"),
        ("Elm", "", "TREE"),
        ("Elm", "Ulmus", "TREE"),
    ]
    assert len(read_entities(client, 1)) == 1


def test_an_engine_that_is_away_or_frozen_is_named(
    neo4j_engine: Engine, client: Neo4jClient
) -> None:
    nowhere = Neo4jSettings(url="bolt://127.0.0.1:9", connect_timeout_s=0.5, timeout_s=0.5)
    with Neo4jClient(nowhere) as away, pytest.raises(EngineError, match="does not answer"):
        away.read("RETURN 1 AS one")
    slow = Neo4jSettings(url=neo4j_engine.url, connect_timeout_s=0.5, timeout_s=0.5)
    neo4j_engine.signal(signal.SIGSTOP)
    try:
        with Neo4jClient(slow) as frozen, pytest.raises(EngineError, match="Neo4j at"):
            frozen.read("RETURN 1 AS one")
    finally:
        neo4j_engine.signal(signal.SIGCONT)
    assert client.read("RETURN 1 AS one") == [{"one": 1}]


@pytest.mark.timeout(100)
def test_a_call_in_hand_is_given_up_when_the_engine_freezes(
    neo4j_engine: Engine, client: Neo4jClient
) -> None:
    patient = Neo4jSettings(url=neo4j_engine.url, timeout_s=60, patience_ms=3_000)
    told = threading.Event()
    with Neo4jClient(patient) as watching:
        watching.answers_again = told.set
        freeze = threading.Timer(1.5, neo4j_engine.signal, [signal.SIGSTOP])
        freeze.start()
        try:
            with pytest.raises(EngineError, match="does not answer; it is asked again"):
                watching.read(ENDLESS)
            with pytest.raises(EngineError, match="does not answer; it is asked again"):
                watching.read("RETURN 1 AS one")
        finally:
            freeze.join()
            neo4j_engine.signal(signal.SIGCONT)
        assert told.wait(60)
        assert watching.read("RETURN 1 AS one") == [{"one": 1}]


def test_rows_come_in_pages_and_may_be_left_there(client: Neo4jClient) -> None:
    query = "UNWIND range(1, $most) AS at RETURN at"
    pages = [[row["at"] for row in page] for page in client.pages(query, {"most": 5}, 2)]
    assert pages == [[1, 2], [3, 4], [5]]
    left = client.pages(query, {"most": 1_000_000}, 2)
    assert next(left) == [{"at": 1}, {"at": 2}]
    left.close()  # type: ignore[attr-defined]
    assert client.read("RETURN 1 AS one") == [{"one": 1}]
