"""Backups of a home, and what comes back from them."""

import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cluster.backup import back_up, restore
from cluster.cli.app import app
from cluster.settings import Settings
from retrieval.corpus.store import Corpus
from retrieval.jobs import JobRequest, JobStore
from retrieval.object_store import configure
from retrieval.settings import S3Settings
from tests.embedders import WordEmbedder
from tests.engines.seaweedfs import ObjectStore
from tests.retrieval.building import make_chunk, store


def pmoves(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def note_job(job_id: str) -> None:
    jobs = JobStore(Settings().state_url)
    jobs.create(JobRequest(namespace="pmoves", sources=[]), job_id)
    jobs.close()


@pytest.mark.usefixtures("corpus")
def test_what_was_lost_comes_back_and_is_searched(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_job("job-1")
    made = pmoves("backup", str(tmp_path / "safe"))
    assert made.exit_code == 0, made.output
    assert "backed up" in made.stdout
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "another home"))
    restored = pmoves("restore", str(tmp_path / "safe"))
    assert restored.exit_code == 0, restored.output
    found = pmoves("search", "phantom power", "--k", "1")
    assert "Microphones" in found.stdout
    assert "job-1" in pmoves("jobs", "list").stdout
    assert "quarantined" in pmoves("documents", "list").stdout
    corpus = Corpus.open_existing(Settings().corpus_uri)
    names = {index.name for index in corpus.dataset().describe_indices()}
    assert "indexed_text_idx" in names
    assert home.exists()


@pytest.mark.usefixtures("corpus")
def test_gates_in_supabase_are_left_out_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_SUPABASE__URL", "https://studio.supabase.co")
    made = pmoves("backup", str(tmp_path / "safe"))
    assert "gates of personas are in Supabase at https://studio.supabase.co" in made.stdout
    monkeypatch.delenv("PMOVES_SUPABASE__URL")
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "another"))
    restored = pmoves("restore", str(tmp_path / "safe"))
    assert "without the gates of personas, which were in Supabase" in restored.stdout


@pytest.mark.usefixtures("corpus")
def test_gates_in_a_database_of_its_own_are_not_spoken_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_SUPABASE__URL", "https://studio.supabase.co")
    monkeypatch.setenv("PMOVES_STATE__URL", f"sqlite:///{tmp_path / 'own.db'}")
    assert "Supabase" not in pmoves("backup", str(tmp_path / "safe")).stdout


@pytest.mark.usefixtures("home")
def test_the_restored_corpus_grows_on(corpus: Corpus, tmp_path: Path) -> None:
    back_up(Settings(), str(tmp_path / "safe"))
    moved = Settings(home=tmp_path / "moved")
    restore(moved, str(tmp_path / "safe"))
    again = Corpus.open_existing(moved.corpus_uri)
    assert again.dataset().count_rows() == corpus.dataset().count_rows()
    # What was handed out after the backup is never mistaken for a write of later.
    assert again.version > 10**12 > corpus.version
    again.delete_document("pmoves", "tea")
    assert again.optimize()
    assert again.dataset().count_rows() == 1
    assert corpus.dataset().count_rows() == 2


@pytest.mark.usefixtures("corpus")
def test_restoring_overwrites_nothing(tmp_path: Path) -> None:
    assert pmoves("backup", str(tmp_path / "safe")).exit_code == 0
    refused = pmoves("restore", str(tmp_path / "safe"))
    assert refused.exit_code == 1
    assert "move it away first" in refused.stderr
    assert "Traceback" not in refused.output


@pytest.mark.usefixtures("corpus")
def test_a_state_database_is_not_overwritten_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_job("job-1")
    assert pmoves("backup", str(tmp_path / "safe")).exit_code == 0
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "another"))
    note_job("job-2")
    refused = pmoves("restore", str(tmp_path / "safe"))
    assert refused.exit_code == 1
    assert "state database" in refused.stderr
    assert not (tmp_path / "another" / "corpus").exists()


@pytest.mark.usefixtures("corpus")
def test_a_backup_needs_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep me")
    refused = pmoves("backup", str(tmp_path / "full"))
    assert refused.exit_code == 1
    assert "not an empty folder" in refused.stderr


@pytest.mark.usefixtures("home")
def test_without_a_corpus_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    refused = pmoves("backup", str(tmp_path / "safe"))
    assert refused.exit_code == 1
    assert "there is no corpus" in refused.stderr


@pytest.mark.usefixtures("corpus")
def test_half_a_backup_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pmoves("backup", str(tmp_path / "safe")).exit_code == 0
    (tmp_path / "safe" / "backup.json").unlink()
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "another"))
    refused = pmoves("restore", str(tmp_path / "safe"))
    assert refused.exit_code == 1
    assert "no whole backup" in refused.stderr


@pytest.mark.integration
def test_a_backup_under_writes_shows_one_moment(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each commit replaces two documents at once; the copy must never hold a mixture."""
    monkeypatch.setattr("retrieval.corpus.upkeep._KEEP_VERSIONS", timedelta(0))
    embedder, ended = WordEmbedder(4), threading.Event()
    corpus = Corpus.open(str(home / "corpus"), embedder.identity)

    def commit(at: int) -> None:
        chunks = [make_chunk(f"{doc}-{n}", f"round {at}") for doc in "ab" for n in range(3)]
        store(corpus, embedder, chunks, replace=True)

    def write() -> None:
        for at in range(1, 10_000):
            if ended.is_set():
                return
            commit(at)
            if at % 5 == 0:
                corpus.optimize()

    commit(0)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = []
        for at in range(4):
            made.append(back_up(Settings(), str(tmp_path / f"safe {at}")))
            # On a busy machine the writer may not have had its turn yet.
            while writer.is_alive() and corpus.version == made[-1].index_version:
                time.sleep(0.01)
    finally:
        ended.set()
        writer.join()
    assert made[-1].index_version > made[0].index_version
    for at in range(4):
        copied = Corpus.open_existing(str(tmp_path / f"safe {at}" / "corpus"))
        rows = copied.dataset().to_table().to_pylist()
        assert len(rows) == 6
        assert len({row["indexed_text"] for row in rows}) == 1
    assert not corpus.dataset().tags.list()


@pytest.mark.integration
def test_a_backup_lies_in_s3_and_comes_back_from_there(
    home: Path,
    corpus: Corpus,
    object_store: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    safe = f"s3://{object_store.new_bucket()}/back ups/ä"
    note_job("job-1")
    made = pmoves("backup", safe)
    assert made.exit_code == 0, made.output
    refused = pmoves("backup", safe)
    assert refused.exit_code == 1
    assert "name a new place for each backup" in refused.stderr
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "another home"))
    missing = pmoves("restore", f"{safe}/nothing")
    assert missing.exit_code == 1
    assert "no whole backup" in missing.stderr
    restored = pmoves("restore", safe)
    assert restored.exit_code == 0, restored.output
    assert "job-1" in pmoves("jobs", "list").stdout
    again = Corpus.open_existing(Settings().corpus_uri)
    assert again.dataset().count_rows() == corpus.dataset().count_rows()
    configure(S3Settings())
