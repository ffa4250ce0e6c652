"""The embedder of a mesh over a model that a server has."""

from pathlib import Path

import httpx
import pytest

from retrieval.embedding.settings import EmbeddingSettings
from retrieval.errors import StageError
from serve_apps.embedder import Embedder
from serve_apps.job_environment import mesh_environment
from serve_apps.settings import AppArgs
from tests.embedders import WordEmbedder
from tests.openai_server import OpenAiServer, serving


def remote(url: str, **fields: object) -> EmbeddingSettings:
    """Return settings of a model over HTTP whose dimension is known."""
    given = {"provider": "openai", "url": url, "model": "words", "dimensions": 32, "retries": 0}
    return EmbeddingSettings.model_validate(given | fields)


async def test_the_mesh_comes_up_before_its_server_does(
    tmp_path: Path, word_embedder: WordEmbedder
) -> None:
    server = OpenAiServer(embed=word_embedder.embed_passages)
    server.failures = [httpx.Response(500) for _ in range(2)]
    with serving(server) as url:
        embedder = Embedder(AppArgs(home=tmp_path, embedding=remote(url)))
        with pytest.raises(StageError, match="answered 500"):
            await embedder.embed_queries(["boat"], {})
        found = await embedder.embed_passages(["boat", "lamp"], {})
    assert found == pytest.approx(word_embedder.embed_passages(["boat", "lamp"]), abs=1e-6)
    embedder.close()


def test_jobs_get_the_model_and_the_key_of_the_mesh(tmp_path: Path) -> None:
    settings = AppArgs(home=tmp_path, embedding=remote("http://models:1", api_key="from args"))
    environment = mesh_environment(settings, {"PMOVES_EMBEDDING__API_KEY": "k-1", "HOME": "/root"})
    assert environment["PMOVES_EMBEDDING__URL"] == "http://models:1"
    assert environment["PMOVES_EMBEDDING__DIMENSIONS"] == "32"
    # Ray shows what a job was given; what the gateway was given by its environment stays there.
    assert environment["PMOVES_EMBEDDING__API_KEY"] == "k-1"
    assert "from args" not in str(environment)


def test_arguments_of_the_application_leave_the_key_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PMOVES_EMBEDDING__API_KEY", "k-1")
    embedding = remote("http://models:1").model_dump(mode="json", exclude={"api_key"})
    found = AppArgs.model_validate({"embedding": embedding}).embedding
    assert (found.api_key.get_secret_value(), found.url) == ("k-1", "http://models:1")
