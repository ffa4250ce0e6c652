"""Gates around systems whose answers are known, and requests to them."""

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from eval.datasets.base import Dataset, DatasetDocument
from eval.errors import DatasetError
from eval.gates.answers import Answer
from eval.gates.contracts import FAILED, PUBLISHED, REQUEST, fault
from eval.gates.definition import Gate
from eval.gates.evaluation import Evaluator
from eval.gates.gate import PersonaGate
from eval.gates.settings import GateSettings
from eval.gates.stores.sql import SqlGateStore
from eval.systems.base import SearchSystem
from retrieval.chunk import JsonValue
from retrieval.query import SearchRequest, SearchResponse
from tests.eval.scripted import ScriptedSystem

PERSONA_ID = "0b0e7c52-31d4-4a3a-9b3e-0f6a7c1d2e3f"
DATASET = Dataset(
    "harbour",
    tuple(DatasetDocument(f"d{n}", "", f"Word{n} alpha{n}") for n in range(8)),
    {f"q{n}": f"question {n}" for n in range(4)},
    {f"q{n}": {f"d{n}": 1} for n in range(4)},
)


class KnowingSystem(ScriptedSystem):
    """Puts the right document first, or at `rank` from 1."""

    def __init__(self, rank: int = 1) -> None:
        super().__init__({})
        self._rank = rank

    async def search(self, request: SearchRequest) -> SearchResponse:
        digits = "".join(filter(str.isdigit, request.query.split()[-1]))
        right = f"d{digits}"
        others = [document.doc_id for document in DATASET.documents if document.doc_id != right]
        self.answers = {(request.query, request.mode): [*others[: self._rank - 1], right]}
        return await super().search(request)


def collections(path: str) -> Dataset:
    if path != "harbour":
        raise DatasetError(f"{path}: there is no such file")
    return DATASET


def gate_of(name: str = "Archon", **fields: object) -> Gate:
    """Return a gate with one data set, `fields` being those of the latter."""
    dataset = {"id": "smoke", "queries_path": "harbour", "thresholds": {"nDCG": {"min": 0.8}}}
    return Gate.model_validate(
        {"name": name, "version": "2.0", "datasets": [{**dataset, **fields}]}
    )


def persona_gate(
    folder: Path,
    systems: Callable[[], SearchSystem] = KnowingSystem,
    settings: GateSettings | None = None,
    gates: list[Gate] | None = None,
) -> PersonaGate:
    """Return a gate of its own database, with `gates` stored, by default that of Archon@2.0."""
    store = SqlGateStore(f"sqlite:///{folder / 'state.db'}")
    store.define(gates or [gate_of()])
    return PersonaGate(store, Evaluator(collections, systems, folder / "runs"), settings, roots=[])


def request(
    name: str = "Archon",
    dataset: dict[str, JsonValue] | None = None,
    version: str = "2.0",
    **envelope: JsonValue,
) -> dict[str, JsonValue]:
    """Return a request; `envelope` replaces members of the envelope."""
    payload: dict[str, JsonValue] = {
        "persona_id": PERSONA_ID,
        "persona": {"name": name, "version": version},
    }
    event: dict[str, JsonValue] = {
        "id": str(uuid.uuid4()),
        "topic": REQUEST,
        "ts": "2026-11-23T07:00:00Z",
        "version": "v1",
        "source": "tests",
        "payload": payload | ({"dataset": dataset} if dataset else {}),
    }
    return event | envelope


def encoded(event: Mapping[str, object]) -> bytes:
    return json.dumps(event).encode()


def payload(answer: Answer) -> Mapping[str, object]:
    found = answer.envelope["payload"]
    assert isinstance(found, dict)
    return found


def assert_sound(answer: Answer) -> None:
    """Check an answer against its contract, as whoever receives it reads it."""
    received = json.loads(answer.to_json().encode("utf-8"))
    assert fault(received, [PUBLISHED, FAILED]) is None
    assert received["topic"] == answer.topic
