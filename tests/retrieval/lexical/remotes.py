"""The engines that may be the lexical side, and the hands of somebody who meddles with them."""

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from elasticsearch import Elasticsearch
from meilisearch_python_sdk import Client
from meilisearch_python_sdk.models.task import TaskInfo

from retrieval.corpus.store import Corpus
from retrieval.engine_settings import TextEngineSettings
from retrieval.lexical.elasticsearch.projection import lexical_projection as in_elasticsearch
from retrieval.lexical.elasticsearch.searching import ElasticsearchText
from retrieval.lexical.meilisearch.projection import lexical_projection as in_meilisearch
from retrieval.lexical.meilisearch.searching import MeilisearchText
from retrieval.lexical.remote import RemoteText
from retrieval.projection.projection import Projection
from retrieval.settings import ElasticsearchSettings, MeilisearchSettings
from tests.engines.elasticsearch import elasticsearch
from tests.engines.meilisearch import meilisearch
from tests.engines.process import Engine

Settings = TextEngineSettings


class Hands(Protocol):
    """What somebody may do to the index of `settings`, by a client of the engine's own."""

    def count(self) -> int:
        """Return the number of passages that are there."""
        ...

    def empty(self) -> None:
        """Remove every passage."""
        ...

    def forge(self) -> None:
        """Put sixty passages there that are nobody's."""
        ...

    def drop(self) -> None:
        """Remove the index."""
        ...

    def exists(self) -> bool:
        """Say whether there is an index."""
        ...

    def identity(self) -> str:
        """Return what another build of the index has another one of."""
        ...


class Remote(Protocol):
    """An engine, and what leads to it."""

    name: str
    fixture: str

    def settings(self, url: str, **more: object) -> Settings:
        """Return settings with an index of its own."""
        ...

    def text(self, corpus: Corpus, settings: Any, pause_s: float) -> RemoteText:
        """Return the lexical side."""
        ...

    def projection(self, corpus: Corpus, settings: Any) -> AbstractContextManager[Projection]:
        """Return the projection."""
        ...

    def hands(self, url: str, settings: Any) -> AbstractContextManager[Hands]:
        """Return what meddles with it."""
        ...

    def start(self, folder: Path, port: int | None = None) -> AbstractContextManager[Engine]:
        """Start one."""
        ...


class InElasticsearch:
    """A real Elasticsearch."""

    name, fixture = "elasticsearch", "elasticsearch_url"

    def settings(self, url: str, **more: object) -> ElasticsearchSettings:
        """Return settings with an index of its own."""
        return ElasticsearchSettings.model_validate({"hosts": [url], "index": _index()} | more)

    def text(
        self, corpus: Corpus, settings: ElasticsearchSettings, pause_s: float
    ) -> ElasticsearchText:
        """Return the lexical side."""
        return ElasticsearchText(corpus, settings, pause_s)

    def projection(
        self, corpus: Corpus, settings: ElasticsearchSettings
    ) -> AbstractContextManager[Projection]:
        """Return the projection."""
        return in_elasticsearch(corpus, settings)

    @contextmanager
    def hands(self, url: str, settings: ElasticsearchSettings) -> Iterator[Hands]:
        """Yield what meddles with it."""
        with Elasticsearch(url) as client:
            yield _ElasticHands(client, settings.index)

    def start(self, folder: Path, port: int | None = None) -> AbstractContextManager[Engine]:
        """Start one."""
        return elasticsearch(folder, port)


class InMeilisearch:
    """A double of Meilisearch."""

    name, fixture = "meilisearch", "meilisearch_url"

    def settings(self, url: str, **more: object) -> MeilisearchSettings:
        """Return settings with an index of its own."""
        return MeilisearchSettings.model_validate({"url": url, "index": _index()} | more)

    def text(
        self, corpus: Corpus, settings: MeilisearchSettings, pause_s: float
    ) -> MeilisearchText:
        """Return the lexical side."""
        return MeilisearchText(corpus, settings, pause_s)

    def projection(
        self, corpus: Corpus, settings: MeilisearchSettings
    ) -> AbstractContextManager[Projection]:
        """Return the projection."""
        return in_meilisearch(corpus, settings)

    @contextmanager
    def hands(self, url: str, settings: MeilisearchSettings) -> Iterator[Hands]:
        """Yield what meddles with it."""
        with Client(url) as client:
            yield _MeiliHands(client, settings.index)

    def start(self, folder: Path, port: int | None = None) -> AbstractContextManager[Engine]:
        """Start one."""
        return meilisearch(folder, port)


REMOTES: dict[str, Remote] = {"elasticsearch": InElasticsearch(), "meilisearch": InMeilisearch()}


class _ElasticHands:
    def __init__(self, client: Elasticsearch, index: str) -> None:
        self._client, self._index = client, index

    def count(self) -> int:
        return int(self._client.count(index=self._index)["count"])

    def empty(self) -> None:
        for hit in self._client.search(index=self._index, size=1_000)["hits"]["hits"]:
            self._client.delete(index=hit["_index"], id=hit["_id"])
        self._client.indices.refresh(index=self._index)

    def forge(self) -> None:
        for at in range(60):
            forged = {"namespace": "ns", "text_english": "boat boat boat"} | (
                {"content_hash": "f" * 64, "chunk_id": str(at), "mark": "x"} if at % 2 else {}
            )
            self._client.index(index=self._index, document=forged)
        self._client.indices.refresh(index=self._index)

    def drop(self) -> None:
        self._client.options(ignore_status=404).indices.delete(index=self.identity())

    def exists(self) -> bool:
        return bool(self._client.indices.exists_alias(name=self._index))

    def identity(self) -> str:
        (name,) = self._client.indices.get_alias(name=self._index)
        return str(name)


class _MeiliHands:
    def __init__(self, client: Client, index: str) -> None:
        self._client, self._index = client, client.index(index)

    def count(self) -> int:
        # The position is one.
        return self._index.get_stats().number_of_documents - 1

    def empty(self) -> None:
        found = self._index.get_documents(limit=1_000, fields=["id"]).results
        ids = [str(row["id"]) for row in found if row["id"] != "position"]
        self._wait(self._index.delete_documents(ids))

    def forge(self) -> None:
        filters = {"namespace_key": self._index.get_documents(limit=2).results[-1]["namespace_key"]}
        forged = [
            {"id": f"f{at}", "words": "boat boat boat"}
            | filters
            | ({"content_hash": "f" * 64, "chunk_id": str(at), "mark": "x"} if at % 2 else {})
            for at in range(60)
        ]
        self._wait(self._index.add_documents(forged))

    def drop(self) -> None:
        self._wait(self._index.delete())

    def exists(self) -> bool:
        return self._client.get_raw_index(self._index.uid) is not None

    def identity(self) -> str:
        return str(self._index.fetch_info().created_at)

    def _wait(self, task: TaskInfo) -> None:
        self._client.wait_for_task(task.task_uid, interval_in_ms=10, raise_for_status=True)


def _index() -> str:
    return f"t{uuid.uuid4().hex[:12]}"
