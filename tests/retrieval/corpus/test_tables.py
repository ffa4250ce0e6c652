import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import lance
import numpy as np
import pyarrow as pa
import pytest

from retrieval.corpus.store import Corpus
from retrieval.corpus.tables import create_table, open_table, table_exists, table_uri, write
from retrieval.errors import CorpusError
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store

ONE = pa.table({"x": [1]})
NOBODY = 65534


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.corpus.tables.random.uniform", lambda _low, _high: 0.0)


@contextmanager
def read_only_folder() -> Iterator[Path]:
    """Give a folder that this process may list and read, but not change, even as root."""
    with TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Take the right to write to `folder` away."""
    modes = {path: path.stat().st_mode for path in [folder, *folder.rglob("*")] if path.is_dir()}
    for path in modes:
        path.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in modes.items():
            path.chmod(mode)


def test_uris_of_folders_and_object_stores() -> None:
    assert table_uri("/data/corpus", "chunks") == "/data/corpus/chunks.lance"
    assert table_uri("s3://bucket/corpus/", "chunks") == "s3://bucket/corpus/chunks.lance"


def test_creating_makes_the_folders(tmp_path: Path) -> None:
    uri = table_uri(str(tmp_path / "a b" / "c"), "t")
    assert not table_exists(uri)
    assert create_table(uri, ONE).count_rows() == 1
    assert table_exists(uri)


def test_who_comes_second_opens_what_is_there(tmp_path: Path) -> None:
    uri = table_uri(str(tmp_path), "t")
    create_table(uri, ONE)
    assert create_table(uri, pa.table({"x": [2, 3]})).count_rows() == 1


def test_a_missing_table_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"cannot open the table .*gone\.lance") as missing:
        open_table(str(tmp_path / "gone.lance"))
    assert ".rs:" not in str(missing.value)


@pytest.mark.parametrize("message", ["Retryable commit conflict for version 7", "Too many retries"])
def test_a_lost_race_is_tried_again(tmp_path: Path, message: str) -> None:
    uri = table_uri(str(tmp_path), "t")
    create_table(uri, ONE)
    failures = [OSError(message), RuntimeError(message), ValueError(message)]

    def operation(dataset: lance.LanceDataset) -> int:
        if failures:
            raise failures.pop()
        return int(dataset.count_rows())

    assert write(uri, operation) == 1
    assert not failures


def test_a_race_lost_again_and_again_is_reported(tmp_path: Path) -> None:
    uri = table_uri(str(tmp_path), "t")
    create_table(uri, ONE)
    calls: list[int] = []

    def operation(_dataset: lance.LanceDataset) -> None:
        calls.append(1)
        raise OSError("Commit conflict\nlong story")

    with pytest.raises(CorpusError, match=r"cannot write to .*: Commit conflict; nothing"):
        write(uri, operation)
    assert len(calls) > 5


def test_other_failures_are_not_repeated(tmp_path: Path) -> None:
    uri = table_uri(str(tmp_path), "t")
    create_table(uri, ONE)
    calls: list[int] = []

    def operation(_dataset: lance.LanceDataset) -> None:
        calls.append(1)
        raise OSError("disk full")

    with pytest.raises(CorpusError, match="disk full"):
        write(uri, operation)
    assert calls == [1]


def test_a_folder_that_cannot_be_made_says_what_to_do() -> None:
    embedder = WordEmbedder(4)
    with (
        read_only_folder() as folder,
        without_rights(folder),
        pytest.raises(CorpusError, match=r"cannot create the corpus folder .*PMOVES_HOME"),
    ):
        Corpus.open(str(folder / "corpus"), embedder.identity)


def test_a_read_only_folder_says_what_to_do() -> None:
    embedder = WordEmbedder(4)
    with (
        read_only_folder() as folder,
        without_rights(folder),
        pytest.raises(CorpusError, match=r"cannot create the table .*denied.*PMOVES_HOME"),
    ):
        Corpus.open(str(folder), embedder.identity)


def test_a_read_only_corpus_can_be_read_and_refuses_writes() -> None:
    embedder = WordEmbedder(4)
    with read_only_folder() as folder:
        store(Corpus.open(str(folder), embedder.identity), embedder, [make_chunk("d-1", "one")])
        with without_rights(folder):
            corpus = Corpus.open(str(folder), embedder.identity)
            assert corpus.dataset().count_rows() == 1
            with pytest.raises(CorpusError, match=r"cannot write to .*denied"):
                corpus.commit([make_chunk("d-2", "two")], np.ones((1, 4), np.float32))
        assert corpus.dataset().count_rows() == 1
