"""Listing and fetching objects, page by page and piece by piece."""

import asyncio
import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data_jobs.errors import IngestError, LimitExceededError, SourceError, UnreadableFileError
from retrieval.ids import content_hash
from retrieval.object_address import ObjectAddress
from retrieval.object_store import file_system
from retrieval.settings import S3Settings

_PAGE = 1_000
_PIECE = 2**20
_CHANGES = 3
_PAUSE_S = 0.2
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of an object, as the store told of it; `etag` is the store's mark of it."""

    address: ObjectAddress
    etag: str
    size: int

    @property
    def content_hash(self) -> str:
        """What stands for the hash of its bytes, without reading them."""
        return content_hash("s3", self.etag, str(self.size))


class _ChangedError(Exception):
    """The object is not the version any more that was asked for."""


class ObjectStore:
    """The store that `s3` leads to; `page` objects are listed in one request.

    Errors are `IngestError` and never hold a key.
    """

    def __init__(self, s3: S3Settings, page: int = _PAGE) -> None:
        self._s3 = s3
        self._page = page

    @cached_property
    def _files(self) -> Any:
        return file_system(self._s3)

    def find(self, address: ObjectAddress) -> StoredObject | None:
        """Return the object at `address`, or None where there is none."""
        try:
            head = self._files.call_s3("head_object", Bucket=address.bucket, Key=address.key)
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._failure(address, "cannot be read", error) from None
        return StoredObject(address, _etag(head), head["ContentLength"])

    def below(self, folder: ObjectAddress, deep: bool) -> Iterator[StoredObject]:
        """Yield the objects whose keys begin with that of `folder`, in order, lazily.

        Without `deep` only those with no further `/` in their keys.
        """
        query: dict[str, Any] = {"Bucket": folder.bucket, "Prefix": folder.key}
        query |= {"MaxKeys": self._page} | ({} if deep else {"Delimiter": "/"})
        while True:
            try:
                answer = self._files.call_s3("list_objects_v2", **query)
            except Exception as error:
                raise self._failure(folder, "cannot be listed", error) from None
            for found in answer.get("Contents", ()):
                address = ObjectAddress(folder.bucket, found["Key"])
                yield StoredObject(address, _etag(found), found["Size"])
            if not answer.get("IsTruncated"):
                return
            query["ContinuationToken"] = answer["NextContinuationToken"]

    def fetch(self, wanted: StoredObject, path: Path, most: int) -> StoredObject:
        """Write an object to `path`; return the version that was written, as a whole.

        Where it has changed since it was listed, that is the new one. Raises
        `LimitExceededError` above `most` bytes, `UnreadableFileError` where it is gone,
        comes damaged, or changes again and again.
        """
        for _ in range(_CHANGES):
            try:
                self._fetch(wanted, path, most)
                return wanted
            except _ChangedError:
                newer = self.find(wanted.address)
            if newer is None:
                raise UnreadableFileError(f"{wanted.address.uri} is gone")
            wanted = newer
        raise UnreadableFileError(
            f"{wanted.address.uri} changes again and again while it is read; try again later"
        )

    def _fetch(self, wanted: StoredObject, path: Path, most: int) -> None:
        from fsspec.asyn import sync

        for attempt in range(1 + self._s3.retries):
            try:
                sync(self._files.loop, _download, self._files, wanted, path, most)
                return
            except (_ChangedError, IngestError):
                raise
            except Exception as error:
                if isinstance(error, PermissionError) or attempt == self._s3.retries:
                    raise self._failure(wanted.address, "cannot be read", error) from None
                time.sleep(_PAUSE_S * 2**attempt)

    def _failure(self, address: ObjectAddress, what: str, error: Exception) -> IngestError:
        kind = SourceError if what == "cannot be listed" else UnreadableFileError
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        for secret in (self._s3.secret_access_key, self._s3.session_token):
            if value := secret.get_secret_value():
                reason = reason.replace(value, "***")
        return kind(f"{address.uri} {what}: {reason}; see PMOVES_S3__ENDPOINT and its neighbours")


async def _download(files: Any, wanted: StoredObject, path: Path, most: int) -> None:
    address = wanted.address
    try:
        answer = await files._call_s3(
            "get_object", Bucket=address.bucket, Key=address.key, IfMatch=f'"{wanted.etag}"'
        )
    except OSError as error:
        if _is_other_version(error):
            raise _ChangedError from error
        raise
    digest, size = hashlib.md5(usedforsecurity=False), 0
    async with answer["Body"] as body:
        with path.open("wb") as file:
            while piece := await body.read(_PIECE):
                size += len(piece)
                if size > most:
                    raise LimitExceededError(f"{address.uri} has more than {most:,} bytes")
                digest.update(piece)
                await asyncio.to_thread(file.write, piece)
    if size != wanted.size:
        raise OSError(f"{size:,} of {wanted.size:,} bytes came")
    # An object that was sent in parts, or is encrypted, has another mark than its MD5.
    plain = (
        _MD5.fullmatch(wanted.etag) and "KMS" not in answer.get("ServerSideEncryption", "").upper()
    )
    if plain and digest.hexdigest() != wanted.etag:
        raise OSError("its bytes came damaged")


def _is_other_version(error: OSError) -> bool:
    response = getattr(error.__cause__, "response", {})
    code = response.get("Error", {}).get("Code")
    return isinstance(error, FileNotFoundError) or code in ("PreconditionFailed", "412")


def _etag(answer: dict[str, Any]) -> str:
    return str(answer.get("ETag", "")).strip('"')
