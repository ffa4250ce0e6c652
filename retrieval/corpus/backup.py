"""Copying a corpus as it is at one moment, while it is written to."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import lance

from retrieval.corpus.locking import sole_writer
from retrieval.corpus.meta import read_identity
from retrieval.corpus.numbering import index_version, number_anew
from retrieval.corpus.tables import open_table, table_exists, table_uri, write
from retrieval.errors import CorpusError
from retrieval.object_store import storage_options

# Last comes the one without which there is no corpus, so that half a copy is none.
_TABLES = ("documents", "chunks", "relations", "entities", "meta")
_WRITTEN = ("documents", "chunks", "relations", "entities")


def copy_corpus(source: str, target: str, *, restoring: bool = False) -> int:
    """Copy the corpus at `source` to `target`; return the index version that was copied.

    `restoring` makes the copy the one that goes on, so that it numbers its versions anew.

    Writers go on: the copy shows one moment between two of their commits, and cleaning
    up leaves that version alone until it is copied. Raises `CorpusError` where there is
    no corpus at `source`, or something at `target` already.
    """
    if not table_exists(table_uri(source, "meta")):
        raise CorpusError(f"there is no corpus at {source}")
    read_identity(source)
    for name in _TABLES:
        if table_exists(table_uri(target, name)):
            raise CorpusError(
                f"there is a corpus at {target} already; nothing is overwritten, so move it away"
            )
    with _pinned(source) as tables:
        for name, table in tables.items():
            _clone(table, table_uri(target, name))
            if restoring and name == "chunks":
                write(table_uri(target, name), number_anew)
        return index_version(tables["chunks"])


@contextmanager
def _pinned(source: str) -> Iterator[dict[str, lance.LanceDataset]]:
    tag = f"copy-{uuid.uuid4().hex}"
    with ExitStack() as stack:
        with ExitStack() as writers:
            for name in _WRITTEN:
                writers.enter_context(sole_writer(table_uri(source, name)))
            # Not every corpus has entities, and one of an older schema has no relations.
            present = [name for name in _TABLES if table_exists(table_uri(source, name))]
            tables = {name: open_table(table_uri(source, name)) for name in present}
            for table in tables.values():
                table.tags.create(tag, table.version)
                stack.callback(table.tags.delete, tag)
        yield tables


def _clone(table: lance.LanceDataset, target: str) -> None:
    try:
        table.deep_clone(target, table.version, storage_options=storage_options(target))
    except (OSError, ValueError, RuntimeError) as error:
        line = str(error).partition("\n")[0][:300]
        raise CorpusError(f"cannot copy {table.uri} to {target}: {line}") from error
