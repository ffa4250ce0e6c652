"""Extracting the relations of passages that are stored already."""

from collections.abc import Callable, Iterator

import lance

from retrieval.chunk import Chunk
from retrieval.corpus.filters import namespaces_predicate
from retrieval.corpus.records import HIT_COLUMNS
from retrieval.corpus.schema import row_to_chunk
from retrieval.corpus.store import Corpus
from retrieval.extraction.chunks import ChunkRelations

_ROWS = 1_024


def extract_stored(
    corpus: Corpus,
    namespace: str,
    relations: ChunkRelations,
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Extract anew what the passages of `namespace` state, as after a change of its dictionary.

    `on_progress` gets the number of passages done. Returns the number of relations written or
    removed. Passages that change meanwhile keep what their own commit stores.
    """
    changed = done = 0
    for chunks in _batches(corpus.dataset(), namespace):
        changed += corpus.resettle(chunks, relations.of(chunks))
        done += len(chunks)
        on_progress(done)
    return changed


def _batches(dataset: lance.LanceDataset, namespace: str) -> Iterator[list[Chunk]]:
    scanner = dataset.scanner(
        columns=[*HIT_COLUMNS, "position"],
        filter=namespaces_predicate([namespace]),
        batch_size=_ROWS,
    )
    for batch in scanner.to_batches():
        if batch.num_rows:
            yield [row_to_chunk(row) for row in batch.to_pylist()]
