"""The projection of the chunks into Elasticsearch: an index a generation, behind an alias."""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pydantic import ValidationError

from retrieval.chunk import utc_now
from retrieval.errors import EngineError
from retrieval.ids import content_hash
from retrieval.lexical.elasticsearch.bulk import Operation, write
from retrieval.lexical.elasticsearch.client import connect, reason
from retrieval.lexical.elasticsearch.mapping import (
    Analyzers,
    entry,
    index_settings,
    mapping,
    shape,
)
from retrieval.lexical.table import KEYS, NAME
from retrieval.projection.base import Key, Position, Refusal
from retrieval.settings import ElasticsearchSettings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_NOTED, _BUILDING = "pmoves", "pmoves_building"
_TIMEOUT_S = 30.0
_PAGE = 5_000
_PAGE_LIFE = "2m"


class IndexGeneration:
    """One index; see `retrieval.projection.base.Generation`."""

    def __init__(self, client: "Elasticsearch", settings: ElasticsearchSettings, name: str) -> None:
        self.name = name
        self._client = client
        self._alias = settings.index
        self._analyzers = Analyzers(settings)

    def position(self) -> Position | None:
        """Return what was noted last, or None."""
        with _trouble():
            return _noted(_indices(self._client, self.name).get(self.name, {}))

    def put(
        self, table: str, rows: pa.Table, marks: Sequence[str], version: int
    ) -> Sequence[Refusal]:
        """Insert or update `rows`."""
        operations = [
            Operation(_key(row), _id(_key(row)), entry(row, mark, self._analyzers))
            for row, mark in zip(rows.to_pylist(), marks, strict=True)
        ]
        return write(self._client, _door(self.name), operations, version)

    def remove(self, table: str, keys: Sequence[Key], version: int) -> Sequence[Refusal]:
        """Remove the entries known by `keys`."""
        operations = [Operation(key, _id(key)) for key in keys]
        return write(self._client, _door(self.name), operations, version)

    def settle(self, position: Position) -> None:
        """Let searches see what was written so far, then note `position`."""
        with _trouble():
            self._client.indices.refresh(index=self.name)
            self._client.indices.put_mapping(
                index=self.name, meta={_NOTED: position.model_dump(mode="json")}
            )

    def publish(self) -> None:
        """Let searches use this index; what stood behind the alias goes, if it was ours."""
        with _trouble():
            gone = [name for name in _behind(self._client, self._alias) if name != self.name]
            actions: list[Mapping[str, Any]] = [
                {"remove": {"index": name, "alias": self._alias}} for name in gone
            ]
            actions.append({"add": {"index": self.name, "alias": self._alias}})
            self._client.indices.update_aliases(actions=actions)
            _drop(self._client, [name for name in gone if _is_generation(name, self._alias)])

    def count(self, table: str) -> int:
        """Return the number of entries that searches see."""
        with _trouble():
            return int(self._client.count(index=self.name)["count"])

    def items(self, table: str) -> Iterator[Sequence[tuple[Key, str]]]:
        """Yield key and mark of every entry that searches see."""
        with _trouble():
            opened = self._client.open_point_in_time(index=self.name, keep_alive=_PAGE_LIFE)
            try:
                yield from self._pages(opened["id"])
            finally:
                self._client.close_point_in_time(id=opened["id"])

    def _pages(self, view: str) -> Iterator[list[tuple[Key, str]]]:
        after: dict[str, Any] = {}
        while True:
            hits = self._client.search(
                pit={"id": view, "keep_alive": _PAGE_LIFE},
                size=_PAGE,
                sort=["_shard_doc"],
                track_total_hits=False,
                **after,
            )["hits"]["hits"]
            if not hits:
                return
            # What others have put there need not have a mark.
            yield [(_key(hit["_source"]), str(hit["_source"].get("mark"))) for hit in hits]
            after = {"search_after": hits[-1]["sort"]}


class ElasticsearchEngine:
    """Where generations live; see `retrieval.projection.base.Engine`."""

    name = NAME

    def __init__(self, settings: ElasticsearchSettings) -> None:
        self._settings = settings
        self._client = connect(settings, _TIMEOUT_S)
        self.shape = shape(settings)

    def current(self) -> IndexGeneration | None:
        """Return the index behind the alias, or None where there is not exactly one."""
        with _trouble():
            names = _behind(self._client, self._settings.index)
        return self._generation(names[0]) if len(names) == 1 else None

    def begin(self, corpus: str) -> IndexGeneration:
        """Create an empty index for the corpus; those that were begun before and left go."""
        alias = self._settings.index
        name = f"{alias}-{utc_now():%Y%m%d%H%M%S}-{secrets.token_hex(3)}"
        with _trouble():
            if not _behind(self._client, alias) and self._client.indices.exists(index=alias):
                raise EngineError(
                    f"elasticsearch: {alias} is an index that is not ours, not an alias; remove "
                    "it, or set PMOVES_ELASTICSEARCH__INDEX to another name"
                )
            _drop(self._client, self._left_over(corpus))
            self._client.indices.create(
                index=name,
                settings=index_settings(self._settings),
                mappings=mapping(self._settings) | {"_meta": {_BUILDING: corpus}},
                aliases={_door(name): {}},
            )
        return self._generation(name)

    def version(self) -> str:
        """Return the release of the nodes, the oldest first where they differ."""
        with _trouble():
            nodes = self._client.nodes.info(metric="os")["nodes"].values()
        return ", ".join(sorted({str(node["version"]) for node in nodes}))

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _generation(self, name: str) -> IndexGeneration:
        return IndexGeneration(self._client, self._settings, name)

    def _left_over(self, corpus: str) -> list[str]:
        alias = self._settings.index
        return [
            name
            for name, index in _indices(self._client, f"{alias}-*").items()
            if _is_generation(name, alias)
            and alias not in index["aliases"]
            and corpus in (_meta(index).get(_BUILDING), getattr(_noted(index), "corpus", None))
        ]


def _key(row: Mapping[str, Any]) -> Key:
    return tuple(str(row.get(name)) for name in KEYS)


def _id(key: Key) -> str:
    # Ids of the engine take 512 bytes at most.
    return content_hash(*key)


def _door(name: str) -> str:
    # Writing to an alias alone, nothing is made anew where somebody has dropped the index.
    return f"{name}.write"


def _is_generation(name: str, alias: str) -> bool:
    return re.fullmatch(rf"{re.escape(alias)}-\d{{14}}-[0-9a-f]{{6}}", name) is not None


def _behind(client: "Elasticsearch", alias: str) -> list[str]:
    found = client.options(ignore_status=404).indices.get_alias(name=alias)
    return sorted(found.body) if found.meta.status != 404 else []


def _indices(client: "Elasticsearch", pattern: str) -> dict[str, Any]:
    lenient = client.options(ignore_status=404)
    found = lenient.indices.get(index=pattern, features=["mappings", "aliases"])
    return dict(found.body) if found.meta.status != 404 else {}


def _drop(client: "Elasticsearch", names: Sequence[str]) -> None:
    for name in names:
        client.indices.delete(index=name, ignore_unavailable=True)


def _meta(index: Mapping[str, Any]) -> dict[str, Any]:
    return dict(index.get("mappings", {}).get("_meta", {}))


def _noted(index: Mapping[str, Any]) -> Position | None:
    try:
        return Position.model_validate(_meta(index).get(_NOTED))
    except ValidationError:
        return None


@contextmanager
def _trouble() -> Iterator[None]:
    from elasticsearch import ApiError, TransportError

    try:
        yield
    except (ApiError, TransportError) as error:
        raise EngineError(f"elasticsearch: {reason(error)}") from error
