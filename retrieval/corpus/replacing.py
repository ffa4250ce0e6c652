"""Writing and removing rows of a table in one version."""

from collections.abc import Collection

import lance
import pyarrow as pa
from lance.fragment import write_fragments

from retrieval.corpus.filters import documents_predicate
from retrieval.corpus.tables import upsert

_ROUNDS = 5


def replace_rows(
    dataset: lance.LanceDataset, table: pa.Table, gone: Collection[int]
) -> lance.LanceDataset:
    """Append `table` and delete the rows at the addresses `gone`; return the new version.

    The cost depends on the rows written and the files touched, not on the table.
    The caller knows by itself that nobody else inserts rows with the same keys.
    """
    by_fragment: dict[int, list[int]] = {}
    for address in gone:
        by_fragment.setdefault(address >> 32, []).append(address & 0xFFFFFFFF)
    by_number = {part.fragment_id: part for part in dataset.get_fragments()} if gone else {}
    kept, emptied = [], []
    for number, offsets in by_fragment.items():
        left = by_number[number].delete_rows(offsets)
        if left is None:
            emptied.append(number)
        else:
            kept.append(left)
    new = write_fragments(table, dataset) if table.num_rows else []
    update = lance.LanceOperation.Update(
        removed_fragment_ids=emptied, updated_fragments=kept, new_fragments=new
    )
    return lance.LanceDataset.commit(dataset, update, read_version=dataset.version)


def merge_rows(
    dataset: lance.LanceDataset,
    table: pa.Table,
    replaced: Collection[tuple[str, str]],
    expected: int,
) -> int:
    """Upsert chunks and delete the others of the `replaced` documents, beside other writers.

    `dataset` becomes the new version; returns the number of rows deleted. Reads the keys
    of the whole table, for only so does Lance see that somebody else inserts the same ones.
    `expected` is the number of rows that the replaced documents have in the end.
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
