import threading
from functools import partial
from pathlib import Path

import pytest

from retrieval.corpus.store import Corpus
from retrieval.embedding.ctranslate import CTranslateEmbedder
from retrieval.errors import EmbeddingIdentityError
from retrieval.housekeeping import Housekeeping
from retrieval.library import Library
from retrieval.settings import EmbeddingSettings, LibrarySettings
from tests.embedders import WordEmbedder
from tests.openai_server import OpenAiServer, serving

DOCUMENTS = {
    "manual": ["Change the engine oil every ten thousand kilometres.", "Check the tyre pressure."],
    "recipes": ["Peel the leeks and simmer them for the soup.", "Whip the cream until stiff."],
    "invoice": ["Invoice INV-2026-031 for three condenser microphones."],
}


@pytest.fixture(autouse=True)
def _one_model(packaged_embedder: CTranslateEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the packaged model of the session; loading it again takes seconds."""

    def loaded(settings: EmbeddingSettings) -> CTranslateEmbedder:
        assert settings.model == "packaged"
        return packaged_embedder

    monkeypatch.setattr("retrieval.embedding.opening.CTranslateEmbedder", loaded)


def test_five_lines_give_a_working_search(tmp_path: Path) -> None:
    with Library(tmp_path / "home") as library:
        for doc_id, passages in DOCUMENTS.items():
            library.add(doc_id, passages)
        hit = library.search("How do I service my car?").hits[0]
        assert (hit.doc_id, hit.text) == ("manual", DOCUMENTS["manual"][0])
        assert library.search("INV-2026-031").hits[0].doc_id == "invoice"
        assert library.search("cooking vegetables", k=1).hits[0].doc_id == "recipes"


def test_what_was_added_is_there_the_next_time(tmp_path: Path) -> None:
    with Library(tmp_path) as library:
        library.add("recipes", DOCUMENTS["recipes"])
    with Library(tmp_path) as library:
        assert library.search("soup", k=1).hits[0].text == DOCUMENTS["recipes"][0]
        assert library.add("recipes", DOCUMENTS["recipes"]).unchanged == 2


def test_adding_again_replaces_the_whole_document(tmp_path: Path) -> None:
    with Library(tmp_path) as library:
        library.add("d", ["one", "two", "three"])
        commit = library.add("d", ["one"])
        assert (commit.unchanged, commit.deleted) == (1, 2)
        assert [hit.text for hit in library.search("two").hits] == ["one"]
        assert library.add("d", []).deleted == 1
        assert library.search("one").hits == []


def test_namespaces_and_options(tmp_path: Path) -> None:
    settings = LibrarySettings(search={"namespace": "studio"})
    with Library(tmp_path, settings) as library:
        library.add("d", ["boat"])
        library.add("d", ["ship"], namespace="other")
        assert [hit.namespace for hit in library.search("boat").hits] == ["studio"]
        response = library.search(
            "boat", namespaces=["studio", "other"], mode="dense", explain=True
        )
        assert [hit.text for hit in response.hits] == ["boat", "ship"]
        assert response.hits[0].explain is not None


def test_the_folder_given_holds_everything(tmp_path: Path) -> None:
    with Library(tmp_path / "home") as library:
        library.add("d", ["boat"])
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_no_thread_outlives_it(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with Library(tmp_path) as library:
        library.add("d", ["boat"])
        assert library.search("boat").hits
        assert set(threading.enumerate()) > before
    assert set(threading.enumerate()) <= before


def test_it_keeps_its_corpus_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, optimize = threading.Event(), Corpus.optimize

    def noted(corpus: Corpus) -> bool:
        done = optimize(corpus)
        kept.set()
        return done

    monkeypatch.setattr(Corpus, "optimize", noted)
    monkeypatch.setattr("retrieval.library.Housekeeping", partial(Housekeeping, commits=4))
    with Library(tmp_path) as library:
        for at in range(4):
            assert not kept.is_set()
            library.add(f"d{at}", [f"boat {at}"])
        assert kept.wait(60)
        assert len(library.corpus.dataset().get_fragments()) == 1


def test_a_model_over_http_is_used_and_given_back(
    tmp_path: Path, word_embedder: WordEmbedder
) -> None:
    threads = threading.active_count()
    with serving(OpenAiServer(embed=word_embedder.embed_passages)) as url:
        embedding = EmbeddingSettings(provider="ollama", url=url, model="words")
        settings = LibrarySettings(embedding=embedding)
        with Library(tmp_path, settings) as library:
            library.add("recipes", DOCUMENTS["recipes"])
            assert (
                library.search("simmer leeks for the soup", mode="dense").hits[0].text
                == DOCUMENTS["recipes"][0]
            )
            assert library.corpus.identity.model == "words"
    with pytest.raises(EmbeddingIdentityError, match="'words', but 'sentence-transformers"):
        Library(tmp_path)
    assert threading.active_count() == threads
