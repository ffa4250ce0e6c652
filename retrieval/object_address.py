"""Names of objects: `s3://bucket/key`, percent-encoded as in a `file:` URI."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from retrieval.errors import InvalidInputError

SCHEME = "s3://"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_LONGEST_KEY = 1_024


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """A bucket, and a key or the beginning of keys in it."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> "ObjectAddress":
        """Return what an `s3:` URI names; `InvalidInputError` where it is none."""
        bucket, _, key = uri.removeprefix(SCHEME).partition("/")
        if not uri.startswith(SCHEME) or not _BUCKET.fullmatch(bucket):
            # What stands for the bucket may be a key and its secret.
            raise InvalidInputError(
                "an s3: source is written s3://bucket/prefix, without keys in it"
            )
        key = unquote(key)
        if "\x00" in key or "\ufffd" in key or len(key.encode("utf-8", "replace")) > _LONGEST_KEY:
            raise InvalidInputError(
                f"the source in bucket {bucket!r} has a key that no object can have"
            )
        return cls(bucket, key)

    @property
    def uri(self) -> str:
        """The URI that names it everywhere, which holds no `#` but its own."""
        return f"{SCHEME}{self.bucket}/{quote(self.key)}"

    def is_below(self, other: "ObjectAddress") -> bool:
        """Say whether it is `other` or lies in the folder `other`."""
        folder = other.key if not other.key or other.key.endswith("/") else f"{other.key}/"
        same = self.key == other.key
        return self.bucket == other.bucket and (same or self.key.startswith(folder))


def is_object_uri(uri: str) -> bool:
    """Say whether `uri` means an object store."""
    return uri.startswith(SCHEME)


def is_allowed(uri: str, places: Sequence[str]) -> bool:
    """Say whether the `s3:` URI `uri` lies in one of `places`, `s3:` URIs as well."""
    address = ObjectAddress.parse(uri)
    return any(address.is_below(ObjectAddress.parse(place)) for place in places)
