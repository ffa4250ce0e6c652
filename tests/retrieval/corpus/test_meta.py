from pathlib import Path

import lance
import pyarrow as pa
import pytest

from retrieval.corpus.meta import create_meta, read_identity
from retrieval.corpus.schema import SCHEMA_VERSION
from retrieval.corpus.store import Corpus
from retrieval.corpus.tables import table_uri
from retrieval.errors import CorpusError, EmbeddingIdentityError, SchemaVersionError
from tests.embedders import WordEmbedder

IDENTITY = WordEmbedder(4).identity


def rewrite(uri: str, **values: object) -> None:
    """Put other values into the record of the corpus at `uri`."""
    table = lance.dataset(table_uri(uri, "meta")).to_table()
    row = table.to_pylist()[0] | values
    lance.write_dataset(
        pa.Table.from_pylist([row], table.schema), table_uri(uri, "meta"), mode="overwrite"
    )


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """A corpus that has nothing but its record."""
    create_meta(str(tmp_path), IDENTITY)
    return str(tmp_path)


def test_the_record_keeps_the_identity(uri: str) -> None:
    assert read_identity(uri) == IDENTITY


def test_who_comes_second_does_not_change_it(uri: str) -> None:
    create_meta(uri, WordEmbedder(8).identity)
    assert read_identity(uri) == IDENTITY


def test_a_corpus_of_newer_code_is_left_alone(uri: str) -> None:
    rewrite(uri, schema_version=SCHEMA_VERSION + 1)
    with pytest.raises(
        SchemaVersionError,
        match=rf"schema version {SCHEMA_VERSION + 1}.* up to {SCHEMA_VERSION}; update",
    ):
        Corpus.open(uri, IDENTITY)


def test_a_damaged_record_is_named(uri: str) -> None:
    rewrite(uri, identity='{"model": "x"}')
    with pytest.raises(CorpusError, match="damaged embedding identity"):
        read_identity(uri)


def test_two_records_are_one_too_many(uri: str) -> None:
    table = lance.dataset(table_uri(uri, "meta")).to_table()
    lance.write_dataset(table, table_uri(uri, "meta"), mode="append")
    with pytest.raises(CorpusError, match="2 meta records instead of one"):
        read_identity(uri)


def test_another_model_is_refused_before_anything_is_written(uri: str) -> None:
    with pytest.raises(EmbeddingIdentityError, match=r"dimension: 4 here, 8 given"):
        Corpus.open(uri, WordEmbedder(8).identity)
    assert sorted(path.name for path in Path(uri).iterdir()) == ["meta.lance"]


def test_an_existing_corpus_opens_with_the_model_that_it_names(uri: str) -> None:
    assert Corpus.open_existing(uri).identity == IDENTITY


def test_no_corpus_is_said_plainly_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"there is no corpus at .*; ingest something first"):
        Corpus.open_existing(str(tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()
