"""Where collections, runs and reports lie: a folder, S3, or what else fsspec knows."""

from typing import Any

import fsspec

from retrieval.object_store import file_system
from retrieval.settings import LibrarySettings

_S3 = "s3://"


def opened(uri: str) -> tuple[Any, str]:
    """Return the file system behind `uri` and the path there; S3 is spoken to as it is set.

    Raises `InvalidInputError` or `ImportError` where a package is missing, `ValueError`
    for a scheme that nothing knows.
    """
    if uri.startswith(_S3):
        return file_system(LibrarySettings().s3), uri.removeprefix(_S3)
    system, path = fsspec.url_to_fs(uri)
    return system, path
