"""Who watches a gate hears of each request and each answer once."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from eval.gates.evaluation import Evaluator
from eval.gates.gate import PersonaGate
from eval.gates.stores.sql import SqlGateStore
from retrieval.query import SearchRequest, SearchResponse
from tests.eval.gates.asking import KnowingSystem, collections, encoded, gate_of, request


@dataclass
class Noted:
    """What a watch was told."""

    waiting: int = 0
    outcomes: list[str] = field(default_factory=list)

    def began(self) -> None:
        """Note a request."""
        self.waiting += 1

    def ended(self, outcome: str, seconds: float) -> None:
        """Note an answer."""
        assert seconds >= 0
        self.waiting -= 1
        self.outcomes.append(outcome)


class WaitingSystem(KnowingSystem):
    """Never answers."""

    async def search(self, request: SearchRequest) -> SearchResponse:
        """Wait."""
        await asyncio.Event().wait()
        raise AssertionError


async def test_each_request_is_told_with_its_outcome(tmp_path: Path) -> None:
    noted = Noted()
    store = SqlGateStore(f"sqlite:///{tmp_path / 'state.db'}")
    store.define([gate_of(), gate_of("Strict", thresholds={"nDCG": {"min": 1.01}})])
    evaluator = Evaluator(collections, KnowingSystem, tmp_path / "runs")
    gate = PersonaGate(store, evaluator, watch=noted)
    bodies = [encoded(request(name)) for name in ("Archon", "Strict", "Nobody")]
    await asyncio.gather(*(gate.answer(body) for body in [*bodies, b"no JSON"]))
    await gate.close()
    expected = ["invalid-request", "published", "threshold-not-met", "unknown-persona"]
    assert (noted.waiting, sorted(noted.outcomes)) == (0, expected)


async def test_who_does_not_wait_has_left(tmp_path: Path) -> None:
    noted = Noted()
    store = SqlGateStore(f"sqlite:///{tmp_path / 'state.db'}")
    store.define([gate_of()])
    evaluator = Evaluator(collections, WaitingSystem, tmp_path / "runs")
    gate = PersonaGate(store, evaluator, watch=noted)
    task = asyncio.create_task(gate.answer(encoded(request())))
    while not noted.waiting:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await gate.close()
    assert (noted.waiting, noted.outcomes) == (0, ["left"])
