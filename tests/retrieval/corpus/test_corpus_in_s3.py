"""A corpus in a real S3: backups, an authority of one's own, clear errors."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from retrieval.corpus.backup import copy_corpus
from retrieval.errors import CorpusError
from retrieval.object_store import configure
from retrieval.settings import S3Settings
from tests.engines.certificates import authority
from tests.engines.proxy import proxy
from tests.engines.seaweedfs import ObjectStore
from tests.retrieval.corpus import worker
from tests.retrieval.corpus.worker import check_whole, open_corpus, replace_document

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]


@pytest.fixture
def s3(object_store: ObjectStore) -> Iterator[S3Settings]:
    """Settings that lead to the store; afterwards this process forgets it."""
    settings = S3Settings(
        endpoint=object_store.endpoint,
        access_key_id=object_store.access_key,
        secret_access_key=object_store.secret_key,
    )
    configure(settings)
    yield settings
    configure(S3Settings())


@pytest.fixture
def bucket(object_store: ObjectStore) -> str:
    return object_store.new_bucket()


def test_a_backup_goes_to_disk_and_to_another_place_in_s3(
    s3: S3Settings, bucket: str, tmp_path: Path
) -> None:
    corpus = open_corpus(f"s3://{bucket}/a corpus")
    replace_document(corpus, "d", "here", 3)
    version = copy_corpus(corpus.uri, str(tmp_path / "backup"))
    assert version == corpus.version
    replace_document(corpus, "d", "later", 1)
    copy_corpus(str(tmp_path / "backup"), f"s3://{bucket}/restored", restoring=True)
    restored = open_corpus(f"s3://{bucket}/restored")
    assert check_whole(restored.dataset()) == {"d": "here of 3"}
    assert restored.version > corpus.version
    replace_document(restored, "e", "new", 1)
    assert restored.document("ns", "e") is not None


def test_a_wrong_key_is_no_empty_corpus(s3: S3Settings, bucket: str) -> None:
    replace_document(open_corpus(f"s3://{bucket}/corpus"), "d", "here", 1)
    wrong = S3Settings.model_validate(s3.model_dump() | {"secret_access_key": "hunter2"})
    configure(wrong)
    with pytest.raises(CorpusError, match="cannot open the table") as refused:
        open_corpus(f"s3://{bucket}/corpus")
    assert "signature" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_bucket_that_is_not_there_is_named(s3: S3Settings) -> None:
    with pytest.raises(CorpusError, match="bucket does not exist"):
        open_corpus("s3://nowhere-at-all/corpus")


def test_an_authority_of_ones_own_is_trusted_and_nobody_else(
    object_store: ObjectStore, bucket: str, tmp_path: Path
) -> None:
    """Each try is a process of its own, since Lance reads its environment."""
    certificates = authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    server = urlsplit(object_store.endpoint)
    with proxy(server.hostname or "", server.port or 80, context) as secure:
        endpoint = f"https://{secure.address}"
        for ca_file in ("", str(certificates.authority)):
            given = object_store.environment | {
                "PMOVES_S3__ENDPOINT": endpoint,
                "PMOVES_S3__CA_FILE": ca_file,
                "PMOVES_S3__RETRIES": "0",
            }
            command = [sys.executable, "-m", worker.__name__, "write", f"s3://{bucket}/c", "w", "4"]
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=os.environ | given,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode == 0) == bool(ca_file), done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()]
