"""Names of objects: what is understood, and that nothing leaves an allowed place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import InvalidInputError
from retrieval.object_address import ObjectAddress, is_allowed

KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\ufffd"), max_size=60)


@given(KEYS)
def test_every_key_comes_back_from_its_uri(key: str) -> None:
    address = ObjectAddress("bucket", key)
    assert ObjectAddress.parse(address.uri) == address
    assert "#" not in address.uri


def test_spaces_and_unicode_may_stand_as_they_are() -> None:
    assert ObjectAddress.parse("s3://b/a folder/Ü+1.txt").key == "a folder/Ü+1.txt"
    assert ObjectAddress.parse("s3://b").key == ""


@pytest.mark.parametrize(
    "uri",
    ["s3:///key", "s3://", "s3://key:secret@bucket/x", "S3://bucket/x", "s3://b/a%00", "s3://b/%ff",
     "s3://b/" + "x" * 1_025],
)  # fmt: skip
def test_what_names_no_object_is_refused_without_being_repeated(uri: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        ObjectAddress.parse(uri)
    assert "secret" not in str(refused.value)


@given(KEYS, KEYS)
def test_a_place_allows_what_begins_as_its_folder_does(folder: str, below: str) -> None:
    place = ObjectAddress("bucket", f"{folder}/").uri
    assert is_allowed(ObjectAddress("bucket", f"{folder}/{below}").uri, [place])
    assert not is_allowed(ObjectAddress("buckets", f"{folder}/{below}").uri, [place])


def test_a_name_that_only_begins_alike_is_another_place() -> None:
    assert is_allowed("s3://b/talks", ["s3://b/talks"])
    assert is_allowed("s3://b/talks/x", ["s3://b/talks"])
    assert not is_allowed("s3://b/talks2/x", ["s3://b/talks", "s3://other"])
