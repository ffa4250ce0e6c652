"""Where backups lie: in a folder, or in an object store."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from cluster.errors import BackupError
from retrieval.object_address import ObjectAddress, is_object_uri
from retrieval.object_store import configure, file_system
from retrieval.settings import S3Settings


class BackupPlace(Protocol):
    """A place of one backup. Methods raise `BackupError` where it cannot be read or written."""

    @property
    def corpus_uri(self) -> str:
        """Where the corpus of the backup lies."""
        ...

    def require_empty(self) -> None:
        """Refuse a place that holds anything; make one that is not there yet."""
        ...

    def put(self, name: str, file: Path) -> None:
        """Store `file` under `name`."""
        ...

    def get(self, name: str, file: Path) -> None:
        """Write what is stored under `name` into `file`."""
        ...


class BackupFolder:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def corpus_uri(self) -> str:
        """Where the corpus of the backup lies."""
        return str(self._folder.absolute() / "corpus")

    def require_empty(self) -> None:
        """Refuse a folder that holds anything; make one that is not there yet."""
        folder = self._folder
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BackupError(f"{folder} is not an empty folder; name a new one for each backup.")
        with _told(str(folder), OSError):
            folder.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, file: Path) -> None:
        """Store `file` under `name`."""
        with _told(str(self._folder), OSError):
            shutil.copyfile(file, self._folder / name)

    def get(self, name: str, file: Path) -> None:
        """Write what is stored under `name` into `file`."""
        with _told(str(self._folder), OSError):
            shutil.copyfile(self._folder / name, file)


class BackupBucket:
    """The objects below an `s3:` URI, in the store that `s3` leads to."""

    def __init__(self, uri: str, s3: S3Settings) -> None:
        self._uri = uri.rstrip("/")
        self._address = ObjectAddress.parse(self._uri)
        self._files = file_system(s3)
        # So that Lance reaches it, too, where the corpus itself lies on a disk.
        configure(s3)

    @property
    def corpus_uri(self) -> str:
        """Where the corpus of the backup lies."""
        return f"{self._uri}/corpus"

    def require_empty(self) -> None:
        """Refuse a place below which there is any object."""
        address = self._address
        with self._told():
            found = self._files.call_s3(
                "list_objects_v2", Bucket=address.bucket, Prefix=self._key(""), MaxKeys=1
            )
        if found.get("KeyCount"):
            raise BackupError(
                f"there is something at {self._uri}; name a new place for each backup."
            )

    def put(self, name: str, file: Path) -> None:
        """Store `file` under `name`."""
        with self._told():
            self._files.put_file(str(file), f"{self._address.bucket}/{self._key(name)}")

    def get(self, name: str, file: Path) -> None:
        """Write what is stored under `name` into `file`."""
        with self._told():
            self._files.get_file(f"{self._address.bucket}/{self._key(name)}", str(file))

    def _key(self, name: str) -> str:
        return f"{self._address.key}/{name}".lstrip("/")

    @contextmanager
    def _told(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError

        with _told(self._uri, OSError, BotoCoreError):
            yield


def backup_place(where: str, s3: S3Settings) -> BackupPlace:
    """Return the place that `where` names, a folder or an `s3:` URI.

    Raises `InvalidInputError` where the URI is none, or the extra `s3` is not installed.
    """
    return BackupBucket(where, s3) if is_object_uri(where) else BackupFolder(Path(where))


@contextmanager
def _told(place: str, *kinds: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kinds as error:
        line = str(error).partition("\n")[0] or type(error).__name__
        raise BackupError(f"cannot read or write the backup at {place}: {line}.") from error
