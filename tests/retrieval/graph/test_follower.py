"""The graph in memory against what the corpus holds."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.entity import Alias, Entity
from retrieval.graph.follower import GraphFollower
from retrieval.graph.snapshot import Asked
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store


def give(entities: list[Entity], _: list[Entity]) -> list[Entity]:
    """Return `entities` in the place of what was there."""
    return entities


def tree(name: str, *aliases: str, namespace: str = "ns", kind: str = "TREE") -> Entity:
    return Entity(namespace, name.lower(), name, kind, tuple(map(Alias, aliases)))


def found(graph: GraphFollower, dense: DenseFollower, query: str) -> dict[str, set[str]]:
    """Return, by entity, the ids of the living passages in `ns` that mention it."""
    snapshot = dense.snapshot
    mentioned = graph.snapshot.find(
        Asked(query, ("ns",), snapshot.fragments, snapshot.count(("ns",)))
    )
    result: dict[str, set[str]] = {}
    for entity in mentioned.entities if mentioned else ():
        alive = entity.rows[snapshot.holds(("ns",), entity.rows)]
        table = snapshot.dataset._take_rows(alive.tolist(), columns=["chunk_id"])
        result[entity.name] = set(table["chunk_id"].to_pylist())
    return result


@pytest.fixture
def graph(corpus: Corpus) -> GraphFollower:
    """A follower of the graph of `corpus`."""
    return GraphFollower(corpus)


@pytest.fixture
def dense(corpus: Corpus) -> DenseFollower:
    """A follower of the vectors of `corpus`."""
    return DenseFollower(corpus)


def test_without_entities_nothing_is_read(
    corpus: Corpus, graph: GraphFollower, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [make_chunk("a-1", "a pine")])
    snapshot = graph.refresh()
    assert not snapshot.covers(["ns"])
    assert not snapshot.postings


def test_mentions_follow_passages_and_entities(
    corpus: Corpus, graph: GraphFollower, dense: DenseFollower, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [make_chunk("a-1", "a pine"), make_chunk("b-1", "Pinus too")])
    corpus.entities.change("ns", lambda _: [tree("Pine", "pinus")])
    assert found(graph, dense, "the PINE") == {"Pine": {"a-1", "b-1"}}
    store(corpus, word_embedder, [make_chunk("c-1", "pine, again"), make_chunk("a-1", "an oak")])
    graph.refresh(), dense.refresh()
    assert found(graph, dense, "pinus") == {"Pine": {"b-1", "c-1"}}
    corpus.entities.change("ns", lambda before: [*before, tree("Oak")])
    graph.refresh()
    assert found(graph, dense, "oak or pine") == {"Oak": {"a-1"}, "Pine": {"b-1", "c-1"}}
    corpus.entities.change("ns", lambda _: [])
    assert not graph.refresh().covers(["ns"])


def test_a_search_of_the_version_before_finds_its_mentions(
    corpus: Corpus, graph: GraphFollower, dense: DenseFollower, word_embedder: WordEmbedder
) -> None:
    corpus.entities.change("ns", lambda _: [tree("Pine")])
    for at in range(4):
        store(corpus, word_embedder, [make_chunk(f"a-{at}", "a pine")])
    graph.refresh(), dense.refresh()
    corpus.optimize()
    graph.refresh()
    everybody = {"Pine": {f"a-{at}" for at in range(4)}}
    assert found(graph, dense, "pine") == everybody
    dense.refresh()
    assert found(graph, dense, "pine") == everybody


def test_namespaces_and_types_are_kept_apart(
    corpus: Corpus, graph: GraphFollower, dense: DenseFollower, word_embedder: WordEmbedder
) -> None:
    store(corpus, word_embedder, [make_chunk("a-1", "a pine", "other"), make_chunk("b-1", "pine")])
    corpus.entities.change("ns", lambda _: [tree("Pine"), tree("Pine ", kind="WOOD")])
    corpus.entities.change("other", lambda _: [tree("Pine", namespace="other")])
    snapshot, fragments = graph.refresh(), dense.snapshot.fragments
    mentioned = snapshot.find(Asked("pine", ("ns",), fragments, 2, ["wood"]))
    assert mentioned is not None
    assert [(entity.name, len(entity.rows)) for entity in mentioned.entities] == [("Pine ", 1)]
    assert snapshot.find(Asked("pine", ("ns",), fragments, 2, ["stone"])) is None
    assert snapshot.find(Asked("pine", ("nobody",), fragments, 2)) is None


def test_at_most_eight_entities_count_the_rarest(
    corpus: Corpus, graph: GraphFollower, dense: DenseFollower, word_embedder: WordEmbedder
) -> None:
    names = [f"tree{at}" for at in range(12)]
    passages = [" ".join(names[at:]) for at in range(12)]
    store(corpus, word_embedder, [make_chunk(f"a-{at}", passages[at]) for at in range(12)])
    corpus.entities.change("ns", lambda _: [tree(name) for name in names])
    assert set(found(graph, dense, " ".join(names))) == set(names[:8])


_STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("store"), st.integers(0, 3), st.sampled_from(["pine", "oak", "fig pine"])
        ),
        st.tuples(st.just("delete"), st.integers(0, 3), st.just("")),
        st.tuples(st.just("name"), st.integers(0, 7), st.just("")),
        st.tuples(st.just("optimize"), st.just(0), st.just("")),
        st.tuples(st.just("refresh"), st.just(0), st.just("")),
    ),
    max_size=8,
)


@pytest.mark.integration
@settings(max_examples=25)
@given(steps=_STEPS)
def test_whatever_happens_the_mentions_are_those_of_the_texts(
    tmp_path_factory: pytest.TempPathFactory,
    word_embedder: WordEmbedder,
    steps: list[tuple[str, int, str]],
) -> None:
    corpus = Corpus.open(str(tmp_path_factory.mktemp("corpus")), word_embedder.identity)
    graph, dense = GraphFollower(corpus), DenseFollower(corpus)
    texts: dict[str, str] = {}
    named: set[str] = set()
    for step, number, text in steps:
        if step == "store":
            store(corpus, word_embedder, [make_chunk(f"{number}-1", text)])
            texts[f"{number}-1"] = text
        elif step == "delete":
            corpus.delete_document("ns", str(number))
            texts.pop(f"{number}-1", None)
        elif step == "name":
            named = {name for at, name in enumerate(("pine", "oak", "fig")) if number >> at & 1}
            trees = [tree(name) for name in named]
            corpus.entities.change("ns", partial(give, trees))
        elif step == "optimize":
            corpus.optimize()
        else:
            graph.refresh(), dense.refresh()
    graph.refresh(), dense.refresh()
    expected = {name: {key for key, text in texts.items() if name in text} for name in named}
    assert {name: rows for name, rows in found(graph, dense, "pine oak fig").items() if rows} == {
        name: rows for name, rows in expected.items() if rows
    }
