"""The column of vectors in the chunks table, and which model made it.

The column names its model in its own metadata, so that vectors and model change in one
version of the table. For a short while a table may hold a second, superseded column.
"""

from typing import Any

import lance
import pyarrow as pa

from retrieval.corpus.locking import sole_writer
from retrieval.corpus.tables import open_table, write
from retrieval.errors import CorpusError
from retrieval.identity import EmbeddingIdentity

VECTOR = "vector"
_IDENTITY = b"pmoves:embedding"


def vector_field(schema: pa.Schema) -> pa.Field:
    """Return the column of vectors that counts: the newest, which comes last."""
    return schema.field(_vector_columns(schema)[-1])


def identity_of(schema: pa.Schema) -> EmbeddingIdentity | None:
    """Return the model that the vectors name; None where they are those of the beginning.

    Raises `CorpusError` where the record is damaged.
    """
    metadata = vector_field(schema).metadata or {}
    if (record := metadata.get(_IDENTITY)) is None:
        return None
    try:
        return EmbeddingIdentity.model_validate_json(record)
    except ValueError as error:
        raise CorpusError(f"the vectors name no model that can be read: {error}") from error


def new_field(name: str, identity: EmbeddingIdentity) -> pa.Field:
    """Return a column of that name for vectors of the model `identity`."""
    metadata = {_IDENTITY: identity.model_dump_json().encode()}
    return pa.field(name, pa.list_(pa.float32(), identity.dimension), metadata=metadata)


def rename_identity(dataset: lance.LanceDataset, identity: EmbeddingIdentity) -> None:
    """Let the vectors, which stay as they are, name `identity`."""
    name = vector_field(dataset.schema).name
    dataset.update_field_metadata({name: {_IDENTITY.decode(): identity.model_dump_json()}})


def settle_vectors(uri: str) -> None:
    """Finish what a process left that was ended while it exchanged the vectors of a table."""
    if _vector_columns(open_table(uri).schema) != [VECTOR]:
        with sole_writer(uri):
            write(uri, drop_superseded)


def drop_superseded(dataset: lance.LanceDataset) -> None:
    """Leave the newest column of vectors only, under its usual name."""
    *superseded, newest = _vector_columns(dataset.schema)
    if superseded:
        dataset.drop_columns(superseded)
    if newest != VECTOR:
        # Lance declares an iterable of these, and wants one.
        usual: Any = {"path": newest, "name": VECTOR}
        dataset.alter_columns(usual)


def _vector_columns(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_fixed_size_list(field.type)]
