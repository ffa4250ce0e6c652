"""Which objects stand behind an `s3:` source."""

from collections.abc import Iterator

from data_jobs.errors import SourceError
from data_jobs.objects.store import ObjectStore, StoredObject
from data_jobs.patterns import PathFilter
from retrieval.errors import InvalidInputError
from retrieval.object_address import ObjectAddress


def object_address(uri: str) -> ObjectAddress:
    """Return what an `s3:` URI names; `SourceError` where it is none."""
    try:
        return ObjectAddress.parse(uri)
    except InvalidInputError as error:
        raise SourceError(str(error)) from error


def objects(
    store: ObjectStore, source: ObjectAddress, recursive: bool, files: PathFilter
) -> Iterator[StoredObject]:
    """Yield the object at `source`, else those in the folder `source` that `files` takes.

    Names that begin with a dot are left out, as on disk. Raises `SourceError` where
    there is nothing, or the store cannot be read.
    """
    if source.key and not source.key.endswith("/") and (one := store.find(source)):
        yield one
        return
    slash = "" if not source.key or source.key.endswith("/") else "/"
    folder, empty = ObjectAddress(source.bucket, source.key + slash), True
    for found in store.below(folder, recursive):
        empty = False
        if _is_wanted(found.address.key.removeprefix(folder.key), files):
            yield found
    if empty:
        raise SourceError(f"there is nothing at {source.uri}")


def _is_wanted(path: str, files: PathFilter) -> bool:
    parts = path.split("/")
    # A key that ends with a slash stands for a folder.
    if not parts[-1] or any(part.startswith(".") for part in parts):
        return False
    folders = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
    return all(map(files.takes_folder, folders)) and files.takes_file(path)
