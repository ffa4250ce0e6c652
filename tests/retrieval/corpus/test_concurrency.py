"""Several processes at one corpus: writers, readers, one that compacts, and kills."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrieval.corpus.store import Corpus
from retrieval.lexical.fulltext import search_text
from retrieval.object_store import configure
from retrieval.settings import LibrarySettings, S3Settings
from tests.engines.seaweedfs import ObjectStore
from tests.retrieval.corpus import worker
from tests.retrieval.corpus.worker import JOB_DOCUMENTS, check_whole, open_corpus, passages_of

ROOT = Path(__file__).parents[3]
# `make soak` sets it to 200 and more.
KILLS = int(os.environ.get("PMOVES_TEST_KILLS", "3"))
ROUNDS = 20 if "PMOVES_TEST_KILLS" in os.environ else 6


def place_is_local(place: str) -> bool:
    """Say whether a corpus lies in a folder; writing to the S3 here costs several times more."""
    return "://" not in place


def start(role: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a worker."""
    command = [sys.executable, "-m", worker.__name__, role, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> list[Any]:
    """Wait for a worker that must succeed; return what it printed."""
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return [json.loads(line) for line in out.splitlines() if line != "started"]


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.xdist_group("s3"))])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Where a corpus may lie that this process and workers open: on disk, and on a real S3."""
    if request.param == "folder":
        yield str(tmp_path / "corpus")
        return
    store: ObjectStore = request.getfixturevalue("object_store")
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    configure(LibrarySettings().s3)
    yield f"s3://{store.new_bucket()}/a corpus"
    configure(S3Settings())


@pytest.mark.integration
def test_writers_and_readers_in_many_processes(tmp_path: Path, place: str) -> None:
    folder, stop = place, tmp_path / "stop"
    corpus = open_corpus(folder)
    others = [
        start("watch", folder, stop),
        start("watch", folder, stop),
        start("keep", folder, stop),
    ]
    rounds = ROUNDS if place_is_local(folder) else ROUNDS // 2
    writers = [start("write", folder, f"w{at}", rounds) for at in range(4)]
    try:
        done = [entry for process in writers for entry in finish(process)]
    finally:
        stop.touch()
    first, second, _ = [finish(process) for process in others]
    assert min(first + second) > ROUNDS // 2
    assert len(done) > 2 * rounds
    expected: dict[str, str | None] = {doc_id: text for _, doc_id, text in sorted(done)}
    alive = {doc_id: text for doc_id, text in expected.items() if text}
    assert len({version for version, _, _ in done}) == len(done)
    assert check_whole(corpus.dataset()) == alive
    for doc_id, text in expected.items():
        row = corpus.document("ns", doc_id)
        assert row is not None
        assert (row.status == "ready") == (text is not None)
        # Where writers met without a lock, the row may name no content, but never another's.
        said = f"{row.content_hash} of {row.chunks}"
        assert text in (None, said) or (
            text.endswith(f" of {row.chunks}") and not place_is_local(folder)
        )


@pytest.mark.integration
@pytest.mark.timeout(0 if "PMOVES_TEST_KILLS" in os.environ else 300)
def test_a_writer_killed_at_any_moment_leaves_whole_documents(place: str) -> None:
    """The job goes through generation after generation of the same documents."""
    folder, dice = place, random.Random(4)
    corpus, newest = open_corpus(folder), 0
    for _ in range(KILLS if place_is_local(folder) else KILLS // 3):
        process = start("job", folder)
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(dice.uniform(0, 1.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        newest = max(newest, check_job(corpus))
    finish(start("job", folder, newest + 1))
    assert check_whole(corpus.dataset()) == {
        f"d{at}": f"{newest + 1} of {passages_of(f'd{at}', newest + 1)}"
        for at in range(JOB_DOCUMENTS)
    }
    assert len(corpus.documents().documents) == JOB_DOCUMENTS
    found, _ = search_text(corpus.dataset(), str(newest + 1), ("ns",), 1_000)
    assert len(found) == corpus.dataset().count_rows()


def check_job(corpus: Corpus) -> int:
    """Check what a killed job left; return the newest generation."""
    stored = {
        doc_id: int(text.split()[0]) for doc_id, text in check_whole(corpus.dataset()).items()
    }
    for row in corpus.documents().documents:
        # The ledger never promises what is not stored.
        assert stored[row.doc_id] >= int(row.content_hash or 0)
    return max(stored.values(), default=0)


@pytest.mark.integration
def test_a_full_disk_gives_a_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    corpus = open_corpus(str(tmp_path / "corpus"))
    worker.replace_document(corpus, "before", "here", 2)
    (message,) = finish(start("fill_disk", corpus.uri, 20_000))
    assert message.startswith(f"cannot write to {corpus.chunks_uri}: ")
    assert "large" in message
    assert "can be tried again" in message
    assert check_whole(corpus.dataset()) == {"before": "here of 2"}
    worker.replace_document(corpus, "after", "works", 3)
    assert set(check_whole(corpus.dataset())) == {"before", "after"}
