import sys
from subprocess import run

import pytest

HEAVY = ("ray", "torch", "transformers", "sentence_transformers", "fastapi")


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that are loaded after `statement` in a new process."""
    code = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.integration
def test_the_library_is_imported_without_ray_and_without_loading_a_model() -> None:
    loaded = modules_after("import retrieval.library, retrieval.jobs")
    assert "retrieval" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.integration
def test_the_packaged_model_embeds_without_what_the_default_installation_lacks() -> None:
    loaded = modules_after(
        "from retrieval.embedding.opening import load_embedder as load\n"
        "from retrieval.settings import EmbeddingSettings\n"
        "load(EmbeddingSettings(dtype='int8')).embed_queries(['boats'])"
    )
    assert "ctranslate2" in loaded
    assert loaded.isdisjoint(("torch", "transformers", "sentence_transformers"))
