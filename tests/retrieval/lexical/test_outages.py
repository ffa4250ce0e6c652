"""Elasticsearch cut off, slow, mad, emptied, flooded, killed: searches go on, nothing is lost."""

import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from elasticsearch import Elasticsearch

from retrieval.corpus.store import Corpus
from retrieval.lexical.elasticsearch.projection import lexical_projection
from retrieval.settings import ElasticsearchSettings
from tests.embedders import WordEmbedder
from tests.engines.elasticsearch import elasticsearch
from tests.engines.process import any_free_port
from tests.engines.proxy import Fault, Proxy, proxy
from tests.retrieval.building import make_chunk, store
from tests.retrieval.lexical.load import Load

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("elasticsearch")]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes gives up, and tries again, sooner than is good for a real engine."""
    monkeypatch.setattr("retrieval.lexical.elasticsearch.generation._TIMEOUT_S", 3.0)
    monkeypatch.setattr("retrieval.projection.following._LONGEST_PAUSE_S", 1.0)


def settings_for(url: str, **more: object) -> ElasticsearchSettings:
    return ElasticsearchSettings.model_validate(
        {
            "hosts": [url],
            "index": f"t{uuid.uuid4().hex[:12]}",
            "patience_ms": 500,
            "retry_ms": 100,
            "most_lag_s": 60,
        }
        | more
    )


@pytest.fixture
def boats(corpus: Corpus, word_embedder: WordEmbedder) -> Corpus:
    """Thirty passages about boats."""
    store(corpus, word_embedder, [make_chunk(f"d{at}-1", f"boat {at}") for at in range(30)])
    return corpus


@pytest.fixture
def between(elasticsearch_url: str) -> Iterator[Proxy]:
    """A proxy in front of the shared engine."""
    server = urlsplit(elasticsearch_url)
    with proxy(server.hostname or "", server.port or 9200) as made:
        yield made


@pytest.fixture
def load(boats: Corpus, word_embedder: WordEmbedder, between: Proxy) -> Iterator[Load]:
    """Constant searches through the proxy; each finds all passages that were there before."""
    with Load(boats, word_embedder, settings_for(between.url)) as made:
        made.wait_for_engine()
        yield made
    assert made.failures == []
    assert [answer for answer in made.answers if answer.k < 30] == []


def write_on(corpus: Corpus, embedder: WordEmbedder, name: str) -> None:
    """Store one passage, change another."""
    store(corpus, embedder, [make_chunk(f"{name}-1", f"boat {name}")])
    store(corpus, embedder, [make_chunk("d0-1", f"boat {name} again")])


def assert_equal(corpus: Corpus, settings: ElasticsearchSettings) -> None:
    """Wait until the engine shows the newest version, and compare item by item."""
    deadline = time.monotonic() + 120
    with lexical_projection(corpus, settings) as projection:
        while True:
            position = projection.look()
            if position and position.version >= corpus.version:
                break
            assert time.monotonic() < deadline, position
            time.sleep(0.05)
        assert [str(part) for part in projection.compare()] == [
            f"{corpus.dataset().count_rows()} chunks, all equal"
        ]


@pytest.mark.parametrize("fault", ["refused", "cut", "silent", "corrupted"])
def test_searches_and_writes_go_on_behind_a_broken_network(
    fault: Fault, load: Load, boats: Corpus, word_embedder: WordEmbedder, between: Proxy
) -> None:
    between.always(fault)
    load.wait_for_corpus()
    write_on(boats, word_embedder, "new")
    assert load.answers[-1].degraded[0].stage == "lexical"
    between.heal()
    load.wait_for_engine()
    assert_equal(boats, load.settings)


def test_an_engine_that_does_not_answer_is_not_waited_for(load: Load, between: Proxy) -> None:
    between.always("silent")
    load.wait_for(lambda: not load.engine.available)
    load.wait_for_corpus()
    assert "does not answer" in load.answers[-1].degraded[0].reason
    before = len(load.answers)
    load.wait_for(lambda: len(load.answers) > before + 20)
    between.heal()
    load.wait_for_engine()
    assert load.engine.available


@pytest.fixture
def suspicious(monkeypatch: pytest.MonkeyPatch) -> None:
    """Doubts are looked into at once."""
    monkeypatch.setattr("retrieval.projection.following._DOUBT_S", 0.1)


@pytest.mark.usefixtures("suspicious")
def test_an_emptied_index_is_filled_again(
    load: Load, boats: Corpus, elasticsearch_url: str
) -> None:
    index = load.settings.index
    with Elasticsearch(elasticsearch_url) as client:
        for hit in client.search(index=index, size=1_000)["hits"]["hits"]:
            client.delete(index=hit["_index"], id=hit["_id"])
        client.indices.refresh(index=index)
        load.wait_for(lambda: client.count(index=index)["count"] == 30)
    load.wait_for_engine()
    assert_equal(boats, load.settings)


@pytest.mark.usefixtures("suspicious")
def test_entries_of_others_are_never_shown_and_go(
    load: Load, boats: Corpus, elasticsearch_url: str
) -> None:
    index = load.settings.index
    with Elasticsearch(elasticsearch_url) as client:
        for at in range(60):
            forged = {"namespace": "ns", "text_english": "boat boat boat"} | (
                {"content_hash": "f" * 64, "chunk_id": str(at), "mark": "x"} if at % 2 else {}
            )
            client.index(index=index, document=forged)
        client.indices.refresh(index=index)
        load.wait_for(lambda: client.count(index=index)["count"] == 30)
    load.wait_for_engine()
    assert_equal(boats, load.settings)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes that are not taken are given up soon."""
    monkeypatch.setattr("retrieval.lexical.elasticsearch.bulk._ATTEMPTS", 2)


@pytest.mark.usefixtures("impatient")
def test_a_full_disk_keeps_writes_out_and_nothing_else(
    load: Load, boats: Corpus, word_embedder: WordEmbedder, elasticsearch_url: str
) -> None:
    """Elasticsearch sets this block by itself where a disk is at its flood stage."""
    with Elasticsearch(elasticsearch_url) as client:
        (name,) = client.indices.get_alias(name=load.settings.index)
        blocked: dict[str, bool | None] = {"index.blocks.read_only_allow_delete": True}
        client.indices.put_settings(index=name, settings=blocked)
        write_on(boats, word_embedder, "full")
        load.wait_for(lambda: load.engine.progress.trouble)
        assert "flood-stage watermark" in str(load.engine.progress.trouble)
        load.go_on(5)
        blocked = {"index.blocks.read_only_allow_delete": None}
        client.indices.put_settings(index=name, settings=blocked)
    load.wait_for(lambda: load.engine.progress.shows(boats.version))
    load.wait_for_engine()
    assert_equal(boats, load.settings)


def test_a_dropped_index_is_built_again(load: Load, boats: Corpus, elasticsearch_url: str) -> None:
    with Elasticsearch(elasticsearch_url) as client:
        (name,) = client.indices.get_alias(name=load.settings.index)
        client.indices.delete(index=name)
        load.wait_for(lambda: client.indices.exists_alias(name=load.settings.index))
    load.wait_for_engine()
    assert_equal(boats, load.settings)


def test_a_rebuild_is_swapped_in_while_searches_and_writes_go_on(
    load: Load, boats: Corpus, word_embedder: WordEmbedder, elasticsearch_url: str
) -> None:
    with Elasticsearch(elasticsearch_url) as client:
        (before,) = client.indices.get_alias(name=load.settings.index)
        degraded = sum(bool(answer.degraded) for answer in load.answers)
        with lexical_projection(boats, load.settings) as projection:
            assert projection.rebuild()
        assert sum(bool(answer.degraded) for answer in load.answers) == degraded
        write_on(boats, word_embedder, "new")
        (after,) = client.indices.get_alias(name=load.settings.index)
        assert after != before
        assert not client.indices.exists(index=before)
    load.wait_for_engine()
    assert_equal(boats, load.settings)


def test_a_write_that_must_be_seen_is_seen(
    boats: Corpus, word_embedder: WordEmbedder, elasticsearch_url: str
) -> None:
    with Load(boats, word_embedder, settings_for(elasticsearch_url)) as load:
        load.wait_for_engine()
        for at in range(5):
            version = store(boats, word_embedder, [make_chunk(f"w{at}-1", f"zebra {at}")]).version
            assert load.ask("zebra", min_index_version=version, k=20).k == at + 1


def test_a_process_that_is_frozen_and_killed_loses_nothing(
    boats: Corpus, word_embedder: WordEmbedder, tmp_path: Path
) -> None:
    port = any_free_port()
    settings = settings_for(f"http://127.0.0.1:{port}")
    (tmp_path / "engine").mkdir()
    with Load(boats, word_embedder, settings) as load:
        load.wait_for_corpus()
        with elasticsearch(tmp_path / "engine", port) as engine:
            load.wait_for_engine()
            engine.signal(signal.SIGSTOP)
            load.wait_for(lambda: not load.engine.available)
            write_on(boats, word_embedder, "frozen")
            engine.signal(signal.SIGCONT)
            load.wait_for_engine()
            engine.signal(signal.SIGKILL)
            load.wait_for_corpus()
            write_on(boats, word_embedder, "killed")
        with elasticsearch(tmp_path / "engine", port):
            load.wait_for_engine()
            assert_equal(boats, settings)
    assert load.failures == []
    assert [answer for answer in load.answers if answer.k < 30] == []
