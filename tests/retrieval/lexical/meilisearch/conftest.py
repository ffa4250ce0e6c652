"""A Meilisearch that a test may fill, pause and lock: always the double, in a folder of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from retrieval.corpus.store import Corpus
from retrieval.settings import MeilisearchSettings
from tests.embedders import WordEmbedder
from tests.engines.meilisearch import double
from tests.retrieval.building import make_chunk, store

KEY = "a-master-key"


@dataclass(frozen=True, slots=True)
class Double:
    """A double at `url` that asks for `KEY`; files in `folder` disturb it."""

    url: str
    folder: Path

    def settings(self, **more: object) -> MeilisearchSettings:
        """Return settings that lead there."""
        given = {"url": self.url, "api_key": KEY, "index": "pmoves", "task_timeout_s": 10}
        return MeilisearchSettings.model_validate(given | more)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Double]:
    """A double of this test alone."""
    with double(tmp_path, key=KEY) as made:
        yield Double(made.url, tmp_path)


@pytest.fixture
def boats(corpus: Corpus, word_embedder: WordEmbedder) -> Corpus:
    """Three passages about boats."""
    store(corpus, word_embedder, [make_chunk(f"d{at}-1", f"boat {at}") for at in range(3)])
    return corpus
