"""Getting a collection that lies in an object store."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eval.errors import DatasetError
from eval.object_store import opened, store_errors
from retrieval.errors import InvalidInputError


@contextmanager
def local_copy(uri: str) -> Iterator[Path]:
    """Yield the folder or file behind `uri`; what is not local is copied for the block.

    Any scheme that `eval.object_store` opens will do. Raises
    `DatasetError` where the scheme has no package, or nothing can be read; what the
    block raises of it names the file behind `uri`.
    """
    if "://" not in uri:
        yield Path(uri)
        return
    with tempfile.TemporaryDirectory(prefix="pmoves-dataset-") as folder:
        target = Path(folder) / uri.rstrip("/").rpartition("/")[2]
        _copy(uri, target)
        try:
            yield target
        except DatasetError as error:
            # The copy means nothing to anybody.
            raise DatasetError(str(error).replace(str(target), uri.rstrip("/"))) from error


def _copy(uri: str, target: Path) -> None:
    try:
        system, path = opened(uri)
        if not system.exists(path):
            raise DatasetError(f"{uri}: there is nothing")
        if system.isdir(path):
            # The slash copies what is inside, not the folder itself.
            system.get(path.rstrip("/") + "/", str(target) + "/", recursive=True)
        else:
            system.get_file(path, str(target))
    except (ImportError, InvalidInputError) as error:
        raise DatasetError(f"{uri}: {error}") from error
    except ValueError as error:
        raise DatasetError(f"{uri}: {error}; give a folder, a file or an s3:// address") from error
    except store_errors() as error:
        raise DatasetError(f"{uri} cannot be read: {error}") from error
