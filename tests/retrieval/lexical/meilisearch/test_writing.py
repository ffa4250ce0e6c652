"""Writes to Meilisearch: late ones, failed ones, and those of several at once."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from meilisearch_python_sdk import Client

from retrieval.corpus.store import Corpus
from retrieval.errors import EngineBusyError, EngineError
from retrieval.lexical.meilisearch.generation import IndexGeneration, MeilisearchEngine
from retrieval.lexical.meilisearch.projection import lexical_projection
from retrieval.projection.following import Following
from retrieval.projection.projection import Projection
from tests.embedders import WordEmbedder
from tests.retrieval.building import make_chunk, store
from tests.retrieval.lexical.meilisearch.conftest import KEY, Double

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("meilisearch")]


@pytest.fixture
def projection(engine: Double, boats: Corpus) -> Iterator[Projection]:
    """The boats, projected."""
    with lexical_projection(boats, engine.settings()) as made:
        assert made.follow()
        yield made


@pytest.fixture
def client(engine: Double) -> Iterator[Client]:
    """Somebody else's client."""
    with Client(engine.url, KEY) as made:
        yield made


def current(projection: Projection) -> IndexGeneration:
    found = projection.engine.current()
    assert isinstance(found, IndexGeneration)
    assert found.position()
    return found


def equal(projection: Projection) -> bool:
    return [part.equal for part in projection.compare()] == [True]


def test_a_full_disk_is_told_and_what_was_not_indexed_comes_later(
    engine: Double, projection: Projection, boats: Corpus, word_embedder: WordEmbedder
) -> None:
    before = projection.look()
    (engine.folder / "disk-full").touch()
    store(boats, word_embedder, [make_chunk("e-1", "another boat")])
    with pytest.raises(EngineError, match="failed: no_space_left_on_device: There is no more"):
        projection.follow()
    assert projection.look() == before
    (engine.folder / "disk-full").unlink()
    assert projection.follow()
    assert equal(projection)


def test_what_takes_too_long_is_given_up_and_left_alone_while_it_goes_on(
    engine: Double, projection: Projection, boats: Corpus, word_embedder: WordEmbedder
) -> None:
    (engine.folder / "paused").touch()
    store(boats, word_embedder, [make_chunk("e-1", "another boat")])
    hasty = engine.settings(task_timeout_s=1)
    with (
        lexical_projection(boats, hasty) as impatient,
        pytest.raises(EngineError, match=r"within 1 s; see PMOVES_MEILISEARCH__TASK_TIMEOUT_S"),
    ):
        impatient.follow()
    assert not projection.follow()
    (engine.folder / "paused").unlink()
    while not projection.follow():
        time.sleep(0.01)
    assert equal(projection)


def test_who_is_stopped_waits_no_longer(
    engine: Double, projection: Projection, boats: Corpus, word_embedder: WordEmbedder
) -> None:
    (engine.folder / "paused").touch()
    store(boats, word_embedder, [make_chunk("e-1", "another boat")])
    with lexical_projection(boats, engine.settings(task_timeout_s=3_600)) as patient:
        stopping = threading.Timer(0.1, patient.stop)
        stopping.start()
        with pytest.raises(EngineError, match="stopped before all was indexed"):
            patient.follow()
        stopping.join()


def test_what_somebody_cancelled_is_told(
    engine: Double,
    projection: Projection,
    boats: Corpus,
    word_embedder: WordEmbedder,
    client: Client,
) -> None:
    (engine.folder / "paused").touch()
    store(boats, word_embedder, [make_chunk("e-1", "another boat")])
    failed: list[Exception] = []

    def follow() -> None:
        try:
            projection.follow()
        except EngineError as error:
            failed.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    while not (waiting := client.get_tasks(statuses="enqueued").results):
        time.sleep(0.01)
    client.http_client.post(f"tasks/cancel?uids={waiting[0].uid}")
    thread.join()
    assert "documentAdditionOrUpdate canceled" in str(failed[0])
    (engine.folder / "paused").unlink()
    while not projection.follow():
        time.sleep(0.01)
    assert equal(projection)


def test_of_two_that_write_at_once_one_leaves_it_to_the_other(
    engine: Double, projection: Projection
) -> None:
    one, other = current(projection), current(projection)
    (engine.folder / "paused").touch()
    assert one.remove("chunks", [("ns", "d0-1")], 1) == []
    with pytest.raises(EngineBusyError, match="somebody writes to pmoves"):
        other.remove("chunks", [("ns", "d1-1")], 1)


def test_who_comes_after_a_write_of_others_begins_anew(projection: Projection) -> None:
    one, other = current(projection), current(projection)
    position = one.position()
    assert position is not None
    one.settle(position.model_copy(update={"versions": {"chunks": 1}}))
    with pytest.raises(EngineBusyError, match="somebody has written to pmoves meanwhile"):
        other.remove("chunks", [("ns", "d1-1")], 1)


def test_where_two_wrote_nothing_is_certain_until_all_was_compared(
    projection: Projection,
) -> None:
    one, other = current(projection), current(projection)
    position = one.position()
    assert position is not None
    one._begin()
    other.remove("chunks", [("ns", "d1-1")], 1)
    one.settle(position)
    found = projection.look()
    assert found is not None
    assert (found.version, found.versions) == (0, position.versions)
    assert not equal(projection)
    assert projection.follow()
    assert equal(projection)
    assert projection.look() == position


def test_an_index_that_came_back_by_itself_is_not_taken_for_ours(
    projection: Projection, client: Client
) -> None:
    """Meilisearch makes an index of whatever is written to one that is not there."""
    generation = current(projection)
    position = generation.position()
    assert position is not None
    generation._begin()
    client.wait_for_task(client.index("pmoves").delete().task_uid)
    generation.settle(position)
    assert client.index("pmoves").get_documents().total == 1
    assert projection.look() is None
    assert projection.follow()
    assert equal(projection)


def test_an_index_of_somebody_else_is_left_alone(
    engine: Double, boats: Corpus, client: Client
) -> None:
    index = client.create_index("pmoves", "number", timeout_in_ms=5_000)
    added: Any = index.add_documents([{"number": 1, "title": "theirs"}])
    client.wait_for_task(added.task_uid)
    with (
        lexical_projection(boats, engine.settings()) as projection,
        pytest.raises(EngineError, match="pmoves is an index that is not ours; remove it"),
    ):
        projection.follow()
    assert client.index("pmoves").get_documents().total == 1


def test_a_build_that_was_left_is_dropped_by_the_next(
    engine: Double, projection: Projection, boats: Corpus, client: Client
) -> None:
    begun = projection.engine.begin(projection.corpus_id)
    foreign = projection.engine.begin("another corpus")
    assert {begun.name, foreign.name, "pmoves"} == names(client)
    assert projection.rebuild()
    assert {foreign.name, "pmoves"} == names(client)
    assert equal(projection)


def names(client: Client) -> set[str]:
    return {index.uid for index in client.get_raw_indexes(limit=100) or []}


def test_the_release_is_told(engine: Double) -> None:
    found = MeilisearchEngine(engine.settings())
    assert found.version() == "1.15.0"
    found.close()


def test_batches_wait_for_each_other_where_many_are_not_done(
    engine: Double, projection: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.lexical.meilisearch.tasks._MOST_WAITING", 1)
    (engine.folder / "paused").touch()
    begun = current(projection)
    threading.Timer(0.2, (engine.folder / "paused").unlink).start()
    begun.remove("chunks", [("ns", "d0-1")], 1)
    assert begun.count("chunks") == 2


def test_another_language_leads_to_another_build(
    engine: Double, projection: Projection, boats: Corpus, client: Client
) -> None:
    before = client.index("pmoves").fetch_info().created_at
    with lexical_projection(boats, engine.settings(language="none")) as other:
        assert other.look() is None
        assert other.follow()
        assert equal(other)
    assert client.index("pmoves").fetch_info().created_at != before
    assert names(client) == {"pmoves"}


@contextmanager
def unlocked(*_arguments: object) -> Iterator[bool]:
    """What a lock is in an object store: it is everybody's."""
    yield True


def test_replicas_without_a_lock_come_to_the_same_in_the_end(
    engine: Double,
    boats: Corpus,
    word_embedder: WordEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("retrieval.projection.projection.sole", unlocked)
    with ExitStack() as stack:
        replicas = [
            stack.enter_context(lexical_projection(boats, engine.settings())) for _ in range(3)
        ]
        assert replicas[0].follow()
        following = [stack.enter_context(Following(boats, each, 0.01)) for each in replicas]
        for at in range(8):
            store(boats, word_embedder, [make_chunk(f"d{at % 4}-1", f"boat {at}")])
        deadline = time.monotonic() + 60
        while not all(each.progress.shows(boats.version) for each in following):
            assert time.monotonic() < deadline, [each.progress for each in following]
            time.sleep(0.01)
    with lexical_projection(boats, engine.settings()) as projection:
        while not projection.follow():
            time.sleep(0.01)
        assert equal(projection)
