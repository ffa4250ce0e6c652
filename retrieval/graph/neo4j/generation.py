"""One build of the graph: writing rows as nodes and relationships, and what follows from them.

Which passages mention which entities is computed here as searches compute it, by the linker
of the namespace; the corpus does not store it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import lance
import pyarrow as pa

from retrieval.corpus.filters import namespaces_predicate
from retrieval.corpus.store import Corpus
from retrieval.errors import EngineError
from retrieval.graph.dictionaries import Dictionaries, NewestDictionaries
from retrieval.graph.folding import bare_words
from retrieval.graph.linking import meant
from retrieval.graph.neo4j import cypher
from retrieval.graph.neo4j.client import Neo4jClient
from retrieval.graph.neo4j.tables import relations_table
from retrieval.projection.base import Key, Position, Refusal
from retrieval.projection.rows import marks_of

_PAGE = 2_000
_BATCH = 500


class GraphGeneration:
    """A `Generation` of `retrieval.projection`; `begun` says that it is not published yet."""

    def __init__(
        self, client: Neo4jClient, corpus: Corpus, build: int, *, begun: bool = False
    ) -> None:
        self._client = client
        self._corpus = corpus
        self._build = build
        self._begun = begun
        # What the first filling writes already tells of the dictionary as it is.
        self._filling = begun
        self._settled: Position | None = None
        self._dictionaries = NewestDictionaries(corpus.entities)
        self._redo: set[str] = set()

    @property
    def name(self) -> str:
        """What Neo4j calls it."""
        return f"build {self._build}"

    def position(self) -> Position | None:
        """Return what was noted last; None while it is being built, or where it is damaged."""
        rows = self._client.read(cypher.BUILD_POSITION, {"build": self._build})
        try:
            return Position.model_validate_json(rows[0]["position"]) if rows else None
        except ValueError:
            return None

    def put(
        self, table: str, rows: pa.Table, marks: Sequence[str], version: int
    ) -> Sequence[Refusal]:
        """Write `rows` as nodes or relationships."""
        found = [row | {"mark": mark} for row, mark in zip(rows.to_pylist(), marks, strict=True)]
        match table:
            case "entities":
                self._put(cypher.PUT_ENTITIES, map(_entity, found), version)
                self._again(row["namespace"] for row in found)
            case "chunks":
                self._put(cypher.PUT_CHUNKS, map(_chunk, found), version)
                self._mention(found)
            case _:
                self._relate(found, version)
        return ()

    def remove(self, table: str, keys: Sequence[Key], version: int) -> Sequence[Refusal]:
        """Remove the items known by `keys`, with what hangs on them."""
        parameters = {"keys": [list(key) for key in keys], "version": version}
        self._client.write(cypher.REMOVE[table], parameters)
        if table == "entities":
            self._again(key[0] for key in keys)
        return ()

    def settle(self, position: Position) -> None:
        """Compute anew what a changed dictionary changes, then note `position`."""
        if self._redo:
            self._compute_anew(sorted(self._redo), position)
            self._redo.clear()
        self._client.run(cypher.SWEEP_NAMES)
        self._filling, self._settled = False, position
        if self._begun:
            return
        noted = {"build": self._build, "position": position.model_dump_json()}
        if not self._client.write(cypher.SETTLE, noted):
            raise EngineError("the graph in Neo4j was built anew by somebody else meanwhile")

    def publish(self) -> None:
        """Sweep what this build did not write, and note that it is the one."""
        assert self._settled is not None
        for statement in cypher.SWEEP:
            self._client.run(statement.replace("$build", str(self._build)))
        self._client.run(cypher.SWEEP_NAMES)
        noted = {"build": self._build, "position": self._settled.model_dump_json()}
        self._client.write(cypher.PUBLISH, noted)
        self._begun = False

    def count(self, table: str) -> int:
        """Return the number of nodes or relationships of `table`."""
        return int(self._client.read(cypher.COUNT[table])[0]["items"])

    def items(self, table: str) -> Iterator[Sequence[tuple[Key, str]]]:
        """Yield key and mark of every node or relationship of `table`."""
        for page in self._client.pages(cypher.ITEMS[table], {}, _PAGE):
            yield [(tuple(row["key"]), row["mark"]) for row in page]

    def _again(self, namespaces: Iterable[str]) -> None:
        if not self._filling:
            self._redo.update(namespaces)

    def _put(self, query: str, rows: Iterable[Mapping[str, Any]], version: int) -> None:
        parameters = {"rows": list(rows), "version": version, "build": self._build}
        self._client.write(query, parameters)

    def _mention(self, rows: Sequence[Mapping[str, Any]]) -> None:
        known = self._dictionaries.get()
        found = [_mentions(row, known) for row in rows]
        self._client.write(cypher.CLEAR_MENTIONS, {"rows": found})
        if some := [row for row in found if row["mentions"]]:
            self._client.write(cypher.PUT_MENTIONS, {"rows": some})

    def _relate(self, rows: Sequence[Mapping[str, Any]], version: int) -> None:
        known = self._dictionaries.get()
        ids = [
            {f"{end}_id": _identify(row["namespace"], row[end], known) for end in _ENDS}
            for row in rows
        ]
        found = [{**row, **each} for row, each in zip(rows, ids, strict=True)]
        # It may hang between other entities than before.
        self._client.write(
            cypher.REMOVE["relations"],
            {"keys": [[row[name] for name in _RELATION] for row in found], "version": version},
        )
        self._put(cypher.PUT_RELATIONS, found, version)

    def _compute_anew(self, namespaces: Sequence[str], position: Position) -> None:
        """Link all passages of `namespaces` again, and tie all relations to their entities."""
        predicate = namespaces_predicate(namespaces)
        columns = ["namespace", "chunk_id", "indexed_text"]
        chunks = _at(self._corpus.dataset(), position.versions["chunks"])
        for batch in chunks.to_batches(columns=columns, filter=predicate, batch_size=_BATCH):
            self._mention(batch.to_pylist())
        version = position.versions["relations"]
        relations = _at(self._corpus.relations.dataset(), version)
        for batch in relations.to_batches(filter=predicate, batch_size=_BATCH):
            rows = pa.Table.from_batches([batch])
            marks = marks_of(rows, relations_table(self._corpus))
            self.put("relations", rows, marks, version)


_ENDS = ("subject", "object")
_RELATION = ("namespace", "chunk_id", "subject", "type", "object")


def _at(dataset: lance.LanceDataset, version: int) -> lance.LanceDataset:
    return dataset if int(dataset.version) == version else dataset.checkout_version(version)


def _entity(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "aliases": [alias["name"] for alias in row["aliases"]]}


def _chunk(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "indexed_text"}


def _mentions(row: Mapping[str, Any], known: Dictionaries) -> dict[str, Any]:
    links = known.linker(row["namespace"]).link(row["indexed_text"] or "")
    found = [known.entities[number].entity_id for number in sorted(meant(links))]
    return {"namespace": row["namespace"], "chunk_id": row["chunk_id"], "mentions": found}


def _identify(namespace: str, name: str, known: Dictionaries) -> str:
    """Return the id of the entity that alone bears `name`, else one made of the name."""
    bearers = known.linker(namespace).named(name)
    if len(bearers) == 1:
        return known.entities[bearers[0]].entity_id
    return "name:" + " ".join(bare_words(name))
