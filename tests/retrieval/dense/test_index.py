"""What holds of every dense index, whoever has the vectors."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import pytest

from retrieval.chunk import Vectors
from retrieval.corpus.filters import RowTest
from retrieval.corpus.store import Corpus
from retrieval.dense.follower import DenseFollower
from retrieval.dense.index import DenseIndex, InProcessIndex, Near, Nearest, Wanted
from retrieval.dense.segment import Addresses
from retrieval.dense.snapshot import Snapshot
from retrieval.dense.tiers import Sizes
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store
from tests.retrieval.dense.sharding import sharded

Rig = tuple[DenseIndex, DenseFollower]
LIMIT = 60.0
NONE: Addresses = np.empty(0, np.int64)


@contextmanager
def single(corpus: Corpus) -> Iterator[Rig]:
    """All vectors in this process."""
    follower = DenseFollower(corpus)
    with ThreadPoolExecutor(2) as threads:
        yield InProcessIndex(threads), follower
    follower.close(wait=True)


RIGS: dict[str, Callable[[Corpus], AbstractContextManager[Rig]]] = {
    "single": single,
    "1 shard": lambda corpus: sharded(corpus, 1),
    "3 shards": lambda corpus: sharded(corpus, 3),
    "3 small shards": lambda corpus: sharded(corpus, 3, Sizes(exact=40, largest=200)),
}


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, corpus: Corpus) -> Iterator[Rig]:
    """An index over `corpus` and what a gateway follows."""
    with RIGS[request.param](corpus) as made:
        yield made


@pytest.fixture
def filled(corpus: Corpus, word_embedder: WordEmbedder) -> Corpus:
    """Two namespaces, of 60 rows and of 20."""
    words = ["boat", "tide", "rope", "lamp", "song", "drum", "reef", "sail"]
    chunks = [
        make_chunk(
            f"{name}{at % 9}-{at}", f"{words[at % 8]} {words[at % 5]} w{at}", name, page=at % 3
        )
        for name, count in (("a", 60), ("b", 20))
        for at in range(count)
    ]
    store(corpus, word_embedder, chunks)
    return corpus


@pytest.fixture
def query(word_embedder: WordEmbedder) -> Vectors:
    """What is asked for."""
    (vector,) = word_embedder.embed_queries(["boat rope"])
    return np.asarray(vector)


async def followed(rig: Rig) -> Snapshot:
    """Take up the newest version, as a search does."""
    index, follower = rig
    await index.ready(follower.refresh())
    return follower.snapshot


def expected(
    snapshot: Snapshot, query: Vectors, scope: tuple[str, ...], where: str | None
) -> list[int]:
    """Return the addresses by brute force over the table, the best first."""
    columns = ["namespace", "vector"]
    table = snapshot.dataset.to_table(columns=columns, filter=where, with_row_address=True)
    rows = table["_rowaddr"].to_numpy().astype(np.int64)
    scores = np.array(table["vector"].to_pylist(), np.float32).reshape(len(rows), -1) @ query
    mine = np.isin(table["namespace"].to_pylist(), scope)
    order = np.lexsort((rows[mine], -scores[mine].round(5)))
    return [int(row) for row in rows[mine][order]]


async def ask(
    rig: Rig, query: Vectors, *scope: str, k: int = 10, test: RowTest | None = None
) -> Near:
    """Ask for the nearest rows; nothing may be missing."""
    snapshot = await followed(rig)
    near = await rig[0].nearest(snapshot, Nearest(query, scope, k, test), LIMIT)
    assert (near.note, near.lost) == (None, frozenset())
    order = np.lexsort((near.addresses, -near.scores))
    assert order.tolist() == list(range(len(order)))
    known = expected(snapshot, query, scope, test.predicate if test else None)
    assert len(near.addresses) == min(k, len(known))
    exact = scores_of(snapshot, query, near.addresses)
    np.testing.assert_allclose(near.scores, exact, atol=1e-5)
    best = scores_of(snapshot, query, np.array(known[:k], np.int64))
    np.testing.assert_allclose(near.scores, best, atol=1e-5)
    return near


def scores_of(snapshot: Snapshot, query: Vectors, rows: Addresses) -> Vectors:
    """Return inner products, read from the table."""
    if not len(rows):
        return np.empty(0, np.float32)
    table = snapshot.dataset._take_rows(rows.tolist(), columns=["vector"])
    return np.array(table["vector"].to_pylist(), np.float32) @ query


@pytest.mark.parametrize("scope", [("a",), ("b",), ("a", "b"), ("nobody",), ()])
async def test_the_nearest_rows_of_the_namespaces_and_no_others(
    filled: Corpus, rig: Rig, query: Vectors, scope: tuple[str, ...]
) -> None:
    for k in (1, 7, 100):
        await ask(rig, query, *scope, k=k)


async def test_a_filter_works_inside_the_search(filled: Corpus, rig: Rig, query: Vectors) -> None:
    test = RowTest.of(["a"], {"metadata.page": 1})
    near = await ask(rig, query, "a", k=5, test=test)
    assert len(near.addresses) == 5


async def test_equal_rows_are_ordered_by_address(
    corpus: Corpus, rig: Rig, word_embedder: WordEmbedder, query: Vectors
) -> None:
    store(corpus, word_embedder, [make_chunk(f"same-{at}", "boat") for at in range(20)])
    near = await ask(rig, query, "ns", k=10)
    assert near.addresses.tolist() == sorted(near.addresses.tolist())
    assert len(near.addresses) == 10


async def test_every_version_is_answered(
    filled: Corpus, rig: Rig, word_embedder: WordEmbedder, query: Vectors
) -> None:
    await ask(rig, query, "a")
    filled.delete_document("a", "a3")
    await ask(rig, query, "a", k=100)
    store(filled, word_embedder, [make_chunk(f"a1-{at}", f"rope w{at}", "a") for at in range(9)])
    await ask(rig, query, "a", k=100)
    filled.optimize()
    await ask(rig, query, "a", k=100)


async def test_it_tells_of_rows_what_their_vectors_say(
    filled: Corpus, rig: Rig, query: Vectors
) -> None:
    snapshot = await followed(rig)
    rows = np.array(expected(snapshot, query, ("a",), ""), np.int64)
    gone = np.array([2**40], np.int64)
    scored, shown = rows[:7], np.concatenate([rows[3:9], gone])
    told = await rig[0].tell(snapshot, Wanted(query, ("a",), scored, shown), LIMIT)
    products = [told.products[row] for row in scored.tolist()]
    np.testing.assert_allclose(products, scores_of(snapshot, query, scored), atol=1e-5)
    of = told.vectors or (lambda wanted: snapshot.vectors(("a",), wanted))
    np.testing.assert_allclose(
        of(rows[3:9]) @ query, scores_of(snapshot, query, rows[3:9]), atol=1e-5
    )
    assert not of(gone).any()
    other = await rig[0].tell(snapshot, Wanted(query, ("b",), scored, NONE), LIMIT)
    assert not any(other.products.values())
