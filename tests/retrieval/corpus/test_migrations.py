"""Corpora of every released schema are opened, and schemas only go forward."""

import tarfile
from pathlib import Path

import lance
import pytest

from retrieval.corpus.meta import read_schema_version
from retrieval.corpus.migrations import STEPS, migrate
from retrieval.corpus.records import HIT_COLUMNS, read_hit_rows
from retrieval.corpus.schema import RECORD, SCHEMA_VERSION
from retrieval.corpus.store import Corpus
from retrieval.corpus.tables import table_uri
from retrieval.errors import CorpusError, SchemaVersionError
from retrieval.lexical.fulltext import search_text
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store
from tests.retrieval.corpus.make_schema_fixture import fixture_path

EMBEDDER = WordEmbedder(4)


def unpack(version: int, folder: Path) -> str:
    with tarfile.open(fixture_path(version)) as archive:
        archive.extractall(folder, filter="data")
    return str(folder / "corpus")


@pytest.fixture
def first(tmp_path: Path) -> str:
    """A corpus of the first schema, written by the code of that time."""
    return unpack(1, tmp_path)


def test_there_is_a_step_from_each_released_schema() -> None:
    assert set(STEPS) == set(range(1, SCHEMA_VERSION))
    assert all(fixture_path(version).exists() for version in range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_a_corpus_of_any_schema_is_searched_and_written(version: int, tmp_path: Path) -> None:
    corpus = Corpus.open_existing(unpack(version, tmp_path))
    assert read_schema_version(corpus.uri) == SCHEMA_VERSION
    addresses, _ = search_text(corpus.dataset(), "boat", ("ns",), 10)
    columns = corpus.dataset()._take_rows(addresses, columns=list(HIT_COLUMNS)).to_pylist()
    assert [row["chunk_id"] for row in columns] == ["d-2", "d-1"]
    assert read_hit_rows(corpus.dataset(), addresses.tolist()) == columns
    assert None not in corpus.dataset().to_table(columns=[RECORD])[RECORD].to_pylist()
    statuses = {row.doc_id: row.status for row in corpus.documents().documents}
    assert statuses == {"d": "ready", "bad": "quarantined"}
    chunks = [make_chunk("d-1", "a giraffe"), make_chunk("n-1", "one more boat")]
    assert store(corpus, EMBEDDER, chunks, replace=True).deleted == 1
    assert corpus.optimize()
    addresses, _ = search_text(corpus.dataset(), "boat giraffe", ("ns",), 10)
    assert len(addresses) == 2
    assert corpus.dataset().count_rows() == 2


def add_language(uri: str) -> None:
    table = lance.dataset(table_uri(uri, "chunks"))
    if "language" not in table.schema.names:
        table.add_columns({"language": "cast('en' as string)"})


def stop(_uri: str) -> None:
    raise CorpusError("killed")


def test_steps_run_in_order_and_once(first: str) -> None:
    ran: list[int] = []
    steps = {version: lambda _uri, at=version: ran.append(at) for version in (1, 2, 3)}
    assert migrate(first, steps, goal=3) == 1
    assert migrate(first, steps, goal=3) == 3
    assert migrate(first, steps, goal=4) == 3
    assert ran == [1, 2, 3]


def test_a_migration_that_was_cut_short_goes_on_where_it_was(first: str) -> None:
    with pytest.raises(CorpusError, match="killed"):
        migrate(first, {1: add_language, 2: stop}, goal=3)
    assert read_schema_version(first) == 2
    assert migrate(first, {2: add_language}, goal=3) == 2
    table = lance.dataset(table_uri(first, "chunks")).to_table()
    assert table["language"].to_pylist() == ["en", "en"]
    newer = SCHEMA_VERSION + 1
    migrate(first, dict.fromkeys(range(3, newer), add_language), goal=newer)
    with pytest.raises(SchemaVersionError, match="update pmoves-mesh"):
        Corpus.open_existing(first)


def test_a_newer_schema_is_left_alone(first: str) -> None:
    migrate(first, {1: add_language}, goal=2)
    assert migrate(first, {}, goal=1) == 2
    assert read_schema_version(first) == 2
