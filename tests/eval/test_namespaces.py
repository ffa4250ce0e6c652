"""An evaluation stays in its own namespace, and asks in others only what it may."""

from collections.abc import Sequence

import pytest

from eval.datasets.base import Dataset, DatasetDocument
from eval.errors import EvaluationError
from eval.evaluate import Options, evaluate
from eval.provenance import SystemDescription
from retrieval.chunk import Chunk
from tests.eval.scripted import Answers, ScriptedSystem

DATASET = Dataset(
    "tiny",
    (DatasetDocument("a", "one"), DatasetDocument("b", "", passages=("two", "three"))),
    {"q": "first?"},
    {"q": {"a": 1}},
)


async def test_a_namespace_of_somebody_else_is_refused_before_anything_is_written() -> None:
    system = ScriptedSystem({("first?", "dense"): ["theirs"]})
    with pytest.raises(EvaluationError, match="'theirs', which is no document of tiny"):
        await evaluate(DATASET, system, Options(namespace="pmoves"))
    assert not system.chunks


async def test_a_namespace_with_the_same_documents_may_be_used_again() -> None:
    system = ScriptedSystem({("first?", mode): ["a"] for mode in ("dense", "hybrid")})
    found = await evaluate(DATASET, system, Options(namespace="mine", modes=["hybrid"]))
    assert {request.namespace for request in system.requests} == {"mine"}
    assert found.run.provenance.namespace == "mine"


async def test_passages_are_indexed_as_they_were_cut() -> None:
    system = ScriptedSystem({})
    await evaluate(DATASET, system, Options(modes=["hybrid"]))
    assert [(chunk.doc_id, chunk.text, chunk.position) for chunk in system.chunks] == [
        ("a", "one", 0),
        ("b", "two", 0),
        ("b", "three", 1),
    ]


class BatchKeeping(ScriptedSystem):
    """Keeps what came in one call together."""

    def __init__(self) -> None:
        super().__init__({})
        self.batches: list[set[str]] = []

    async def index(self, chunks: Sequence[Chunk]) -> int:
        self.batches.append({chunk.doc_id for chunk in chunks})
        return await super().index(chunks)


async def test_a_document_is_never_split_over_two_calls() -> None:
    documents = tuple(
        DatasetDocument(f"d{n}", "", passages=tuple(f"{n} {at}" for at in range(100)))
        for n in range(7)
    )
    dataset = Dataset("long", documents, {"q": "first?"}, {"q": {"d1": 1}})
    system = BatchKeeping()
    await evaluate(dataset, system, Options(modes=["hybrid"]))
    assert sum(map(len, system.batches)) == 7
    assert len(system.batches) == 4
    assert len(system.chunks) == 700


QUESTIONS = Dataset(
    "archon",
    (),
    {"q1": "first?", "q2": "second?"},
    {"q1": {"a": 1}, "q2": {"b-0": 1}},
    records={
        "q1": {"namespace": "office", "options": {"alpha": 0.2}},
    },
)


async def test_questions_about_an_existing_namespace_write_nothing() -> None:
    answers: Answers = {("first?", "hybrid"): ["z", "a"], ("second?", "hybrid"): ["b", "c"]}
    system = ScriptedSystem(answers)
    found = await evaluate(QUESTIONS, system, Options(modes=["hybrid"]))
    assert not system.chunks
    first, second = sorted(system.requests, key=lambda request: request.query)
    assert (first.namespace, first.alpha, first.min_index_version) == ("office", 0.2, None)
    assert (second.namespace, second.alpha) == ("pmoves", None)
    # "b-0" is the id of a passage: it counts as such.
    assert found.run.values("hybrid", "MRR") == {"q1": 0.5, "q2": 1.0}


async def test_a_named_namespace_wins_over_that_of_the_questions() -> None:
    system = ScriptedSystem({(query, "hybrid"): ["x"] for query in QUESTIONS.queries.values()})
    await evaluate(QUESTIONS, system, Options(modes=["hybrid"], namespace="copy"))
    assert {request.namespace for request in system.requests} == {"copy"}


async def test_a_run_says_where_it_comes_from() -> None:
    system = ScriptedSystem({("first?", "hybrid"): ["a"]})
    found = await evaluate(DATASET, system, Options(modes=["hybrid"], label="before"))
    source = found.run.provenance
    assert source.dataset_hash == DATASET.content_hash
    assert source.description == SystemDescription(settings={"search": {"alpha": 0.7}}, code="0.0")
    assert (source.label, source.system, source.index_version) == ("before", "scripted", 7)
    assert source.harness.startswith("0.")
    assert source.machine.cores >= 1
    assert found.run.modes["hybrid"].seconds.keys() == {"q"}
    assert found.run.modes["hybrid"].top["q"][0].doc_id == "a"
