import asyncio
from collections.abc import AsyncIterator, Sequence
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.chunk import Vectors
from retrieval.embedding.batching import BatchingEmbedder
from retrieval.embedding.ctranslate import CTranslateEmbedder
from retrieval.errors import OverloadedError
from tests.embedders import WordEmbedder


class GatedEmbedder(WordEmbedder):
    """Notes its calls, waits while the gate is shut, and fails on the word `poison`."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, list[str]]] = []
        self.gate, self.entered = Event(), Event()
        self.gate.set()

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Note the call as one of queries."""
        return self._noted("queries", texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Note the call as one of passages."""
        return self._noted("passages", texts)

    def _noted(self, kind: str, texts: Sequence[str]) -> Vectors:
        self.calls.append((kind, list(texts)))
        self.entered.set()
        assert self.gate.wait(30)
        if "poison" in texts:
            raise RuntimeError("the model broke")
        return self._embed(texts)

    async def shut(self, batching: BatchingEmbedder) -> "asyncio.Task[Vectors]":
        """Shut the gate and bring a first call to stand before it."""
        self.gate.clear()
        self.entered.clear()
        first = asyncio.create_task(batching.embed_passages(["first"]))
        await asyncio.to_thread(self.entered.wait, 30)
        return first


@pytest.fixture
def model() -> GatedEmbedder:
    """A model that can be held up."""
    return GatedEmbedder()


@pytest.fixture
async def batching(model: GatedEmbedder) -> AsyncIterator[BatchingEmbedder]:
    """The queue before the model; small enough to see batches."""
    made = BatchingEmbedder(model, batch_tokens=40, max_waiting=20)
    yield made
    model.gate.set()
    made.close()


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


@given(st.lists(st.lists(st.text(max_size=200), max_size=12), max_size=5), st.integers(10, 200))
@settings(max_examples=20)
def test_it_equals_the_embedder_behind_it(calls: list[list[str]], budget: int) -> None:
    model = WordEmbedder()

    async def ask() -> list[Vectors]:
        batching = BatchingEmbedder(model, batch_tokens=budget)
        try:
            return await asyncio.gather(*(batching.embed_passages(call) for call in calls))
        finally:
            batching.close()

    for call, found in zip(calls, asyncio.run(ask()), strict=True):
        assert np.array_equal(found, model.embed_passages(call))
        assert found.shape == (len(call), 32)


async def test_it_equals_the_packaged_model(packaged_embedder: CTranslateEmbedder) -> None:
    batching = BatchingEmbedder(packaged_embedder)
    texts = [f"passage number {at} " * (at % 7 + 1) for at in range(20)]
    try:
        found = await asyncio.gather(*(batching.embed_passages([text]) for text in texts))
        query = await batching.embed_queries(["boat"])
    finally:
        batching.close()
    expected = packaged_embedder.embed_passages(texts)
    np.testing.assert_allclose(np.sum(np.concatenate(found) * expected, axis=1), 1, atol=2e-3)
    assert float(query[0] @ packaged_embedder.embed_queries(["boat"])[0]) > 0.998
    assert batching.identity == packaged_embedder.identity


async def test_a_lone_call_does_not_wait_for_company(
    model: GatedEmbedder, batching: BatchingEmbedder
) -> None:
    await batching.embed_queries(["one"])
    assert model.calls == [("queries", ["one"])]


async def test_calls_that_wait_share_the_next_batch(
    model: GatedEmbedder, batching: BatchingEmbedder
) -> None:
    first = await model.shut(batching)
    waiting = [asyncio.create_task(batching.embed_passages([f"w{at}"])) for at in range(5)]
    await settle()
    model.gate.set()
    answers = await asyncio.gather(*waiting)
    await first
    assert model.calls[1:] == [("passages", [f"w{at}" for at in range(5)])]
    for at, answer in enumerate(answers):
        assert np.array_equal(answer, model._embed([f"w{at}"]))


async def test_batches_keep_to_the_budget(model: GatedEmbedder, batching: BatchingEmbedder) -> None:
    first = await model.shut(batching)
    text = "word " * 8
    waiting = [asyncio.create_task(batching.embed_passages([text])) for _ in range(10)]
    await settle()
    model.gate.set()
    await asyncio.gather(first, *waiting)
    sizes = [len(texts) for _, texts in model.calls[1:]]
    assert sum(sizes) == 10
    assert max(sizes) == 40 // 12


async def test_queries_go_before_passages(model: GatedEmbedder, batching: BatchingEmbedder) -> None:
    first = await model.shut(batching)
    passages = [asyncio.create_task(batching.embed_passages([f"p{at}"])) for at in range(3)]
    await settle()
    query = asyncio.create_task(batching.embed_queries(["q"]))
    await settle()
    model.gate.set()
    await asyncio.gather(first, query, *passages)
    assert [kind for kind, _ in model.calls] == ["passages", "queries", "passages"]


async def test_queries_go_between_the_batches_of_one_large_call(
    model: GatedEmbedder, batching: BatchingEmbedder
) -> None:
    model.gate.clear()
    large = asyncio.create_task(batching.embed_passages(["word " * 8] * 12))
    await asyncio.to_thread(model.entered.wait, 30)
    query = asyncio.create_task(batching.embed_queries(["q"]))
    await settle()
    model.gate.set()
    await asyncio.gather(large, query)
    assert [kind for kind, _ in model.calls][:2] == ["passages", "queries"]


async def test_work_of_cancelled_callers_is_dropped(
    model: GatedEmbedder, batching: BatchingEmbedder
) -> None:
    first = await model.shut(batching)
    left = asyncio.create_task(batching.embed_passages(["left"]))
    stays = asyncio.create_task(batching.embed_passages(["stays"]))
    await settle()
    left.cancel()
    await settle()
    model.gate.set()
    assert (await stays).shape == (1, 32)
    await first
    assert left.cancelled()
    assert model.calls[1:] == [("passages", ["stays"])]


async def test_a_caller_cancelled_in_its_batch_does_not_disturb_the_others(
    model: GatedEmbedder, batching: BatchingEmbedder
) -> None:
    first = await model.shut(batching)
    first.cancel()
    await settle()
    model.gate.set()
    assert (await batching.embed_queries(["next"])).shape == (1, 32)
    assert first.cancelled()


async def test_a_failing_model_fails_the_callers_of_that_batch_only(
    model: GatedEmbedder, batching: BatchingEmbedder
) -> None:
    first = await model.shut(batching)
    together = [
        asyncio.create_task(batching.embed_queries([word])) for word in ("poison", "beside")
    ]
    later = asyncio.create_task(batching.embed_passages(["later"]))
    await settle()
    model.gate.set()
    for task in together:
        with pytest.raises(RuntimeError, match="the model broke"):
            await task
    assert (await later).shape == (await first).shape == (1, 32)


async def test_too_much_waiting_work_is_refused_at_once(
    model: GatedEmbedder, batching: BatchingEmbedder
) -> None:
    first = await model.shut(batching)
    waiting = [asyncio.create_task(batching.embed_passages(["w"] * 10)) for _ in range(2)]
    await settle()
    with pytest.raises(OverloadedError, match="20 texts are waiting to be embedded; try again"):
        await batching.embed_queries(["one more"])
    model.gate.set()
    await asyncio.gather(first, *waiting)
    assert (await batching.embed_queries(["now"])).shape == (1, 32)


async def test_one_call_above_the_bound_is_taken_when_nothing_waits(
    batching: BatchingEmbedder,
) -> None:
    assert (await batching.embed_passages(["w"] * 50)).shape == (50, 32)


async def test_no_texts_cost_no_call(model: GatedEmbedder, batching: BatchingEmbedder) -> None:
    assert (await batching.embed_passages([])).shape == (0, 32)
    assert model.calls == []


async def test_after_close_calls_fail_instead_of_waiting(
    model: GatedEmbedder, batching: BatchingEmbedder
) -> None:
    first = await model.shut(batching)
    waiting = asyncio.create_task(batching.embed_passages(["waiting"]))
    await settle()
    batching.close()
    model.gate.set()
    assert (await first).shape == (1, 32)
    for late in (waiting, batching.embed_queries(["late"])):
        with pytest.raises(RuntimeError, match="shutdown"):
            await asyncio.wait_for(late, 30)
