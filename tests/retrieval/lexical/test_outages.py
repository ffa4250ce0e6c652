"""Engines cut off, slow, mad, emptied, flooded, killed: searches go on, nothing is lost."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from elasticsearch import Elasticsearch

from retrieval.corpus.store import Corpus
from retrieval.settings import ElasticsearchSettings
from tests.embedders import WordEmbedder
from tests.engines.process import any_free_port
from tests.engines.proxy import Fault, Proxy, proxy
from tests.retrieval.building import make_chunk, store
from tests.retrieval.lexical.load import Load
from tests.retrieval.lexical.remotes import REMOTES, Hands, Remote, Settings

pytestmark = pytest.mark.integration
ENGINES = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in REMOTES]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes gives up, and tries again, sooner than is good for a real engine."""
    for name in REMOTES:
        monkeypatch.setattr(f"retrieval.lexical.{name}.generation._TIMEOUT_S", 3.0)
    monkeypatch.setattr("retrieval.projection.following._LONGEST_PAUSE_S", 1.0)


PATIENT = {"patience_ms": 500, "retry_ms": 100, "most_lag_s": 60}


@pytest.fixture(params=ENGINES)
def remote(request: pytest.FixtureRequest) -> Remote:
    """Each engine."""
    return REMOTES[request.param]


@pytest.fixture
def url(remote: Remote, request: pytest.FixtureRequest) -> str:
    """The address of the one that tests share."""
    found: str = request.getfixturevalue(remote.fixture)
    return found


@pytest.fixture
def boats(corpus: Corpus, word_embedder: WordEmbedder) -> Corpus:
    """Thirty passages about boats."""
    store(corpus, word_embedder, [make_chunk(f"d{at}-1", f"boat {at}") for at in range(30)])
    return corpus


@pytest.fixture
def between(url: str) -> Iterator[Proxy]:
    """A proxy in front of the shared engine."""
    server = urlsplit(url)
    with proxy(server.hostname or "", server.port or 80) as made:
        yield made


@pytest.fixture
def patience_ms() -> int:
    """How long a search waits for the engine."""
    return PATIENT["patience_ms"]


@pytest.fixture
def load(
    boats: Corpus, word_embedder: WordEmbedder, remote: Remote, between: Proxy, patience_ms: int
) -> Iterator[Load]:
    """Constant searches through the proxy; each finds all passages that were there before."""
    settings = remote.settings(between.url, **PATIENT | {"patience_ms": patience_ms})
    with Load(boats, word_embedder, remote, settings) as made:
        made.wait_for_engine()
        yield made
    assert made.failures == []
    assert [answer for answer in made.answers if answer.k < 30] == []


@pytest.fixture
def hands(remote: Remote, url: str, load: Load) -> Iterator[Hands]:
    """What meddles with the index of `load`."""
    with remote.hands(url, load.settings) as made:
        yield made


def write_on(corpus: Corpus, embedder: WordEmbedder, name: str) -> None:
    """Store one passage, change another."""
    store(corpus, embedder, [make_chunk(f"{name}-1", f"boat {name}")])
    store(corpus, embedder, [make_chunk("d0-1", f"boat {name} again")])


def assert_equal(corpus: Corpus, remote: Remote, settings: Settings) -> None:
    """Wait until the engine shows the newest version, and compare item by item."""
    deadline = time.monotonic() + 120
    with remote.projection(corpus, settings) as projection:
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
    fault: Fault,
    remote: Remote,
    load: Load,
    boats: Corpus,
    word_embedder: WordEmbedder,
    between: Proxy,
) -> None:
    between.always(fault)
    load.wait_for_corpus()
    write_on(boats, word_embedder, "new")
    assert load.answers[-1].degraded[0].stage == "lexical"
    between.heal()
    load.wait_for_engine()
    assert_equal(boats, remote, load.settings)


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
    remote: Remote, load: Load, hands: Hands, boats: Corpus
) -> None:
    hands.empty()
    load.wait_for(lambda: hands.count() == 30)
    load.wait_for_engine()
    assert_equal(boats, remote, load.settings)


@pytest.mark.usefixtures("suspicious")
def test_entries_of_others_are_never_shown_and_go(
    remote: Remote, load: Load, hands: Hands, boats: Corpus
) -> None:
    hands.forge()
    load.wait_for(lambda: hands.exists() and hands.count() == 30)
    load.wait_for_engine()
    assert_equal(boats, remote, load.settings)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes that are not taken are given up soon."""
    monkeypatch.setattr("retrieval.lexical.elasticsearch.bulk._ATTEMPTS", 2)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("remote", ENGINES[:1], indirect=True)
def test_a_full_disk_keeps_writes_out_and_nothing_else(
    remote: Remote, load: Load, boats: Corpus, word_embedder: WordEmbedder, url: str
) -> None:
    """Elasticsearch sets this block by itself where a disk is at its flood stage."""
    assert isinstance(load.settings, ElasticsearchSettings)
    with Elasticsearch(url) as client:
        (name,) = client.indices.get_alias(name=load.settings.index)
        blocked: dict[str, bool | None] = {"index.blocks.read_only_allow_delete": True}
        client.indices.put_settings(index=name, settings=blocked)
        write_on(boats, word_embedder, "full")

        def is_refused() -> bool:
            # Twice a minute Elasticsearch looks at the disk, and takes the block away.
            if load.engine.progress.shows(boats.version):
                client.indices.put_settings(index=name, settings=blocked)
                write_on(boats, word_embedder, "fuller")
            return "flood-stage watermark" in str(load.engine.progress.trouble)

        load.wait_for(is_refused)
        load.go_on(5)
        blocked = {"index.blocks.read_only_allow_delete": None}
        client.indices.put_settings(index=name, settings=blocked)
    load.wait_for(lambda: load.engine.progress.shows(boats.version))
    load.wait_for_engine()
    assert_equal(boats, remote, load.settings)


def test_a_dropped_index_is_built_again(
    remote: Remote, load: Load, hands: Hands, boats: Corpus
) -> None:
    hands.drop()
    load.wait_for(hands.exists)
    load.wait_for_engine()
    assert_equal(boats, remote, load.settings)


# A slow answer of a busy machine is no fault of a rebuild.
@pytest.mark.parametrize("patience_ms", [20_000])
def test_a_rebuild_is_swapped_in_while_searches_and_writes_go_on(
    remote: Remote, load: Load, hands: Hands, boats: Corpus, word_embedder: WordEmbedder
) -> None:
    before = hands.identity()
    degraded = sum(bool(answer.degraded) for answer in load.answers)
    with remote.projection(boats, load.settings) as projection:
        assert projection.rebuild()
    assert sum(bool(answer.degraded) for answer in load.answers) == degraded
    write_on(boats, word_embedder, "new")
    assert hands.identity() != before
    load.wait_for_engine()
    assert_equal(boats, remote, load.settings)


def test_a_write_that_must_be_seen_is_seen(
    remote: Remote, boats: Corpus, word_embedder: WordEmbedder, url: str
) -> None:
    with Load(boats, word_embedder, remote, remote.settings(url, **PATIENT)) as load:
        load.wait_for_engine()
        for at in range(5):
            version = store(boats, word_embedder, [make_chunk(f"w{at}-1", f"zebra {at}")]).version
            assert load.ask("zebra", min_index_version=version, k=20).k == at + 1


def test_a_process_that_is_frozen_and_killed_loses_nothing(
    remote: Remote, boats: Corpus, word_embedder: WordEmbedder, tmp_path: Path
) -> None:
    port = any_free_port()
    settings = remote.settings(f"http://127.0.0.1:{port}", **PATIENT)
    (tmp_path / "engine").mkdir()
    with Load(boats, word_embedder, remote, settings) as load:
        load.wait_for_corpus()
        with remote.start(tmp_path / "engine", port) as engine:
            load.wait_for_engine()
            engine.signal(signal.SIGSTOP)
            load.wait_for(lambda: not load.engine.available)
            write_on(boats, word_embedder, "frozen")
            engine.signal(signal.SIGCONT)
            load.wait_for_engine()
            engine.signal(signal.SIGKILL)
            load.wait_for_corpus()
            write_on(boats, word_embedder, "killed")
        with remote.start(tmp_path / "engine", port):
            load.wait_for_engine()
            assert_equal(boats, remote, settings)
    assert load.failures == []
    assert [answer for answer in load.answers if answer.k < 30] == []
