"""Who embeds questions: a gateway of its own accord only where it would compute the very same."""

import numpy as np
import pytest

from retrieval.embedding.ctranslate import CTranslateEmbedder
from retrieval.embedding.settings import EmbeddingSettings
from retrieval.errors import InvalidInputError
from serve_apps.questions import asked_here, own_questions
from serve_apps.settings import AppArgs, ServeSettings

EXACT = EmbeddingSettings(dtype="float32")
REMOTE = EmbeddingSettings(provider="openai", url="http://models:1", model="m", dimensions=32)


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose PyTorch sees no GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.mark.parametrize(
    ("serve", "embedding", "here"),
    [
        ({}, EmbeddingSettings(), True),
        ({}, EXACT, False),
        ({}, REMOTE, False),
        ({"embedder_gpus": 0.5}, EmbeddingSettings(), False),
        ({"embedder_replicas": 0}, EmbeddingSettings(), False),
        ({"embed_questions": "embedder"}, EmbeddingSettings(), False),
        ({"embed_questions": "gateway"}, EXACT, True),
        ({"embed_questions": "gateway", "embedder_replicas": 0}, EmbeddingSettings(), True),
    ],
)
def test_who_embeds_them(
    serve: dict[str, object], embedding: EmbeddingSettings, here: bool
) -> None:
    settings = AppArgs(serve=ServeSettings.model_validate(serve), embedding=embedding)
    assert asked_here(settings) is here


def test_a_server_is_asked_by_the_embedder_alone() -> None:
    settings = AppArgs(serve=ServeSettings(embed_questions="gateway"), embedding=REMOTE)
    with pytest.raises(InvalidInputError, match="PMOVES_SERVE__EMBED_QUESTIONS=auto"):
        asked_here(settings)


@pytest.mark.integration
async def test_a_gateway_embeds_them_as_the_embedder_does(
    packaged_embedder: CTranslateEmbedder,
) -> None:
    texts = ["What do sailors do in bad weather?", "a recipe with vegetables"]
    found = await own_questions(AppArgs()).embed_queries(texts)
    # Together or alone, int8 is the same but for the order of sums.
    assert np.allclose(found, packaged_embedder.embed_queries(texts), atol=1e-6)
