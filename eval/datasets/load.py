"""Finding out what kind of collection a folder holds."""

from collections.abc import Callable, Sequence
from pathlib import Path

from eval.datasets import beir, cranfield
from eval.datasets.base import Dataset
from eval.errors import DatasetError

_LAYOUTS: Sequence[tuple[tuple[str, ...], Callable[[Path], Dataset]]] = (
    ((cranfield.DOCUMENTS, cranfield.QUERIES, cranfield.QRELS), cranfield.read_cranfield),
    ((beir.DOCUMENTS, beir.QUERIES, beir.QRELS), beir.read_beir),
)


def load_dataset(path: str | Path) -> Dataset:
    """Read the collection in the folder `path`, whichever known layout it has.

    Raises `DatasetError` for an unknown layout, a missing file, or a malformed line.
    """
    folder = Path(path)
    for files, read in _LAYOUTS:
        if (folder / files[0]).is_file():
            _require(folder, files)
            return _decoded(folder, read)
    expected = "; or ".join(", ".join(files) for files, _ in _LAYOUTS)
    raise DatasetError(f"{folder} is no known dataset; it should hold {expected}")


def _require(folder: Path, files: Sequence[str]) -> None:
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        raise DatasetError(f"{folder} lacks {', '.join(missing)}")


def _decoded(folder: Path, read: Callable[[Path], Dataset]) -> Dataset:
    try:
        return read(folder)
    except UnicodeDecodeError as error:
        raise DatasetError(f"{folder}: a file is not UTF-8 text ({error})") from error
