"""What the mesh asks of an S3, asked of the one that the tests start."""

import pytest

from tests.engines.seaweedfs import ObjectStore

pytestmark = pytest.mark.integration


def test_objects_with_odd_names_come_back(object_store: ObjectStore) -> None:
    files, bucket = object_store.files(), object_store.new_bucket()
    key = f"{bucket}/a folder/Übung 1 +%20.txt"
    files.pipe(key, b"text")
    assert files.cat(key) == b"text"
    assert files.find(bucket) == [key]


def test_of_two_that_create_one_object_the_second_is_refused(object_store: ObjectStore) -> None:
    files, bucket = object_store.files(), object_store.new_bucket()
    files.call_s3("put_object", Bucket=bucket, Key="one", Body=b"1", IfNoneMatch="*")
    with pytest.raises(OSError, match=r"(?i)pre-?condition"):
        files.call_s3("put_object", Bucket=bucket, Key="one", Body=b"2", IfNoneMatch="*")
    assert files.cat(f"{bucket}/one") == b"1"
