"""The comparison of searches, around small real servers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from eval.bench.load import Load
from eval.bench.noop import noop_server
from eval.bench.peers.search import PeersPlan, bench_peers, distinct_extracts, passages_of
from eval.bench.peers.server import Passage
from eval.datasets.base import Dataset, DatasetDocument
from eval.errors import EvaluationError
from tests.eval.bench.peers.tiny_server import tiny_server

WORDS = ("boat", "wing", "kelp", "lamp", "rope", "tide", "salt", "drum")
DATASET = Dataset(
    "small",
    tuple(
        DatasetDocument(
            word, " ".join(f"{word}{at} {other}" for at in range(12) for other in WORDS)
        )
        for word in WORDS
    ),
    {word: f"{word}3 {word}7" for word in WORDS},
    {word: {word: 1} for word in WORDS},
)
CUT = Dataset(
    "cut",
    (DatasetDocument("a", "", passages=(DATASET.documents[0].text, "five six")),),
    {"q": "one"},
    {"q": {"a": 1}},
)


def silent(stage: str, done: int, total: int) -> None:
    """Say nothing."""


@dataclass
class Scripted:
    """Answers judged queries by `answers`; whatever is loaded goes to a server without work."""

    name: str
    url: str
    answers: Mapping[str, Sequence[str]]
    versions: Mapping[str, str] = field(default_factory=dict)
    processes: None = None
    asked: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    depths: set[int] = field(default_factory=set)
    indexed: list[Passage] = field(default_factory=list)

    def index(self, passages: Sequence[Passage]) -> None:
        self.indexed.extend(passages)

    def load(self, queries: Sequence[str], clients: int, k: int) -> Load:
        self.asked.append((clients, tuple(queries)))
        return Load(url=self.url, clients=clients, bodies=list(queries))

    def search(self, query: str, k: int) -> list[str]:
        self.depths.add(k)
        return list(self.answers[query])[:k]


@pytest.fixture(scope="module")
def noop() -> Iterator[str]:
    with noop_server(500) as url:
        yield url


def right(query: str) -> list[str]:
    """Return the document that a judged query is about, first."""
    word = query[:4]
    return [word, *(other for other in WORDS if other != word)]


def scripted(url: str) -> list[Scripted]:
    """Return one that is always right, and one that has the right document second."""
    queries = DATASET.queries.values()
    second = {query: [right(query)[1], right(query)[0]] for query in queries}
    return [
        Scripted("ours", url, {query: right(query) for query in queries}),
        Scripted("theirs", url, second),
    ]


@pytest.mark.integration
def test_all_get_the_same_passages_and_the_same_distinct_queries(noop: str) -> None:
    servers = scripted(noop)
    plan = PeersPlan(clients=(1, 3), rounds=2, searches=20)
    report = bench_peers(plan, DATASET, servers, silent)
    ours, theirs = servers
    assert ours.indexed == theirs.indexed == passages_of(DATASET)
    assert ours.asked == theirs.asked
    assert [clients for clients, _ in ours.asked] == [1, 3, 1, 3]
    asked = [query for _, queries in ours.asked for query in queries]
    assert len(set(asked)) == len(asked) == 2 * 2 * 20
    assert [(load.name, load.clients, load.failures) for load in report.loads] == [
        ("ours", 1, 0),
        ("theirs", 1, 0),
        ("ours", 3, 0),
        ("theirs", 3, 0),
    ]
    assert all(load.p50_ms <= load.p95_ms <= load.p99_ms for load in report.loads)


@pytest.mark.integration
def test_quality_is_compared_query_by_query(noop: str) -> None:
    report = bench_peers(PeersPlan((1,), 1, 20), DATASET, scripted(noop), silent)
    found = {system.name: system.quality.mean for system in report.systems}
    assert found["ours"] == 1.0
    assert found["theirs"] == pytest.approx(0.6309, abs=1e-4)
    (difference,) = report.differences
    assert (difference.scope, difference.verdict) == ("theirs", "better")
    text = report.to_text()
    assert "Target nDCG@10 above that of theirs: +0.3691" in text
    assert text.count("Target") == 3


@pytest.mark.integration
def test_passages_of_one_document_count_once(noop: str) -> None:
    server = Scripted("ours", noop, {"one": ["b", "b", "a"]})
    report = bench_peers(PeersPlan((1,), 1, 20), CUT, [server], silent)
    assert report.systems[0].quality.mean == pytest.approx(0.6309, abs=1e-4)
    assert server.depths == {50}
    assert server.indexed[1] == Passage("p1", "a", "five six")


def test_queries_are_repeatable_pieces_of_the_passages() -> None:
    passages = passages_of(DATASET)
    queries = distinct_extracts(passages, 50, seed=3)
    assert queries == distinct_extracts(passages, 50, seed=3)
    assert queries != distinct_extracts(passages, 50, seed=4)
    assert len(set(queries)) == 50
    for query in queries:
        assert 4 <= len(query.split()) <= 17
        assert any(query in item.text for item in passages)


def test_a_collection_too_small_for_the_plan_is_named() -> None:
    with pytest.raises(EvaluationError, match="of 100 distinct queries; lower --searches"):
        distinct_extracts([Passage("p", "d", "one two three four")], 100)


@pytest.mark.integration
def test_a_collection_without_judgements_is_refused(noop: str) -> None:
    bare = Dataset("bare", DATASET.documents, {}, {})
    with pytest.raises(EvaluationError, match="bare holds no documents or no judged queries"):
        bench_peers(PeersPlan(), bare, scripted(noop), silent)


@pytest.mark.integration
def test_small_real_servers_side_by_side(tmp_path: Path) -> None:
    with (
        tiny_server("hybrid", tmp_path / "a", "hybrid") as ours,
        tiny_server("lexical", tmp_path / "b", "lexical") as theirs,
    ):
        report = bench_peers(PeersPlan((1, 4), 2, 25), DATASET, [ours, theirs], silent)
        processes = [item for server in (ours, theirs) for item in server.processes()]
    assert len(processes) >= 2
    assert not any(process.is_running() for process in processes)
    assert {load.failures for load in report.loads} == {0}
    assert all(load.cpu_ms is not None and load.cpu_ms > 0 for load in report.loads)
    for system in report.systems:
        assert system.index_s > 0
        assert system.idle_cores is not None
        assert system.memory is not None
        assert 0 < system.memory.pss <= system.memory.rss
        assert system.quality.mean > 0.9
    assert {(ratio.what, ratio.clients) for ratio in report.ratios} == {
        (what, clients) for what in ("searches/s", "p95") for clients in (1, 4)
    }
    limits = {limit.clients: limit.requests_per_s for limit in report.generator}
    assert limits.keys() == {1, 4}
    assert "| hybrid, 4 clients" in report.to_text()
