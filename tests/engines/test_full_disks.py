"""PostgreSQL and S3 on a full disk: writers are told, readers go on, nothing is lost."""

import random
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from retrieval.corpus.store import Corpus
from retrieval.errors import CorpusError
from retrieval.job_request import JobRequest, SourceItem
from retrieval.jobs import JobStore
from retrieval.object_store import configure
from retrieval.settings import S3Settings
from tests.engines.disks import Disk, disk
from tests.engines.postgres import postgres_server
from tests.engines.process import elsewhere
from tests.engines.seaweedfs import ObjectStore, seaweedfs
from tests.retrieval.corpus.worker import EMBEDDER, check_whole, open_corpus, replace_document
from tests.retrieval.lexical.load import Searches

pytestmark = pytest.mark.integration

# A row of it takes 36 kB, in tables and in the log.
LARGE = JobRequest(
    namespace="ns",
    sources=[SourceItem(uri=random.Random(at).randbytes(300).hex()) for at in range(60)],
)
BUCKET, ROUNDS = "full-disk", 5
MIB, PAGE = 2**20, 4_096


@pytest.fixture
def small(request: pytest.FixtureRequest) -> Iterator[Disk]:
    """A disk on which an engine of this test's own lies."""
    if elsewhere("postgres") or elsewhere("s3"):
        pytest.skip("the disk of a server of PMOVES_TEST_… is not ours to fill")
    with tempfile.TemporaryDirectory(prefix="disk-") as folder:
        # The folders of pytest are closed to the user that Postgres runs as.
        Path(folder).chmod(0o755)
        with disk(Path(folder) / "data", "200m") as made:
            yield made


class Reader:
    """Lists jobs from another thread until the block ends."""

    def __init__(self, jobs: JobStore) -> None:
        self.failures: list[Exception] = []
        self.reads = 0
        self._jobs = jobs
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._ended.is_set():
            try:
                self._jobs.list(limit=5)
                self.reads += 1
            except sa.exc.SQLAlchemyError as error:
                self.failures.append(error)
                return


def write_until_full(jobs: JobStore, name: str) -> set[str]:
    """Create jobs until one is refused; return those that were not."""
    made: set[str] = set()
    for at in range(2_000):
        try:
            made.add(jobs.create(LARGE, f"{name}-{at}").job_id)
        except sa.exc.OperationalError as error:
            refusal = error
            break
    assert "No space left on device" in str(refusal)
    return made


def stored(jobs: JobStore) -> set[str]:
    return {job.job_id for job in jobs.list(limit=2_000).jobs}


def test_a_postgres_without_room_for_rows_refuses_them_and_nothing_else(small: Disk) -> None:
    with postgres_server(small.folder) as server:
        jobs = JobStore(server.new_database())
        with Reader(jobs) as reader:
            small.fill(room=MIB)
            made = write_until_full(jobs, "full")
            assert made, "there was room for some"
            for at in range(3):
                with pytest.raises(sa.exc.OperationalError, match="No space left on device"):
                    jobs.create(LARGE, f"lost-{at}")
            small.free()
            made.add(jobs.create(LARGE, "after").job_id)
        assert reader.failures == []
        assert reader.reads > 0
        assert stored(jobs) == made
        jobs.close()


@pytest.mark.soak
def test_a_postgres_without_room_for_its_log_stops_and_comes_back_with_every_job(
    small: Disk,
) -> None:
    """It does not run without its log: it ends itself, and starts again once there is room."""
    with postgres_server(small.folder) as server:
        assert server.process is not None
        url = server.new_database()
        jobs = JobStore(url)
        # Room for more rows than for the next 16 MiB of its log.
        small.fill(room=15 * MIB)
        made = write_until_full(jobs, "full")
        assert server.process.wait(60) == 1
        with pytest.raises(sa.exc.OperationalError):
            jobs.list()
    small.free()
    with postgres_server(small.folder, sa.make_url(url).port):
        found = stored(jobs)
        assert made <= found
        assert len(found - made) <= 1, "of the one that was refused it is not known"
        made.add(jobs.create(LARGE, "after").job_id)
        assert made <= stored(jobs)
    jobs.close()


@pytest.fixture
def settings_forgotten() -> Iterator[None]:
    """This process forgets the object store afterwards."""
    yield
    configure(S3Settings())


def reach(store: ObjectStore) -> None:
    keys = {"access_key_id": store.access_key, "secret_access_key": store.secret_key}
    configure(S3Settings.model_validate({"endpoint": store.endpoint, "retries": 0, **keys}))


@pytest.mark.soak
@pytest.mark.usefixtures("settings_forgotten")
def test_an_object_store_without_room_refuses_commits_and_answers_searches(small: Disk) -> None:
    """SeaweedFS takes no more writes once its own index had no room, until it is started again."""
    certain: dict[str, str] = {}
    for pages in range(ROUNDS):
        small.free()
        with seaweedfs(small.folder) as store:
            reach(store)
            uri = f"s3://{BUCKET}/corpus"
            if not certain:
                store.files().mkdir(BUCKET)
            corpus = open_corpus(uri)
            for doc_id, said in certain.items():
                assert check_whole(corpus.dataset())[doc_id] == said
            replace_document(corpus, "d", f"before {pages}", 2)
            certain["d"] = f"before {pages} of 2"
            with Searches(corpus, EMBEDDER, "before", k=50) as searches:
                searches.go_on()
                # The room ends at another step of the commit each time.
                small.fill(room=pages * PAGE)
                refusals = commit_until_refused(corpus, f"e{pages}", certain)
                assert "can be tried again" in str(refusals)
                searches.go_on(5)
            assert searches.failures == []
    small.free()
    with seaweedfs(small.folder) as store:
        reach(store)
        corpus = open_corpus(uri)
        assert check_whole(corpus.dataset()).items() >= certain.items()
        for pages in range(ROUNDS):
            replace_document(corpus, f"e{pages}", "again", 2)
        corpus.optimize()
        again = check_whole(corpus.dataset())
        assert {again[f"e{pages}"] for pages in range(ROUNDS)} == {"again of 2"}


def commit_until_refused(corpus: Corpus, doc_id: str, certain: dict[str, str]) -> CorpusError:
    """Store a document again and again, until that is refused; `certain` says what was stored."""
    for at in range(100):
        try:
            replace_document(corpus, doc_id, f"round {at}", 2)
        except CorpusError as error:
            # Its passages may be there, and its row in the ledger not.
            certain.pop(doc_id, None)
            return error
        certain[doc_id] = f"round {at} of 2"
    raise AssertionError("the disk was never full")
