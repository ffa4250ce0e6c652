"""PostgreSQL and S3 that stand still (SIGSTOP): callers are told in time, and nothing is lost."""

import asyncio
from collections.abc import Iterator

import pytest

from retrieval.corpus.store import Corpus
from retrieval.errors import CorpusError
from retrieval.job_request import JobRequest
from retrieval.jobs import JobStore
from retrieval.object_store import configure
from retrieval.settings import S3Settings
from retrieval.state.database import open_database
from serve_apps.state_threads import StateError, StateThreads
from tests.engines.postgres import PostgresServer
from tests.engines.process import frozen
from tests.engines.seaweedfs import ObjectStore
from tests.retrieval.corpus.worker import EMBEDDER, check_whole, open_corpus, replace_document
from tests.retrieval.lexical.load import Searches

pytestmark = pytest.mark.integration


@pytest.fixture
def calls() -> Iterator[StateThreads]:
    """How the gateway calls its state database; half a second is its patience."""
    made = StateThreads(0.5)
    yield made
    made.close()


@pytest.mark.xdist_group("postgres")
async def test_a_frozen_postgres_keeps_nobody_waiting_and_loses_nothing(
    postgres: PostgresServer, calls: StateThreads
) -> None:
    url = postgres.new_database()
    jobs, request = JobStore(url), JobRequest(namespace="ns", sources=[])
    jobs.create(request, "before")
    with frozen(postgres.process):
        for job_id in ("one", "two"):
            with pytest.raises(StateError, match=r"longer than 0.5 s \(PMOVES_STATE__TIMEOUT_S\)"):
                await calls.call(jobs.create, request, job_id)
        with pytest.raises(CorpusError, match=r"cannot open the state database.*timeout"):
            open_database(f"{url}?connect_timeout=2")
    # What was under way comes about, once.
    found = set[str]()
    while found != {"before", "one", "two"}:
        listed = await calls.call(jobs.list, limit_s=60)
        ids = [job.job_id for job in listed.jobs]
        assert len(ids) == len(set(ids))
        found = set(ids)
        await asyncio.sleep(0.05)
    jobs.create(request, "after")
    jobs.close()


@pytest.fixture
def corpus_uri(object_store: ObjectStore) -> Iterator[str]:
    """Where a corpus may lie in a store that has little time to answer."""
    keys = {"access_key_id": object_store.access_key, "secret_access_key": object_store.secret_key}
    quick = {"connect_timeout_s": 0.5, "timeout_s": 0.5, "retries": 0}
    uri = f"s3://{object_store.new_bucket()}/corpus"
    configure(S3Settings.model_validate({"endpoint": object_store.endpoint, **quick, **keys}))
    yield uri
    configure(S3Settings())


@pytest.mark.soak
def test_a_frozen_object_store_is_named_and_caught_up_with(
    object_store: ObjectStore, corpus_uri: str
) -> None:
    corpus = open_corpus(corpus_uri)
    replace_document(corpus, "d", "before", 2)
    with Searches(corpus, EMBEDDER, "before", k=50) as searches:
        searches.go_on()
        with frozen(object_store.process):
            with pytest.raises(CorpusError, match=r"cannot (open the table|write to) s3://"):
                replace_document(corpus, "d", "lost", 2)
            searches.wait_for(lambda: searches.failures)
        searches.go_on()
        searches.wait_for(lambda: is_stored(corpus, "e", "after"))
        searches.go_on()
    stored = check_whole(open_corpus(corpus_uri).dataset())
    assert stored["e"] == "after of 2"
    assert stored["d"] in {"before of 2", "lost of 2"}


def is_stored(corpus: Corpus, doc_id: str, tag: str) -> bool:
    """Store a document; say whether that came about, for the store has little time to answer."""
    try:
        return replace_document(corpus, doc_id, tag, 2) > 0
    except CorpusError:
        return False
