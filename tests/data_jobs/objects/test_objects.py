"""`s3:` sources on a real S3: names, pages, changes while reading, and what goes wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_jobs.backfill.mirror import Seen, mirror
from data_jobs.backfill.watching import Watcher
from data_jobs.errors import JobError, LimitExceededError, SourceError, UnreadableFileError
from data_jobs.objects.listing import objects
from data_jobs.objects.store import ObjectStore as Objects
from data_jobs.objects.store import StoredObject
from data_jobs.patterns import PathFilter
from retrieval.jobs import JobRequest, Mirror, SourceItem
from retrieval.object_address import ObjectAddress
from retrieval.settings import S3Settings
from tests.data_jobs.production import NAMESPACE, Production
from tests.engines.process import any_free_port
from tests.engines.seaweedfs import ObjectStore

pytestmark = pytest.mark.integration

EVERYTHING = PathFilter((), ())


class Bucket:
    """A bucket of its own, what writes into it, and the settings that lead to it."""

    def __init__(self, store: ObjectStore) -> None:
        self.files = store.files()
        self.name = store.new_bucket()
        self.settings = S3Settings(
            endpoint=store.endpoint,
            access_key_id=store.access_key,
            secret_access_key=store.secret_key,
        )

    def put(self, key: str, content: bytes = b"Some text.") -> None:
        self.files.pipe(f"{self.name}/{key}", content)

    def listed(self, prefix: str = "", page: int = 1_000, **given: Any) -> list[str]:
        store, source = Objects(self.settings, page), ObjectAddress(self.name, prefix)
        given = {"recursive": True, "files": EVERYTHING, **given}
        return [found.address.key for found in objects(store, source, **given)]

    def found(self, key: str) -> StoredObject:
        found = Objects(self.settings).find(ObjectAddress(self.name, key))
        assert found is not None
        return found


@pytest.fixture
def bucket(object_store: ObjectStore) -> Bucket:
    return Bucket(object_store)


def test_all_pages_are_read_in_order(bucket: Bucket) -> None:
    keys = [f"talks/{at:03}.txt" for at in range(25)]
    for key in reversed(keys):
        bucket.put(key)
    assert bucket.listed("talks", page=4) == keys
    assert bucket.listed("talks/", page=25) == keys


def test_a_prefix_is_a_folder_or_one_object(bucket: Bucket) -> None:
    for key in ("talk.txt", "talk/a.txt", "talk/deep/b.txt", "talk/.hidden/c.txt", "talks/d.txt"):
        bucket.put(key)
    assert bucket.listed("talk") == ["talk/a.txt", "talk/deep/b.txt"]
    assert bucket.listed("talk.txt") == ["talk.txt"]
    assert bucket.listed("talk", recursive=False) == ["talk/a.txt"]
    chosen = PathFilter(("*.txt",), ("deep", "talks"))
    assert set(bucket.listed("", files=chosen)) == {"talk.txt", "talk/a.txt"}
    with pytest.raises(SourceError, match="there is nothing at"):
        bucket.listed("tal")


def test_documents_with_odd_names_are_ingested_and_skipped_when_unchanged(
    bucket: Bucket, tmp_path: Path
) -> None:
    key = "a folder/Übung #1 +100%25.txt"
    bucket.put(key, b"Tea is at four.")
    bucket.put("broken.pdf", b"%PDF-1.7 no more")
    made = Production(tmp_path / "home", s3=bucket.settings.model_dump())
    first = made.run(f"s3://{bucket.name}")
    assert sorted(outcome.outcome for outcome in first.values()) == ["quarantined", "ready"]
    row = made.row(ObjectAddress(bucket.name, key).uri)
    assert (row.status, row.title, row.size_bytes) == ("ready", row.title, 15)
    assert made.texts() == ["Tea is at four."]
    again = made.run(f"s3://{bucket.name}")
    assert {outcome.outcome for outcome in again.values()} == {"skipped", "quarantined"}
    bucket.put(key, b"Tea is at five.")
    made.run(f"s3://{bucket.name}/a folder")
    assert made.texts() == ["Tea is at five."]


def test_a_mirror_follows_a_bucket_and_stops_short_of_emptying_it(
    bucket: Bucket, tmp_path: Path
) -> None:
    for at in range(4):
        bucket.put(f"talks/{at}.txt", f"Talk number {at}.".encode())
    bucket.put("talks/draft.pdf", b"%PDF-1.7 no more")
    bucket.put("else/5.txt", b"Of nobody's concern.")
    made = Production(tmp_path / "home", s3=bucket.settings.model_dump())
    made.run(f"s3://{bucket.name}")
    source = SourceItem(uri=f"s3://{bucket.name}/talks", include=["*.txt"])
    wanted, store = JobRequest(namespace=NAMESPACE, sources=[source]), Objects(bucket.settings)
    few = Mirror(max_share=0.4, max_documents=1)
    for key in ("talks/0.txt", "talks/draft.pdf", "else/5.txt"):
        bucket.files.rm(f"{bucket.name}/{key}")
    # What the filter leaves out is mirrored too, what lies beside the prefix is not.
    assert mirror(made.corpus, wanted, few, Seen(), store) == 2
    assert made.row(f"s3://{bucket.name}/talks/draft.pdf").status == "deleted"
    assert made.texts() == ["Of nobody's concern.", *(f"Talk number {at}." for at in (1, 2, 3))]
    for key in ("talks/1.txt", "talks/2.txt"):
        bucket.files.rm(f"{bucket.name}/{key}")
    with pytest.raises(JobError, match="2 of 3 documents are gone"):
        mirror(made.corpus, wanted, few, Seen(), store)
    bucket.files.rm(f"{bucket.name}/talks/3.txt")
    with pytest.raises(JobError, match="nothing was deleted"):
        mirror(made.corpus, wanted, Mirror(max_share=1.0), Seen(), store)
    assert len(made.texts()) == 4


def test_a_bucket_can_be_watched(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("a.txt", b"Before.")
    made = Production(tmp_path / "home", s3=bucket.settings.model_dump())
    source = SourceItem(uri=f"s3://{bucket.name}")
    watcher = Watcher(JobRequest(namespace=NAMESPACE, sources=[source]), made.settings)
    made.run(source)
    watcher.ingested()
    assert [watcher.has_more(), watcher.has_more()] == [False, False]
    bucket.put("a.txt", b"Later.")
    assert [watcher.has_more(), watcher.has_more()] == [False, True]
    made.run(source)
    watcher.ingested()
    assert not watcher.has_more()


def test_an_object_that_changed_since_it_was_listed_is_read_as_it_is_now(
    bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put("a.txt", b"before")
    listed = bucket.found("a.txt")
    bucket.put("a.txt", b"after that")
    fetched = Objects(bucket.settings).fetch(listed, tmp_path / "a", 100)
    assert (tmp_path / "a").read_bytes() == b"after that"
    assert fetched == bucket.found("a.txt")
    assert fetched.content_hash != listed.content_hash


def test_an_object_that_changes_at_every_look_is_given_up(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("a.txt", b"0")
    listed, find = bucket.found("a.txt"), Objects.find

    def found_and_changed(store: Objects, address: ObjectAddress) -> StoredObject | None:
        found = find(store, address)
        bucket.put("a.txt", f"not {found}".encode())
        return found

    monkeypatch.setattr(Objects, "find", found_and_changed)
    bucket.put("a.txt", b"1")
    with pytest.raises(UnreadableFileError, match="changes again and again"):
        Objects(bucket.settings).fetch(listed, tmp_path / "a", 1_000)


def test_an_object_that_is_gone_or_too_large_has_a_reason(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("a.txt", b"x" * 1_000)
    listed = bucket.found("a.txt")
    with pytest.raises(LimitExceededError, match="more than 999 bytes"):
        Objects(bucket.settings).fetch(listed, tmp_path / "a", 999)
    bucket.files.rm(f"{bucket.name}/a.txt")
    with pytest.raises(UnreadableFileError, match="is gone"):
        Objects(bucket.settings).fetch(listed, tmp_path / "a", 1_000)


def faulty(bucket: Bucket) -> Iterator[S3Settings]:
    nobody = f"http://127.0.0.1:{any_free_port()}"
    yield bucket.settings.model_copy(update={"endpoint": nobody, "retries": 0})
    yield S3Settings.model_validate(
        bucket.settings.model_dump() | {"secret_access_key": "hunter2-wrong"}
    )


def test_a_store_that_cannot_be_read_is_a_reason_without_secrets(
    bucket: Bucket, tmp_path: Path
) -> None:
    for number, settings in enumerate(faulty(bucket)):
        made = Production(tmp_path / str(number), s3=settings.model_dump())
        (outcome,) = made.run(f"s3://{bucket.name}/talks/").values()
        assert outcome.outcome == "quarantined"
        row = made.row(f"s3://{bucket.name}/talks/")
        assert row.error is not None
        assert row.error.type in ("SourceError", "UnreadableFileError")
        assert "PMOVES_S3__ENDPOINT" in row.error.message
        assert "hunter2" not in row.error.message
        assert bucket.settings.secret_access_key.get_secret_value() not in row.error.message
