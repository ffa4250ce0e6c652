"""Writing and removing rows of a table in one version."""

from collections.abc import Collection

import lance
import pyarrow as pa
from lance.fragment import write_fragments

from retrieval.corpus.filters import documents_predicate
from retrieval.corpus.tables import upsert

_ROUNDS = 5


def replace_rows(
    dataset: lance.LanceDataset, table: pa.Table, gone: Collection[int], *, alone: bool
) -> lance.LanceDataset:
    """Append `table` and delete the rows at the addresses `gone`; return the new version.

    The cost depends on the rows written and the files touched, not on the table.
    `alone` says that nobody else writes rows now. Else the table must have rows already,
    and of two such commits at the same time one loses and has to look for its rows again.
    """
    parts = dataset.get_fragments() if gone or not alone else []
    touched = _by_fragment(gone)
    if not alone:
        # Lance takes two commits for a conflict where they name the same file: so all do.
        touched.setdefault(parts[0].fragment_id, [])
    kept, emptied = [], []
    for part in parts:
        if (offsets := touched.get(part.fragment_id)) is None:
            continue
        if left := part.delete_rows(offsets) if offsets else part.metadata:
            kept.append(left)
        else:
            emptied.append(part.fragment_id)
    new = write_fragments(table, dataset) if table.num_rows else []
    update = lance.LanceOperation.Update(
        removed_fragment_ids=emptied, updated_fragments=kept, new_fragments=new
    )
    return lance.LanceDataset.commit(dataset, update, read_version=dataset.version)


def _by_fragment(addresses: Collection[int]) -> dict[int, list[int]]:
    """Return the offsets of rows by the number of their fragment."""
    found: dict[int, list[int]] = {}
    for address in addresses:
        found.setdefault(address >> 32, []).append(address & 0xFFFFFFFF)
    return found


def merge_rows(
    dataset: lance.LanceDataset,
    table: pa.Table,
    replaced: Collection[tuple[str, str]],
    expected: int,
) -> int:
    """Upsert chunks and delete the others of the `replaced` documents, beside other writers.

    For a table without rows, where nothing stands in the way of several first commits:
    it reads the keys of all rows that have come. `dataset` becomes the new version;
    returns the number of rows deleted. `expected` is the number of rows that the replaced
    documents have in the end.
    """
    predicate, deleted = documents_predicate(replaced), 0
    for _ in range(_ROUNDS):
        builder = upsert(dataset, ["namespace", "chunk_id"])
        if replaced:
            builder.when_not_matched_by_source_delete(predicate)
        deleted += builder.execute(table)["num_deleted_rows"]
        # Rows that another writer gave the same new document meanwhile are no conflict to Lance.
        if not replaced or dataset.count_rows(filter=predicate) == expected:
            break
    return deleted
