"""The record that says what a corpus is: its schema version and its model."""

from datetime import datetime
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from retrieval.chunk import utc_now
from retrieval.corpus.filters import quote
from retrieval.corpus.schema import SCHEMA_VERSION
from retrieval.corpus.tables import create_table, open_table, table_exists, table_uri, write
from retrieval.corpus.vector_column import identity_of
from retrieval.errors import CorpusError, SchemaVersionError
from retrieval.identity import EmbeddingIdentity

_META = pa.schema(
    [
        pa.field("schema_version", pa.int32(), nullable=False),
        pa.field("identity", pa.string(), nullable=False),
        ("created_at", pa.timestamp("us", tz="UTC")),
    ]
)


def create_meta(uri: str, identity: EmbeddingIdentity) -> None:
    """Write the record of a new corpus at `uri`, unless there is one already."""
    moment: datetime = utc_now()
    row = {
        "schema_version": SCHEMA_VERSION,
        "identity": identity.model_dump_json(),
        "created_at": moment,
    }
    create_table(table_uri(uri, "meta"), pa.Table.from_pylist([row], _META))


def read_identity(uri: str) -> EmbeddingIdentity:
    """Return the embedding identity of the corpus at `uri`: that of its vectors.

    Raises `SchemaVersionError` when newer code wrote it, `CorpusError` when the
    record is missing or damaged.
    """
    row = _read_row(uri)
    if row["schema_version"] > SCHEMA_VERSION:
        raise SchemaVersionError(
            f"the corpus {uri} has schema version {row['schema_version']}, this code knows up "
            f"to {SCHEMA_VERSION}; update pmoves-mesh"
        )
    chunks = table_uri(uri, "chunks")
    if table_exists(chunks) and (named := identity_of(open_table(chunks).schema)):
        return named
    try:
        return EmbeddingIdentity.model_validate_json(row["identity"])
    except ValidationError as error:
        raise CorpusError(f"the corpus {uri} has a damaged embedding identity: {error}") from error


def write_identity(uri: str, identity: EmbeddingIdentity) -> None:
    """Let the record of the corpus at `uri` name `identity`, where it names another."""
    record = identity.model_dump_json()
    if _read_row(uri)["identity"] != record:
        change = {"identity": quote(record)}
        write(table_uri(uri, "meta"), lambda dataset: dataset.update(change))


def read_schema_version(uri: str) -> int:
    """Return the schema version of the corpus at `uri`, whether this code knows it or not."""
    return int(_read_row(uri)["schema_version"])


def _read_row(uri: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = open_table(table_uri(uri, "meta")).to_table().to_pylist()
    if len(rows) != 1:
        raise CorpusError(f"the corpus {uri} has {len(rows)} meta records instead of one")
    return rows[0]
