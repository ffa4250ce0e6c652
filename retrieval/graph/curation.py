"""Merging rows of a dictionary into the entities of a namespace."""

from collections.abc import Callable, Iterable

from retrieval.corpus.entities import EntityTable
from retrieval.entity import Entity
from retrieval.graph.dictionary import Dictionary
from retrieval.graph.dictionary_rows import DictionaryRow


def curate(
    table: EntityTable, namespace: str, change: Callable[[Dictionary], None]
) -> tuple[int, int]:
    """Let `change` work on the dictionary of `namespace`.

    Returns the number of entities that changed and of those that there are.
    """
    total = 0

    def changed(before: list[Entity]) -> list[Entity]:
        nonlocal total
        dictionary = Dictionary(namespace, before)
        change(dictionary)
        after = list(dictionary)
        total = len(after)
        return after

    return table.change(namespace, changed), total


def merge_rows(
    table: EntityTable, namespace: str, rows: Iterable[DictionaryRow]
) -> tuple[int, int]:
    """Merge `rows` into the entities of `namespace`; return what `curate` returns."""

    def add(dictionary: Dictionary) -> None:
        for row in rows:
            dictionary.add(row)

    return curate(table, namespace, add)
