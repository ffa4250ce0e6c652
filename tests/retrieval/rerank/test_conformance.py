"""What every reranker keeps, whatever stands behind it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from retrieval.rerank.base import AsyncReranker, Scores
from retrieval.rerank.batching import BatchingReranker
from retrieval.rerank.dialects import DIALECTS
from retrieval.rerank.loading import load_reranker
from retrieval.rerank.remote import HttpReranker
from retrieval.settings import RerankSettings
from tests.retrieval.rerank.checkpoints import CHECKPOINTS
from tests.retrieval.rerank.server import RerankServer

QUERY = "a red sail"
PASSAGES = [
    "a boat with a red sail",
    "rope and knots",
    "",
    "the storm " * 300 + "a red sail",
    "Ünïcode 漢字 \n\t \x00 😀",
    "the sail was torn in the storm",
]
LOCAL = [pytest.mark.integration, pytest.mark.xdist_group("torch")]
# bfloat16 rounds differently in batches of different shapes.
CLOSE = 0.03


def local(provider: str, folder: Path) -> BatchingReranker:
    """Return the model of `provider` behind the queue that servers use."""
    model = CHECKPOINTS[provider](folder / "model")
    fields = {"provider": provider, "model": str(model), "max_tokens": 1024}
    settings = RerankSettings.model_validate(fields)
    return BatchingReranker(load_reranker(settings, folder), settings.batch_tokens)


@pytest.fixture(
    scope="module",
    params=[
        *(pytest.param(name, marks=LOCAL) for name in CHECKPOINTS),
        *DIALECTS,
    ],
)
def reranker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AsyncReranker]:
    """Every backend, one after the other."""
    provider = request.param
    if provider in CHECKPOINTS:
        made = local(provider, tmp_path_factory.mktemp(provider))
        yield made
        made.close()
    else:
        settings = RerankSettings(provider=provider, url="http://reranker.test", model="m")
        yield HttpReranker(settings, RerankServer().transport())


def score(reranker: AsyncReranker, query: str, passages: list[str]) -> Scores:
    """Ask, and check what holds of every answer."""
    scores = asyncio.run(reranker.score(query, passages))
    assert scores.dtype == np.float32
    assert scores.shape == (len(passages),)
    assert np.all((scores >= 0) & (scores <= 1))
    return scores


def test_passages_of_all_lengths_have_scores_in_their_order(reranker: AsyncReranker) -> None:
    together = score(reranker, QUERY, PASSAGES)
    alone = [score(reranker, QUERY, [passage])[0] for passage in PASSAGES]
    assert together == pytest.approx(alone, abs=CLOSE)
    backwards = score(reranker, QUERY, PASSAGES[::-1])
    assert backwards[::-1] == pytest.approx(together, abs=CLOSE)
    assert len({round(float(one), 3) for one in together}) > 1


def test_the_score_depends_on_the_query(reranker: AsyncReranker) -> None:
    assert not np.allclose(
        score(reranker, QUERY, PASSAGES), score(reranker, "rope and knots", PASSAGES)
    )


def test_many_passages_and_long_queries_are_taken(reranker: AsyncReranker) -> None:
    assert len(score(reranker, QUERY, [f"the boat {at}" for at in range(70)])) == 70
    score(reranker, "storm " * 2_000, ["a boat", "a sail"])
    assert len(score(reranker, QUERY, [])) == 0


def test_calls_at_the_same_time_do_not_mix(reranker: AsyncReranker) -> None:
    queries = ["a red sail", "rope and knots", "the storm"]

    async def ask() -> list[Scores]:
        return await asyncio.gather(*(reranker.score(query, PASSAGES) for query in queries))

    for query, found in zip(queries, asyncio.run(ask()), strict=True):
        assert found == pytest.approx(score(reranker, query, PASSAGES), abs=CLOSE)


def test_the_state_names_what_is_there(reranker: AsyncReranker) -> None:
    state = asyncio.run(reranker.state())
    assert state.loaded
    assert state.resolved
    assert state.provider in {*CHECKPOINTS, *DIALECTS}
    assert state.errors == []
