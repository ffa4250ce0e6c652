import sys
from pathlib import Path

import pytest

from retrieval.embedding.opening import load_embedder
from retrieval.errors import InvalidInputError
from retrieval.rerank.loading import load_reranker
from retrieval.settings import EmbeddingSettings, RerankSettings


@pytest.fixture(params=["torch", "transformers", "sentence_transformers"])
def missing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One of the packages, which is not there."""
    monkeypatch.setitem(sys.modules, request.param, None)
    return str(request.param)


def test_a_model_that_needs_pytorch_names_the_extra(missing: str, tmp_path: Path) -> None:
    told = rf"{missing}; pip install 'pmoves-mesh\[sentence-transformers\]'"
    with pytest.raises(InvalidInputError, match=rf"embedding\.model: 'packaged' .*{told}"):
        load_embedder(EmbeddingSettings(dtype="float32"))
    with pytest.raises(InvalidInputError, match=rf"rerank\.model: 'auto' .*{told}"):
        load_reranker(RerankSettings(enabled=True), tmp_path)
