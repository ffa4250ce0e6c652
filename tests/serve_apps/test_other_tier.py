"""An embedder on another tier changes the speed of a search, not its form or its model.

A node with a GPU computes the packaged model by PyTorch, one without in int8. Both embedders
take each other's place here before the same corpus, as when a deployment falls or returns.
"""

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import pytest

from retrieval.corpus.store import Corpus
from retrieval.embedding.base import Embedder
from retrieval.embedding.ctranslate import CTranslateEmbedder
from retrieval.embedding.sentence_transformer import SentenceTransformerEmbedder
from retrieval.settings import EmbeddingSettings
from serve_apps.api import create_app
from serve_apps.settings import AppArgs
from tests.serve_apps.support import Json, client_of, found, item, search, services_over, upsert

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("torch")]

PASSAGES = {
    "boat-0": "The boat has an anchor of forty kilos and two spare ropes.",
    "boat-1": "In a storm the crew lowers the sails and starts the engine.",
    "soup-0": "Leek soup: fry the leeks in butter, add stock and simmer.",
    "soup-1": "Bread is baked on Fridays in the oven behind the kitchen.",
    "talk-0": "The podcast is recorded on Tuesdays in the small studio.",
    "talk-1": "Microphones are checked for noise before every recording.",
}
QUESTIONS = ["What do sailors do in bad weather?", "a recipe with vegetables", "podcast studio"]
# int8 is a little off the exact cosine.
NEAR = 0.02


@pytest.fixture(scope="module")
def by_tier(packaged_embedder: CTranslateEmbedder) -> dict[str, Embedder]:
    """What computes the packaged model, by tier; without a GPU PyTorch computes on the CPU."""
    exact = SentenceTransformerEmbedder(EmbeddingSettings(dtype="float32"))
    return {"gpu": exact, "cpu": packaged_embedder}


async def test_answers_keep_form_and_model_when_the_embedder_falls_and_returns(
    by_tier: dict[str, Embedder], settings: AppArgs
) -> None:
    path = ["gpu", "cpu", "gpu"]
    assert by_tier["gpu"].identity == by_tier["cpu"].identity
    answers = [await asked(settings, by_tier[tier], first=at == 0) for at, tier in enumerate(path)]
    for before, after in pairwise(answers):
        for one, other in zip(before, after, strict=True):
            assert set(form(one)) == set(form(other))
            assert found(one) == found(other)
            assert scores(one) == pytest.approx(scores(other), abs=NEAR)


async def asked(settings: AppArgs, model: Embedder, first: bool) -> list[Json]:
    """Return the answers of a gateway with `model`; the `first` one stores the passages."""
    corpus = Corpus.open(settings.corpus_uri, model.identity)
    with services_over(corpus, model, settings) as services:
        async with client_of(create_app(services)) as client:
            if first:
                await upsert(client, *(item(name, text) for name, text in PASSAGES.items()))
            calls = (search(client, question, explain=True, k=3) for question in QUESTIONS)
            answers = await asyncio.gather(*calls)
    assert not any(answer["degraded"] for answer in answers)
    return answers


def scores(answer: Json) -> list[float]:
    """Return the scores of an answer, best first."""
    return [hit["score"] for hit in answer["hits"]]


def form(value: object, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the kind of everything in an answer."""
    yield at, type(value).__name__
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from form(inner, f"{at}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from form(inner, f"{at}[]")
