"""Finding out what kind of collection a folder or file holds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from eval.datasets import beir, cranfield, questions, table, trec
from eval.datasets.base import Dataset
from eval.datasets.fetching import local_copy
from eval.errors import DatasetError
from retrieval.query import SearchRequest


@dataclass(frozen=True, slots=True)
class _Layout:
    """A kind of folder: the file that tells it, patterns of those it needs, and its reader."""

    sign: str
    files: Sequence[str]
    read: Callable[[Path], Dataset]


_LAYOUTS = (
    _Layout(
        cranfield.DOCUMENTS,
        (cranfield.DOCUMENTS, cranfield.QUERIES, cranfield.QRELS),
        cranfield.read_cranfield,
    ),
    _Layout(trec.TOPICS_TABLE, (trec.TOPICS_TABLE, trec.QRELS), trec.read_trec),
    _Layout(trec.TOPICS_XML, (trec.TOPICS_XML, trec.QRELS), trec.read_trec),
    _Layout(beir.DOCUMENTS, (beir.DOCUMENTS, beir.QUERIES, beir.ANY_QRELS), beir.read_beir),
)
_FILES: Mapping[str, Callable[[Path], Dataset]] = {
    questions.SUFFIX: questions.read_questions,
    table.SUFFIX: table.read_table,
}


def load_dataset(source: str | Path) -> Dataset:
    """Read the collection at `source`, a folder, a file or an address, in any known layout.

    Raises `DatasetError` for an unknown layout, a missing file, or a malformed line.
    """
    with local_copy(str(source)) as path:
        if path.suffix in _FILES and not path.is_dir():
            if not path.is_file():
                raise DatasetError(f"{path}: there is no such file")
            return _decoded(path, [path], _FILES[path.suffix])
        return _read_folder(path)


def _read_folder(folder: Path) -> Dataset:
    if not folder.exists():
        raise DatasetError(f"{folder}: there is nothing")
    for layout in _LAYOUTS:
        if (folder / layout.sign).is_file():
            _require(folder, layout.files)
            names = (*layout.files, beir.DOCUMENTS)
            files = [file for name in names for file in sorted(folder.glob(name))]
            return _decoded(folder, files, layout.read)
    expected = "; or ".join(", ".join(layout.files) for layout in _LAYOUTS)
    raise DatasetError(
        f"{folder} is no known dataset; it should hold {expected}; or be a file of questions that "
        f"ends with {' or '.join(_FILES)}"
    )


def _require(folder: Path, files: Sequence[str]) -> None:
    missing = [name for name in files if not any(map(Path.is_file, folder.glob(name)))]
    if missing:
        raise DatasetError(f"{folder} lacks {', '.join(missing)}")


def _decoded(path: Path, files: Sequence[Path], read: Callable[[Path], Dataset]) -> Dataset:
    try:
        return _askable(path, read(path))
    except UnicodeDecodeError as error:
        for file, number in _not_text(files):
            raise DatasetError.at(file, number, "not UTF-8 text") from error
        raise DatasetError(f"{path}: a file is not UTF-8 text ({error})") from error


def _not_text(files: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    """Yield files and lines that are not UTF-8."""
    for file in filter(Path.is_file, files):
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError:
                    yield file, number


def _askable(path: Path, dataset: Dataset) -> Dataset:
    """Return `dataset`; `DatasetError` where a judged query is none that a search takes."""
    for query_id, text in dataset.judged_queries.items():
        try:
            SearchRequest(query=text)
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise DatasetError(f"{path}: the query {query_id!r}: {problem}") from error
    return dataset
