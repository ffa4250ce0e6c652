"""A home of its own for every test, with a real corpus or a real gateway where asked for."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn

from cluster.setting_fields import setting_fields
from retrieval.chunk import Chunk, Document, DocumentError, Locator
from retrieval.corpus.store import Corpus
from retrieval.embedding.ctranslate import CTranslateEmbedder
from retrieval.ids import chunk_id
from retrieval.settings import PREDECESSOR_NAMES
from serve_apps.answering import make_answering
from serve_apps.api import create_app
from serve_apps.settings import AppArgs
from tests.serve_apps.support import services_over

PASSAGES = {
    "tea": ("Tea, brewed", "Green tea is brewed with water of eighty degrees.", 3),
    "mic": ("Microphones", "A ribbon microphone must never see phantom power.", 1),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, named by the environment, which holds no other setting."""
    for name in [*(field.env for field in setting_fields()), *PREDECESSOR_NAMES]:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "a home"
    monkeypatch.setenv("PMOVES_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def corpus(home: Path, packaged_embedder: CTranslateEmbedder) -> Corpus:
    """A corpus of two documents in the home, and a quarantined one in its ledger."""
    opened = Corpus.open(str(home / "corpus"), packaged_embedder.identity)
    chunks = [_chunk(name) for name in PASSAGES]
    vectors = packaged_embedder.embed_passages([chunk.indexed_text for chunk in chunks])
    ledger = [
        Document("pmoves", name, f"file:///{name}.pdf", "ready", title=title, chunks=1)
        for name, (title, _, _) in PASSAGES.items()
    ]
    error = DocumentError("parse", "UnreadableFileError", "The PDF is damaged.")
    bad = Document("pmoves", "bad", "file:///bad.pdf", "quarantined", stage="parse", error=error)
    opened.commit(chunks, vectors, documents=[*ledger, bad])
    return opened


@pytest.fixture
def gateway(
    home: Path,
    corpus: Corpus,
    packaged_embedder: CTranslateEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """The URL of a gateway over the corpus, served over HTTP without Ray."""
    # It shares this process with the command line, whose output is looked at.
    monkeypatch.setattr(logging.getLogger("serve_apps"), "propagate", False)
    monkeypatch.setattr(logging.getLogger("serve_apps"), "handlers", [logging.NullHandler()])
    with (
        services_over(corpus, packaged_embedder, AppArgs(home=home)) as services,
        socket.socket() as listener,
    ):
        listener.bind(("127.0.0.1", 0))
        # Callers may come before the server does; until then they wait in line.
        listener.listen()
        made = replace(services, answering=make_answering(services.settings, services.metrics))
        server = uvicorn.Server(uvicorn.Config(create_app(made), log_level="error"))
        thread = threading.Thread(target=asyncio.run, args=(server.serve([listener]),))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _chunk(doc_id: str) -> Chunk:
    title, text, page = PASSAGES[doc_id]
    return Chunk(
        namespace="pmoves",
        doc_id=doc_id,
        chunk_id=chunk_id("pmoves", doc_id, 0, text),
        text=text,
        source=f"file:///{doc_id}.pdf",
        title=title,
        media_type="application/pdf",
        locator=Locator(page=page),
    )
