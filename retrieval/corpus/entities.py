"""The entities table. It comes with the first entity; a corpus without any has none."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial

import lance
import pyarrow as pa

from retrieval.corpus.filters import namespaces_predicate, quote
from retrieval.corpus.locking import sole_writer
from retrieval.corpus.schema import key_field
from retrieval.corpus.tables import (
    Session,
    create_table,
    open_table,
    table_exists,
    table_uri,
    upsert,
    write,
)
from retrieval.entity import Alias, Entity
from retrieval.errors import InvalidInputError

Change = Callable[[list[Entity]], Iterable[Entity]]

_ALIAS = pa.struct(
    [
        ("name", pa.string()),
        ("kind", pa.string()),
        ("source", pa.string()),
        ("reference", pa.string()),
        ("confidence", pa.float64()),
        ("notes", pa.string()),
    ]
)
ENTITIES = pa.schema(
    [
        key_field("namespace", 1),
        key_field("entity_id", 2),
        ("name", pa.string()),
        ("type", pa.string()),
        ("aliases", pa.list_(_ALIAS)),
        ("source", pa.string()),
        ("confidence", pa.float64()),
    ]
)


class EntityTable:
    """Reads and writes the entities of the corpus at `uri`; safe from any thread or process."""

    def __init__(self, uri: str, session: Session | None = None) -> None:
        self.uri = table_uri(uri, "entities")
        self._session = session

    def exists(self) -> bool:
        """Say whether any entity has ever been stored."""
        return table_exists(self.uri)

    def dataset(self) -> lance.LanceDataset:
        """Return the table at its newest version."""
        return open_table(self.uri, self._session)

    def read(self, namespaces: Sequence[str] | None = None) -> list[Entity]:
        """Return the entities of `namespaces`, or of all, in order of namespace and id."""
        if not self.exists():
            return []
        return entities_in(self.dataset(), namespaces)

    def change(self, namespace: str, change: Change) -> int:
        """Let the entities of `namespace` be what `change` makes of them.

        Only what differs is written, and two callers never change at the same time where
        the corpus is a folder. Returns the number of entities written or removed.
        """
        if not self.exists():
            create_table(self.uri, ENTITIES.empty_table())
        with sole_writer(self.uri):
            before = {entity.entity_id: entity for entity in self.read([namespace])}
            after = {entity.entity_id: entity for entity in change(list(before.values()))}
            changed = [entity for key, entity in after.items() if entity != before.get(key)]
            gone = sorted(before.keys() - after.keys())
            if changed:
                write(self.uri, partial(_put, table=_to_table(changed)), self._session)
            if gone:
                write(self.uri, partial(_remove, namespace=namespace, ids=gone), self._session)
        return len(changed) + len(gone)


def entities_in(
    dataset: lance.LanceDataset, namespaces: Sequence[str] | None = None
) -> list[Entity]:
    """Return the entities in a version of the table, in order of namespace and id."""
    predicate = namespaces_predicate(namespaces) if namespaces is not None else None
    rows = dataset.to_table(filter=predicate).to_pylist()
    found = [
        Entity(**row | {"aliases": tuple(Alias(**alias) for alias in row["aliases"])})
        for row in rows
    ]
    return sorted(found, key=lambda entity: (entity.namespace, entity.entity_id))


def _to_table(entities: Sequence[Entity]) -> pa.Table:
    try:
        return pa.Table.from_pylist([asdict(entity) for entity in entities], ENTITIES)
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"an entity holds text that is not valid Unicode: {error.object!r}"[:300]
        ) from error


def _put(dataset: lance.LanceDataset, table: pa.Table) -> None:
    upsert(dataset, ["namespace", "entity_id"]).execute(table)


def _remove(dataset: lance.LanceDataset, namespace: str, ids: Sequence[str]) -> None:
    listed = ", ".join(map(quote, ids))
    dataset.delete(f"namespace = {quote(namespace)} AND entity_id IN ({listed})")
