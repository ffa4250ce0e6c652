"""Vectors are computed once, by whichever process comes first."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from eval.sweep.vectors import RememberingEmbedder, VectorFolder
from retrieval.chunk import Vectors
from retrieval.embedding.base import Embedder
from retrieval.settings import EmbeddingSettings
from tests.embedders import WordEmbedder


class Counting(WordEmbedder):
    """Remembers what it was asked to embed."""

    def __init__(self) -> None:
        super().__init__(384)
        self.seen: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed passages."""
        self.seen += texts
        return super().embed_passages(texts)


@pytest.fixture
def model() -> Counting:
    """A model that counts."""
    return Counting()


def embedder(folder: Path, model: Counting, query_prefix: str = "") -> RememberingEmbedder:
    def load(settings: EmbeddingSettings) -> Embedder:
        assert (settings.query_prefix, settings.passage_prefix) == ("", "")
        return model

    return RememberingEmbedder(EmbeddingSettings(query_prefix=query_prefix), folder, load)


def test_vectors_are_those_of_the_model_in_the_order_of_the_texts(
    tmp_path: Path, model: Counting
) -> None:
    texts = [f"text {number % 300}" for number in range(700)]
    found = embedder(tmp_path, model).embed_passages(texts)
    assert np.array_equal(found, WordEmbedder(384).embed_passages(texts))
    assert len(model.seen) == 300
    assert embedder(tmp_path, model).embed_passages([]).shape == (0, 384)


def test_what_another_process_computed_is_found_on_disk(tmp_path: Path, model: Counting) -> None:
    embedder(tmp_path, model).embed_passages(["tide", "boat"])
    again = embedder(tmp_path, model)
    again.embed_queries(["boat", "lamp"])
    assert model.seen == ["tide", "boat", "lamp"]


def test_texts_are_known_with_their_prefix(tmp_path: Path, model: Counting) -> None:
    embedder(tmp_path, model).embed_passages(["boat", "find boat"])
    second = embedder(tmp_path, model, query_prefix="find ")
    assert second.identity.query_prefix == "find "
    found = second.embed_queries(["boat"])
    assert model.seen == ["boat", "find boat"]
    assert np.array_equal(found, WordEmbedder(384).embed_queries(["find boat"]))


def test_number_formats_do_not_share(tmp_path: Path, model: Counting) -> None:
    for dtype in ("float32", "bfloat16"):
        settings = EmbeddingSettings(dtype=dtype)
        RememberingEmbedder(settings, tmp_path, lambda _settings: model).embed_passages(["boat"])
    assert model.seen == ["boat", "boat"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_that_was_not_finished_is_not_read(tmp_path: Path) -> None:
    VectorFolder(tmp_path).add(["a"], np.ones((1, 2), np.float32))
    (tmp_path / "cut.part").write_bytes(b"PK")
    found = VectorFolder(tmp_path)
    assert found.find("b") is None
    vector = found.find("a")
    assert vector is not None
    assert vector.tolist() == [1, 1]
