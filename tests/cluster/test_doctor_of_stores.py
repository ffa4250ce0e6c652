"""What the doctor says of the object store that the corpus lies in."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cluster.doctor.object_store import check_creation
from cluster.settings import Settings
from retrieval.object_store import configure
from retrieval.settings import S3Settings
from tests.engines.process import any_free_port
from tests.engines.seaweedfs import ObjectStore


class Careless(BaseHTTPRequestHandler):
    """A store that takes every object, whatever the conditions."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        """Take it."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(200)

    def do_DELETE(self) -> None:
        """Let it go."""
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def careless() -> Iterator[str]:
    """The address of such a store."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Careless) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """This process forgets the store afterwards."""
    yield
    configure(S3Settings())


def in_store(endpoint: str, bucket: str, key: str = "k", secret: str = "s") -> Settings:
    return Settings.model_validate(
        {
            "corpus": {"uri": f"s3://{bucket}/a corpus"},
            "s3": {
                "endpoint": endpoint,
                "access_key_id": key,
                "secret_access_key": secret,
                "retries": 0,
            },
        }
    )


@pytest.mark.usefixtures("home")
def test_a_corpus_on_disk_needs_no_store() -> None:
    assert check_creation(Settings()) is None


@pytest.mark.usefixtures("home")
def test_a_store_that_lets_all_writers_win_is_a_fault(careless: str) -> None:
    finding = check_creation(in_store(careless, "bucket"))
    assert finding is not None
    assert finding.level == "fail"
    assert finding.detail == "of 4 who create the same object in s3://bucket/a corpus, 4 win"
    assert "commits would be lost" in finding.advice


@pytest.mark.usefixtures("home")
def test_a_store_that_is_away_is_not_judged() -> None:
    finding = check_creation(in_store(f"http://127.0.0.1:{any_free_port()}", "bucket"))
    assert finding is not None
    assert (finding.level, "takes no object" in finding.detail) == ("warn", True)


@pytest.mark.integration
@pytest.mark.usefixtures("home")
def test_a_real_store_lets_one_win_and_keeps_nothing(object_store: ObjectStore) -> None:
    bucket = object_store.new_bucket()
    found = in_store(
        object_store.endpoint, bucket, object_store.access_key, object_store.secret_key
    )
    finding = check_creation(found)
    assert finding is not None
    assert finding.level == "ok", finding
    assert object_store.files().find(bucket) == []
