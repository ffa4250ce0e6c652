"""From older schemas of a corpus to the present one, step by step and only forward."""

from collections.abc import Callable, Mapping
from functools import partial

import lance

from retrieval.corpus.locking import sole_writer
from retrieval.corpus.meta import read_schema_version
from retrieval.corpus.records import add_records
from retrieval.corpus.relations import create_relations
from retrieval.corpus.schema import SCHEMA_VERSION
from retrieval.corpus.tables import table_uri, write

Step = Callable[[str], None]

# Keyed by the version that a step starts from; it gets the URI of the corpus and may
# run twice, since a process can end between the step and the note that it is done.
STEPS: Mapping[int, Step] = {1: create_relations, 2: add_records}


def migrate(uri: str, steps: Mapping[int, Step] = STEPS, goal: int = SCHEMA_VERSION) -> int:
    """Bring the corpus at `uri` to the schema `goal`; return the version it had before.

    A corpus of that schema or a newer one is left as it is. Of several processes one
    migrates, and the others wait for it. Raises `CorpusError` where it cannot be written.
    """
    before = read_schema_version(uri)
    if before < goal:
        with sole_writer(table_uri(uri, "meta")):
            for version in range(read_schema_version(uri), goal):
                steps[version](uri)
                write(table_uri(uri, "meta"), partial(_note, version=version + 1))
    return before


def _note(dataset: lance.LanceDataset, version: int) -> None:
    dataset.update({"schema_version": str(version)})
