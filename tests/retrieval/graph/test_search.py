"""What entities do to an answer."""

import threading
from typing import Any

import pytest

from retrieval import pipeline
from retrieval.corpus.store import Corpus
from retrieval.entity import Alias, Entity
from retrieval.graph.mentions import Postings, read_postings
from retrieval.pipeline import Searcher
from retrieval.query import SearchResponse
from retrieval.relation import Relation
from tests.embedders import WordEmbedder
from tests.retrieval.asking import ask, ids
from tests.retrieval.building import make_chunk, store

VESSEL = Entity("ns", "marigold", "Marigold", "VESSEL", (Alias("red sail"),))


@pytest.fixture
def named(library: Corpus) -> Corpus:
    """The passages of `tests.retrieval.asking` with one entity, known by two names."""
    library.entities.change("ns", lambda _: [VESSEL])
    return library


def boosts(response: SearchResponse) -> dict[str, float]:
    return {
        hit.chunk_id: hit.explain.boosts["graph"]
        for hit in response.hits
        if hit.explain and "graph" in hit.explain.boosts
    }


async def test_passages_that_mention_an_entity_rise_by_its_other_name(
    named: Corpus, searcher: Searcher
) -> None:
    response = await ask(searcher, "marigold", explain=True)
    first, *others = response.hits
    assert (first.chunk_id, first.graph_match, first.entities) == ("sail-1", True, ["Marigold"])
    assert not any(hit.graph_match or hit.entities for hit in others)
    assert boosts(response) == {"sail-1": pytest.approx(0.3)}
    assert "graph" in response.timings_ms
    assert response.degraded == []
    assert ids(await ask(searcher, "marigold", graph_boost=0))[0] != "sail-1"


@pytest.mark.parametrize("fusion", ["convex", "rrf", "dbsf"])
async def test_what_neither_side_found_joins(
    library: Corpus, searcher: Searcher, word_embedder: WordEmbedder, fusion: str
) -> None:
    crowd = [make_chunk(f"crowd{at}-1", f"lantern number{at}") for at in range(150)]
    store(library, word_embedder, crowd)
    beacon = Entity("ns", "beacon", "Beacon", "LAMP", (Alias("quiet studio"),))
    library.entities.change("ns", lambda _: [beacon])
    without = await ask(searcher, "beacon lantern", k=25, fusion=fusion, graph_boost=0)
    assert all(hit.text.startswith("lantern") for hit in without.hits)
    response = await ask(
        searcher, "beacon lantern", k=25, fusion=fusion, graph_boost=1.0, explain=True
    )
    assert ids(response)[0] == "lamp-1"
    explain = response.hits[0].explain
    assert explain is not None
    assert explain.dense is not None
    assert explain.lexical is not None
    assert (explain.dense.rank, explain.lexical.rank) == (None, None)


async def test_the_parts_of_a_score_add_up(named: Corpus, searcher: Searcher) -> None:
    response = await ask(searcher, "marigold boat", explain=True, alpha=0.6, graph_boost=0.5)
    for hit in response.hits:
        explain = hit.explain
        assert explain is not None
        assert explain.dense is not None
        assert explain.lexical is not None
        fused = 0.6 * explain.dense.normalized + 0.4 * explain.lexical.normalized
        assert hit.score == pytest.approx(fused + sum(explain.boosts.values()))
    assert boosts(response) == {"sail-1": pytest.approx(0.5)}


async def test_filters_and_namespaces_hold_for_what_joins(
    named: Corpus, searcher: Searcher
) -> None:
    named.entities.change(
        "other", lambda _: [Entity("other", "x", "Marigold", "X", (Alias("storm"),))]
    )
    await searcher.refresh()
    assert "sail-1" not in ids(await ask(searcher, "marigold", filters={"metadata.page": 2}))
    both = await ask(searcher, "marigold", namespaces=["ns", "other"])
    assert {hit.chunk_id for hit in both.hits if hit.graph_match} == {"sail-1", "other-2"}
    alone = await ask(searcher, "marigold")
    assert {hit.chunk_id for hit in alone.hits if hit.graph_match} == {"sail-1"}


async def test_only_entities_of_the_types_asked_for_count(
    named: Corpus, searcher: Searcher
) -> None:
    assert (await ask(searcher, "marigold", entity_types=["vessel"])).hits[0].graph_match
    response = await ask(searcher, "marigold", entity_types=["PERSONA"])
    assert not any(hit.graph_match for hit in response.hits)
    assert response.degraded == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("mercury", {"both", "singer", "planet"}),
        ("the singer mercury", {"both", "singer"}),
        ("mercury the planet", {"both", "planet"}),
        ("mercury of queen", {"both", "singer", "queen"}),
        ("the singer of mercury", {"both", "singer", "planet"}),
    ],
)
async def test_whom_a_shared_name_means_is_told_by_what_stands_beside_it(
    library: Corpus, searcher: Searcher, word_embedder: WordEmbedder, query: str, expected: set[str]
) -> None:
    library.entities.change(
        "ns",
        lambda _: [
            Entity("ns", "f", "Freddie Mercury", "PERSON", (Alias("Mercury"), Alias("Farrokh"))),
            Entity("ns", "m", "Mercury", "PLANET", (Alias("Hermes"),)),
            Entity("ns", "q", "Queen", "GROUP"),
        ],
    )
    texts = {"both": "mercury", "singer": "farrokh", "planet": "hermes", "queen": "queen"}
    chunks = [make_chunk(f"{name}-1", text) for name, text in texts.items()]
    sung = Relation("ns", "queen", "queen-1", "Farrokh", "MEMBER_OF", "Queen", 0.9, 0, 5)
    library.commit(
        chunks,
        word_embedder.embed_passages([chunk.indexed_text for chunk in chunks]),
        relations=[sung],
    )
    await searcher.refresh()
    response = await ask(searcher, query, k=20, explain=True)
    named = {hit.doc_id for hit in response.hits if hit.explain and hit.explain.boosts.get("graph")}
    assert named == expected


@pytest.mark.parametrize("mode", ["dense", "lexical"])
async def test_a_single_side_is_shown_as_it_is_unless_asked(
    named: Corpus, searcher: Searcher, mode: str
) -> None:
    plain = await ask(searcher, "marigold boat", mode=mode)
    assert "graph" not in plain.timings_ms
    asked = await ask(searcher, "red sail boat", mode=mode, graph_boost=1.0)
    assert asked.hits[0].entities == ["Marigold"]


async def test_entities_count_as_soon_as_they_are_stored(
    library: Corpus, searcher: Searcher, word_embedder: WordEmbedder
) -> None:
    asked = await ask(searcher, "marigold", graph_boost=0.2)
    assert [(part.stage, part.reason) for part in asked.degraded] == [("graph", "not configured")]
    before = await ask(searcher, "marigold")
    assert "graph" not in before.timings_ms
    library.entities.change("ns", lambda _: [VESSEL])
    commit = store(library, word_embedder, [make_chunk("new-1", "a red sail")])
    response = await ask(searcher, "marigold", min_index_version=commit.version)
    assert {hit.chunk_id for hit in response.hits if hit.graph_match} == {"sail-1", "new-1"}
    assert searcher.has_entities(["ns"])
    assert not searcher.has_entities(["other"])


async def test_a_failing_graph_leaves_the_answer_to_the_sides(
    named: Corpus, searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(searcher._graph, "refresh", fail)
    response = await ask(searcher, "torn sail")
    assert ids(response)[0] == "sail-2"
    (part,) = response.degraded
    assert part.stage == "graph"
    assert "the disk is gone" in part.reason


async def test_reading_mentions_for_long_holds_up_neither_searches_nor_new_passages(
    named: Corpus,
    searcher: Searcher,
    word_embedder: WordEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = threading.Event()

    def slow(*given: Any) -> Postings:
        assert go_on.wait(60)
        return read_postings(*given)

    monkeypatch.setattr("retrieval.graph.follower.read_postings", slow)
    monkeypatch.setattr(pipeline, "_MOMENT", 0.01)
    try:
        version = store(named, word_embedder, [make_chunk("new-1", "Marigold again")]).version
        for _ in range(2 * searcher.settings.threads):
            response = await ask(searcher, "marigold again", min_index_version=version)
            assert ids(response)[0] == "new-1"
            assert [part.stage for part in response.degraded] == ["graph"]
    finally:
        go_on.set()
    while not searcher.has_entities(["ns"]):
        await searcher.refresh()
    assert (await ask(searcher, "marigold")).hits[0].graph_match


async def test_without_entities_nothing_changes(library: Corpus, searcher: Searcher) -> None:
    # Words that are looked up once for typing errors are known the next time.
    await ask(searcher, "marigold boat")
    plain = await ask(searcher, "marigold boat", explain=True)
    library.entities.change("other", lambda _: [Entity("other", "x", "boat", "X")])
    await searcher.refresh()
    again = await ask(searcher, "marigold boat", explain=True)
    assert again.hits == plain.hits
    assert set(again.timings_ms) == set(plain.timings_ms)
