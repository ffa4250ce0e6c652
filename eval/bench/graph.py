"""What the entities of a query cost, with a large dictionary and many relations, in memory."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel

from eval.bench.machine import Machine, this_machine
from eval.tables import text_table
from retrieval.entity import Alias, Entity
from retrieval.graph.dictionaries import dictionaries_of
from retrieval.graph.mentions import Postings
from retrieval.graph.neighbors import Stated, neighbors_of
from retrieval.graph.snapshot import Asked, GraphSnapshot

_NAMESPACE, _FRAGMENT = "bench", "all"
_ALIASES = 4
_WORDS = 9_000
_KINDS = ("PERSON", "GROUP", "WORK", "SHOW", "PLACE")
_RELATIONS = ("CREATED", "MEMBER_OF", "PART_OF", "CO_MENTION")
# Passages in which both sides of a search would look an entity up, and those shown.
_CANDIDATES = 200
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class GraphPlan:
    """How many entities, passages that mention two each, relations, and queries."""

    entities: int = 50_000
    passages: int = 100_000
    relations: int = 200_000
    queries: int = 2_000


class GraphBenchReport(BaseModel):
    """Times of the graph stage, of reading names and of reading relations."""

    machine: Machine
    entities: int
    names: int
    passages: int
    relations: int
    queries: int
    matched: int
    read_names_s: float
    read_relations_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float

    def to_text(self) -> str:
        """Return the report as plain text with a Markdown table."""
        head = (
            f"{self.entities:,} entities with {self.names:,} names, {self.passages:,} passages, "
            f"{self.relations:,} relations; {self.queries:,} queries, of which {self.matched:,} "
            f"name an entity\n{self.machine}"
        )
        rows = [
            ("the graph stage of a search, p50", f"{self.p50_ms:.2f} ms"),
            ("p95", f"{self.p95_ms:.2f} ms"),
            ("p99", f"{self.p99_ms:.2f} ms"),
            ("taking up all names", f"{self.read_names_s:.1f} s"),
            ("taking up all relations", f"{self.read_relations_s:.1f} s"),
        ]
        return f"{head}\n\n{text_table(('what', 'time'), rows)}"


def bench_graph(plan: GraphPlan) -> GraphBenchReport:
    """Link queries of ten words, find neighbors, and weigh candidates, one query after another."""
    random = np.random.default_rng(7)
    entities = _entities(plan.entities, random)
    start = time.perf_counter()
    known = dictionaries_of(entities)
    names_s = time.perf_counter() - start
    stated = _stated(plan, entities, random)
    start = time.perf_counter()
    neighbors = neighbors_of(stated, known.linkers)
    relations_s = time.perf_counter() - start
    postings = {_FRAGMENT: _postings(plan, random)}
    graph = GraphSnapshot(entities, known.linkers, postings, neighbors)
    queries = _queries(plan.queries, entities, random)
    candidates = random.integers(0, plan.passages, _CANDIDATES).tolist()
    times, matched = [], 0
    for query in queries:
        start = time.perf_counter()
        found = graph.find(Asked(query, (_NAMESPACE,), (_FRAGMENT,), plan.passages))
        if found is not None:
            recalled = found.recalled()[:_CANDIDATES].tolist()
            mentions = found.among([*candidates, *recalled])
            for row in recalled[:_SHOWN]:
                mentions.names(row), mentions.ties(row)
            matched += 1
        times.append(1_000 * (time.perf_counter() - start))
    p50, p95, p99 = np.percentile(times, [50, 95, 99]).tolist()
    return GraphBenchReport(
        machine=this_machine("numpy"),
        entities=plan.entities,
        names=plan.entities * (1 + _ALIASES),
        passages=plan.passages,
        relations=plan.relations,
        queries=plan.queries,
        matched=matched,
        read_names_s=names_s,
        read_relations_s=relations_s,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
    )


def _word(number: int) -> str:
    return f"w{number % _WORDS}"


def _entities(count: int, random: np.random.Generator) -> list[Entity]:
    drawn = random.integers(0, _WORDS, (count, 1 + _ALIASES))
    return [
        Entity(
            _NAMESPACE,
            f"e{at}",
            f"{_word(row[0])} name{at}",
            _KINDS[at % len(_KINDS)],
            tuple(
                Alias(f"{_word(number)} {_word(at + n)} alias{at}")
                for n, number in enumerate(row[1:])
            ),
        )
        for at, row in enumerate(drawn.tolist())
    ]


def _stated(
    plan: GraphPlan, entities: Sequence[Entity], random: np.random.Generator
) -> list[Stated]:
    # A few entities have to do with many, as in every collection.
    ends = random.zipf(1.3, (plan.relations, 2)) % len(entities)
    sure = random.uniform(0.2, 0.95, plan.relations).tolist()
    return [
        Stated(
            _NAMESPACE,
            entities[one].name,
            _RELATIONS[at % len(_RELATIONS)],
            entities[other].aliases[0].name,
            sure[at],
            1,
        )
        for at, (one, other) in enumerate(ends.tolist())
    ]


def _postings(plan: GraphPlan, random: np.random.Generator) -> Postings:
    rows = np.repeat(np.arange(plan.passages, dtype=np.int64), 2)
    numbers = (random.zipf(1.2, len(rows)) % plan.entities).astype(np.int64)
    order = np.lexsort((rows, numbers))
    return Postings(numbers[order], rows[order], 0)


def _queries(count: int, entities: Sequence[Entity], random: np.random.Generator) -> list[str]:
    chosen = random.zipf(1.2, (count, 2)) % len(entities)
    return [
        f"who is the singer of {entities[one].aliases[1].name} and {entities[other].name} w1 w2"
        for one, other in chosen.tolist()
    ]
