"""Where collections, runs and reports lie: a folder, S3, or what else fsspec knows."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eval.errors import EvaluationError
from retrieval.errors import InvalidInputError
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
    import fsspec

    system, path = fsspec.url_to_fs(uri)
    return system, path


@contextmanager
def written_to(target: str) -> Iterator[Path]:
    """Yield a local folder whose files are in `target` at the end, a folder or an address.

    Raises `EvaluationError` where nothing can be written there.
    """
    if "://" not in target:
        yield Path(target)
        return
    with tempfile.TemporaryDirectory(prefix="pmoves-reports-") as folder:
        yield Path(folder)
        _upload(Path(folder), target.rstrip("/"))


def _upload(folder: Path, target: str) -> None:
    try:
        system, path = opened(target)
        system.makedirs(path, exist_ok=True)
        # The slashes copy what is inside, not the folder itself.
        system.put(f"{folder}/", f"{path}/", recursive=True)
    except (ImportError, InvalidInputError, ValueError) as error:
        raise EvaluationError(f"{target}: {error}") from error
    except store_errors() as error:
        raise EvaluationError(f"{target} cannot be written: {error}") from error


def store_errors() -> tuple[type[Exception], ...]:
    """Return what is raised of a store that cannot be used, such as without credentials."""
    try:
        from botocore.exceptions import BotoCoreError
    except ImportError:
        return (OSError,)
    return (OSError, BotoCoreError)
