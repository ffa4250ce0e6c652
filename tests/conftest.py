"""What every folder of tests shares: the property-test profile and two embedders."""

import pytest
from hypothesis import HealthCheck, settings

from retrieval.embedding.sentence_transformer import SentenceTransformerEmbedder
from retrieval.settings import EmbeddingSettings
from tests.embedders import WordEmbedder

settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that need the model in one of xdist's processes: it takes long to load."""
    for item in items:
        if "packaged_embedder" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("model"))


@pytest.fixture(scope="session")
def packaged_embedder() -> SentenceTransformerEmbedder:
    """The packaged MiniLM with default settings, loaded once."""
    return SentenceTransformerEmbedder(EmbeddingSettings())


@pytest.fixture(scope="session")
def word_embedder() -> WordEmbedder:
    """A small deterministic embedder: texts that share words are near each other."""
    return WordEmbedder()
