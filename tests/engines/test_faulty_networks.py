"""A bad network before S3 and PostgreSQL: nothing is lost, and whoever waits is told."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from data_jobs.errors import UnreadableFileError
from data_jobs.objects.store import ObjectStore as Objects
from retrieval.errors import CorpusError
from retrieval.jobs import JobRequest, JobStore
from retrieval.object_address import ObjectAddress
from retrieval.object_store import configure
from retrieval.settings import S3Settings
from retrieval.state.database import open_database
from tests.engines.postgres import PostgresServer
from tests.engines.proxy import Proxy, proxy
from tests.engines.seaweedfs import ObjectStore
from tests.retrieval.corpus.worker import check_whole, open_corpus, replace_document

pytestmark = pytest.mark.integration

ROUNDS = 15


@pytest.fixture
def bad(object_store: ObjectStore) -> Iterator[Proxy]:
    """A proxy before the S3 through which everything passes at first."""
    server = urlsplit(object_store.endpoint)
    with proxy(server.hostname or "", server.port or 80) as made:
        yield made


def through(store: ObjectStore, port: int | None = None, **given: object) -> S3Settings:
    """Return settings that lead to the store, or to what stands before it at `port`."""
    endpoint = store.endpoint if port is None else f"http://127.0.0.1:{port}"
    keys = {"access_key_id": store.access_key, "secret_access_key": store.secret_key}
    return S3Settings.model_validate({"endpoint": endpoint, "timeout_s": 5, **keys, **given})


@pytest.fixture
def corpus_uri(object_store: ObjectStore) -> Iterator[str]:
    """Where a corpus may lie; afterwards this process forgets the store."""
    yield f"s3://{object_store.new_bucket()}/corpus"
    configure(S3Settings())


@pytest.mark.parametrize("fault", ["cut", "swallow"])
def test_what_was_stored_over_a_bad_network_is_whole_and_nothing_else_is(
    object_store: ObjectStore, bad: Proxy, corpus_uri: str, fault: str
) -> None:
    """An answer that is lost leaves open whether it was stored; to try again mends it."""
    configure(through(object_store, bad.port, retries=1))
    corpus = open_corpus(corpus_uri)
    certain: dict[str, str] = {}
    possible: dict[str, set[str]] = {}
    setattr(bad, fault, 0.03)
    for at in range(ROUNDS):
        doc_id, passages = f"d{at % 4}", 1 + at % 3
        said = f"round {at} of {passages}"
        try:
            replace_document(corpus, doc_id, f"round {at}", passages)
            certain[doc_id], possible[doc_id] = said, set()
        except CorpusError:
            possible.setdefault(doc_id, set()).add(said)
    bad.heal()
    assert bad.faults > 0
    stored = check_whole(open_corpus(corpus_uri).dataset())
    for doc_id in certain.keys() | possible.keys():
        assert stored.get(doc_id) in {certain.get(doc_id), *possible.get(doc_id, ())}
    for doc_id in certain:
        replace_document(corpus, doc_id, "again", 2)
    again = check_whole(corpus.dataset())
    assert {again[doc_id] for doc_id in certain} == {"again of 2"}


def test_a_store_that_is_away_is_named_and_the_corpus_is_there_again_afterwards(
    object_store: ObjectStore, bad: Proxy, corpus_uri: str
) -> None:
    configure(through(object_store, bad.port, retries=0))
    corpus = open_corpus(corpus_uri)
    replace_document(corpus, "d", "here", 2)
    bad.refuse = True
    bad.cut_all()
    for attempt in (lambda: replace_document(corpus, "d", "lost", 1), corpus.dataset):
        with pytest.raises(CorpusError, match=r"cannot (open the table|write to) s3://"):
            attempt()
    with pytest.raises(CorpusError, match="cannot open the table"):
        open_corpus(corpus_uri)
    bad.heal()
    assert check_whole(corpus.dataset()) == {"d": "here of 2"}


@pytest.mark.parametrize("fault", ["cut", "corrupt", "swallow"])
def test_an_object_arrives_whole_or_with_a_reason(
    object_store: ObjectStore, bad: Proxy, tmp_path: Path, fault: str
) -> None:
    bucket, content = object_store.new_bucket(), bytes(range(256)) * 2_000
    object_store.files().pipe(f"{bucket}/a.bin", content)
    address = ObjectAddress(bucket, "a.bin")
    wanted = Objects(through(object_store)).find(address)
    assert wanted is not None
    store = Objects(through(object_store, bad.port, retries=2))
    setattr(bad, fault, 0.15)
    arrived = 0
    for _ in range(60):
        if arrived and bad.faults:
            break
        try:
            store.fetch(wanted, tmp_path / "a", len(content))
        except UnreadableFileError:
            continue
        else:
            arrived += 1
            data = (tmp_path / "a").read_bytes()
            assert hashlib.sha256(data).digest() == hashlib.sha256(content).digest()
    bad.heal()
    assert bad.faults > 0
    store.fetch(wanted, tmp_path / "a", len(content))
    assert (tmp_path / "a").read_bytes() == content
    assert arrived > 0


@pytest.fixture
def bad_postgres(postgres: PostgresServer) -> Iterator[tuple[Proxy, str]]:
    """A proxy before the PostgreSQL, and the URL of an empty database through it."""
    url = sa.make_url(postgres.new_database())
    with proxy(url.host or "", url.port or 5432) as made:
        through = url.set(host="127.0.0.1", port=made.port, query={"connect_timeout": "5"})
        yield made, through.render_as_string(hide_password=False)


def test_jobs_go_on_after_connections_to_postgres_were_cut(
    bad_postgres: tuple[Proxy, str],
) -> None:
    bad, url = bad_postgres
    jobs = JobStore(url)
    made = [jobs.create(JobRequest(namespace="ns", sources=[])).job_id]
    bad.cut_all()
    made.append(jobs.create(JobRequest(namespace="ns", sources=[])).job_id)
    bad.refuse = True
    bad.cut_all()
    with pytest.raises(sa.exc.OperationalError):
        jobs.get(made[0])
    with pytest.raises(CorpusError, match="cannot open the state database postgresql"):
        open_database(url)
    bad.heal()
    assert {job.job_id for job in jobs.list().jobs} == set(made)
    jobs.close()


def test_a_job_whose_answer_was_lost_is_there_once_or_not_at_all(
    bad_postgres: tuple[Proxy, str],
) -> None:
    bad, url = bad_postgres
    jobs, certain, possible = JobStore(url), set(), set()
    bad.swallow = 0.1
    for at in range(ROUNDS):
        try:
            jobs.create(JobRequest(namespace="ns", sources=[]), f"job-{at}")
            certain.add(f"job-{at}")
        except sa.exc.SQLAlchemyError:
            possible.add(f"job-{at}")
    bad.heal()
    assert bad.faults > 0
    stored = [job.job_id for job in jobs.list().jobs]
    assert len(stored) == len(set(stored))
    assert certain <= set(stored) <= certain | possible
    jobs.close()
